"""What the runs taught: prior beside posterior of every quantity of a law, and ranks by chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import PROBABILITY, quantiles
from bayes_scaling.laws.density import draw_prior
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.posterior import Member

Array = NDArray[np.float64]

PRIOR_DRAWS = 4000
"""Draws behind the prior of a derived quantity."""

GRID = 60
"""Places of a density."""

RANKS = 20
"""Parts of the ranks of the draws."""

BINS = 40
"""Of the histogram of a posterior."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """Prior and posterior of one quantity.

    Attributes
    ----------
    name : str
        As in the definition.
    about : str
        What it is.
    prior : str
        The prior as the definition has it; ``"implied"`` of a derived quantity.
    logarithmic : bool
        Whether it is positive, and compared on the log scale.
    range : (float, float)
        Central 90 % of the prior.
    draws : array (n_draws, n_groups)
        The posterior: of the population where groups are pooled, else of every group.
    logpdf : callable
        Log density of the prior, up to a constant, on its natural scale.
    """

    name: str
    about: str
    prior: str
    logarithmic: bool
    range: tuple[float, float]
    draws: Array
    logpdf: Callable[[Array], Array]

    @property
    def narrower(self) -> float:
        """Width of the prior's central 90 % over that of the widest posterior."""
        prior, posterior = np.asarray(self.range), quantiles(self.draws, 0.9)[1:]
        if self.logarithmic:
            prior, posterior = np.log(prior), np.log(posterior)
        return float(np.ptp(prior) / np.ptp(posterior, axis=0).max())

    @property
    def ends(self) -> tuple[float, float]:
        """What a figure must show: the central 90 % of the prior, and every draw."""
        low, high = self.range
        return min(low, float(self.draws.min())), max(high, float(self.draws.max()))

    def prior_density(self) -> tuple[Array, Array]:
        """Return places between the ends, and the density of the prior there, highest at 1."""
        low, high = self.ends
        grid = np.geomspace(low, high, GRID) if self.logarithmic else np.linspace(low, high, GRID)
        logs = self.logpdf(grid) + (np.log(grid) if self.logarithmic else 0.0)
        return grid, np.exp(logs - np.nanmax(logs))

    def histograms(self) -> list[tuple[Array, Array]]:
        """Return the edges and heights of each group's histogram, its highest bar at 1."""
        found = []
        for column in self.draws.T:
            counts, edges = np.histogram(np.log(column) if self.logarithmic else column, bins=BINS)
            places = np.exp(edges) if self.logarithmic else edges
            found.append((places, np.r_[0.0, counts / counts.max()]))
        return found

    def rows(self, probability: float = PROBABILITY) -> list[dict[str, Any]]:
        """Return one dict per group: prior and posterior with their ends."""
        median, lower, upper = quantiles(self.draws, probability)
        return [
            {
                "quantity": self.name,
                "prior": self.prior,
                "prior_low90": self.range[0],
                "prior_high90": self.range[1],
                "posterior": float(median[group]),
                "posterior_lower": float(lower[group]),
                "posterior_upper": float(upper[group]),
                "narrower": self.narrower,
            }
            for group in range(self.draws.shape[1])
        ]


def learned(
    member: Member, which: Literal["all", "sampled", "derived"] = "all"
) -> tuple[Learned, ...]:
    """Compare prior and posterior of the parameters of a law, then of what is derived from them."""
    found = (
        [] if which == "derived" else [_sampled(member, item) for item in member.model.parameters]
    )
    if which == "sampled":
        return tuple(found)
    rng = member.generator("implied priors")
    implied = member.model.derive(draw_prior(member.model, PRIOR_DRAWS, rng), member.references)
    found += [_derived(member, name, values) for name, values in implied.items()]
    return tuple(found)


def _sampled(member: Member, item: Parameter) -> Learned:
    pooled = item.population_name
    low, high = (float(end) for end in item.prior.quantile(np.array([0.05, 0.95])))
    return Learned(
        name=item.name,
        about=item.about,
        prior=str(item.prior),
        logarithmic=item.prior.scale == "log",
        range=(low, high),
        draws=_columns(member.flat[pooled if pooled in member.flat else item.name]),
        logpdf=item.prior.logpdf,
    )


def _derived(member: Member, name: str, prior: Array) -> Learned:
    """Compare a derived quantity with the draws of it that the priors imply."""
    known, draws = prior[np.isfinite(prior)], _columns(member.flat[name])
    low, high = (float(end) for end in quantiles(known, 0.9)[1:])
    logarithmic = bool(low > 0 and (draws > 0).all())
    kept = np.log(known[known > 0]) if logarithmic else known

    def logpdf(values: Array) -> Array:
        from scipy.stats import gaussian_kde

        places = np.log(values) if logarithmic else values
        with np.errstate(divide="ignore"):
            density = np.log(gaussian_kde(kept)(places))
        return np.asarray(density - places if logarithmic else density)

    return Learned(
        name=name,
        about="derived",
        prior="implied",
        logarithmic=logarithmic,
        range=(low, high),
        draws=draws,
        logpdf=logpdf,
    )


def _columns(draws: Array) -> Array:
    return draws[:, None] if draws.ndim == 1 else draws


# ---- chains --------------------------------------------------------------------------------------


def rank_counts(member: Member) -> dict[str, tuple[Array, tuple[float, float]]]:
    """Count the ranks of the draws of every sampled parameter by chain.

    Returns
    -------
    dict of str to (array (n_chains, n_bins), (float, float))
        By parameter, the first group of those that differ: draws of each chain in each part of the
        ranks of all, and what 9 of 10 even ones have there.
    """
    from scipy.stats import binom, rankdata

    found = {}
    for item in member.model.parameters:
        values = member.draws[item.name]
        values = values if values.ndim == 2 else values[..., 0]
        ranks = rankdata(values).reshape(values.shape) / values.size
        counts = [np.histogram(row, bins=RANKS, range=(0, 1))[0] for row in ranks]
        low, high = binom.ppf([0.05, 0.95], values.shape[1], 1 / RANKS)
        found[item.name] = (np.asarray(counts, float), (float(low), float(high)))
    return found
