"""Sensitivity: how a forecast moves with the form of the law, the prior, and drift.

Form: what each law that is averaged says by itself. Prior: the draws weighed as if the prior had
counted half or twice, by its density to a power. Where the prior has much to say, no number of
draws tells of half of it: the weights then have no variance. So a milder power is taken, the
strongest that the draws of every law tell of, and named. Drift: exponents that stay beyond the runs
what they are at their ends. None of them needs a new fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import KIND, PROBABILITY
from bayes_scaling.laws.density import log_prior, own_priors
from bayes_scaling.laws.design import make_design
from bayes_scaling.page import Grid, Page, Printed, called, told
from bayes_scaling.posterior import Member, Posterior
from bayes_scaling.posterior.beyond import frozen_walks
from bayes_scaling.questions.forecast import Forecast, forecast_by_law, mix_forecasts
from bayes_scaling.questions.new_budget import forecast_at
from bayes_scaling.questions.score_targets import error_to_reach
from bayes_scaling.questions.sizes import Sizes

Array = NDArray[np.float64]

POWERS: tuple[Mapping[str, float], ...] = (
    {"half": 1 / 2, "two thirds": 2 / 3, "three quarters": 3 / 4, "nine tenths": 9 / 10},
    {"twice": 2.0, "1.5 times": 1.5, "1.25 times": 1.25, "1.1 times": 1.1},
)
"""Powers of the prior density, less and more, by how much the prior counts then; mild ones last."""

MORE_DRAWS = 4
"""How many times the draws of a fit are asked for where even the mildest power is not told."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Sensitivity(Printed):
    """A forecast of one run under other assumptions.

    Attributes
    ----------
    forecast : Forecast
        As it is.
    draws : mapping of (str, str) to array (n_draws,)
        Loss of a new run, by kind and name of the assumption.
    weights : mapping of (str, str) to array (n_draws,)
        Of those draws, Pareto-smoothed where the draws were weighed anew; they sum to 1.
    untold : tuple of (str, str)
        Assumptions that the draws cannot tell of: the Pareto k of their weights is too high.
    draws_of_chain : int
        Draws of each chain of the fit.
    target : float, optional
        Loss that should be reached.
    probability : float
        Probability of the intervals.
    """

    forecast: Forecast
    draws: Mapping[tuple[str, str], Array]
    weights: Mapping[tuple[str, str], Array]
    untold: tuple[tuple[str, str], ...] = ()
    draws_of_chain: int
    target: float | None = None
    probability: float = PROBABILITY

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per assumption."""
        tail = (1 - self.probability) / 2
        found = []
        for key, losses in self.draws.items():
            weights = self.weights[key]
            low, middle, high = weighted_quantiles(losses, weights, (tail, 0.5, 1 - tail))
            row: dict[str, Any] = {"assumption": key[0], "variant": key[1]}
            row |= {"new_run": middle, "new_run_lower": low, "new_run_upper": high}
            row |= {"probability": self.probability, "kind": KIND}
            if self.target is not None:
                row["chance"] = min(1.0, float(weights @ (losses <= self.target)))
            row["note"] = self._note if key in self.untold else ""
            found.append(row)
        return found

    @property
    def _note(self) -> str:
        draws = MORE_DRAWS * self.draws_of_chain
        return (
            f"too few effective draws to tell: fit again with --draws {draws} (in Python "
            f"draws={draws})"
        )

    def page(self) -> Page:
        """Return what is printed: the forecast under each assumption."""
        rows = [
            [
                row["assumption"],
                row["variant"],
                told(row, "new_run"),
                f"{row['chance']:.3g}" if "chance" in row else "",
                row["note"],
            ]
            for row in self.rows()
        ]
        heading = ("assumption", "", called("new_run"), "chance of target", "")
        return [[Grid(heading=heading, rows=rows)]]


def sensitivity(
    fit: Posterior,
    sizes: Sizes,
    *,
    target_loss: float | None = None,
    target_score: float | None = None,
) -> Sensitivity:
    """Tell how the forecast of a run moves with form, prior and drift.

    Parameters
    ----------
    fit : Fit
        The posterior.
    sizes : mapping, DataFrame or RunTable
        The run, as for a forecast; the first of several.
    target_loss : float, optional
        Loss that should be reached.
    target_score : float, optional
        Score that should be reached in its place, between 0 and 1, by a law of scores.

    Returns
    -------
    Sensitivity

    Raises
    ------
    InputError
        The sizes cannot be used.

    References
    ----------
    Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5 (priors to a power); Vehtari et al.
    2024, arXiv:1507.02646 (Pareto smoothing).
    """
    target_loss = error_to_reach(fit, target_score, target_loss, name="target_score")
    members = fit.members
    shares = fit.weights
    parts = {name: forecast_by_law(each, sizes) for name, each in members.items()}
    whole = mix_forecasts(parts, shares)
    losses = {name: part.draws[:, 0] for name, part in parts.items()}
    even = {name: np.full(values.size, 1 / values.size) for name, values in losses.items()}

    def mixed(by: Mapping[str, Array]) -> Array:
        return np.concatenate([shares[name] * each for name, each in by.items()])

    together = np.concatenate(list(losses.values()))
    draws = {("as it is", ""): together}
    weights = {("as it is", ""): mixed(even)}
    untold = []
    priors = {name: _log_prior(each) for name, each in members.items()}
    for powers in POWERS:
        for counts, power in powers.items():
            found = {name: _reweighted(each, power) for name, each in priors.items()}
            key, told_of = ("prior", f"counts {counts}"), all(each for _, each in found.values())
            if told_of:
                break
        draws[key] = together
        weights[key] = mixed({name: each for name, (each, _) in found.items()})
        if not told_of:
            untold.append(key)
    if any(each.steps for each in members.values()):
        key = ("drift", "none beyond the runs")
        still = [_frozen(each, parts[name], sizes) for name, each in members.items()]
        draws[key], weights[key] = np.concatenate(still), mixed(even)
    if len(members) > 1:
        for name in members:
            draws["form", name], weights["form", name] = losses[name], even[name]
    return Sensitivity(
        forecast=whole,
        draws=draws,
        weights=weights,
        untold=tuple(untold),
        draws_of_chain=fit.settings.draws,
        target=target_loss,
    )


def _log_prior(fit: Member) -> Array:
    """Log prior density of each draw (n_draws,), of what has a prior of its own.

    Values of groups around their population have none: their density is that of the law, and
    without bound where the spread is small.
    """
    grouping = make_design(fit.model, fit.runs).grouping
    parts = own_priors(fit.model, log_prior(fit.model, fit.flat, grouping)).values()
    total: Array = np.sum([each.reshape(len(each), -1).sum(axis=1) for each in parts], axis=0)
    return total


def _reweighted(log_density: Array, power: float) -> tuple[Array, bool]:
    """Weigh draws as if their prior density had been raised to a power.

    Returns
    -------
    weights : array (n_draws,)
        Pareto-smoothed; they sum to 1.
    reliable : bool
        Whether the Pareto k is low enough for that number of draws.
    """
    from arviz_stats.base import array_stats

    logs = (power - 1) * log_density
    with np.errstate(all="ignore"):  # tails of hardly any spread; Pareto k says what came of it
        smoothed, k = array_stats.psislw(-logs)  # ArviZ takes minus the log ratios
    weights = np.exp(smoothed)
    return weights / weights.sum(), bool(k <= min(0.7, 1 - 1 / np.log10(logs.size)))


def _frozen(fit: Member, part: Forecast, sizes: Sizes) -> Array:
    """Loss of a new run (n_draws,) with exponents that stay what they are at the ends."""
    if not fit.steps:
        return part.draws[:, 0]
    at, _ = forecast_at(fit, sizes)
    names = [name for name in fit.model.inputs if name in part.plan.columns]
    inputs = {name: part.plan.columns[name][:1] for name in names}
    still = at.predict(inputs, group=part.plan.group[:1], walks=frozen_walks(at))
    return np.asarray(still[:, 0] * part.draws[:, 0] / part.noise_free[:, 0])


def weighted_quantiles(
    values: Array, weights: Array, levels: tuple[float, ...]
) -> tuple[float, ...]:
    """Quantiles of weighted values (n,), whose weights sum to 1."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return tuple(float(each) for each in np.interp(levels, reached, values[order]))
