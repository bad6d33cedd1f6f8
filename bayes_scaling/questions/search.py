"""The searches behind the questions: where a function of each draw is least, and where it is zero.

Nothing is assumed of a formula. A coarse grid over the whole range finds the valley, or the change
of sign, of every draw, since drift makes dents in which a walk would end; SciPy's elementwise
solvers (Chandrupatla's method) find its bottom, or its zero.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Edge = NDArray[np.bool_]
Function = Callable[[Array, Index], Array]
"""A function of places and draws, which broadcast."""

STEP = 0.25
"""Spacing of the grid in a valley [e-folds of a size]."""

SEARCHED = np.arange(0.0, 60.5, 0.5)
"""Log sizes of the first search for a zero; what lies beyond 1e26 counts as out of reach."""

FEWER = 400
"""Draws that are taken in a first search, or where a search is repeated for each draw."""

FINE = 33
"""Places of the second grid of a search within a search."""

AROUND = 3.0
"""How far the others search beyond where those found their valleys [e-folds]."""

STENCIL = 1e-2
"""Step of the finite differences [e-folds]; their error is its fourth power."""

CLOSE = 1e-10
"""Tolerance of a place [e-folds], by default."""

OUT = 1e3
"""Log loss that stands for one out of reach, where a law gives none."""

ROUNDING = 4 * float(np.finfo(float).eps)
"""Relative difference up to which two values are the same."""

WIDENING = (2.0, 4.0, 8.0, 16.0, 32.0)
"""Steps by which a bracket leaves its start [e-folds]."""


def least(function: Function, low: float, high: float, draws: Index) -> tuple[Array, Edge]:
    """Return the place between two ends where a function of each draw is least.

    Parameters
    ----------
    function : callable
        Of places and draws.
    low, high : float
        The ends.
    draws : array of int (n_draws,)
        The draws.

    Returns
    -------
    place : array (n_draws,)
    edge : array of bool (n_draws,)
        Draws for which it is an end.
    """
    from scipy.optimize import elementwise

    known = _known(function)
    grid = np.linspace(low, high, max(3, int((high - low) / STEP) + 1))
    best = _lowest(known, grid, draws)
    edge = (best == 0) | (best == grid.size - 1)
    inside = np.clip(best, 1, grid.size - 2)
    left, right = grid[inside - 1], grid[inside + 1]

    def slope(at: Array, draw: Index) -> Array:
        return derivative(lambda place: known(place, draw), at)

    root = np.clip(root_of(slope, left, right, draws), low, high)
    place = np.where(np.isfinite(root), root, grid[best])
    now = known(grid[best], draws)
    margin = ROUNDING * np.maximum(np.abs(now), 1.0)
    bottom = np.isfinite(root) & (known(place, draws) <= now + np.where(edge, -margin, margin))
    edge &= ~bottom
    place = np.where(edge, grid[best], place)
    dented = np.flatnonzero(~bottom & ~edge)
    if dented.size:  # the slope changes its sign several times
        ends = (left[dented], grid[best[dented]], right[dented])
        place[dented] = elementwise.find_minimum(known, ends, args=(draws[dented],)).x
    return place, edge


def _known(function: Function) -> Function:
    """Return a function with `OUT` where it has no value."""

    def known(places: Array, draws: Index) -> Array:
        with np.errstate(all="ignore"):
            return np.nan_to_num(function(places, draws), nan=OUT, posinf=OUT)

    return known


def _lowest(function: Function, grid: Array, draws: Index) -> Index:
    """Return which place of a grid is the lowest (n_draws,).

    Some draws search all of it, the others where those found their valleys and `AROUND` to either
    side; whoever finds an end of that goes on to search all of it too.
    """

    def lowest(places: Array, those: Index) -> Index:
        return np.argmin(function(places, those[:, None]), axis=1).astype(np.int64)

    if draws.size <= 2 * FEWER:
        return lowest(grid, draws)
    margin = int(AROUND / STEP)
    seen = lowest(grid, draws[:: draws.size // FEWER])
    first = max(int(seen.min()) - margin, 0)
    last = min(int(seen.max()) + margin, grid.size - 1)
    best: Index = first + lowest(grid[first : last + 1], draws)
    lost = ((best == first) & (first > 0)) | ((best == last) & (last < grid.size - 1))
    if lost.any():
        best[lost] = lowest(grid, draws[lost])
    return best


def least_near(
    function: Function, middle: Array, reach: Array, ends: tuple[Array, Array], draws: Index
) -> tuple[Array, Array, Edge]:
    """Return where a function of each draw is least within reach of a guess, and how low it is.

    By the parabola through the lowest places of two grids, the second within a cell of the first:
    quick, for a search within a search, and good to the fourth power of the finer spacing.

    Parameters
    ----------
    function : callable
        Of places and draws.
    middle, reach : array (n_draws,)
        Middle of the grid, and its reach to either side.
    ends : (array, array) (n_draws,)
        Ends of the range, at which the grid ends too.
    draws : array of int (n_draws,)
        The draws.

    Returns
    -------
    place, value : array (n_draws,)
    lost : array of bool (n_draws,)
        Draws for which the lowest place is an end of the grid, and not of the range.
    """
    first, last = np.maximum(middle - reach, ends[0]), np.minimum(middle + reach, ends[1])
    rows, lower, upper = np.arange(draws.size), first, last
    for count in (3 + int(np.max(upper - lower, initial=0) / STEP), FINE):
        places = np.linspace(lower, upper, count, axis=1)
        values = _known(function)(places, draws[:, None])
        best = np.argmin(values, axis=1)
        inside = np.clip(best, 1, count - 2)
        lower, upper = places[rows, inside - 1], places[rows, inside + 1]
    before, at, after = (values[rows, inside + side] for side in (-1, 0, 1))
    with np.errstate(all="ignore"):
        shift = np.clip(0.5 * (before - after) / (before - 2 * at + after), -1.0, 1.0)
    inner = (best == inside) & np.isfinite(shift)
    place = places[rows, best] + np.where(inner, shift, 0) * (upper - lower) / 2
    value = values[rows, best] - np.where(inner, 0.25 * (before - after) * shift, 0)
    lost = ((place <= first) & (first > ends[0])) | ((place >= last) & (last < ends[1]))
    return place, value, lost | ~(last > first)


def root_of(
    function: Function, lower: Array, upper: Array, draws: Index, *, close: float = CLOSE
) -> Array:
    """Return where a function of each draw is zero (n_draws,).

    Parameters
    ----------
    function : callable
        Of places and draws.
    lower, upper : array (n_draws,)
        Ends of a bracket, of opposite sign; where they are not, nan is returned.
    draws : array of int (n_draws,)
        The draws.
    close : float
        Tolerance of the place; that of the value is a hundredth.
    """
    from scipy.optimize import elementwise

    tolerances = {"xatol": close, "fatol": close / 100}
    with np.errstate(all="ignore"):
        result = elementwise.find_root(
            function, (lower, upper), args=(draws,), tolerances=tolerances
        )
    return np.asarray(result.x)


def crossing(
    function: Function, grid: Array, draws: Index, *, last: bool = False, noise: float = 0.0
) -> Array:
    """Return the first place, or the last, at which a function of each draw falls through zero.

    Parameters
    ----------
    function : callable
        Of places and draws.
    grid : array (n_places,)
        Places of the first search, ascending.
    draws : array of int (n_draws,)
        The draws.
    last : bool
        Whether the last such place is wanted.
    noise : float
        Size up to which the sign of a value is rounding.

    Returns
    -------
    array (n_draws,)
        inf where the function is above zero and does not fall, -inf where it never is above.
    """
    with np.errstate(all="ignore"):
        values = function(grid, draws[:, None])
    above, below = values > noise, values <= -noise
    places, rows = np.arange(grid.size), np.arange(draws.size)
    before = np.maximum.accumulate(np.where(above, places, -1), axis=1)
    falls = below & (before >= 0)
    if last:
        falls &= before == before[:, -1:]
    after = np.argmax(falls, axis=1)
    found = np.where(above.any(axis=1), np.inf, -np.inf)
    inner = np.flatnonzero(falls.any(axis=1))
    if inner.size:
        ends = grid[before[rows, after][inner]], grid[after[inner]]
        found[inner] = root_of(function, *ends, draws[inner])
    return found


def bracket(
    function: Function, start: float, draws: Index, *, lowest: float = -np.inf
) -> tuple[Array, Array]:
    """Return a place where a falling function of each draw is above zero, and one where it is not.

    Parameters
    ----------
    function : callable
        Of places (n_draws,) and draws; nan counts as above zero.
    start : float
        Where the search begins.
    draws : array of int (n_draws,)
        The draws.
    lowest : float
        The lowest place.

    Returns
    -------
    lower, upper : array (n_draws,)
        Both are inf where the function is above zero as far as `WIDENING` goes, and the lowest
        place looked at where it is not above zero there.
    """
    lower, upper = np.full(draws.size, start), np.full(draws.size, start)
    more = ~(function(lower, draws) <= 0)
    rows = np.arange(draws.size)
    for step in WIDENING:
        place = np.where(more[rows], upper[rows] + step, np.maximum(lower[rows] - step, lowest))
        above = ~(function(place, draws[rows]) <= 0)
        lower[rows] = np.where(more[rows] & ~above, lower[rows], place)
        upper[rows] = np.where(~more[rows] & above, upper[rows], place)
        rows = rows[more[rows] == above]
        if not rows.size:
            break
    lower[rows] = upper[rows] = np.where(more[rows], np.inf, lower[rows])
    return lower, upper


def derivative(function: Callable[[Array], Array], at: Array) -> Array:
    """Return the slope of a function at some places by a five-point stencil."""

    def step(count: int) -> Array:
        return function(at + count * STENCIL)

    return (8 * (step(1) - step(-1)) - (step(2) - step(-2))) / (12 * STENCIL)
