"""The search for the least compute that reaches a loss, for every draw.

Compute is that of training, 6 N D, and of what the model will serve over its life, 2 N D_inf.

The loss of the best split falls with the budget; the budget at which it is the wanted loss is found
by a root in log compute, with a search for the best split inside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.optimum import FEWER, Index, Loss

Array = NDArray[np.float64]
Excess = Callable[[Array, Array, Index], Array]
"""How far the log loss of the best split of a log budget lies above a log target, by draw."""

START = 48.0
"""Log of the budget at which the search begins (7e20 FLOP), unless one is known to suffice."""

LEAST = 2.0
"""Log of the smallest budget: about one param and one token."""

EXACT = 1e-8
"""Log compute to which it is found."""

WIDENING = (2.0, 4.0, 8.0, 16.0, 32.0)
"""Steps by which the search leaves its beginning [e-folds of compute]."""

PLACES = (97, 33, 33)
"""Places of params in the search for the best split, and in those around the best of them."""

NEAR, REACH = (13, 33), 1.5
"""Places in a search from where the last one ended, and its reach to either side [e-folds]."""


def cheapest(
    loss: Loss, target: Array, draws: Index, enough: float = START, *, served: float = 0.0
) -> tuple[Array, Array]:
    """Find the split of the least compute that reaches a loss.

    Parameters
    ----------
    loss : callable
        Loss as a function of log params, log tokens and the draw.
    target : array (n_draws,)
        Log of the loss to reach.
    draws : array of int (n_draws,)
        The draws.
    enough : float
        Log of the budget to begin with; one that is close saves time.
    served : float
        Tokens that the model will serve.

    Returns
    -------
    log_params, log_tokens : array (n_draws,)
        The split; inf where no budget reaches the loss.
    """
    from scipy.optimize import elementwise

    within = Limits(inference_tokens=served)
    splits = _Splits(loss, within, int(draws.max()) + 1)

    def excess(log_flops: Array, target: Array, draw: Index) -> Array:
        return splits.best(log_flops, draw)[1] - target

    if draws.size > 2 * FEWER:
        some = slice(None, None, draws.size // FEWER)
        ends = _bracket(excess, target[some], draws[some], enough)[1]
        enough = float(np.median(ends[np.isfinite(ends)])) if np.isfinite(ends).any() else enough
    lower, upper = _bracket(excess, target, draws, enough)
    log_flops = upper.copy()
    inner = np.flatnonzero(lower < upper)
    if inner.size:
        with np.errstate(all="ignore"):
            result = elementwise.find_root(
                excess, (lower[inner], upper[inner]), args=(target[inner], draws[inner]),
                tolerances={"xatol": EXACT, "fatol": EXACT / 100},
            )  # fmt: skip
        log_flops[inner] = result.x
    log_params, log_tokens = np.full(draws.size, np.inf), np.full(draws.size, np.inf)
    known = np.flatnonzero(np.isfinite(log_flops))
    if known.size:
        log_params[known] = splits.best(log_flops[known], draws[known])[0]
        log_tokens[known] = within.log_tokens(log_params[known], log_flops[known])
    return log_params, log_tokens


def _bracket(excess: Excess, target: Array, draws: Index, start: float) -> tuple[Array, Array]:
    """Return log budgets that do not suffice and that do (n_draws,).

    Where the smallest one does, both are the smallest; where none does, both are inf.
    """
    lower, upper = np.full(draws.size, start), np.full(draws.size, start)
    more = ~(excess(lower, target, draws) <= 0)
    rows = np.arange(draws.size)
    for step in WIDENING:
        place = np.where(more[rows], upper[rows] + step, np.maximum(lower[rows] - step, LEAST))
        short = ~(excess(place, target[rows], draws[rows]) <= 0)
        moved_up, moved_down = more[rows] & short, ~more[rows] & ~short
        lower[rows] = np.where(more[rows] & ~short, lower[rows], place)
        upper[rows] = np.where(~more[rows] & short, upper[rows], place)
        rows = rows[moved_up | moved_down]
        if not rows.size:
            break
    lower[rows] = upper[rows] = np.where(more[rows], np.inf, LEAST)
    return lower, upper


class _Splits:
    """The best split of any budget under every draw, each search from where the last one ended."""

    def __init__(self, loss: Loss, within: Limits, count: int) -> None:
        self._loss = loss
        self._within = within
        self._place = np.full(count, np.nan)
        self._budget = np.full(count, np.nan)

    def best(self, log_flops: Array, draw: Index) -> tuple[Array, Array]:
        """Return log params of the best split of budgets (n,), and the log loss there."""
        high = np.maximum(self._within.log_params(0.0, log_flops), 0.0)
        guess = self._place[draw] + (log_flops - self._budget[draw]) / 2
        lower, upper = np.maximum(guess - REACH, 0.0), np.minimum(guess + REACH, high)
        known = upper > lower  # nan where nothing is known yet
        place, value = np.full(draw.size, np.nan), np.empty(draw.size)
        rows = np.flatnonzero(known)
        if rows.size:
            place[rows], value[rows] = self._search(
                lower[rows], upper[rows], NEAR, log_flops[rows], draw[rows]
            )
        lost = ((place <= lower) & (lower > 0)) | ((place >= upper) & (upper < high))
        rows = np.flatnonzero(~known | lost)
        if rows.size:
            place[rows], value[rows] = self._search(
                np.zeros(rows.size), high[rows], PLACES, log_flops[rows], draw[rows]
            )
        self._place[draw], self._budget[draw] = place, log_flops
        return place, value

    def _search(
        self, lower: Array, upper: Array, counts: tuple[int, ...], log_flops: Array, draw: Index
    ) -> tuple[Array, Array]:
        """Search ever finer parts of a range, and take the vertex of the last parabola."""
        rows = np.arange(draw.size)
        for count in counts:
            places = np.linspace(lower, upper, count, axis=1)
            with np.errstate(all="ignore"):
                tokens = self._within.log_tokens(places, log_flops[:, None])
                values = np.log(self._loss(places, tokens, draw[:, None]))
            best = np.argmin(np.nan_to_num(values, nan=np.inf), axis=1)
            inside = np.clip(best, 1, count - 2)
            lower, upper = places[rows, inside - 1], places[rows, inside + 1]
        around = np.stack([values[rows, inside + side] for side in (-1, 0, 1)])
        with np.errstate(all="ignore"):
            bend = around[0] - 2 * around[1] + around[2]
            shift = np.clip(0.5 * (around[0] - around[2]) / bend, -1.0, 1.0)
            depth = 0.25 * (around[0] - around[2]) * shift
        inner = np.isfinite(shift) & (best == inside)
        place = places[rows, inside] + np.where(inner, shift, best - inside) * (upper - lower) / 2
        return place, values[rows, best] - np.where(inner, depth, 0.0)
