"""Runs whose loss lies far above that of runs no larger than they are: they diverged, perhaps.

A law falls with size, so a run that is beaten by far by one of its size or smaller says nothing of
the law. Where settings were swept, runs of one size differ by the setting, and the best of them
counts; what is doubted then lies far outside what the settings of the table do: runs at poor
learning rates follow each other without a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.columns import COLUMNS

Columns = Mapping[str, NDArray[Any]]
Array = NDArray[np.float64]
Index = NDArray[np.intp]

FAR = 0.2
"""Least log of a loss over the lowest at no larger size, from which a run is doubted."""

TIMES = 3.0
"""Times the largest excess of the other runs: the reach of settings, and of noise."""

LEAST = 0.02
"""Log excess that noise makes in any table."""

MOST_SHARE = 0.1
"""Share of the runs up to which they are outliers; more of them are no accident."""

MOST_CELLS = 2000
"""Sizes of one group among which neighbours are looked for."""

FEWEST = 5
"""Runs of a group from which one can be far from the others."""

APART = ("position", "context_length", "unique_tokens", "finetune_tokens", "data_unit")
"""Columns beside text whose values part runs that do not compare."""


def far_above(done: Columns) -> tuple[str, ...]:
    """Return a doubt about runs whose loss is far above that of runs no larger.

    Parameters
    ----------
    done : Mapping of str to array, dims (row,)
        Completed columns.

    Returns
    -------
    tuple of str
    """
    if "loss" not in done:
        return ()
    loss = done["loss"]
    sizes = [name for name in ("params", "tokens") if name in done] or ["flops"] * ("flops" in done)
    if not sizes or "run" not in done:
        return ()
    laid = np.stack([done[name] for name in sizes])
    use = np.isfinite(loss) & (loss > 0) & np.isfinite(laid).all(axis=0)
    excess = np.full(len(loss), -np.inf)
    beaten = np.zeros(len(loss), dtype=np.intp)
    for group in _groups(done, use):
        if group.size >= FEWEST:
            excess[group], place = _over_no_larger(laid[:, group], np.log(loss[group]))
            beaten[group] = group[place]
    known = np.isfinite(excess)
    suspects = known & _apart(excess, int(np.count_nonzero(known)))
    count = np.count_nonzero(suspects)
    if not count:
        return ()
    worst = np.flatnonzero(suspects)[np.argsort(-excess[suspects])][:3]
    names = ", ".join(
        f"{done['run'][i]} with {loss[i]:.4g} (beside {loss[beaten[i]]:.4g} of "
        f"{done['run'][beaten[i]]})"
        for i in worst
    )
    them, runs = ("it", "a run lies") if count == 1 else ("them", f"{count} runs lie")
    more = ", ..." if count > worst.size else ""
    return (
        f"{runs} far above others of equal or smaller size: {names}{more}; if that is divergence, "
        f"mark {them} by 1 in a column 'diverged'{_without(loss, suspects, them)}",
    )


def _without(loss: Array, suspects: NDArray[np.bool_], them: str) -> str:
    """Say how to leave out the runs that are doubted, where a bound on the loss does that alone."""
    lowest, others = loss[suspects].min(), np.nanmax(np.where(suspects, -np.inf, loss))
    bound = float(f"{np.sqrt(lowest * others):.2g}") if others > 0 else 0.0
    return f", or leave {them} out: --where 'loss < {bound:g}'" if others < bound < lowest else ""


def _apart(excess: Array, known: int) -> NDArray[np.bool_]:
    """Return which excesses (n,) stand apart from all others, above a gap; few at most."""
    if known < FEWEST:
        return np.zeros(excess.size, dtype=bool)
    ranked = np.sort(excess)[::-1]
    most = min(max(1, int(MOST_SHARE * known)), known - 1)
    top, following = ranked[:most], np.maximum(ranked[1 : most + 1], LEAST)
    gaps = np.flatnonzero((top > FAR) & (top > TIMES * following))
    bound = top[gaps[-1]] if gaps.size else np.inf
    return np.asarray(excess >= bound)


def _over_no_larger(sizes: Array, log_loss: Array) -> tuple[Array, Index]:
    """Return log losses (n,) over the lowest of the other runs no larger, and which those are."""
    cells, cell = np.unique(sizes, axis=1, return_inverse=True)
    cell = cell.ravel()
    count = cells.shape[1]
    if count > MOST_CELLS:
        return np.full(log_loss.size, -np.inf), np.zeros(log_loss.size, dtype=np.intp)
    order = np.lexsort([log_loss, cell])
    first = order[np.searchsorted(cell[order], np.arange(count))]
    smaller = (cells[:, :, None] <= cells[:, None, :]).all(axis=0)  # (of, for)
    np.fill_diagonal(smaller, val=False)
    below = np.where(smaller, log_loss[first][:, None], np.inf)
    lowest, of = below.min(axis=0), first[below.argmin(axis=0)]
    own = log_loss[first]
    alone = first[cell] == np.arange(log_loss.size)
    beside = np.where(alone, np.inf, own[cell])
    nearest = np.minimum(lowest[cell], beside)
    place = np.where(beside < lowest[cell], first[cell], of[cell])
    return np.where(np.isfinite(nearest), log_loss - nearest, -np.inf), place


def _groups(done: Columns, use: NDArray[np.bool_]) -> list[Index]:
    """Return the rows of each group of runs that compare."""
    where = np.flatnonzero(use)
    if not where.size:
        return []
    codes = []
    for name, values in done.items():
        text = values.dtype.kind == "U" and name != "run"
        if not (text or name in APART):
            continue
        code = np.unique(values[where], return_inverse=True)[1]
        if name in COLUMNS or code.max(initial=0) + 1 <= where.size / FEWEST:
            codes.append(code)
    if not codes:
        return [where]
    labels = np.unique(np.stack(codes), axis=1, return_inverse=True)[1].ravel()
    return [where[labels == label] for label in range(labels.max() + 1)]
