"""Fits made by hand from plain draws around known values: no sampler, a few milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.facade import Fit
from bayes_scaling.fitting import ensemble_of, load
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import KNOTS
from bayes_scaling.laws.noise import sample_noise
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.posterior import Check, Member
from bayes_scaling.posterior.diagnostics import Mixing, elements
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.slopes import slopes
from bayes_scaling.runs import RunTable

TRUTH: Mapping[str, float] = {
    "c": 2.6, "f": 0.69, "m": 0.5, "E": 1.794, "a": 0.403, "b": 0.403,
    "alpha": 0.35, "beta": 0.37, "k": 0.7,
    "alpha_N": 0.08, "alpha_D": 0.1, "alpha_C": 0.05,
    "f_shift": 0.8001, "tau": 0.1, "excess": 0.05, "decay": 0.7,
    "lr_best": 2e-3, "s_N": -0.5, "s_D": -0.1, "h": 0.02, "flank": 2.0, "steep": 1.2,
    "r": 0.92, "p": 1.0, "q": 1.0, "m_W": 0.4, "m_L": 0.3,
    "delta": -0.15, "omega": -0.02, "gamma": 0.01, "zeta": 0.002, "E_start": 1.8, "E_max": 300.0,
    "span": 165.7,
    "aspect_best": 60.0, "slope_A": 0.05, "h_A": 0.05, "flank_A": 2.0, "wide": 1.2,
    "saturation": 0.2, "sharpness": 1.5, "R_D": 15.4, "R_N": 5.3, "sigma": 0.005, "nu": 6.0,
}  # fmt: skip
"""Values around which draws lie; kaplan laws take their own a, b and c from `KAPLAN`."""

KAPLAN: Mapping[str, float] = {"a": 2.6, "b": 2.4, "c": 3.0}

BUDGETS = (1e18, 1e19, 1e20, 1e21)
RATIOS = (3.0, 10.0, 30.0, 100.0)
RATES = (0.2, 0.5, 1.0, 2.0, 5.0)

OK = (
    Check(name="R-hat", verdict="ok", evidence="largest 1.001 (E)", sampling=True),
    Check(name="effective draws", verdict="ok", evidence="smallest 380 (E)", sampling=True),
    Check(name="divergences", verdict="ok", evidence="0 of 400 draws", sampling=True),
    Check(name="E-BFMI", verdict="ok", evidence="smallest 0.99", sampling=True),
    Check(name="prior against data", verdict="ok", evidence="E at prior tail probability 0.4"),
)
UNCONVERGED = (
    replace(OK[0], verdict="fail", evidence="largest 1.4 (E)", advice="raise tune"),
    *OK[1:],
)
CONFLICT = (
    *OK[:4],
    Check(
        name="prior against data", verdict="fail", evidence="E at 1e-9", advice="check units"
    ),
)  # fmt: skip


PLAIN: Mapping[str, Any] = {
    "id": "plain",
    "formula": "E + a * (params / params_ref)**-alpha + b * (tokens / tokens_ref)**-beta",
    "parameters": {
        "E": {"prior": {"dist": "LogNormal", "mu": 0.2, "sigma": 0.7}, "pool": "separate"},
        "a": {"prior": {"dist": "LogNormal", "mu": -0.7, "sigma": 1.0}, "pool": "separate"},
        "b": {"prior": {"dist": "LogNormal", "mu": -0.7, "sigma": 1.0}, "pool": "separate"},
        "alpha": {"prior": {"dist": "LogNormal", "mu": -1.05, "sigma": 0.5}, "pool": "family"},
        "beta": {"prior": {"dist": "LogNormal", "mu": -1.05, "sigma": 0.5}, "pool": "family"},
    },
    "derived": {"A": "a * params_ref**alpha", "B": "b * tokens_ref**beta"},
}
"""The law of chinchilla with its terms themselves sampled, for tests that set them."""


def truth(model: Model) -> dict[str, float]:
    """Return a value for every parameter of a shipped model, or of one with the same names."""
    values = {**TRUTH, **(KAPLAN if model.id.startswith("kaplan") else {})}
    return {item.name: values[item.name] for item in model.parameters}


def synthetic_runs(
    model: Model,
    *,
    families: Sequence[str] = ("all",),
    learning_rates: bool = False,
    extra: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> RunTable:
    """Simulate runs of a model on isoFLOP lines.

    Parameters
    ----------
    model : Model
        The law, at `truth`.
    families : sequence of str
        Labels of the column ``family``; every family gets the same sizes.
    learning_rates : bool
        Whether every size is trained at five rates around the best.
    extra : mapping of str to value, optional
        Columns with one value for all runs.
    seed : int
        Seed of the noise.

    Returns
    -------
    RunTable
    """
    sizes = [
        (family, np.sqrt(budget / 6 / ratio), np.sqrt(budget / 6 * ratio), rate)
        for family in families
        for budget in BUDGETS
        for ratio in RATIOS
        for rate in (RATES if learning_rates else (1.0,))
    ]
    names, params, tokens, rates = (np.array(column) for column in zip(*sizes, strict=True))
    columns: dict[str, NDArray[Any]] = {
        "run": np.array([f"run-{index}" for index in range(len(sizes))]),
        "family": names,
        "params": params,
        "params_nonembedding": 0.9 * params,
        "tokens": tokens,
        "flops": 6 * params * tokens,
        "loss": np.full(len(sizes), 2.0),
        **{name: np.full(len(sizes), value) for name, value in (extra or {}).items()},
    }
    if learning_rates:
        columns["learning_rate"] = 2e-3 * (params / params.mean()) ** -0.5 * rates
    design = make_design(model, RunTable(columns=columns))
    values = {name: np.array(value) for name, value in truth(model).items()}
    loss = model.predict(values, design.inputs, design.references)
    noise = sample_noise(model.noise, values, loss.shape, np.random.default_rng(seed))
    columns["loss"] = loss * np.exp(noise)
    return RunTable(columns=columns)


def synthetic_fit(
    model: str | Mapping[str, Any] = "chinchilla",
    *,
    families: Sequence[str] = ("all",),
    learning_rates: bool | None = None,
    extra: Mapping[str, Any] | None = None,
    draws: int = 100,
    spread: float = 0.02,
    checks: tuple[Check, ...] = OK,
    seed: int = 0,
) -> Fit:
    """Make a fit of a shipped model by hand: draws scatter around `truth`.

    Parameters
    ----------
    model : str or mapping
        Id of a shipped model, or a definition such as `PLAIN`.
    families, learning_rates, extra, seed
        As in `synthetic_runs`; learning rates are there where the model reads them.
    draws : int
        Draws in each of 4 chains.
    spread : float
        Relative standard deviation of every parameter.
    checks : tuple of Check
        What the diagnostics said: `OK`, `UNCONVERGED` or `CONFLICT`.

    Returns
    -------
    Fit
    """
    law = load_model(model)
    rates = "learning_rate" in law.inputs if learning_rates is None else learning_rates
    runs = synthetic_runs(law, families=families, learning_rates=rates, extra=extra, seed=seed)
    design = make_design(law, runs)
    rng = np.random.default_rng(seed)
    sampled: dict[str, NDArray[np.float64]] = {}
    for item in law.parameters:
        sampled |= _draws(item, truth(law)[item.name], len(design.groups), draws, spread, rng)
    grouped = any(values.ndim == 3 for values in sampled.values())
    aligned = {
        item.name: values[..., None] if grouped and values.ndim == 2 else values
        for item in law.parameters
        for values in (sampled[item.name],)
    }
    kept = {**sampled, **law.derive(aligned, design.references)}
    fit = Member(
        model=law,
        runs=runs,
        draws=kept,
        steps={name: rng.standard_normal((4, draws, KNOTS - 1)) for name in law.drifting},
        stats={"diverging": np.zeros((4, draws), bool), "energy": rng.normal(size=(4, draws))},
        references=dict(design.references),
        groups=design.groups,
        mixing={},
        checks=checks,
        settings=Settings(draws=draws, tune=100, chains=4, random_seed=7),
        provenance={
            "created": "2026-01-01T00:00:00+00:00",
            "model_hash": law.content_hash,
            "runs_hash": runs.content_hash,
            "sample_seconds": "1.5",
            "version_pymc": "6.4.0",
        },
    )
    kept |= slopes(fit)
    mixed = Mixing(r_hat=1.001, ess=380.0, ess_tail=360.0)
    whole = {name: mixed for name, _ in elements(kept, design.groups)}
    return Fit.of_one(replace(fit, draws=kept, mixing=whole))


def changed[Thing](thing: Thing, **changes: Any) -> Thing:
    """Return a value with other fields; of a fit of one law, those of its member."""
    if isinstance(thing, Fit):
        return replace(Fit.of_one(replace(thing.only, **changes)), accepted=thing.accepted)  # type: ignore[return-value]
    return replace(thing, **changes)  # type: ignore[type-var]


def _draws(
    item: Parameter,
    value: float,
    groups: int,
    draws: int,
    spread: float,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.float64]]:
    """Draw a parameter the way the sampler lays it out: by group where groups differ."""
    if groups == 1 or item.pool.kind == "shared":
        return {item.name: value * np.exp(spread * rng.standard_normal((4, draws)))}
    shift = 1 + 0.02 * np.arange(groups, dtype=np.float64)
    found: dict[str, NDArray[np.float64]] = {}
    found[item.name] = value * shift * np.exp(spread * rng.standard_normal((4, draws, groups)))
    if item.pool.kind == "partial":
        found[item.population_name] = value * np.exp(spread * rng.standard_normal((4, draws)))
        found[item.sd_name] = np.abs(0.1 * rng.standard_normal((4, draws))) + 1e-3
    return found


def synthetic_ensemble(
    *models: str,
    families: Sequence[str] = ("all",),
    weights: Mapping[str, float] | None = None,
    checks: Mapping[str, tuple[Check, ...]] | None = None,
    draws: int = 100,
    spread: float = 0.02,
) -> Fit:
    """Average fits made by hand to the runs of the first model.

    Parameters
    ----------
    *models : str
        Ids of shipped models that read the same; ``chinchilla`` and ``coupled`` by default.
    families, draws, spread
        As in `synthetic_fit`.
    weights : mapping of str to float, optional
        Of the members.
    checks : mapping of str to tuple of Check, optional
        What the diagnostics said, by model; all is well by default.

    Returns
    -------
    Fit
    """
    found = checks or {}
    fits = [
        synthetic_fit(
            name, families=families, draws=draws, spread=spread, checks=found.get(name, OK)
        )
        for name in models or ("chinchilla", "coupled")
    ]
    runs = fits[0].runs
    kept = {"runs_hash": runs.content_hash}
    same = [changed(fit, runs=runs, provenance={**fit.provenance, **kept}) for fit in fits]
    return ensemble_of(same, weights=weights)


def load_fit(path: Path) -> Fit:
    """Load a saved fit of one law."""
    found = load(path)
    assert not found.averages
    return found


def own_law(extra: str) -> dict[str, Any]:
    """Define a law of a user in tokens and one more input."""
    return {
        "id": "own",
        "formula": f"a * (tokens / tokens_ref)**-g * exp(h * {extra})",
        "extra_inputs": [extra],
        "parameters": {
            name: {"prior": {"dist": "LogNormal", "mu": -1.0, "sigma": 1.0}} for name in "agh"
        },
    }
