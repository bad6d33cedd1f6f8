"""How much is enough: compute or data for a target, and compute that a split wastes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.page import efolds_beyond, times
from bayes_scaling.questions.limits import WITHOUT, Limits
from bayes_scaling.questions.search import Array, Index, bracket, root_of
from bayes_scaling.questions.splits import EXACT, cheapest, expected_split
from bayes_scaling.questions.surface import Surface
from bayes_scaling.questions.tested_distance import IF_IT_HOLDS, held_at
from bayes_scaling.runs import training_flops

CLOSE = 0.001
"""Tolerance of log compute, or log tokens."""

SOUGHT = 1e6
"""How many times the planned run is tried; where more is needed, none is said to be enough."""

ROUNDED = 10 * EXACT
"""Share of the compute below which what a split wastes is rounding of the search."""

NEVER = 700.0
"""Log loss that stands for one that the limits allow no run to have."""

ONE = np.zeros(1, dtype=np.int64)


def wasted_compute(law: Surface, params: Array, tokens: Array, limits: Limits = WITHOUT) -> Array:
    """Share of the compute of runs that the best split would not have needed for the same loss.

    The best split is that within the limits, and compute is of training and of what is served.

    Parameters
    ----------
    law : Surface
        The law.
    params, tokens : array (n_runs,)
        Sizes of the runs.
    limits : Limits
        What the runs stay within, and the best splits.

    Returns
    -------
    array (n_fewer, n_runs)
        Between 0 and 1, for `FEWER` of the draws.
    """
    thin, _ = law.fewer()
    rank, draws, found = thin.split_rank(), thin.draws, []
    for own_u, own_v in zip(np.log(params), np.log(tokens), strict=True):
        spent = float(np.log(limits.lifetime(np.exp(own_u), np.exp(own_v))))
        own = np.log(rank(own_u, own_v, draws))
        u, v = cheapest(rank, own, draws, spent, within=limits)
        share = 1 - np.exp(np.log(limits.lifetime(np.exp(u), np.exp(v))) - spent)
        found.append(np.where(share < ROUNDED, 0.0, np.clip(share, 0.0, 1.0)))
    return np.stack(found, axis=1)


@dataclass(frozen=True, kw_only=True)
class Enough:
    """The least of a size that reaches a target surely enough.

    Attributes
    ----------
    axis : str
        Which size: flops, or the one that the law reads.
    size : float
        Its least, of compute that of training; inf where none up to `sought` is enough.
    lifetime : float, optional
        Compute of training and serving, where the model serves [FLOP].
    efolds : float
        How far it lies beyond the fitted runs, in compute where the law tells it.
    sought : float
        The largest that was tried, of compute with that of serving.
    """

    axis: str
    size: float
    lifetime: float | None = None
    efolds: float = 0.0
    sought: float

    @property
    def untested(self) -> bool:
        """Whether no forecast was tested as far beyond its runs."""
        return bool(np.isfinite(self.size)) and held_at(float(np.exp(self.efolds))) is None

    @property
    def none(self) -> str:
        """What is not enough, in words."""
        if self.axis == "flops":
            return f"no budget up to {self.sought:.3g} FLOP"
        return f"no {self.axis} up to {self.sought:.3g}"

    def __str__(self) -> str:
        """Say it in words."""
        if not np.isfinite(self.size):
            return f"{self.none} does"
        unit = "FLOP" if self.axis == "flops" else self.axis
        said = f"{self.size:.3g} {unit}"
        if self.lifetime is not None:
            said += f" of training, {self.lifetime:.3g} with serving"
        if self.untested:
            said += f", {times(float(np.exp(self.efolds)))} beyond the runs, {IF_IT_HOLDS}"
        return said


def enough_for(
    law: Surface,
    target: float,
    sure: float,
    start: Mapping[str, float],
    noise: Array,
    limits: Limits = WITHOUT,
) -> Enough:
    """Find the least compute, or the least of the one size of a law, that reaches a target.

    Parameters
    ----------
    law : Surface
        The law.
    target, sure : float
        The loss, and the probability that a new run reaches it.
    start : mapping of str to float
        Sizes to begin with; of a law that splits budgets ``flops``, of training and serving.
    noise : array (n_draws,)
        Log deviation of a new run from the law, by draw, of a law that splits budgets.
    limits : Limits
        What splits stay within.
    """
    axis = "flops" if law.traded == ("params", "tokens") else law.traded[0]
    sought = start[axis] * SOUGHT
    if len(law.traded) == 1:
        size = size_for(law, axis, target, sure, start[axis])
        sizes = {axis: size}
    else:
        size = budget_for(law, target, sure, noise, start[axis], limits)
    if not size <= sought:
        return Enough(axis=axis, size=np.inf, sought=sought)
    lifetime = None
    if len(law.traded) > 1:
        choice = expected_split(law.fewer()[0], size, limits)
        sizes = {"params": choice.params, "tokens": choice.tokens}
        sizes["flops"] = float(training_flops(law.share * choice.params, choice.tokens))
        if limits.inference_tokens:
            size, lifetime = sizes["flops"], size
    far = law.beyond({name: np.array([value]) for name, value in sizes.items()})
    row = {f"efolds_{name}": float(values[0]) for name, values in far.items()}
    efolds = efolds_beyond(row)
    return Enough(axis=axis, size=size, lifetime=lifetime, efolds=efolds, sought=sought)


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
        In FLOP, of training and of what is served; inf where no budget is enough.
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


def size_for(law: Surface, axis: str, target: float, sure: float, start: float) -> float:
    """Find the least of a size that reaches a target surely enough, by a law in that size alone.

    Parameters
    ----------
    law : Surface
        The law.
    axis : str
        The size.
    target, sure : float
        The loss, and the probability that a new run reaches it.
    start : float
        Size to begin with.

    Returns
    -------
    float
        inf where none is enough.
    """

    def lacking(log_size: Array, _: Index) -> Array:
        loss = law.at({axis: np.exp(log_size[:1])}, law.draws[:, None])
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
    """Find the least size at which nothing is lacking, from one to begin with."""
    lower, upper = bracket(lacking, float(np.log(start)), ONE)
    if lower[0] < upper[0]:
        upper = root_of(lacking, lower, upper, ONE, close=CLOSE)
    return float(np.exp(upper[0]))


def _above(log_losses: Array, target: float, sure: float) -> Array:
    """Return how far the loss that new runs stay below so surely lies above a target (1,)."""
    return np.atleast_1d(np.quantile(log_losses, sure, method="inverted_cdf") - np.log(target))
