"""Approaches to the compute-optimal split from fits made by hand, on runs of a known law."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.facade import Fit
from bayes_scaling.laws import Model
from bayes_scaling.laws.design import make_design
from bayes_scaling.posterior.diagnostics import Check
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.runs import RunTable
from bayes_scaling.validation import Approaches, approaches
from tests.synthetic import OK, UNCONVERGED, changed

E, A, B, ALPHA, BETA = 1.8, 480.0, 2100.0, 0.348, 0.366
EXPONENT = BETA / (ALPHA + BETA)
DRAWS = 60
BUDGETS = (1e18, 1e19, 1e20, 1e21)
RATIOS = np.geomspace(2, 200, 9)


def best_params(flops: Any) -> NDArray[np.float64]:
    """Return the best params of budgets: Hoffmann et al. 2022, equation 4."""
    scale = (ALPHA * A / (BETA * B)) ** (1 / (ALPHA + BETA))
    return np.asarray(scale * (np.asarray(flops) / 6) ** EXPONENT)


def law(params: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the loss of runs."""
    return np.asarray(E + A * params**-ALPHA + B * tokens**-BETA)


def table(
    params: NDArray[np.float64], tokens: NDArray[np.float64], run: NDArray[Any], **more: Any
) -> RunTable:
    """Lay out runs of the law."""
    return RunTable(
        columns={
            "run": run.astype(np.str_),
            "family": np.full(params.size, "gpt"),
            "params": params,
            "tokens": tokens,
            "flops": 6 * params * tokens,
            "loss": law(params, tokens),
            **more,
        }
    )


def lines(off: float = 1.0) -> RunTable:
    """Final losses on isoFLOP lines; `off` shifts all sizes against the best."""
    budget = np.repeat(BUDGETS, RATIOS.size)
    params = off * np.sqrt(budget / 6 / np.tile(RATIOS, len(BUDGETS)))
    return table(params, budget / 6 / params, np.arange(budget.size))


def curves(excess: float = 0.02) -> RunTable:
    """Eight sizes, three lengths each; before its end a run lies above the law by `excess`."""
    share = np.linspace(0.04, 1, 25)
    runs = [(size, ratio) for size in np.geomspace(1e8, 5e9, 8) for ratio in (5, 20, 80)]
    params = np.repeat([size for size, _ in runs], share.size)
    tokens = np.concatenate([size * ratio * share for size, ratio in runs])
    found = table(params, tokens, np.repeat(np.arange(len(runs)), share.size))
    above = np.where(np.tile(share, len(runs)) < 1, np.exp(excess), 1.0)
    return RunTable(columns={**found.columns, "loss": found["loss"] * above})


def truth(name: str, references: Mapping[str, float]) -> dict[str, float]:
    """Return parameters of a law of an approach that give the best params of the truth."""
    at = {"sigma": 0.003, "nu": 8.0}
    if name in ("chinchilla", "coupled"):
        a = A * references["params_ref"] ** -ALPHA
        b = B * references["tokens_ref"] ** -BETA
        c = E + a + b
        found = {"c": c, "m": a / (a + b), "alpha": ALPHA, "beta": BETA, "f": E / c}
        found |= {"k": 1.0} if name == "coupled" else {}
    else:
        flops = references["flops_ref"]
        params = float(best_params(flops))
        c = float(law(np.array(params), np.array(flops / 6 / params)))
        found = {"c": c, "f": E / c, "g": ALPHA * BETA / (ALPHA + BETA), "a": EXPONENT}
        found["r"] = flops / 6 / params**2
        found |= {"sigma_params": 0.2} if name == "envelope" else {"k": ALPHA * BETA}
        found |= {"s": 0.3} if name == "isoflop-cubic" else {}
    share = found.pop("f")
    found["f_shift"] = float(np.log(share / (1 - share)))
    return found | at


def unsampled(
    unconverged: Collection[str] = (),
    tilt: Mapping[str, float] | None = None,
    checks: Mapping[str, Check] | None = None,
) -> Callable[..., Fit]:
    """Return a stand-in for `fit`: draws close around `truth`.

    Parameters
    ----------
    unconverged : collection of str
        Laws whose checks say that they did not converge.
    tilt : mapping of str to float, optional
        What is added to the exponent of the best params, for a law that has it as a parameter.
    checks : mapping of str to Check, optional
        A further check of a law.
    """

    def fit(runs: RunTable, model: Model, **settings: Any) -> Fit:
        name = model.id
        design = make_design(model, runs)
        made = Fit.of_one(
            prior_member(model, runs, draws=DRAWS, random_seed=int(settings["random_seed"]))
        )
        rng = np.random.default_rng(len(name))
        values = truth(name, design.references)
        if tilt and name in tilt:
            values["a"] += tilt[name]
        draws: dict[str, NDArray[np.float64]] = {
            key: value * (1 + 0.003 * rng.standard_normal((1, DRAWS)))
            for key, value in values.items()
        }
        draws |= model.derive(draws, design.references)
        if len(design.groups) > 1:
            draws["k_population"], draws["k_sd"] = draws["k"], np.full((1, DRAWS), 0.1)
            draws["k"] = np.repeat(draws["k"][..., None], len(design.groups), axis=2)
        said = UNCONVERGED if name in unconverged else OK
        return changed(
            made,
            runs=runs,
            draws=draws,
            references=design.references,
            groups=design.groups,
            checks=(*said, *([checks[name]] if checks and name in checks else [])),
        )

    return fit


@cache
def standard() -> Approaches:
    """Take every approach on lines and curves, for budgets inside and far beyond them."""
    return synthetic_approaches(lines(), curves=curves(), flops=[1e23, 1e20])


def synthetic_approaches(
    runs: RunTable,
    *,
    unconverged: Collection[str] = (),
    tilt: Mapping[str, float] | None = None,
    checks: Mapping[str, Check] | None = None,
    **options: Any,
) -> Approaches:
    """Take every approach that the runs allow without sampling any law."""
    room = "bayes_scaling.validation.three_approaches"
    stand_in = unsampled(unconverged, tilt, checks)
    # The paths are straight, so a few points of them are enough.
    with (
        mock.patch("bayes_scaling.validation.tasks.fit", stand_in),
        mock.patch(f"{room}.POINTS", 4),
    ):
        return approaches(runs, **{"random_seed": 1, **options})
