"""How much is enough: compute or data for a target, and compute that a split wastes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.search import Array, Index, bracket, root_of
from bayes_scaling.questions.splits import cheapest, expected_split
from bayes_scaling.questions.surface import Surface
from bayes_scaling.runs import training_flops

CLOSE = 0.001
"""Tolerance of log compute, or log tokens."""

NEVER = 700.0
"""Log loss that stands for one that the limits allow no run to have."""

ONE = np.zeros(1, dtype=np.int64)


def wasted_compute(law: Surface, params: Array, tokens: Array) -> Array:
    """Share of the compute of runs that the best split would not have needed for the same loss.

    Parameters
    ----------
    law : Surface
        The law.
    params, tokens : array (n_runs,)
        Sizes of the runs.

    Returns
    -------
    array (n_fewer, n_runs)
        Between 0 and 1, for `FEWER` of the draws.
    """
    thin, _ = law.fewer()
    rank, draws, found = thin.split_rank(), thin.draws, []
    for own_u, own_v in zip(np.log(params), np.log(tokens), strict=True):
        spent = float(np.log(training_flops(np.exp(own_u), np.exp(own_v))))
        u, v = cheapest(rank, np.log(rank(own_u, own_v, draws)), draws, spent)
        least = np.log(training_flops(np.exp(u), np.exp(v)))
        found.append(np.clip(1 - np.exp(least - spent), 0.0, 1.0))
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
        In FLOP; inf where no budget is enough.
    """
    thin, _ = law.fewer()

    def lacking(log_flops: Array, _: Index) -> Array:
        try:
            choice = expected_split(thin, float(np.exp(log_flops[0])), limits)
        except InputError:  # the limits allow no size that spends it
            return np.array([NEVER])
        sizes = {"params": np.array(choice.params), "tokens": np.array(choice.tokens)}
        return _above(np.log(law.at(sizes, law.draws)) + noise, target, sure)

    return _least(lacking, start)


def compute_for(law: Surface, target: float, sure: float, start: float) -> float:
    """Find the least compute that reaches a target surely enough, by a law in compute alone.

    Parameters
    ----------
    law : Surface
        The law.
    target, sure : float
        The loss, and the probability that a new run reaches it.
    start : float
        Compute to begin with [FLOP].

    Returns
    -------
    float
        In FLOP; inf where no budget is enough.
    """

    def lacking(log_flops: Array, _: Index) -> Array:
        loss = law.at({"flops": np.exp(log_flops[:1])}, law.draws[:, None])
        same = np.random.default_rng(0)  # one noise of a new run for every budget
        return _above(np.log(law.with_noise(loss, same)[:, 0]), target, sure)

    return _least(lacking, start)


def data_for(
    law: Surface,
    flops: float,
    target: float,
    sure: float,
    noise: Array,
    between: tuple[float, float],
    limits: Limits,
) -> float:
    """Find the least data on hand with which a budget reaches a target surely enough.

    Parameters
    ----------
    law : Surface
        The law.
    flops : float
        The budget [FLOP].
    target, sure : float
        The loss, and the probability that a new run reaches it.
    noise : array (n_draws,)
        Log deviation of a new run from the law, by draw.
    between : (float, float)
        Tokens that are not enough, and that are.
    limits : Limits
        What splits stay within beside the data.

    Returns
    -------
    float
        In tokens.
    """

    def lacking(log_tokens: Array, _: Index) -> Array:
        capped = replace(limits, max_tokens=float(np.exp(log_tokens[0])))
        return _above(np.log(expected_split(law, flops, capped).loss) + noise, target, sure)

    lower, upper = (np.log([tokens]) for tokens in between)
    found = float(root_of(lacking, lower, upper, ONE, close=CLOSE)[0])
    return float(np.exp(found)) if np.isfinite(found) else between[1]


def _least(lacking: Callable[[Array, Index], Array], start: float) -> float:
    """Find the least compute at which nothing is lacking, from one to begin with [FLOP]."""
    lower, upper = bracket(lacking, float(np.log(start)), ONE)
    if lower[0] < upper[0]:
        upper = root_of(lacking, lower, upper, ONE, close=CLOSE)
    return float(np.exp(upper[0]))


def _above(log_losses: Array, target: float, sure: float) -> Array:
    """Return how far the loss that new runs stay below so surely lies above a target (1,)."""
    return np.atleast_1d(np.quantile(log_losses, sure, method="inverted_cdf") - np.log(target))
