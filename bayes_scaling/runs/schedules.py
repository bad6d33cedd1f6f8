"""Learning-rate schedules: rates by step, and the two areas by which a training curve knows them.

The rate area is the sum of the learning rates of all steps. The annealing area is how far the rate
has been lowered from its peak, smoothed: a lowering acts at once in part, and in full after some
thousand steps.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.table import RunTable

Array = NDArray[np.float64]
Schedule = Literal["constant", "cosine", "linear", "wsd", "wsd-exponential"]

MEMORY = 0.999
"""Decay of the momentum of lowerings per step, as published."""

STABLE = 0.8
"""Share of the steps after which a warm-up-stable-decay schedule begins to decay, by default."""


def schedule_rates(
    kind: Schedule,
    *,
    peak: float,
    steps: int,
    final: float = 0.0,
    warmup: int = 0,
    decay_from: int | None = None,
) -> Array:
    """Return the learning rate of every step of a schedule.

    Parameters
    ----------
    kind : {"constant", "cosine", "linear", "wsd", "wsd-exponential"}
        ``wsd`` stays at the peak and then falls linearly; ``wsd-exponential`` falls by a constant
        factor per step, and needs a final rate above 0.
    peak, final : float
        Largest and last learning rate [1].
    steps : int
        Number of steps.
    warmup : int
        Steps over which the rate rises linearly to the peak.
    decay_from : int, optional
        Step from which a ``wsd`` schedule falls; after four fifths of the steps by default.

    Returns
    -------
    array (steps,)

    Raises
    ------
    InputError
        A setting cannot be used; every problem at once.
    """
    decay_from = round(STABLE * steps) if decay_from is None else decay_from
    problems = _problems(kind, peak, steps, final, warmup, decay_from)
    if problems:
        raise InputError(problems, source=f"schedule {kind!r}")
    step = np.arange(1, steps + 1, dtype=np.float64)
    start = decay_from if kind.startswith("wsd") else warmup
    share = np.clip((step - start) / max(steps - start, 1), 0.0, 1.0)
    match kind:
        case "constant":
            rates = np.full(steps, peak, dtype=np.float64)
        case "cosine":
            rates = final + (peak - final) * (1 + np.cos(np.pi * share)) / 2
        case "wsd-exponential":
            rates = peak * (final / peak) ** share
        case _:
            rates = peak + (final - peak) * share
    return np.where(step < warmup, peak * step / max(warmup, 1), rates)


def _problems(
    kind: str, peak: float, steps: int, final: float, warmup: int, decay_from: int
) -> list[str]:
    kinds = get_args(Schedule)
    checks = (
        (kind in kinds, f"it is none of {', '.join(kinds)}"),
        (peak > 0, f"peak must be above 0, got {peak!r}"),
        (0 <= final <= peak, f"final lies between 0 and the peak, got {final!r}"),
        (kind != "wsd-exponential" or final > 0, "an exponential decay ends above 0: give final"),
        (steps >= 1, f"steps must be at least 1, got {steps!r}"),
        (0 <= warmup <= steps, f"warmup lies between 0 and steps, got {warmup!r}"),
        (
            warmup <= decay_from <= steps or not kind.startswith("wsd"),
            f"decay_from lies between warmup and steps, got {decay_from!r}",
        ),
    )
    return [problem for holds, problem in checks if not holds]


def areas(rates: Array) -> tuple[Array, Array]:
    """Return rate area and annealing area after every step.

    Parameters
    ----------
    rates : array (n_steps,)
        Learning rate of every step [1].

    Returns
    -------
    (rate_area, annealing_area) : arrays (n_steps,)
        The sum of the rates [steps], and the share of the peak that was annealed away [1]: 0 while
        the rate rises, near 1 long after it fell to 0. Times the peak and `1 / (1 - MEMORY)` it is
        the S2 of the paper.

    References
    ----------
    arXiv:2408.11029 eq. 2 and 3.
    """
    from scipy.signal import lfilter

    top = int(np.argmax(rates))
    lowered = np.concatenate([np.zeros(top + 1), rates[top:-1] - rates[top + 1 :]])
    momentum = lfilter([1.0], [1.0, -MEMORY], lowered)
    smoothed = np.cumsum(momentum) * (1 - MEMORY) / rates[top]
    return np.cumsum(rates), np.asarray(smoothed)


def schedule_areas(
    kind: Schedule,
    *,
    peak: float,
    steps: int,
    final: float = 0.0,
    warmup: int = 0,
    decay_from: int | None = None,
) -> dict[str, float]:
    """Return the areas of a planned schedule at its end, to be given to a forecast.

    Parameters
    ----------
    kind, peak, steps, final, warmup, decay_from
        As in `schedule_rates`.

    Returns
    -------
    dict of str to float
        ``rate_area`` [steps] and ``annealing_area`` [1].

    Raises
    ------
    InputError
        A setting cannot be used.

    Examples
    --------
    >>> areas = bs.schedule_areas("cosine", peak=3e-4, steps=24000)  # doctest: +SKIP
    >>> fit.forecast({"params": 4e8, **areas})  # doctest: +SKIP
    """
    rates = schedule_rates(
        kind, peak=peak, steps=steps, final=final, warmup=warmup, decay_from=decay_from
    )
    area, annealed = areas(rates)
    return {"rate_area": float(area[-1]), "annealing_area": float(annealed[-1])}


def with_schedule_areas(runs: RunTable, *, warmup: int = 0) -> RunTable:
    """Add both areas to a table of training curves.

    Parameters
    ----------
    runs : RunTable
        Rows of runs by step, with the learning rate of that step.
    warmup : int
        Steps over which the rate rose linearly before the rows begin.

    Returns
    -------
    RunTable
        With the columns ``rate_area`` and ``annealing_area``. Between rows of a run the rate is
        interpolated, and before its first row it is that of the first row, warm-up aside.

    Raises
    ------
    InputError
        The table lacks run, steps or learning_rate, a row lacks a number, or the warm-up is
        negative.
    """
    if warmup < 0:
        raise InputError(f"warmup is a number of steps, got {warmup!r}")
    missing = [name for name in ("run", "steps", "learning_rate") if name not in runs]
    if missing:
        raise InputError(f"schedule areas need the columns {', '.join(missing)}")
    steps, rates = runs["steps"], runs["learning_rate"]
    bad = ~(np.isfinite(steps) & np.isfinite(rates) & (steps >= 1) & (rates >= 0))
    if bad.any():
        row = int(np.flatnonzero(bad)[0]) + 1
        raise InputError(f"row {row} ({bad.sum()} in all) lacks its step or learning rate")
    found = {"rate_area": np.empty(len(runs)), "annealing_area": np.empty(len(runs))}
    labels = np.char.add(np.char.add(runs.labels("family"), "\n"), runs["run"])
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        order = rows[np.argsort(steps[rows], kind="stable")]
        at = steps[order].astype(np.int64)
        step = np.arange(1, at[-1] + 1)
        rise = np.minimum(1.0, step / max(min(warmup, at[0]), 1))
        every = rise * np.interp(step, at, rates[order])
        for name, area in zip(found, areas(every), strict=True):
            found[name][order] = area[at - 1]
    return RunTable(columns={**runs.columns, **found}, notes=runs.notes)
