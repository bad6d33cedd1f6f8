"""Best splits of compute between params and tokens: of a budget, of a size, and for a loss.

Each is found for every draw, and the one of least expected loss for all of them. Where a law states
the best split by itself (the envelope of training curves, a valley along each budget whose bottom
is a parameter, a published rule) it is taken from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.questions.limits import CLOSE as MARGIN, WITHOUT, Limits
from bayes_scaling.questions.search import (
    FEWER,
    OUT,
    STEP,
    Array,
    Edge,
    Function,
    Index,
    bracket,
    crossing,
    derivative,
    least,
    least_near,
    root_of,
)
from bayes_scaling.questions.sizes import positive
from bayes_scaling.questions.surface import SplitLoss, Surface

PLACES = np.arange(0.0, 121.0)
"""Log sizes of the first search for the partner of a size."""

NOISE = 1e4 * float(np.finfo(float).eps)
"""Slope, relative to the log loss, up to which rounding decides its sign."""

STATED = (0.0, 200.0)
"""Range searched for the compute to which a size belongs, where a law states it [e-folds]."""

SPAN = 4.0
"""How far to either side of a choice its valley is followed [e-folds of params]."""

AROUND = 65
"""Places at which it is."""

FLAT = 0.01
"""Relative loss within which sizes count as equally good."""

CLOSE = float(np.log1p(FLAT))
"""The same of the log."""

START = 48.0
"""Log of the budget at which the search for the least begins (7e20 FLOP), by default."""

SMALLEST = 2.0
"""Log of the smallest budget: about one param and one token."""

REACH = 1.5
"""Reach of the search around a split that is guessed from that of another budget [e-folds]."""

DUST = 1e-9
"""Relative difference of losses up to which a split loses nothing: both come of searches."""

EXACT, ROUGH = 1e-8, 0.1
"""Tolerance of log compute, and that of fewer draws in a first search."""


def best_split(
    loss: SplitLoss, log_flops: float, draws: Index, limits: Limits = WITHOUT
) -> tuple[Array, Array, Edge]:
    """Return the best log params and log tokens on a budget.

    Parameters
    ----------
    loss : callable
        Loss as a function of log params, log tokens and the draw.
    log_flops : float
        Log of the budget.
    draws : array of int (n_draws,)
        The draws.
    limits : Limits
        What is allowed.

    Returns
    -------
    log_params, log_tokens : array (n_draws,)
    edge : array of bool (n_draws,)
        Draws whose optimum is a limit, an end of what the budget allows, or the first or last size
        of the menu.

    Raises
    ------
    InputError
        The limits allow no size.
    """
    log_loss = _along(loss, log_flops, limits)
    if limits.menu:
        menu = limits.menu_tokens(log_flops)
        best = np.argmin(np.nan_to_num(log_loss(menu, draws[:, None]), nan=np.inf), axis=1)
        v, edge = menu[best], (best == 0) | (best == menu.size - 1)
    else:
        v, edge = least(log_loss, *limits.ends(log_flops), draws)
    return limits.log_params(v, log_flops), v, edge


def _along(loss: SplitLoss, log_flops: float | Array, limits: Limits) -> Function:
    """Return the log loss on a budget as a function of log tokens and the draw.

    Of log params it would be steep where serving takes nearly all of the budget.
    """

    def log_loss(v: Array, draw: Index) -> Array:
        return np.log(loss(limits.log_params(v, log_flops), v, draw))

    return log_loss


def best_partner(
    loss: SplitLoss, given: str, log_size: float, draws: Index
) -> tuple[Array, Array, Edge]:
    """Return log params and log tokens of which one is given, and best for the other.

    Parameters
    ----------
    loss : callable
        Loss as a function of log params, log tokens and the draw.
    given : {"params", "tokens"}
        Which is given.
    log_size : float
        Its log.
    draws : array of int (n_draws,)
        The draws.

    Returns
    -------
    log_params, log_tokens : array (n_draws,)
        nan where there is none.
    edge : array of bool (n_draws,)
        Where that is so.

    Notes
    -----
    The slope of log loss along the budget is told apart from rounding first: far below the runs a
    transient, and far above them the floor of the loss, drown it.
    """
    sign = 1 if given == "params" else -1

    def imbalance(partner: Array, draw: Index) -> Array:
        u, v = (log_size, partner) if given == "params" else (partner, log_size)

        def moved(by: Array) -> Array:
            return np.log(loss(u + by, v - by, draw))

        slope = sign * derivative(moved, np.asarray(0.0))
        return slope / np.maximum(np.abs(moved(np.asarray(0.0))), 1.0)

    partner = crossing(imbalance, PLACES, draws, noise=NOISE)
    edge = ~np.isfinite(partner)
    partner = np.where(edge, np.nan, partner)
    own = np.full(draws.size, log_size)
    return (own, partner, edge) if given == "params" else (partner, own, edge)


def stated_split(law: Surface, given: str, log_value: float) -> tuple[Array, Array, Edge, Array]:
    """Return the best log params and log tokens (n_draws,) as a law states them.

    Parameters
    ----------
    law : Surface
        One that states its split.
    given : {"flops", "params", "tokens"}
        What is given.
    log_value : float
        Its log.

    Returns
    -------
    log_params, log_tokens : array (n_draws,)
    edge : array of bool (n_draws,)
        Draws in which no budget belongs to the given size.
    log_flops : array (n_draws,)
        The budget, which a rule may mean otherwise than C = 6 N D.
    """
    known = np.full(law.n_draws, log_value)
    log_flops = known
    if given != "flops":

        def error(at: Array, draw: Index) -> Array:
            size = law.stated_split(np.exp(at), draw)[0 if given == "params" else 1]
            return np.log(size) - log_value

        lower, upper = (np.full(law.n_draws, end) for end in STATED)
        log_flops = root_of(error, lower, upper, law.draws)
    params, tokens = law.stated_split(np.exp(log_flops), law.draws)
    own = known if given == "params" else np.log(params)
    return own, np.log(tokens), ~np.isfinite(log_flops), log_flops


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One split of a budget, for all draws.

    Attributes
    ----------
    params, tokens : float
        What to choose.
    loss : array (n_draws,)
        Noise-free loss there (nats per token).
    flat : (float, float)
        Least and largest params whose expected loss is within `FLAT` of the least; `params` lies
        between them.
    """

    params: float
    tokens: float
    loss: Array
    flat: tuple[float, float]


def expected_split(law: Surface, flops: float, limits: Limits = WITHOUT) -> Choice:
    """Return the split of least expected noise-free loss.

    The optimum of each draw says what is not known; one choice has to be made all the same.

    Parameters
    ----------
    law : Surface
        A law of params and tokens, with its draws.
    flops : float
        The budget [FLOP].
    limits : Limits
        What is allowed.

    Raises
    ------
    InputError
        The law splits no budget, the budget is not above 0 and finite, or the limits allow no
        size.
    """
    log_flops = float(np.log(positive("flops", flops)[0] / law.share))
    expected = _expected(law, log_flops, limits)
    if limits.menu:
        places = limits.menu_tokens(log_flops)
        values = expected(places)
        best, flat = float(places[np.argmin(values)]), places[values <= values.min() + CLOSE]
    else:
        ends = limits.ends(log_flops)
        thin = _expected(law.fewer()[0], log_flops, limits)
        best = _lowest(thin, sum(ends) / 2, (ends[1] - ends[0]) / 2, ends)
        flat = _flat(thin, best, ends)
        if law.n_draws > FEWER:
            best = _lowest(expected, best, STEP, ends)
    flat = limits.log_params(np.append(flat, best), log_flops)
    sizes = {"params": np.exp(flat[-1]), "tokens": np.exp(best)}
    return Choice(
        params=float(sizes["params"]),
        tokens=float(sizes["tokens"]),
        loss=law.at(sizes, law.draws),
        flat=(float(np.exp(flat.min())), float(np.exp(flat.max()))),
    )


def sizes_of_budgets(
    law: Surface, budgets: Sequence[float], limits: Limits = WITHOUT
) -> dict[str, list[float]]:
    """Return the sizes of runs of some budgets [FLOP], each at its split of least expected loss.

    Of a law in compute alone they are the budgets.

    Raises
    ------
    InputError
        As `expected_split`, or there are limits and nothing is split.
    """
    if law.traded == ("flops",):
        refuse_limits(law, limits)
        return {"flops": list(budgets)}
    choices = [expected_split(law, float(each), limits) for each in budgets]
    return {name: [getattr(each, name) for each in choices] for name in ("params", "tokens")}


def refuse_limits(law: Surface, limits: Limits) -> None:
    """Raise an `InputError` where there are limits, for a law of one size, which splits nothing."""
    if limits:
        raise InputError(
            f"{law.id} reads {law.traded[0]} alone, and limits are of splits: leave them out, or "
            "fit a law of params and tokens to a table that has these columns"
        )


def regret(loss: Array, best: Array) -> Array:
    """Return how far losses lie above the best; 0 where that is rounding of the search."""
    above = np.asarray(loss - best)
    return np.where(np.abs(above) <= DUST * np.abs(best), 0.0, above)


def _expected(law: Surface, log_flops: float, limits: Limits) -> Callable[[Array], Array]:
    """Return the log of the expected loss on a budget as a function of log tokens (n,)."""
    loss = law.split_loss()

    def log_mean(v: Array) -> Array:
        with np.errstate(all="ignore"):
            values = loss(limits.log_params(v, log_flops), v, law.draws[:, None])
            return np.asarray(np.log(values.mean(axis=0)))

    return log_mean


def _lowest(
    function: Callable[[Array], Array], middle: float, reach: float, ends: tuple[float, float]
) -> float:
    """Return the lowest place within reach of a guess, and from an end of that on downhill."""

    def one(places: Array, _: Index) -> Array:
        return function(places[0])[None]

    bounds = np.array([ends[0]]), np.array([ends[1]])
    while True:
        found = least_near(
            one, np.array([middle]), np.array([reach]), bounds, np.zeros(1, np.int64)
        )
        place, lost = float(found[0][0]), bool(found[2][0])
        if not lost or place == middle:
            return place
        middle = place


def _flat(expected: Callable[[Array], Array], best: float, ends: tuple[float, float]) -> Array:
    """Return the ends (2,) of the places around the best that are as good as it, within `FLAT`."""
    places = np.linspace(max(ends[0], best - SPAN), min(ends[1], best + SPAN), AROUND)
    above = expected(places) - expected(np.array([best])) - CLOSE
    inside = np.flatnonzero(above <= 0)
    if not inside.size:
        return np.array([best])
    sides = [(inside[0], max(inside[0] - 1, 0)), (inside[-1], min(inside[-1] + 1, AROUND - 1))]
    return np.array([np.interp(0.0, above[[a, b]], places[[a, b]]) for a, b in map(list, sides)])


def cheapest(
    loss: SplitLoss,
    log_loss: Array,
    draws: Index,
    near: float = START,
    *,
    within: Limits = WITHOUT,
) -> tuple[Array, Array]:
    """Return the split of the least compute that reaches a loss.

    Compute is that of training, 6 N D, and of what the model will serve over its life, 2 N D_inf.
    The loss of the best split falls with the budget: a zero in log compute, with a search for the
    best split inside.

    Parameters
    ----------
    loss : callable
        Loss as a function of log params, log tokens and the draw.
    log_loss : array (n_draws,)
        Log of the loss to reach.
    draws : array of int (n_draws,)
        The draws.
    near : float
        Log of the budget to begin with, which the limits allow; one that is close saves time.
    within : Limits
        What is allowed, and the tokens that the model will serve.

    Returns
    -------
    log_params, log_tokens : array (n_draws,)
        The split; inf where no budget reaches the loss.
    """

    def of_menu(log_flops: Array, row: Index) -> tuple[Array, Array]:
        """Return the log tokens of the best size of the menu for budgets, and the log loss."""
        low, high = within.span(log_flops)
        places = within.log_tokens(np.log(within.menu), log_flops[:, None])
        out = ~((places >= low[:, None] - MARGIN) & (places <= high[:, None] + MARGIN))
        values = _along(loss, log_flops[:, None], within)(places, draws[row, None])
        values = np.where(out | ~np.isfinite(values), OUT, values)
        best, lines = values.argmin(axis=1), np.arange(row.size)
        return places[lines, best], values[lines, best]

    def splitter(near: float, rows: Index) -> Callable[[Array, Index], tuple[Array, Array]]:
        """Return the best log tokens of budgets, and the log loss, given those of one budget."""
        if within.menu:
            return of_menu
        first = np.full(draws.size, np.nan)
        first[rows], _ = least(_along(loss, near, within), *within.ends(near), draws[rows])

        def best(log_flops: Array, row: Index) -> tuple[Array, Array]:
            low, high = within.span(log_flops)
            none = ~(low <= high + MARGIN)
            high = np.fmax(low, high)

            def search(at: Any, middle: Array, reach: Array) -> tuple[Array, Array, Edge]:
                along = _along(loss, log_flops[at, None], within)
                ends = low[at], high[at]
                return least_near(along, middle, reach, ends, draws[row[at]])

            guess = first[row] + (log_flops - near) / 2
            place, value, lost = search(slice(None), guess, np.full(row.size, REACH))
            if lost.any():
                middle, reach = (high + low)[lost] / 2, (high - low)[lost] / 2
                place[lost], value[lost], _ = search(lost, middle, reach)
            return place, np.where(none, OUT, value)

        return best

    def solved(near: float, rows: Index, close: float) -> tuple[Array, Array]:
        """Return the log budgets of draws and the log tokens of their splits; inf where none."""
        best = splitter(near, rows)

        def excess(log_flops: Array, row: Index) -> Array:
            return best(log_flops, row)[1] - log_loss[row]

        lower, log_flops = bracket(excess, near, rows, lowest=SMALLEST)
        inner = lower < log_flops
        if inner.any():
            ends = lower[inner], log_flops[inner]
            log_flops[inner] = root_of(excess, *ends, rows[inner], close=close)
        log_tokens, known = log_flops.copy(), np.isfinite(log_flops)
        if known.any():
            log_tokens[known] = best(log_flops[known], rows[known])[0]
        return log_flops, log_tokens

    rows = np.arange(draws.size)
    if draws.size > 2 * FEWER:
        spent = solved(near, rows[:: draws.size // FEWER], ROUGH)[0]
        near = float(np.median(spent[np.isfinite(spent)])) if np.isfinite(spent).any() else near
    log_flops, log_tokens = solved(near, rows, EXACT)
    known = np.isfinite(log_flops)
    log_params = log_flops.copy()
    log_params[known] = within.log_params(log_tokens[known], log_flops[known])
    return log_params, log_tokens
