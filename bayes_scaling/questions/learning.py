"""What runs would teach: covariances of log losses over the draws, and choosing by them.

A run that is measured narrows the forecast of another one by what their losses have in common over
the draws. To second order in the logs that needs no new fit: the covariance of all losses is
conditioned on a loss with the noise of a run, as of joint normal variables. It is known before the
run is made, since it does not depend on what the run will show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LINES = 5
"""Runs of the plain isoFLOP design."""

WORTH = 0.01
"""Share of the variance left that a run must remove to be made."""


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
    """

    covariance: Array
    noise: Array
    cost: Array

    def after(self, chosen: Sequence[int]) -> Array:
        """Return the standard deviation of the target's log before and after each run (k + 1,)."""
        left = self.covariance
        found = [left[-1, -1]]
        for run in chosen:
            left = conditioned(left, run, float(self.noise[run]))
            found.append(left[-1, -1])
        return np.asarray(np.sqrt(np.maximum(np.array(found), 0.0)))


def bench(log_losses: Array, noise: Array, cost: Array) -> Bench:
    """Return a bench from draws (n_draws, n + 1), the target last."""
    return Bench(covariance=np.cov(log_losses, rowvar=False), noise=noise, cost=cost)


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
    left, spent, chosen = table.covariance, 0.0, list[int]()
    free = np.ones(table.cost.size, dtype=bool)
    while True:
        able = free & (spent + table.cost <= budget)
        if not able.any():
            return chosen
        own = np.diag(left)[:-1] + table.noise
        gain = left[-1, :-1] ** 2 / own
        gain = np.where(able & (gain >= WORTH * left[-1, -1]), gain, 0.0)
        run = int(np.argmax(gain / table.cost if per_flop else gain))
        if gain[run] == 0:
            return chosen
        left = conditioned(left, run, float(table.noise[run]))
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
