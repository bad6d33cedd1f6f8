"""What goes on beyond the runs, where no run can teach a fit: drift, and the error of the form.

Both are drawn from the seed of the fit, draw by draw: forecasts, allocations and every other
decision of one fit see the same, and so does a fit that was thinned or saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import REACH, Walk, walk
from bayes_scaling.laws.features import log_scale
from bayes_scaling.laws.link import link_of

if TYPE_CHECKING:
    from bayes_scaling.posterior.member import Member

Array = NDArray[np.float64]
Index = NDArray[np.int64]


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


# ---- the error of the form -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class FormError:
    """How a form errs beyond the runs of each group, on the scale of its noise.

    Attributes
    ----------
    ends : array (n_groups,)
        Log of the scale of the largest run of each group; of all runs, for a group without any.
    fall : array (n_draws, n_groups)
        What the law falls there per e-fold of scale, over the last one.
    share : array (n_draws,)
        Share of that by which it errs per e-fold beyond.
    """

    ends: Array
    fall: Array
    share: Array

    def at(self, scale: Array, group: Index, draw: Index) -> Array:
        """Error at some sizes, by the log of their scale; group and draw broadcast with it."""
        return self.share[draw] * self.fall[draw, group] * self.efolds(scale, group)

    def efolds(self, scale: Array, group: Index) -> Array:
        """E-folds beyond the largest run of a group, by the log of the scale; 0 inside."""
        return np.asarray(np.maximum(0.0, scale - self.ends[group]))


def draw_form_error(fit: Member) -> FormError | None:
    """Draw the error of the form of a law that has one."""
    prior, shape = fit.model.form_error, (fit.settings.chains, fit.settings.draws)
    if prior is None:
        return None
    share = prior.sample(shape, fit.generator("form error"))[:, :: fit.every].ravel()
    design, sizes = make_design(fit.model, fit.runs), fit.model.scale_inputs
    scale = log_scale(design.inputs, sizes)
    last = [
        int(rows[np.argmax(scale[rows])])
        for group in range(len(fit.groups))
        for rows in (np.flatnonzero(design.group == group),)
        if rows.size
    ]
    last += [int(np.argmax(scale))] * (len(fit.groups) - len(last))
    end = {name: values[last] for name, values in design.inputs.items()}
    before = end | {name: end[name] * np.exp(-1 / len(sizes)) for name in sizes}
    link, group = link_of(fit.model), np.arange(len(fit.groups))
    at, above = (link.forward(fit.law(inputs, group=group)) for inputs in (end, before))
    return FormError(ends=scale[last], fall=above - at, share=np.asarray(share))


def form_variance(fit: Member, inputs: Mapping[str, Array], group: Index) -> Array | float:
    """Variance of the loss, on the scale of noise, that is the error of the form (n_sizes,)."""
    error = fit.form_error
    if error is None or fit.model.form_error is None:
        return 0.0
    far = error.efolds(log_scale(inputs, fit.model.scale_inputs), group)
    fall = np.mean(error.fall**2, axis=0)[group]
    return np.asarray(fit.model.form_error.variance() * fall * far**2)
