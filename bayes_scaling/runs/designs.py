"""Designs of sweeps: lines of equal compute, and cells of one size and length.

The runs of a cell differ in how they were tuned; those of a line in their params.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.table import RunTable

SAME = np.log(1.01)
"""Sizes closer than this on the log scale are one size."""

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

COLLINEAR = 0.98
"""Correlation of two log sizes beyond which their effects are not told apart."""

FEWEST_TIED = 3
"""Runs from which two sizes can be said to move together: any two points lie on a line."""

APART = 3.0
"""Factor by which the tokens of a run should differ from the usual, to tell them from params."""


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


@dataclass(frozen=True, kw_only=True)
class Tie:
    """Two sizes that move together in runs.

    Attributes
    ----------
    says : str
        What it is.
    advice : str
        Which runs would tell them apart.
    """

    says: str
    advice: str

    def __str__(self) -> str:
        """Write both in one line."""
        return f"{self.says}; {self.advice}"


def tie_of(
    one: str, values: NDArray[np.float64], other: str, others: NDArray[np.float64]
) -> Tie | None:
    """Say whether two columns (n_runs,), both above zero and both varied, move together.

    Parameters
    ----------
    one, other : str
        Their names.
    values, others : array (n_runs,)
        Their values.

    Returns
    -------
    Tie or None
        None where their logs are correlated by less than `COLLINEAR`.
    """
    r = float(np.corrcoef(np.log(values), np.log(others))[0, 1])
    if not abs(r) > COLLINEAR:
        return None
    says = f"log {one} and log {other} move together (correlation {r:.3f})"
    apart = "their effects cannot be told apart"
    if {one, other} != {"params", "tokens"}:
        return Tie(says=f"{says}: {apart}", advice="vary one at a fixed value of the other")
    params, tokens = (values, others) if one == "params" else (others, values)
    low, high = (f"{end:.3g}" for end in np.quantile(tokens / params, (0.0, 1.0)))
    ratio = low if low == high else f"{low} to {high}"
    middle = int(np.argsort(params * tokens)[params.size // 2])
    few, many = (f"{tokens[middle] * factor:.2g}" for factor in (1 / APART, APART))
    return Tie(
        says=f"{says}, {ratio} tokens per parameter: {apart}, so the best split of a budget is "
        "what the prior says",
        advice=f"add runs of one of the sizes on fewer and on more tokens, such as "
        f"{params[middle]:.3g} params on {few} and on {many} tokens",
    )


def tied_sizes(runs: RunTable) -> Tie | None:
    """Say whether params and tokens of a table move together, so that no split can be learned."""
    if any(name not in runs for name in ("params", "tokens")):
        return None
    params, tokens = runs["params"], runs["tokens"]
    known = (params > 0) & (tokens > 0) & np.isfinite(params * tokens)
    params, tokens = params[known], tokens[known]
    if params.size < FEWEST_TIED or any(np.ptp(np.log(each)) <= SAME for each in (params, tokens)):
        return None
    return tie_of("params", params, "tokens", tokens)


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


UNTUNED = ("fixed-lr", "shape")
"""Values of the column ``purpose`` of runs that are known not to be tuned: one learning rate for
all sizes, or an odd shape."""

FEWEST_RATES = 3
"""Learning rates a cell must have tried before its best one says something."""


@dataclass(frozen=True, kw_only=True)
class BestRates:
    """The best learning rate of every swept cell.

    Attributes
    ----------
    params, tokens, learning_rate : array (n_cells,)
        Size, length and best rate.
    at_end : array of bool (n_cells,)
        Whether the best rate is the lowest or highest one tried, so that a better may lie outside.
    """

    params: NDArray[np.float64]
    tokens: NDArray[np.float64]
    learning_rate: NDArray[np.float64]
    at_end: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of cells."""
        return self.params.size


def cell_of(runs: RunTable) -> NDArray[np.int64]:
    """Return the cell of every run (n_runs,): its family, params and tokens to three digits."""
    keys = [
        f"{params:.2e} {tokens:.2e} {family}"
        for params, tokens, family in zip(
            runs["params"], runs["tokens"], runs.labels("family"), strict=True
        )
    ]
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def best_of_cells(runs: RunTable) -> RunTable:
    """Keep the run with the lowest loss of every cell: family, params and tokens.

    Cells that hold nothing but runs known to be untuned (`UNTUNED`) are left out.

    Parameters
    ----------
    runs : RunTable
        With params, tokens and loss; a learning-rate sweep, say.

    Returns
    -------
    RunTable
        The tuned runs, in their order, with a note on how many were left out.

    Raises
    ------
    InputError
        A column is missing.
    """
    missing = [name for name in ("params", "tokens", "loss") if name not in runs]
    if missing:
        raise InputError(f"cells are made of params, tokens and loss; missing: {missing}")
    cell = cell_of(runs)
    untuned = _untuned_cells(runs, cell)
    kept = best_of(runs.take(~untuned), cell[~untuned])
    note = f"the best of {len(runs)} runs in each of {len(kept)} (params, tokens) cells"
    if untuned.any():
        count = np.unique(cell[untuned]).size
        cells = f"{count} cell{'s' if count > 1 else ''}"
        note += f"; left out: {cells} of runs that are not tuned (purpose {' or '.join(UNTUNED)})"
    return RunTable(columns=kept.columns, notes=(*kept.notes, note))


def _untuned_cells(runs: RunTable, cell: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which runs are in a cell without a tuned run (n_runs,); none where no cell has one."""
    tuned = ~np.isin(runs.labels("purpose"), UNTUNED)
    without = ~np.isin(cell, cell[tuned])
    return without if tuned.any() else np.zeros(len(runs), dtype=bool)


def best_of(runs: RunTable, cell: NDArray[np.int64]) -> RunTable:
    """Keep the run with the lowest loss of every cell; `cell` numbers them (n_runs,)."""
    order = np.lexsort((runs["loss"], cell))
    first = np.concatenate([[True], np.diff(cell[order]) != 0])
    return runs.take(np.sort(order[first]))


def mistuned(runs: RunTable) -> NDArray[np.bool_]:
    """Tell which runs are beaten by another learning rate in their cell (n_runs,).

    Without sizes, losses or learning rates nothing is known to be mistuned.
    """
    worse = np.zeros(len(runs), dtype=bool)
    if any(name not in runs for name in ("params", "tokens", "loss", "learning_rate")):
        return worse
    cell, rate, loss = cell_of(runs), runs["learning_rate"], runs["loss"]
    for index in range(cell.max() + 1):
        rows = np.flatnonzero(cell == index)
        best = rows[np.argmin(loss[rows])]
        worse[rows] = rate[rows] != rate[best]
    return worse


def best_rates(runs: RunTable) -> BestRates:
    """Return the best learning rate of every cell that tried at least three."""
    found: list[tuple[float, float, float, bool]] = []
    if all(name in runs for name in ("params", "tokens", "loss", "learning_rate")):
        cell = cell_of(runs)
        for index in range(cell.max() + 1):
            rows = np.flatnonzero(cell == index)
            rates = np.unique(runs["learning_rate"][rows])
            if rates.size < FEWEST_RATES:
                continue
            best = rows[np.argmin(runs["loss"][rows])]
            rate = float(runs["learning_rate"][best])
            found.append(
                (
                    float(runs["params"][best]),
                    float(runs["tokens"][best]),
                    rate,
                    rate in (rates[0], rates[-1]),
                )
            )
    columns = np.array(found, float).reshape(-1, 4)
    return BestRates(
        params=columns[:, 0],
        tokens=columns[:, 1],
        learning_rate=columns[:, 2],
        at_end=columns[:, 3].astype(bool),
    )


def clusters(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give numbers to log sizes, one number for those at most `SAME` apart and one for NaN."""
    order = np.argsort(values, kind="stable")
    number = np.zeros(values.size, dtype=np.int64)
    start, current = -np.inf, 0
    for index in order:
        if values[index] > start + SAME or (np.isnan(values[index]) and not np.isnan(start)):
            start, current = values[index], current + 1
        number[index] = current
    return number
