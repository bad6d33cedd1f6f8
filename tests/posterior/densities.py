"""The density that a sampler should have sampled, by numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_scaling.facade import Fit
from bayes_scaling.laws.density import log_likelihood, log_prior
from bayes_scaling.laws.design import make_design


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
    for item in fit.model.parameters:
        value = fit.flat[item.name]
        found += np.log(value) if item.prior.scale != "identity" else 0.0
        found += np.log1p(-value) if item.prior.scale == "logit" else 0.0
    return found
