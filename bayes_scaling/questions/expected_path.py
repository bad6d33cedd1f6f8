"""The sizes that would be chosen at every budget, and the loss along them, draw by draw.

Which split of a budget is best is not known; one is chosen all the same, and what a recipe is worth
is told at that one. Where all runs have one split, the best one of a draw may be far from any run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_scaling.questions.search import Array, Index, crossing
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import Surface
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN

NODES = 7
"""Budgets whose split is searched; between and beyond them its log is linear in log compute."""

AROUND = np.arange(-30.0, 30.5, 0.5)
"""Where the budget for a loss is searched, around one that is near [e-folds]."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedPath:
    """A law along the splits of least expected loss, or along the one size that it reads.

    Attributes
    ----------
    law : Surface
        A law of the loss.
    axis : str
        What budgets are of: flops, or the one size.
    log_flops, log_tokens : array (n_nodes,)
        Budgets and the tokens chosen for them; empty where there is nothing to split.
    """

    law: Surface
    axis: str
    log_flops: Array
    log_tokens: Array

    def sizes(self, log_budget: Array) -> dict[str, Array]:
        """Return the sizes that are chosen for budgets."""
        if not self.log_flops.size:
            return {self.axis: np.exp(log_budget)}
        ends = np.array([0, -2]), np.array([1, -1])
        slopes = np.diff(self.log_tokens[np.stack(ends)], axis=0)[0]
        slopes = np.clip(slopes / np.diff(self.log_flops[np.stack(ends)], axis=0)[0], 0.0, 1.0)
        inside = np.clip(log_budget, self.log_flops[0], self.log_flops[-1])
        tokens = np.interp(inside, self.log_flops, self.log_tokens)
        outside = log_budget - inside
        tokens = tokens + np.where(outside < 0, slopes[0], slopes[1]) * outside
        params = log_budget - np.log(FLOPS_PER_PARAM_TOKEN * self.law.share) - tokens
        return {"params": np.exp(params), "tokens": np.exp(tokens)}

    def log_loss(self, log_budget: Array, draw: Index) -> Array:
        """Return the log of the noise-free loss; budgets broadcast with the draws."""
        return np.asarray(np.log(self.law.at(self.sizes(log_budget), draw)))

    def losses(self, budgets: Array) -> Array:
        """Return the noise-free loss at budgets (n_draws, n_budgets)."""
        return np.exp(self.log_loss(np.log(budgets), self.law.draws[:, None]))

    def reaching(self, log_loss: Array, near: float) -> Array:
        """Return the budget (n_draws,) at which each draw reaches a loss of its own.

        0 where any does, inf where none does.
        """

        def above(log_budget: Array, draw: Index) -> Array:
            return self.log_loss(log_budget, draw) - log_loss[draw]

        grid = np.log(near) + AROUND
        with np.errstate(over="ignore"):
            return np.exp(crossing(above, grid, self.law.draws))


def axis_of(law: Surface) -> str:
    """Return what budgets are of: compute, or the one size that the law reads."""
    return "flops" if law.traded == ("params", "tokens") else law.traded[0]


def expected_path(law: Surface, low: float, high: float) -> ExpectedPath:
    """Choose the splits of least expected loss between two budgets.

    Parameters
    ----------
    law : Surface
        A law in params and tokens, or in one size.
    low, high : float
        Budgets [FLOP], or sizes.

    Raises
    ------
    InputError
        The law has no sizes to trade.
    """
    axis, nodes = axis_of(law), np.zeros(0)
    if axis != "flops" or law.traded == ("flops",):
        return ExpectedPath(law=law, axis=axis, log_flops=nodes, log_tokens=nodes)
    budgets = np.geomspace(low, high, NODES)
    tokens = np.array([expected_split(law, float(budget)).tokens for budget in budgets])
    return ExpectedPath(law=law, axis=axis, log_flops=np.log(budgets), log_tokens=np.log(tokens))
