"""The density that a sampler should have sampled, by numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_scaling.facade import Fit
from bayes_scaling.laws.density import log_likelihood, log_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import CENTRING
from bayes_scaling.laws.priors import SOFTNESS, Prior


def log_posterior(fit: Fit) -> Any:
    """Log density of prior and likelihood, tempered where the model is (n_draws,).

    On the scale on which every parameter is unbounded, for fits of one group.
    """
    design = make_design(fit.model, fit.runs)
    likelihood = log_likelihood(fit.model, design, fit.flat, fit.walks)
    found = (design.weights * likelihood).sum(axis=1)
    found += sum(log_prior(fit.model, fit.flat, design.grouping).values())
    for steps in fit.steps.values():
        flat = steps.reshape(-1, steps.shape[-1])
        found += (-(flat**2) / 2 - np.log(2 * np.pi) / 2).sum(axis=1)
        found -= flat.shape[1] * CENTRING * np.log(fit.flat["tau"])
    for item in fit.model.parameters:
        found += _slope_of_scale(item.prior, fit.flat[item.name])
    return found


def _slope_of_scale(prior: Prior, value: np.ndarray) -> np.ndarray:
    """Log slope of a value against what is sampled in its place (n_draws,)."""
    if prior.dist == "HalfNormal":  # width * softplus
        width = SOFTNESS * dict(prior.args)["sigma"]
        return np.asarray(np.log(width) + np.log1p(-np.exp(-value / width)))
    if prior.scale == "identity":
        return np.zeros_like(value)
    return np.asarray(np.log(value) + (np.log1p(-value) if prior.scale == "logit" else 0.0))
