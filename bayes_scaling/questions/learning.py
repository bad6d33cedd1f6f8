"""What runs would teach: covariances of log losses over the draws, and choosing by them.

A run that is measured narrows the forecast of another one by what their losses have in common over
the draws. To second order in the logs that needs no new fit: the covariance of all losses is
conditioned on a loss with the noise of a run, as of joint normal variables. It is known before the
run is made, since it does not depend on what the run will show.

Laws that are averaged learn each for itself, and their weights stay: no run tells which of them is
right. So each has its covariance, and what they will still differ by is taken over what the runs
may show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LINES = 5
"""Runs of the plain isoFLOP design."""

WORTH = 0.01
"""Share of the variance left that a run must remove to be made."""

TRUTHS = 400
"""Draws that are taken for the truth in turn, to see what laws will differ by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Belief:
    """What one law says of the log losses.

    Attributes
    ----------
    weight : float
        Its share of the average.
    covariance : array (n + 1, n + 1)
        Of its draws.
    means : array (n_truths, n + 1)
        What it expects, where each of the truths showed in the runs so far.
    """

    weight: float
    covariance: Array
    means: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """Candidate runs and a target, as far as their losses go together.

    Attributes
    ----------
    covariance : array (n + 1, n + 1)
        Of the log losses; the log of the target, a loss or a size, is the last.
    noise : array (n,)
        Variance of the log loss of a run around the law.
    cost : array (n,)
        Compute of each candidate [FLOP].
    beliefs : tuple of Belief
        Of the laws that are averaged; none where there is one.
    truths : array (n_truths, n + 1)
        Draws of their average.
    """

    covariance: Array
    noise: Array
    cost: Array
    beliefs: tuple[Belief, ...] = ()
    truths: Array | None = None

    @property
    def variance(self) -> float:
        """Variance of the target's log: within the laws, and between them."""
        if self.truths is None:
            return max(float(self.covariance[-1, -1]), 0.0)
        within = sum(each.weight * each.covariance[-1, -1] for each in self.beliefs)
        means = np.array([each.means[:, -1] for each in self.beliefs])
        return max(float(within + self._between(means)), 0.0)

    def variances(self) -> Array:
        """Return what that would be after each of the candidates (n,)."""
        if self.truths is None:
            return np.asarray(self.covariance[-1, -1] - self._removed(self.covariance))
        within = sum(
            each.weight * (each.covariance[-1, -1] - self._removed(each.covariance))
            for each in self.beliefs
        )
        means = np.array(
            [
                each.means[:, -1:]
                + each.covariance[-1, :-1]
                / (np.diag(each.covariance)[:-1] + self.noise)
                * (self.truths - each.means)[:, :-1]
                for each in self.beliefs
            ]
        )
        return np.asarray(within + self._between(means))

    def given(self, run: int) -> Bench:
        """Return the bench once a candidate was measured."""
        noise = float(self.noise[run])
        left = replace(self, covariance=conditioned(self.covariance, run, noise))
        if self.truths is None:
            return left
        shown = self.truths[:, run]
        beliefs = [
            replace(
                each,
                covariance=conditioned(each.covariance, run, noise),
                means=each.means
                + np.outer(shown - each.means[:, run], each.covariance[run])
                / (each.covariance[run, run] + noise),
            )
            for each in self.beliefs
        ]
        return replace(left, beliefs=tuple(beliefs))

    def after(self, chosen: Sequence[int]) -> Array:
        """Return the standard deviation of the target's log before and after each run (k + 1,)."""
        left, found = self, [self.variance]
        for run in chosen:
            left = left.given(run)
            found.append(left.variance)
        return np.asarray(np.sqrt(np.array(found)))

    def _removed(self, covariance: Array) -> Array:
        """Variance of the target that each of the candidates would remove from one law (n,)."""
        return np.asarray(covariance[-1, :-1] ** 2 / (np.diag(covariance)[:-1] + self.noise))

    def _between(self, means: Array) -> Array:
        """Variance between means (n_laws, n_truths, ...) of the laws, over the truths (...)."""
        weights = np.array([each.weight for each in self.beliefs])
        middle = np.tensordot(weights, means, axes=1)
        return np.asarray(np.tensordot(weights, (means - middle) ** 2, axes=1).mean(axis=0))


def bench(
    log_losses: Array, noise: Array, cost: Array, member: NDArray[np.int64] | None = None
) -> Bench:
    """Return a bench from draws (n_draws, n + 1), the target last, and the law of each draw."""
    found = Bench(covariance=np.cov(log_losses, rowvar=False), noise=noise, cost=cost)
    laws, counts = np.unique(np.zeros(1) if member is None else member, return_counts=True)
    if laws.size == 1 or counts.min() < 2:
        return found
    places = np.linspace(0, len(log_losses) - 1, min(TRUTHS, len(log_losses))).astype(int)
    beliefs = []
    for law in laws:
        own = log_losses[member == law]
        means = np.tile(own.mean(axis=0), (places.size, 1))
        beliefs.append(
            Belief(
                weight=len(own) / len(log_losses),
                covariance=np.cov(own, rowvar=False),
                means=means,
            )
        )
    return replace(found, beliefs=tuple(beliefs), truths=log_losses[places])


def conditioned(covariance: Array, run: int, noise: float) -> Array:
    """Covariance once the log loss of a run was measured with some noise."""
    column = covariance[:, run]
    return np.asarray(covariance - np.outer(column, column) / (column[run] + noise))


def greedy(table: Bench, budget: float, *, per_flop: bool) -> list[int]:
    """Choose runs one by one, each that which narrows the target most, or most per FLOP.

    Runs that would remove less than `WORTH` of the variance left are not made.

    Parameters
    ----------
    table : Bench
        The candidates.
    budget : float
        Compute of all of them together [FLOP].
    per_flop : bool
        Whether the variance that a run removes is divided by its compute.

    Returns
    -------
    list of int
        The candidates, in order.
    """
    left, spent, chosen = table, 0.0, list[int]()
    free = np.ones(table.cost.size, dtype=bool)
    while True:
        able = free & (spent + table.cost <= budget)
        if not able.any():
            return chosen
        gain = left.variance - left.variances()
        gain = np.where(able & (gain >= WORTH * left.variance), gain, 0.0)
        run = int(np.argmax(gain / table.cost if per_flop else gain))
        if gain[run] == 0:
            return chosen
        left = left.given(run)
        spent, free[run] = spent + float(table.cost[run]), False
        chosen.append(run)


def best_order(table: Bench, budget: float) -> tuple[int, ...]:
    """Choose runs greedily, by variance removed or by that per FLOP: what ends narrower."""
    orders = [tuple(greedy(table, budget, per_flop=each)) for each in (False, True)]
    return min(orders, key=lambda order: float(table.after(order)[-1]))


def largest_affordable(table: Bench, budget: float) -> list[int]:
    """Take the costliest run that can still be paid, again and again: a plain design."""
    chosen, spent = list[int](), 0.0
    for run in np.argsort(-table.cost, kind="stable"):
        if spent + table.cost[run] <= budget:
            chosen.append(int(run))
            spent += float(table.cost[run])
    return chosen


def isoflop_line(table: Bench, budget: float, log_params: Array) -> list[int]:
    """Spend the budget on sizes spread along one line of equal compute: a plain design."""
    each = np.log(budget / LINES)
    able = np.flatnonzero(np.log(table.cost) <= each)
    if not able.size:
        return []
    near = able[np.log(table.cost[able]) >= np.log(table.cost[able]).max() - np.log(2)]
    places = np.linspace(log_params[near].min(), log_params[near].max(), LINES)
    order = [int(near[np.argmin(np.abs(log_params[near] - place))]) for place in places]
    return list(dict.fromkeys(order))
