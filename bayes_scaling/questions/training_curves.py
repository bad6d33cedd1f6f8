"""Training curves of finished runs and of one in flight, and what the law says along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.questions.curve_shapes import BEGUN, at_looks
from bayes_scaling.questions.forecast import forecast
from bayes_scaling.questions.sizes import Sizes, canonical_sizes
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]

ALONG = ("steps", "rate_area", "annealing_area")
"""Inputs of a law that holds along a curve; laws without them know where runs end."""

CLOCKS = ("tokens", "steps")
"""Columns that tell how far a run has come, the first of them that is there."""

SIZE = ("params", *CLOCKS)
"""Columns that tell how large a run is."""

ROWS = 5
"""Rows from which a run counts as a curve."""

LATE = 0.3
"""Share of the way by which a curve must have begun."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One run: where its rows are in a table, in order, and how far it had come.

    Attributes
    ----------
    rows : array of int (n_rows,)
        Rows of the table.
    progress : array (n_rows,)
        Share of the way.
    """

    rows: NDArray[np.int64]
    progress: Array


def follows_curves(fit: Posterior) -> bool:
    """Whether the law of a fit holds along a curve, and not at its end alone."""
    return bool(set(ALONG) & set(fit.leading.model.inputs))


def clock_of(runs: RunTable) -> str:
    """Return the column that tells how far a run has come.

    Raises
    ------
    InputError
        There is none.
    """
    found = [name for name in CLOCKS if name in runs]
    if not found:
        raise InputError("a training curve has a column 'tokens' or 'steps'; this one has neither")
    return found[0]


def curves_in(runs: RunTable) -> list[Curve]:
    """Return the finished training curves of a table; runs of few rows are none."""
    if "run" not in runs or not any(name in runs for name in CLOCKS):
        return []
    clock, found = runs[clock_of(runs)], []
    for run in np.unique(runs["run"]):
        rows = np.flatnonzero(runs["run"] == run)
        rows = rows[np.argsort(clock[rows], kind="stable")]
        progress = clock[rows] / clock[rows[-1]]
        if rows.size >= ROWS and progress[0] <= LATE:
            found.append(Curve(rows=rows, progress=progress))
    return found


def log_compute(runs: RunTable, curves: Sequence[Curve]) -> Array:
    """Log compute of each run at its end (n_curves,), or of what the table has of it."""
    ends = np.array([each.rows[-1] for each in curves])
    return compute_of({name: runs[name][ends] for name in SIZE if name in runs})


def compute_of(sizes: Mapping[str, Array]) -> Array:
    """Log of params times tokens or steps, or of those there are (n_runs,)."""
    clocks = [name for name in CLOCKS if name in sizes][:1]
    logs = [np.log(sizes[name]) for name in ("params", *clocks) if name in sizes]
    return np.sum(np.broadcast_arrays(*logs), axis=0)


def law_of_finished(
    fit: Posterior, runs: RunTable, curves: Sequence[Curve]
) -> tuple[list[Array], Array]:
    """Ask the law along finished curves.

    Returns
    -------
    (law, descent)
        Median log noise-free loss along each curve (n_rows,), or that of its end all along it; and
        the descent of the law for each (n_curves,).
    """
    if follows_curves(fit):
        rows = np.concatenate([each.rows for each in curves])
        medians = np.median(_logs(fit, sizes_of(fit, runs.take(rows))), axis=0)
        law = np.split(medians, np.cumsum([each.rows.size for each in curves])[:-1])
        return law, np.ones(len(curves))
    ends = sizes_of(fit, runs.take(np.array([each.rows[-1] for each in curves])))
    logs = _logs(fit, ends)
    descent = np.median(descent_of(fit, ends, logs), axis=0)
    medians = np.median(logs, axis=0)
    return [
        np.full(each.rows.size, value) for each, value in zip(curves, medians, strict=True)
    ], descent


def descent_of(fit: Posterior, ends: Sizes, logs: Array) -> Array:
    """Log loss that runs which end at a quarter of the way have over those at the end.

    Parameters
    ----------
    fit : Fit
        The posterior.
    ends : mapping, DataFrame or RunTable
        Runs at their end.
    logs : array (n_draws, n_runs)
        Log noise-free loss there.

    Returns
    -------
    array (n_draws, n_runs)
        1 where the law does not tell.
    """
    begun = dict(canonical_sizes(ends))
    for name in ("tokens", "steps", "flops"):
        if name in begun:
            begun[name] = BEGUN * np.asarray(begun[name], float)
    found = _logs(fit, begun) - logs
    return found if np.median(found) > 1e-6 else np.ones_like(found)


def _logs(fit: Posterior, sizes: Sizes) -> Array:
    return np.log(forecast(fit, sizes).noise_free)


def sizes_of(fit: Posterior, runs: RunTable) -> RunTable:
    """Return what a forecast asks for of some runs."""
    law = fit.leading.model
    meant = {column for _, column in law.columns}
    names = {*law.inputs, *law.sizes, *meant, law.group, "params", "tokens"}
    return RunTable(columns={name: runs[name] for name in runs.columns if name in names})


def deviations(
    runs: RunTable, curves: Sequence[Curve], law: Sequence[Array], response: str, looks: Array
) -> Array:
    """Log loss over the law (n_curves, n_looks + 1) at the looks, and in the last row.

    nan before a curve begins.
    """
    logs, found = np.log(runs[response]), []
    for curve, base in zip(curves, law, strict=True):
        over = logs[curve.rows] - base
        found.append(np.append(at_looks(curve.progress, over, looks), over[-1]))
    return np.array(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Planned:
    """What the law says of a run in flight.

    Attributes
    ----------
    logs : array (n_draws, n_times)
        Log noise-free loss along the plan.
    way : array (n_times,)
        Shares of the way of the plan, increasing, the last 1.
    descent : array (n_draws,)
        Descent of the law.
    compute : float
        Log compute of the run.
    noise : float
        Standard deviation of the log loss of a run around the law.
    total : float
        The clock at the end.
    """

    logs: Array
    way: Array
    descent: Array
    compute: float
    noise: float
    total: float

    def at(self, shares: Array) -> Array:
        """Log loss of the law (n_draws, n_shares) at shares of the way."""
        if self.way.size == 1:
            return np.repeat(self.logs, shares.size, axis=1)
        places = np.log(self.way)
        onto = np.array([np.interp(np.log(shares), places, unit) for unit in np.eye(places.size)])
        return np.asarray(self.logs @ onto)

    def median_at(self, shares: Array) -> Array:
        """Return the median of the log loss of the law (n_shares,) at shares of the way."""
        return np.interp(np.log(shares), np.log(self.way), np.median(self.logs, axis=0))


def law_of_flight(fit: Posterior, plan: Sizes, clock: str) -> Planned:
    """Ask the law along the plan of a run.

    Parameters
    ----------
    fit : Fit
        The posterior.
    plan : mapping, DataFrame or RunTable
        The run at its end, or row by row where the law follows curves.
    clock : str
        The column that tells how far it has come.

    Returns
    -------
    Planned

    Raises
    ------
    InputError
        The plan lacks what the law reads, or the clock.
    """
    asked = forecast(fit, plan)
    known = {name: np.asarray(value) for name, value in canonical_sizes(plan).items()}
    known |= asked.plan.columns
    if clock not in known:
        raise InputError(f"the plan must say {clock!r}, by which the curve tells how far it came")
    times = np.broadcast_to(np.asarray(known[clock], float), asked.noise_free.shape[1:])
    order, total = np.argsort(times, kind="stable"), float(times.max())
    last, logs = int(order[-1]), np.log(asked.noise_free)
    if follows_curves(fit):
        descent = np.ones(len(logs))
    else:
        descent = descent_of(fit, plan, logs)[:, last]
    noise = np.log(asked.draws[:, last] / asked.noise_free[:, last])
    quartiles = np.quantile(noise, [0.25, 0.75])
    sizes = {name: np.asarray(known[name], float) for name in SIZE if name in known}
    compute = float(np.max(compute_of(sizes)))
    return Planned(
        logs=_bounded(logs[:, order]),
        way=times[order] / total,
        descent=_bounded(descent),
        compute=compute,
        noise=float(np.diff(quartiles)[0] / 1.349),
        total=total,
    )


def _bounded(draws: Array) -> Array:
    """Move the outermost half percent of draws (n_draws, ...) to where the rest begins."""
    low, high = np.quantile(draws, [0.005, 0.995], axis=0)
    return np.clip(draws, low, high)
