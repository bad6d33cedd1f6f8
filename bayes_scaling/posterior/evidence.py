"""What runs tell of members that are averaged: of a ceiling, and of the floor of the loss.

The law without is the law with a saturation of 0, under priors of its own. So its evidence over
that of the law with follows from draws of the latter alone: how much more of the posterior than of
the prior lies at no saturation, each draw weighed by how the two priors think of it.

References
----------
Dickey 1971, Ann. Math. Stat. 42, 204; Verdinelli and Wasserman 1995, JASA 90, 614, on priors that
differ in what both laws have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.ceiling import SATURATION
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior.member import Member

LEAST_SHARE = 1e-9
"""Share of the posterior that is taken to be near no saturation where none is."""

NEAR = 0.06
"""Saturation up to which a law counts as one without: within the runs nothing tells them apart."""


def log_odds_without(fit: Member, plain: Model) -> float:
    """Return the log of the evidence of a law without a ceiling over that of the law with one.

    Parameters
    ----------
    fit : Member
        Of the law with a ceiling of unknown level.
    plain : Model
        The law without; its other parameters are those of the fitted one, each with its prior.

    Returns
    -------
    float
        Above 0 where the runs speak against a ceiling [nats].
    """
    prior = fit.model.parameter(SATURATION.name).prior
    saturation = fit.flat[SATURATION.name].reshape(fit.n_draws, -1).max(axis=1)
    ratio = _log_prior_ratio(fit, plain)
    weights = np.exp(ratio - ratio.max())
    near = _share_below(NEAR, saturation, weights)
    known = float(np.log(np.mean(weights)) + ratio.max())
    return known + near - float(np.log(prior.cdf(NEAR)))


def log_odds_of_priors(fit: Member, other: Model) -> float:
    """Return the log of the evidence of a law under other priors over that of the fitted one.

    Parameters
    ----------
    fit : Member
        The posterior.
    other : Model
        The same law under the other priors, which are not wider than those of the fitted one.

    Returns
    -------
    float
        Above 0 where the runs speak for the other priors [nats].
    """
    ratio = _log_prior_ratio(fit, other)
    return float(np.log(np.mean(np.exp(ratio - ratio.max()))) + ratio.max())


def _share_below(bound: float, draws: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the log of the share of a posterior on (0, 1) that lies below a bound.

    It is that of the Beta distribution of the same mean and variance: a count would jump where few
    draws lie there.
    """
    from scipy.special import betainc

    mean = float(np.average(draws, weights=weights))
    variance = float(np.average((draws - mean) ** 2, weights=weights))
    size = max(mean * (1 - mean) / max(variance, 1e-12) - 1, 1e-3)
    return float(np.log(max(betainc(mean * size, (1 - mean) * size, bound), LEAST_SHARE)))


def _log_prior_ratio(fit: Member, plain: Model) -> NDArray[np.float64]:
    """Log of the prior density of the law without over that of the fitted one (n_draws,)."""
    total = np.zeros(fit.n_draws)
    for other in plain.parameters:
        own = next((item for item in fit.model.parameters if item.name == other.name), None)
        if own is None or own.prior == other.prior:
            continue
        pooled = own.population_name in fit.flat
        values = fit.flat[own.population_name if pooled else own.name]
        ratio = other.prior.logpdf(values) - own.prior.logpdf(values)
        total = total + (ratio if ratio.ndim == 1 else ratio.sum(axis=1))
    return total
