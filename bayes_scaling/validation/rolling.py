"""Every cut in compute in turn, so that scores become a curve over the extrapolation ratio."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.split import WHOLE, Mask, Split, log_scale, make_splits, side_problems

FEWEST_FITTED, FEWEST_TARGETS = 8, 3
"""Runs that a cut must leave on each side."""

MOST_BUDGETS = 12
"""Distinct budgets up to which each is a cut; with more, or none to tell, cuts are log-spaced."""

SAME_BUDGET = math.log(1.15)
"""E-folds of compute within which runs belong to one budget; steps are whole, so they scatter."""

SPACING = math.log(10) / 2
"""E-folds between log-spaced cuts, and between ratios: half a decade."""


def rolling_splits(
    runs: RunTable,
    fitted: Mask,
    targets: Mask,
    *,
    by: str | None,
    response: str = "loss",
    group_column: str = "family",
) -> tuple[Split, ...]:
    """Divide runs at every usable cut: what lies at or below it is fitted, the rest is forecast.

    Parameters
    ----------
    runs : RunTable
        All runs.
    fitted, targets : array of bool (n_runs,)
        Which may be fitted, and which may be forecast; a run may be both, on its side of a cut.
    by, response, group_column
        As in `make_splits`.

    Returns
    -------
    tuple of Split
        By group, then from the lowest cut to the highest.

    Raises
    ------
    InputError
        No cut leaves 8 runs to fit and 3 to forecast; or as in `make_splits`.
    """
    labels = np.full(len(runs), WHOLE) if by is None else runs.labels(by)
    problems = side_problems(runs, fitted, targets, by, response)
    if problems:
        raise InputError(problems)
    scale = _scale(runs, fitted | targets)
    splits: list[Split] = []
    for label in np.unique(labels[targets]):
        mine = labels == label
        for cut in cuts(scale[mine & (fitted | targets)]):
            below, above = mine & fitted & (scale <= cut), mine & targets & (scale > cut)
            above &= _known_group(runs.labels(group_column), below)
            if below.sum() >= FEWEST_FITTED and above.sum() >= FEWEST_TARGETS:
                made = make_splits(
                    runs, below, above, by=by, response=response, group_column=group_column
                )
                splits += [replace(split, cut=math.exp(cut)) for split in made]
    if not splits:
        raise InputError(
            f"no cut in compute leaves {FEWEST_FITTED} runs to fit and {FEWEST_TARGETS} larger "
            "ones to forecast: a rolling backtest needs more runs, or wider conditions"
        )
    return tuple(splits)


def _scale(runs: RunTable, used: Mask) -> NDArray[np.float64]:
    """Log compute of the runs that are used (n_runs,), NaN for others."""
    scale = np.full(len(runs), np.nan)
    scale[used] = log_scale(runs.take(used))[0]
    return scale


def _known_group(labels: NDArray[np.str_], below: Mask) -> Mask:
    """Return which runs belong to a group that two runs below the cut are of (n_runs,)."""
    names, counts = np.unique(labels[below], return_counts=True)
    return np.isin(labels, names[counts >= 2])


def cuts(scale: NDArray[np.float64]) -> tuple[float, ...]:
    """Return where to cut (n_cuts,): after every budget, or every half decade.

    Parameters
    ----------
    scale : array (n_runs,)
        Log compute of the runs.

    Returns
    -------
    tuple of float
        Log compute of the largest run at or below each cut, ascending; the largest of all is none.
    """
    ordered = np.sort(scale)
    last = np.flatnonzero(np.diff(ordered) > SAME_BUDGET)
    ends = np.append(last, ordered.size - 1)
    starts = np.append(0, last + 1)
    budgets = bool(np.all(ordered[ends] - ordered[starts] <= SAME_BUDGET))
    if not budgets or ends.size > MOST_BUDGETS:
        edges = np.arange(ordered[0] + SPACING, ordered[-1], SPACING)
        ends = np.searchsorted(ordered, edges, side="right") - 1
    return tuple(float(cut) for cut in np.unique(ordered[ends]) if cut < ordered[-1])


def ratio_bins(efolds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the extrapolation ratio that each target is counted under: 1, 3, 10, 30, 100, ...

    Parameters
    ----------
    efolds : array (n_targets,)
        E-folds of compute beyond the fitted runs.

    Returns
    -------
    array (n_targets,)
        The nearest half decade, on the log scale: 10 stands for 5.6 to 17.8 times.
    """
    steps = np.round(np.asarray(efolds, float) / SPACING)
    return np.asarray(np.where(steps % 2 == 0, 1.0, 3.0) * 10.0 ** (steps // 2))
