"""The lower frontier of losses against a size: which rows no other setting does better than.

A *setting* is what a row was made with apart from its size: the other size (at equal compute, the
parameters), or the run where a run has rows at several sizes. Settings are compared, not rows, so
that noise along one setting selects nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAME = np.log(1.01)
"""Sizes closer than this on the log scale are one size."""

NEAR = np.log(1.1)
"""Sizes closer than this are compared although none was measured at or below the other: the compute
of one isoFLOP line scatters by some per cent."""

WARM_UP = np.log(0.05)
"""Rows of a run before this share of its size say nothing of what that size could reach."""

WINDOW = 0.25
"""Half the width, on the log scale, over which densely logged losses are smoothed."""

FEWEST_TO_SMOOTH = 4
"""Rows a window must hold for a line to be put through them."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of one group, on log scales.

    Attributes
    ----------
    size, other, loss : array (n_rows,)
        Log of the size, of the other size (NaN where there is none) and of the loss.
    run, tuning : array of int (n_rows,)
        Number of the run, and of its hyperparameters.
    """

    size: NDArray[np.float64]
    other: NDArray[np.float64]
    loss: NDArray[np.float64]
    run: NDArray[np.int64]
    tuning: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Frontier:
    """What is known of every row.

    Attributes
    ----------
    on : array of bool (n_rows,)
        No other setting reaches a lower loss with no more of the size.
    bracketed : array of bool (n_rows,)
        At this size settings with less and with more of the other size were tried.
    """

    on: NDArray[np.bool_]
    bracketed: NDArray[np.bool_]


def find_frontier(rows: Rows) -> Frontier:
    """Compare the settings of a group of rows.

    Parameters
    ----------
    rows : Rows
        With finite sizes and losses.

    Returns
    -------
    Frontier
        A row is compared with what every other setting reaches at the same size: the line between
        its neighbouring rows, or its lowest loss at smaller sizes. Rows of a setting that lie close
        together are smoothed first, so that the lucky ones are not preferred, and dips in the
        losses of a run are levelled. With one setting alone, all rows are on the frontier.
    """
    curve, early = _on_curves(rows)
    settings = np.where(curve, -1 - rows.run, clusters(rows.other))
    if np.unique(settings).size <= 1:
        alone = np.ones(settings.size, dtype=bool)
        return Frontier(on=alone, bracketed=~alone)
    tuned = ~early & (curve | ~_beaten_in_cell(rows, settings))
    loss, best = rows.loss.copy(), np.full(rows.loss.size, np.inf)
    less, more = np.zeros(loss.size, dtype=bool), np.zeros(loss.size, dtype=bool)
    for setting in _each(settings):
        mine = setting[tuned[setting]]  # never empty: the last row of a run is not early
        mine = mine[np.argsort(rows.size[mine], kind="stable")]
        size, other = rows.size[mine], rows.other[mine]
        falling = levelled(rows.loss[mine]) if curve[mine[0]] else rows.loss[mine]
        loss[mine] = smoothed(size, falling)
        reached = _reached(size, loss[mine], rows.size)
        best = np.where(settings == settings[mine[0]], best, np.minimum(best, reached))
        tried = (rows.size >= size[0] - NEAR) & (rows.size <= size[-1] + NEAR)
        less |= tried & (rows.other > np.max(other) + SAME)
        more |= tried & (rows.other < np.min(other) - SAME)
    return Frontier(on=tuned & (loss <= best), bracketed=less & more)


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


def levelled(loss: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raise the dips in the losses of one run (n_rows,), in order of size, to their neighbours."""
    if loss.size < 2:
        return loss
    before = np.concatenate([[np.inf], loss[:-1]])
    after = np.concatenate([loss[1:], [-np.inf]])
    level: NDArray[np.float64] = np.maximum(loss, np.minimum(before, after))
    return level


def smoothed(size: NDArray[np.float64], loss: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the noise of single rows out of one setting.

    Parameters
    ----------
    size, loss : array (n_rows,)
        On log scales, sizes ascending.

    Returns
    -------
    array (n_rows,)
        The line through the rows within `WINDOW`, where those are enough; else the mean of rows of
        one size.
    """
    result = loss.copy()
    low = np.searchsorted(size, size - WINDOW, side="left")
    high = np.searchsorted(size, size + WINDOW, side="right")
    for index, (start, stop) in enumerate(zip(low, high, strict=True)):
        x, y = size[start:stop] - size[index], loss[start:stop]
        if x.size >= FEWEST_TO_SMOOTH and np.ptp(x) > SAME:
            result[index] = np.mean(y) - np.mean(x) * np.polyfit(x, y, 1)[0]
        elif x.size > 1:
            result[index] = np.mean(y[np.abs(x) <= SAME])
    return result


def _reached(
    size: NDArray[np.float64], loss: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the lowest loss of a setting with no more of the size than each of `at`."""
    lowest = np.minimum.accumulate(loss)
    before = np.searchsorted(size, at, side="right") - 1
    earlier = np.where(before >= 0, lowest[np.maximum(before, 0)], np.inf)
    line = np.interp(at, size, loss, left=np.inf)
    near = (at < size[0]) & (at >= size[0] - NEAR)
    return np.minimum(np.minimum(earlier, line), np.where(near, loss[0], np.inf))


def _on_curves(rows: Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which rows are of a run with rows at several sizes, and which of those are too early."""
    curve, early = np.zeros(rows.size.size, dtype=bool), np.zeros(rows.size.size, dtype=bool)
    for mine in _each(rows.run):
        curve[mine] = np.ptp(rows.size[mine]) > SAME
        early[mine] = rows.size[mine] < rows.size[mine].max() + WARM_UP
    return curve, early


def _beaten_in_cell(rows: Rows, settings: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which rows are beaten by other hyperparameters at their sizes."""
    cell = np.zeros(rows.size.size, dtype=np.int64)
    for number, mine in enumerate(_each(settings)):
        cell[mine] = number * (rows.size.size + 1) + clusters(rows.size[mine])
    return beaten(rows.loss, cell, rows.tuning)


def beaten(
    loss: NDArray[np.float64], cell: NDArray[np.int64], tuning: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which rows other hyperparameters beat in their cell, on average over repeats.

    Parameters
    ----------
    loss : array (n_rows,)
        On the log scale.
    cell, tuning : array of int (n_rows,)
        Numbers of the sizes, and of the hyperparameters.
    """
    worse = np.zeros(loss.size, dtype=bool)
    for mine in _each(cell):
        tried = np.unique(tuning[mine])
        means = [np.mean(loss[mine][tuning[mine] == one]) for one in tried]
        worse[mine] = tuning[mine] != tried[np.argmin(means)]
    return worse


def _each(number: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the positions of every number."""
    order = np.argsort(number, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
