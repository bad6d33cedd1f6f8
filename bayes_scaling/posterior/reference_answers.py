"""What any fit is asked: the loss at its largest run and beyond it, and the local exponent there.

Convergence is judged by these answers first. A parameter may mix slowly along a ridge on which no
answer changes; then the fit is as good as its answers are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.design import Design
from bayes_scaling.laws.features import log_scale

if TYPE_CHECKING:
    from bayes_scaling.posterior.member import Member

Array = NDArray[np.float64]

FACTORS = (1.0, 10.0, 100.0)
"""Scales at which the loss is asked, over that of the largest run of each group."""


def reference_answers(fit: Member, design: Design) -> dict[str, Array]:
    """Return the log of the noise-free loss beyond the runs, and the local exponents there.

    Parameters
    ----------
    fit : Member
        The posterior.
    design : Design
        Its data.

    Returns
    -------
    dict of str to array (n_chains, n_draws) or (n_chains, n_draws, n_groups)
        ``loss at 10x`` at ten times the scale of the largest run of each group, every size raised
        by the same factor and all else as in that run; ``exponent at 100x`` between that scale and
        the one before [per e-fold of scale]. Without answers that are not finite in every draw.
    """
    sizes = fit.model.scale_inputs
    largest = _largest(fit, design)
    losses = {}
    with np.errstate(all="ignore"):
        for factor in FACTORS if sizes else FACTORS[:1]:
            inputs = {name: values[largest] for name, values in design.inputs.items()}
            inputs |= {name: inputs[name] * factor ** (1 / len(sizes)) for name in sizes}
            found = np.log(fit.predict(inputs, group=design.group[largest]))
            losses[factor] = np.broadcast_to(found, (fit.n_draws, largest.size))
    answers = {f"loss at {factor:g}x": loss for factor, loss in losses.items()}
    for before, factor in pairwise(FACTORS):
        if factor in losses:
            fall = (losses[before] - losses[factor]) / np.log(factor / before)
            answers[f"exponent at {factor:g}x"] = fall
    shape = next(iter(fit.draws.values())).shape[:2]
    shape = shape if largest.size == 1 else (*shape, largest.size)
    return {
        name: values.reshape(shape)
        for name, values in answers.items()
        if np.isfinite(values).all() and (np.ptp(values, axis=0) > 0).all()
    }


def _largest(fit: Member, design: Design) -> NDArray[np.int64]:
    """Return the largest run of each group (n_groups,)."""
    sizes = fit.model.scale_inputs
    scale = log_scale(design.inputs, sizes) if sizes else np.zeros(design.group.size)
    return np.array(
        [
            rows[np.argmax(scale[rows])]
            for rows in (np.flatnonzero(design.group == g) for g in range(len(design.groups)))
        ]
    )
