"""The search behind an allocation: where a law's loss is lowest on C = 6 N D, for every draw.

Nothing is assumed of the formula. A grid in log params finds the valley of each draw; the root of
the slope of log loss along the budget, by finite differences, finds its bottom. Given params or
tokens, the same slope is zero at the partner for which they are optimal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Edge = NDArray[np.bool_]
Loss = Callable[[Array, Array, Index], Array]
"""Loss as a function of log params, log tokens and the draw; the three broadcast."""

SEARCH = 60.0
"""Sizes are searched from 1 to e to this power, 1e26: what lies beyond counts as out of reach."""

GRID_STEP = 0.25
"""Spacing of the first search [e-folds of params]."""

FEWER = 400
"""Draws that stand for all in a first search, or where a search is repeated for each draw."""

AROUND = 3.0
"""How far the others search beyond what those found [e-folds of params]."""

FINE = 65
"""Places of each search in a part of the grid where the root of the slope is not the only one."""

STENCIL = 1e-2
"""Step of the finite differences [e-folds]; their error is its fourth power."""

FURTHEST = 120.0
"""Range searched for the missing size when params or tokens are given: 1 to e^this."""

SEARCH_STEP = 1.0
"""Spacing of that search [e-folds]."""

NOISE = 1e4 * float(np.finfo(float).eps)
"""Slope, relative to the log loss, below which rounding decides its sign."""


def _imbalance(loss: Loss, u: Array, v: Array, draw: Index) -> Array:
    """Slope of log loss when params grow at the cost of tokens, by a five-point stencil.

    Zero where the split of a budget is optimal, negative where there are too few params.
    """

    def at(step: int) -> Array:
        return np.log(loss(u + step * STENCIL, v - step * STENCIL, draw))

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * STENCIL)


def split_flops(loss: Loss, log_flops: float, draws: Index) -> tuple[Array, Array, Edge]:
    """Optimal log params and log tokens (n_draws,) on a budget, and whether at the edge."""
    total = log_flops - np.log(FLOPS_PER_PARAM_TOKEN)
    grid = np.linspace(0.0, total, max(3, int(total / GRID_STEP) + 1))
    best = _valleys(loss, grid, total, draws)
    edge = (best == 0) | (best == grid.size - 1)
    inside = np.clip(best, 1, grid.size - 2)
    root = root_of(
        lambda u, draw: _imbalance(loss, u, total - u, draw),
        grid[inside - 1],
        grid[inside + 1],
        draws,
    )
    lost = ~np.isfinite(root) & ~edge
    if lost.any():
        root[lost] = _lowest(
            lambda u, draw: loss(u, total - u, draw),
            grid[inside[lost] - 1],
            grid[inside[lost] + 1],
            draws[lost],
        )
    u = np.where(edge, grid[best], root)
    return u, total - u, edge


def _valleys(loss: Loss, grid: Array, total: float, draws: Index) -> Index:
    """Which place of the grid is the lowest on a budget (n_draws,).

    Some draws search all of it, the others where those found their valleys and `AROUND` to either
    side; whoever finds an end of that goes on to search all of it too.
    """

    def lowest(places: Array, those: Index) -> Index:
        values = loss(places, total - places, those[:, None])
        return np.argmin(np.nan_to_num(values, nan=np.inf), axis=1).astype(np.int64)

    if draws.size <= 2 * FEWER:
        return lowest(grid, draws)
    margin = int(AROUND / GRID_STEP)
    seen = lowest(grid, draws[:: draws.size // FEWER])
    first = max(int(seen.min()) - margin, 0)
    last = min(int(seen.max()) + margin, grid.size - 1)
    best: Index = first + lowest(grid[first : last + 1], draws)
    lost = ((best == first) & (first > 0)) | ((best == last) & (last < grid.size - 1))
    if lost.any():
        best[lost] = lowest(grid, draws[lost])
    return best


def _lowest(
    function: Callable[[Array, Index], Array], lower: Array, upper: Array, draws: Index
) -> Array:
    """Place of the lowest value between two ends (n_draws,), to a thousandth of the first grid.

    For the few draws whose slope changes its sign an even number of times there: under drift a
    valley may have a dent.
    """
    for _ in range(2):
        places = np.linspace(lower, upper, FINE, axis=1)
        best = np.argmin(function(places, draws[:, None]), axis=1)
        rows = np.arange(draws.size)
        lower = places[rows, np.maximum(best - 1, 0)]
        upper = places[rows, np.minimum(best + 1, FINE - 1)]
    return np.asarray(places[rows, best])


def partner_of_params(loss: Loss, log_params: float, draws: Index) -> tuple[Array, Array, Edge]:
    """Log tokens for which the given params are optimal."""

    def place(x: Array) -> tuple[Array, Array]:
        return np.full_like(x, log_params), x

    v, edge = _search(loss, place, draws, falling=True)
    return np.full(draws.size, log_params), v, edge


def partner_of_tokens(loss: Loss, log_tokens: float, draws: Index) -> tuple[Array, Array, Edge]:
    """Log params for which the given tokens are optimal."""

    def place(x: Array) -> tuple[Array, Array]:
        return x, np.full_like(x, log_tokens)

    u, edge = _search(loss, place, draws, falling=False)
    return u, np.full(draws.size, log_tokens), edge


def _search(
    loss: Loss, place: Callable[[Array], tuple[Array, Array]], draws: Index, *, falling: bool
) -> tuple[Array, Edge]:
    """Root of the slope along one log size, from 1 upwards; nan, and an edge, where there is none.

    The slope is told apart from rounding first: far below the runs a transient, and far above them
    the floor of the loss, drown it.
    """
    grid = np.arange(0.0, FURTHEST + SEARCH_STEP, SEARCH_STEP)
    u, v = place(np.broadcast_to(grid, (draws.size, grid.size)).copy())
    with np.errstate(all="ignore"):
        level = np.abs(np.log(loss(u, v, draws[:, None])))
        slope = _imbalance(loss, u, v, draws[:, None]) * (1 if falling else -1)
        known = np.abs(slope) > NOISE * np.maximum(level, 1.0)
    places = np.arange(grid.size)
    before = np.maximum.accumulate(np.where(known & (slope > 0), places, -1), axis=1)
    crossed = known & (slope < 0) & (before >= 0)
    edge = ~crossed.any(axis=1)
    after = np.argmax(crossed, axis=1)
    lower = grid[np.maximum(before[np.arange(draws.size), after], 0)]
    root = root_of(lambda x, draw: _imbalance(loss, *place(x), draw), lower, grid[after], draws)
    return np.where(edge, np.nan, root), edge


def root_of(
    function: Callable[[Array, Index], Array], lower: Array, upper: Array, draws: Index
) -> Array:
    """Root of one function per draw inside its bracket, by Chandrupatla's method."""
    from scipy.optimize import elementwise

    with np.errstate(all="ignore"):
        result = elementwise.find_root(function, (lower, upper), args=(draws,))
    return np.asarray(result.x)


Solver = Callable[[Loss, float, Index], tuple[Array, Array, Edge]]

SOLVERS: Mapping[str, Solver] = {
    "flops": split_flops,
    "params": partner_of_params,
    "tokens": partner_of_tokens,
}
"""By what is given: from its log and the draws to log params, log tokens and edges (n_draws,)."""
