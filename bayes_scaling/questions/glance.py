"""What is told at first sight of a forecast: chance, gains, best run so far, tried split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_scaling.intervals import interval
from bayes_scaling.posterior import Posterior
from bayes_scaling.questions.allocate import Allocation
from bayes_scaling.questions.forecast import Forecast
from bayes_scaling.questions.loss_curve import observed
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.risk import Risk
from bayes_scaling.runs import RunTable

NEAR = 3.0
"""Factor of a budget within which a run counts as made at that budget."""

APART = 1.5
"""Factor outside the tokens per parameter of runs from which a split is another: a smaller one
costs next to nothing, and is often rounding."""

FEWEST = 3
"""Runs near a budget from which they say what was tried there."""


@dataclass(frozen=True, kw_only=True)
class Chance:
    """How probable a target is.

    Attributes
    ----------
    new_run : float
        Probability that a new run reaches it.
    law : float
        Probability that the noise-free loss is at most that.
    draws : int
        Draws behind both.
    """

    new_run: float
    law: float
    draws: int


def chance_of(forecast: Forecast, target: float, run: int = 0) -> Chance:
    """Return the probability of a loss of at most a target."""
    losses = forecast.draws[:, run]
    return Chance(
        new_run=float(np.mean(losses <= target)),
        law=float(np.mean(forecast.noise_free[:, run] <= target)),
        draws=losses.size,
    )


def gains_by_law(found: Risk, run: int = 0) -> dict[str, float]:
    """Return the expected gain of a run under each law, of a risk with a price and a value."""
    price = (found.rig or Rig()).money(float(found.flops[run])) or 0.0
    value = found.value or 0.0
    return {
        name: float(chance[run]) * value - price for name, chance in found.member_chances.items()
    }


def best_run(runs: RunTable, response: str) -> int:
    """Return the row of the lowest response."""
    return int(np.nanargmin(np.asarray(runs[response], float)))


@dataclass(frozen=True, kw_only=True)
class Untried:
    """A best split that the runs hardly tried.

    Attributes
    ----------
    flops : float
        The budget [FLOP].
    best : float
        Median of the best tokens per parameter there.
    low, high : float
        Central 90 % of the tokens per parameter of the runs near that budget.
    """

    flops: float
    best: float
    low: float
    high: float


def untried_split(fit: Posterior, runs: RunTable, path: Allocation) -> Untried | None:
    """Return the largest budget of the runs where the best split leaves what was tried.

    Parameters
    ----------
    fit : Fit
        The posterior.
    runs : RunTable
        Runs of the group, with params and tokens.
    path : Allocation
        Best splits of several budgets.

    Returns
    -------
    Untried or None
        None where the best split of the largest budget with enough runs was tried.
    """
    seen = observed(fit, runs, "flops")
    tried = runs["tokens"] / runs["params"]
    ratios = path.tokens_per_param.T
    budgets = np.median(path.flops, axis=0)  # of training, as those of the runs
    for budget, draws in sorted(zip(budgets, ratios, strict=True), key=lambda pair: -pair[0]):
        near = np.abs(np.log(seen / budget)) <= np.log(NEAR)
        if budget > np.nanmax(seen) * 1.001 or np.count_nonzero(near) < FEWEST:
            continue
        middle, most = interval(draws).median, interval(tried[near], 0.9)
        if most.lower / APART <= middle <= most.upper * APART:
            return None
        return Untried(flops=float(budget), best=middle, low=most.lower, high=most.upper)
    return None
