"""What goes on beyond the runs, where no run can teach a fit: drift, and the error of the form.

Both are drawn from the seed of the fit, draw by draw: forecasts, allocations and every other
decision of one fit see the same, and so does a fit that was thinned or saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.drift import REACH, Walk, walk
from bayes_scaling.laws.features import SCALE_HIGH, scale_beyond
from bayes_scaling.laws.link import link_of

if TYPE_CHECKING:
    from bayes_scaling.posterior.member import Member

Array = NDArray[np.float64]


def draw_walks(fit: Member, purpose: str) -> Mapping[str, Walk]:
    """Return the walk of every input that drifts.

    Parameters
    ----------
    fit : Member
        The posterior, which holds the steps inside the range of the runs.
    purpose : str
        What the steps beyond are drawn for; those of one purpose are always the same.

    Returns
    -------
    mapping of str to Walk
    """
    return {
        name: walk(
            name,
            fit.references,
            fit.flat["tau"],
            steps.reshape(-1, steps.shape[-1]),
            _steps_beyond(fit, f"{purpose} {name}"),
        )
        for name, steps in fit.steps.items()
    }


def frozen_walks(fit: Member) -> Mapping[str, Walk]:
    """Return the walks with exponents that stay beyond the runs what they are at their ends."""
    still = np.zeros((2, fit.n_draws, REACH))
    return {
        name: walk(name, fit.references, fit.flat["tau"], steps.reshape(-1, steps.shape[-1]), still)
        for name, steps in fit.steps.items()
    }


def _steps_beyond(fit: Member, purpose: str) -> Array:
    """Return standardised steps below and above the runs (2, n_draws, REACH)."""
    shape = (2, fit.settings.chains, fit.settings.draws, REACH)
    steps = fit.generator(purpose).standard_normal(shape)[:, :, :: fit.every]
    return steps.reshape(2, -1, REACH)


def draw_form_errors(fit: Member) -> Array:
    """Return the relative error of the form per e-fold of scale beyond the runs (n_draws,)."""
    prior, shape = fit.model.form_error, (fit.settings.chains, fit.settings.draws)
    errors = np.zeros(shape) if prior is None else prior.sample(shape, fit.generator("form error"))
    return np.asarray(errors[:, :: fit.every].ravel())


def form_variance(fit: Member, inputs: Mapping[str, Array], law: Array) -> Array | float:
    """Variance of the log of a law (n_draws, n_sizes) that is the error of its form (n_sizes,)."""
    prior = fit.model.form_error
    if prior is None:
        return 0.0
    per_unit = link_of(fit.model).log_per_unit(np.median(law, axis=0))
    return np.asarray(prior.variance() * (efolds_beyond(fit, inputs) * per_unit) ** 2)


def efolds_beyond(fit: Member, inputs: Mapping[str, Array]) -> Array:
    """E-folds of scale beyond the largest fitted run, or below the lowest loss (n_sizes,)."""
    scale = scale_beyond(inputs, fit.model.scale_inputs)
    return np.asarray(np.maximum(0.0, scale - np.log(fit.references[SCALE_HIGH])))
