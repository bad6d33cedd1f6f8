"""IsoFLOP lines: which runs were given the same compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.frontier import clusters
from bayes_scaling.runs.table import RunTable

GAP = np.log(1.05)
"""Runs whose log compute is further apart than this, with none between, are on different lines."""

WIDEST = np.log(1.3)
"""Largest span of log compute of one line."""

FEWEST_SIZES = 4
"""Sizes of model a line must have tried, to show a valley."""

LEAST_SPAN = np.log(2.0)
"""Smallest span of their log parameters."""

FEWEST_LINES = 2
"""Lines that show how the best size moves."""

SHARE_OF_FULLEST = 0.3
"""A line has at least this share of the sizes of the fullest one; less is a chance meeting."""

SHARE_OF_ROWS = 0.5
"""Share of the rows that lie on lines in an isoFLOP design."""


def with_budgets(runs: RunTable) -> RunTable:
    """Label the isoFLOP line of every run in the column ``budget``.

    Parameters
    ----------
    runs : RunTable
        With params and flops. A column ``budget`` that is there already is kept as it is.

    Returns
    -------
    RunTable
        ``budget`` [FLOP] is the geometric mean of the compute of a line, to three digits, and NaN
        for runs between the lines and for the rows of a run before its last. The last note says
        what was found.

    Raises
    ------
    InputError
        The runs are no isoFLOP design, or a column is missing.

    Notes
    -----
    Log compute falls into clusters where neighbours are more than 5 % apart. A cluster is a line if
    it spans no more than 30 % of compute, over a factor of two in params, and one family has at
    least four sizes of model on it, and .3 of the sizes of the fullest line. A design has two lines
    at least, and half of its runs on them.
    """
    if "budget" in runs and np.isfinite(runs["budget"]).any():
        budget = runs["budget"]
        return replace(runs, notes=(*runs.notes, _say(budget, "as the table gives them")))
    missing = [name for name in ("params", "flops") if name not in runs]
    if missing:
        raise InputError(
            f"isoFLOP lines are runs of different params at the same flops; the table has no "
            f"column {' nor '.join(map(repr, missing))}, and no column 'budget'"
        )
    ends = is_last(runs)
    flops = np.where(ends, runs["flops"], np.nan)
    line, lines = _lines(runs["params"], flops, runs.labels("family"))
    on, last = np.count_nonzero(line >= 0), np.count_nonzero(ends)
    if lines < FEWEST_LINES or on < SHARE_OF_ROWS * last:
        raise InputError(
            f"the runs are no isoFLOP design: {on:,} of {last:,} lie on {lines} "
            f"{'line' if lines == 1 else 'lines'} of equal compute with at least {FEWEST_SIZES} "
            f"sizes of model each; train several sizes at each of a few budgets, or name the lines "
            "in a column 'budget' (FLOP)"
        )
    budget = np.full(len(runs), np.nan)
    for number in range(lines):
        mean = np.exp(np.mean(np.log(runs["flops"][line == number])))
        budget[line == number] = float(f"{mean:.2e}")
    note = _say(budget, "found in flops")
    return RunTable(columns={**runs.columns, "budget": budget}, notes=(*runs.notes, note))


def _lines(
    params: NDArray[np.float64], flops: NDArray[np.float64], family: NDArray[np.str_]
) -> tuple[NDArray[np.int64], int]:
    """Return the number of every row's line, -1 for none, and how many lines there are."""
    line = np.full(flops.size, -1)
    known = np.flatnonzero(np.isfinite(params * flops) & (params > 0) & (flops > 0))
    ordered = known[np.argsort(flops[known], kind="stable")]
    if not ordered.size:
        return line, 0
    cuts = np.flatnonzero(np.diff(np.log(flops[ordered])) > GAP) + 1
    found = []
    for rows in np.split(ordered, cuts):
        size = np.log(params[rows])
        sizes = max(clusters(size[family[rows] == one]).max() for one in np.unique(family[rows]))
        narrow = np.log(flops[rows[-1]] / flops[rows[0]]) <= WIDEST
        if narrow and sizes >= FEWEST_SIZES and np.ptp(size) >= LEAST_SPAN:
            found.append((sizes, rows))
    fullest = max((sizes for sizes, _ in found), default=0)
    kept = [rows for sizes, rows in found if sizes >= SHARE_OF_FULLEST * fullest]
    for number, rows in enumerate(kept):
        line[rows] = number
    return line, len(kept)


def is_last(runs: RunTable) -> NDArray[np.bool_]:
    """Tell which rows (n_runs,) are the last of their run: what came before was no plan of it."""
    if "run" not in runs:
        return np.ones(len(runs), dtype=bool)
    _, run = np.unique(runs["run"], return_inverse=True)
    furthest = np.full(run.max(initial=-1) + 1, -np.inf)
    np.fmax.at(furthest, run, runs["flops"])
    ends: NDArray[np.bool_] = runs["flops"] >= furthest[run] * (1 - 1e-9)
    return ends


def _say(budget: NDArray[np.float64], how: str) -> str:
    known = np.unique(budget[np.isfinite(budget)])
    between = int(np.count_nonzero(~np.isfinite(budget)))
    said = f"budget: {known.size} isoFLOP lines from {known[0]:.3g} to {known[-1]:.3g} FLOP, {how}"
    return said + (f"; {between:,} of {budget.size:,} rows lie on none" if between else "")
