"""How much compute is enough: for a target, with a probability, and for the loss of a split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.questions.cheapest import cheapest
from bayes_scaling.questions.choice import expected_split
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.surface import Surface
from bayes_scaling.runs import training_flops

Array = NDArray[np.float64]

FURTHEST = 1e9
"""Factor of compute up to which a sufficient budget is searched, either way."""

NEAR = 2.5
"""Log compute within which the best split of one budget says where that of another lies."""

CLOSE = 0.01
"""Log compute to which it is found."""


def extra_compute(law: Surface, losses: Array, spent: Array) -> Array:
    """Compute beyond what the best split would need for the same loss, relative to that.

    Parameters
    ----------
    law : Surface
        The law.
    losses : array (n_draws, n_runs)
        Noise-free losses of runs (nats per token).
    spent : array (n_runs,)
        Compute of the runs [FLOP].

    Returns
    -------
    array (n_fewer, n_runs)
        For `FEWER` of the draws.
    """
    thin, taken = law.fewer()
    found = []
    for index, flops in enumerate(spent):
        target = np.log(losses[taken, index])
        about = float(np.log(flops / law.share))
        u, v = cheapest(thin.split_loss(), target, thin.draws, about)
        least = law.share * training_flops(np.exp(u), np.exp(v))
        found.append(np.maximum(flops / least - 1, 0.0))
    return np.stack(found, axis=1)


def budget_for(
    law: Surface, target: float, sure: float, noise: Array, start: float, limits: Limits
) -> float:
    """Find the least compute whose split of least expected loss reaches a target surely enough.

    Parameters
    ----------
    law : Surface
        The law.
    target, sure : float
        The loss, and the probability that a new run reaches it.
    noise : array (n_draws,)
        Log deviation of a new run from the law, by draw.
    start : float
        Compute to begin with [FLOP].
    limits : Limits
        What splits stay within.

    Returns
    -------
    float
        In FLOP, to a percent; inf where a factor of `FURTHEST` more is not enough.
    """
    thin, _ = law.fewer()

    found: dict[float, float] = {}
    """Params of the best split of each log budget that was looked at."""

    def reaches(log_flops: float) -> bool:
        near = min(found, key=lambda other: abs(other - log_flops), default=np.inf)
        around = found[near] if abs(near - log_flops) <= NEAR else None
        try:
            choice = expected_split(thin, float(np.exp(log_flops)), limits, around=around)
        except InputError:  # the limits allow no size that spends it
            return False
        found[log_flops] = choice.params
        sizes = {"params": np.array(choice.params), "tokens": np.array(choice.tokens)}
        return bool((np.log(law.at(sizes, law.draws)) + noise <= np.log(target)).mean() >= sure)

    low = high = float(np.log(start))
    step = 1.0
    up = not reaches(low)
    while reaches(high if up else low) != up:
        step *= 2
        if step > 2 * np.log(FURTHEST):
            return float(np.inf) if up else float(np.exp(low))
        low, high = (high, high + step) if up else (low - step, low)
    while high - low > CLOSE:
        middle = (low + high) / 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return float(np.exp(high))
