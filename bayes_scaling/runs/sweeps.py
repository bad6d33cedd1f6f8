"""Cells of a sweep: runs of one size and length that differ in how they were tuned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.table import RunTable

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
