"""`approaches`: the compute-optimal split by every approach of Hoffmann et al. that the data allow.

It stands beside the comparison of models because it fits models and asks them, and judges nothing
by itself: the numbers of each, side by side, and why they differ.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from math import ceil, floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import fit
from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import COLLINEAR, make_design
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.budgets import is_last
from bayes_scaling.runs.sweeps import mistuned
from bayes_scaling.validation.approaches_result import APPROACHES, Approaches, Splits
from bayes_scaling.validation.why_approaches_differ import why_they_differ

FEWEST = 8
"""Runs that a law of params and tokens is fitted to, at least."""

MOST_DEFAULT = 6
"""Budgets shown unless some are asked for, at most."""

BEYOND = 100.0
"""How far beyond the largest run the last of them lies, at most."""

STEP = 0.05
"""Half the distance over which the local exponent is taken [e-folds of compute]."""

Array = NDArray[np.float64]

POINTS = 13
"""Budgets along the path of a figure."""


def approaches(
    runs: RunTable | Any,
    *,
    curves: RunTable | Any | None = None,
    flops: float | Sequence[float] | None = None,
    family: str | None = None,
    probability: float = PROBABILITY,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    progress: bool = False,
) -> Approaches:
    """Find the compute-optimal split by every approach that the data allow.

    Parameters
    ----------
    runs : RunTable, DataFrame or path
        Final losses. Where runs have several rows, the last of each is its final loss and the table
        also stands in for `curves`.
    curves : RunTable, DataFrame or path, optional
        Losses during training, for the envelope (approach 1); without them it is that of the runs.
    flops : float or sequence of float, optional
        Budgets [FLOP]; by default powers of ten from the smallest run to 100 times the largest.
    family : str, optional
        The family that is meant, where the table has several.
    probability : float
        Probability of the equal-tailed intervals.
    draws, tune, chains, target_accept
        As in `fit`.
    random_seed : int, optional
        Seed of everything; a fresh one is taken if absent.
    progress : bool
        Whether to report progress on standard error.

    Returns
    -------
    Approaches

    Raises
    ------
    InputError
        No approach can be taken, or a table or a budget cannot be used.

    Notes
    -----
    Approach 1 is the law ``envelope``, approach 2 ``isoflop`` and, with a cubic term,
    ``isoflop-cubic``; approach 3 is ``chinchilla``, and ``coupled``, its form with one exponent
    more. Runs that another learning rate beat at their size are left out of all of them.

    References
    ----------
    Hoffmann et al. 2022, arXiv:2203.15556, section 3.

    Examples
    --------
    >>> found = bs.approaches(runs, curves=curves, flops=1e23)  # doctest: +SKIP
    >>> found.table, found.why  # doctest: +SKIP
    """
    check_probability(probability)
    settings = Settings.chosen(
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        random_seed=random_seed,
    )
    ends, during, label = _tables(runs, curves, family)
    budgets = _budgets(flops, ends)
    usable, skipped = _usable(ends, during)
    if not usable:
        reasons = [f"{name}: {reason}" for name, reason in skipped.items()]
        raise InputError(reasons, source="no approach can be taken")
    seeds = np.random.SeedSequence(settings.random_seed).generate_state(len(APPROACHES)).tolist()
    fits: dict[str, Fit] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)  # the checks say it again
        for name, seed in zip(APPROACHES, seeds, strict=True):
            if name in usable:
                own = asdict(replace(settings, random_seed=seed))
                fits[name] = fit(name, usable[name], **own, progress=progress)
    low = min(float(budgets.min()), float(np.nanmin(ends["flops"])))
    path = np.geomspace(low, budgets.max(), POINTS)
    result = Approaches(
        fits=fits,
        at={name: splits(one, budgets) for name, one in fits.items()},
        path={name: along(one, path) for name, one in fits.items()},
        skipped=skipped,
        why=(),
        family=label,
        probability=probability,
    )
    return replace(result, why=why_they_differ(result, ends=ends, during=during))


# ---- what is given -------------------------------------------------------------------------------


def _tables(
    runs: RunTable | Any, curves: RunTable | Any | None, family: str | None
) -> tuple[RunTable, RunTable, str]:
    """Return final losses and losses during training of one family, and its name."""
    table = _complete(runs, "runs")
    given = table if curves is None else _complete(curves, "curves")
    known = table.groups("family")
    if family is None and len(known) > 1:
        raise InputError(f"runs of several families: say which family, one of {', '.join(known)}")
    label = known[0] if family is None else family
    if label not in known:
        raise InputError(f"family {label!r} is not in the runs; known are {', '.join(known)}")
    table = table.take(table.labels("family") == label)
    if "family" in given:
        given = given.take(given.labels("family") == label)
    if not len(given):
        raise InputError(f"the curves have no row of family {label!r}")
    for name, one in (("runs", table), ("curves", given)):
        if len(metrics := one.groups("metric")) > 1:
            raise InputError(
                f"{name}: losses by several metrics, which do not compare: take one of "
                f"{', '.join(metrics)}"
            )
    return table.take(is_last(table)), given, label


def _complete(given: RunTable | Any, name: str) -> RunTable:
    """Read a table, and require what the approaches read."""
    table = given if isinstance(given, RunTable) else read_runs(given)
    missing = [column for column in ("params", "tokens", "flops", "loss") if column not in table]
    if missing:
        raise InputError(
            [f"no column {column!r}: loss and two of params, tokens and flops are needed"
             for column in missing], source=name,
        )  # fmt: skip
    return table


def _budgets(flops: float | Sequence[float] | None, runs: RunTable) -> Array:
    """Return the budgets that are asked for, or powers of ten around the runs."""
    if flops is None:
        low, high = np.nanmin(runs["flops"]), BEYOND * np.nanmax(runs["flops"])
        powers = np.arange(ceil(log10(low)), floor(log10(high)) + 1)
        step = ceil(powers.size / MOST_DEFAULT)
        return np.asarray(10.0 ** powers[::-1][::step][::-1])
    try:
        asked = np.atleast_1d(np.asarray(flops, dtype=float))
    except (TypeError, ValueError):
        raise InputError(f"flops must be a number or numbers, got {flops!r}") from None
    if asked.ndim != 1 or not asked.size or not (np.isfinite(asked) & (asked > 0)).all():
        raise InputError(f"flops must be positive numbers, got {flops!r}")
    return np.sort(asked)


def _usable(ends: RunTable, during: RunTable) -> tuple[dict[str, RunTable], dict[str, str]]:
    """Return the rows of every approach that can be taken, and why others cannot."""
    sources = {"curves": during, "lines": ends, "all": ends.take(~mistuned(ends))}
    usable, skipped = {}, {}
    for name, approach in APPROACHES.items():
        law, table = load_model(name), sources[approach.rows]
        try:
            rows = law.rows_of(table)
            if approach.rows == "all":
                _require_spread(rows)
            make_design(law, rows)
        except InputError as error:
            skipped[name] = "; ".join(error.problems)
        else:
            usable[name] = rows
    return usable, skipped


def _require_spread(runs: RunTable) -> None:
    """Raise `InputError` where params and tokens do not vary, or only together."""
    u, v = np.log(runs["params"]), np.log(runs["tokens"])
    if len(runs) < FEWEST:
        raise InputError(f"{len(runs)} runs; a law of params and tokens needs {FEWEST} at least")
    fixed = [name for name, x in (("params", u), ("tokens", v)) if np.ptp(x) == 0]
    if fixed:
        raise InputError(f"all runs have the same {' and '.join(fixed)}")
    r = float(np.corrcoef(u, v)[0, 1])
    if abs(r) > COLLINEAR:
        raise InputError(
            f"params and tokens move together (correlation {r:.3f}): vary one at a fixed value of "
            "the other"
        )


# ---- what is found -------------------------------------------------------------------------------


def along(fit: Fit, flops: Array) -> Splits:
    """Find the best splits along a path (n_budgets,); exponents are its slopes."""
    found = fit.accept_unconverged().allocate(flops=flops.tolist())
    return Splits(
        flops=flops,
        params=found.params,
        tokens=found.tokens,
        exponent=np.gradient(np.log(found.params), np.log(flops), axis=1),
        loss=found.loss,
        beyond=np.asarray(found.extrapolation["flops"]),
    )


def splits(fit: Fit, flops: Array) -> Splits:
    """Find the best splits of some budgets (n_budgets,), with their local exponents."""
    steps = np.exp([-STEP, 0.0, STEP])
    found = fit.accept_unconverged().allocate(flops=np.outer(steps, flops).ravel().tolist())
    shape = (fit.n_draws, 3, flops.size)
    log_params = np.log(found.params).reshape(shape)
    return Splits(
        flops=flops,
        params=found.params.reshape(shape)[:, 1],
        tokens=found.tokens.reshape(shape)[:, 1],
        exponent=(log_params[:, 2] - log_params[:, 0]) / (2 * STEP),
        loss=found.loss.reshape(shape)[:, 1],
        beyond=np.asarray(found.extrapolation["flops"]).reshape(3, flops.size)[1],
    )
