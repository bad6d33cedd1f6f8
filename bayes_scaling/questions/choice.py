"""The split to choose under uncertainty: that of least expected loss, and how flat its valley is.

The optimum of each draw says what is not known; one choice has to be made all the same. It is the
one whose noise-free loss is least on average over all draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.questions.limits import WITHOUT, Limits
from bayes_scaling.questions.sizes import positive
from bayes_scaling.questions.surface import Surface

Array = NDArray[np.float64]

WIDE, NEAR, FINE = 161, 81, 33
"""Places of the first two searches over params, which take fewer draws, and of the last."""

SPAN = 4.0
"""Reach of the second search to either side [e-folds of params]."""

FLAT = 0.01
"""Relative loss within which sizes count as equally good."""


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


def expected_split(
    law: Surface, flops: float, limits: Limits = WITHOUT, *, around: float | None = None
) -> Choice:
    """Find the split of least expected noise-free loss.

    Parameters
    ----------
    law : Surface
        A law of params and tokens, with its draws.
    flops : float
        The budget [FLOP].
    limits : Limits
        What is allowed.
    around : float, optional
        Params of the best split of a budget nearby: only `SPAN` to either side is searched.

    Raises
    ------
    InputError
        The law splits no budget, the budget is not above 0 and finite, or the limits allow no
        size.
    """
    loss, log_flops = law.split_loss(), float(np.log(positive("flops", flops)[0] / law.share))
    low, high = limits.ends(log_flops)

    def expected(places: Array, asked: Surface = law) -> Array:
        with np.errstate(all="ignore"):
            tokens = limits.log_tokens(places, log_flops)
            values = asked.split_loss()(places, tokens, asked.draws[:, None]).mean(axis=0)
        return np.nan_to_num(values, nan=np.inf)

    def chosen(best: float, flat: Array) -> Choice:
        tokens = limits.log_tokens(np.array([best]), log_flops)
        return Choice(
            params=float(np.exp(best)),
            tokens=float(np.exp(tokens[0])),
            loss=np.asarray(loss(np.array([best]), tokens, law.draws[:, None])[:, 0]),
            flat=(float(np.exp(min(flat.min(), best))), float(np.exp(max(flat.max(), best)))),
        )

    if limits.menu:
        places = limits.places(log_flops, WIDE)
        values = expected(places)
        return chosen(float(places[np.argmin(values)]), places[values <= (1 + FLAT) * values.min()])
    thin = law.fewer()[0]
    if around is None:
        wide = np.linspace(low, high, WIDE)
        at = float(wide[np.argmin(expected(wide, thin))])
    else:
        at = float(np.clip(np.log(around), low, high))
    near = np.linspace(max(low, at - SPAN), min(high, at + SPAN), NEAR)
    values = expected(near, thin)
    flat = near[values <= (1 + FLAT) * values.min()]
    at, reach = float(near[np.argmin(values)]), 2 * (near[1] - near[0])
    while True:
        fine = np.linspace(max(low, at - reach), min(high, at + reach), FINE)
        found = expected(fine)
        best = _bottom(fine, found)
        if abs(best - at) < 0.99 * reach or best in (low, high):
            return chosen(best, flat)
        at = best  # all draws put it where the fewer did not


def _bottom(places: Array, values: Array) -> float:
    """Place of the least value: the vertex of the parabola through the least and its neighbours."""
    least = int(np.argmin(values))
    if not 0 < least < places.size - 1:
        return float(places[least])
    before, at, after = values[least - 1 : least + 2]
    bend = before - 2 * at + after
    shift = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float(places[least] + shift * (places[1] - places[0]))
