"""Sampling many runs: in a space in which their posterior is about a standard normal one.

With many runs a gradient is slow and the posterior nearly normal. So its mode is found first, on
a share of the runs and then on all, and what is sampled is the vector in units of the curvature
there: chains start where they belong, need little tuning and a few steps a draw. The posterior is
exactly the same; nothing of the table is left out or lumped together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.design import Design

if TYPE_CHECKING:
    from bayes_scaling.laws.target import Target

Array = NDArray[np.float64]

MANY = 20_000
"""Runs from which this is worth its while."""

SHARE = 2_000
"""Runs on which the mode is looked for first."""

NEWTON = 8
"""Most steps of Newton's method on all runs."""

CLOSE = 1e-3
"""Length of a step, in posterior standard deviations, at which the mode is found."""

STEP = 1e-4
"""Step of the differences of gradients."""

TUNE, DRAWS, ACCEPT = 150, 500, 0.8
"""Most draws to tune, and to keep, of each chain, which are nearly independent; and the acceptance
that the step size aims at: a normal posterior has no corners to be careful about."""


def framed(target: Target, design: Design) -> Target | None:
    """Return a target in units of the curvature at its mode; None where there is no clear one.

    Parameters
    ----------
    target : Target
        The density of a law on its runs.
    design : Design
        Those runs.
    """
    from bayes_scaling.laws.target import lay_out

    rows = np.linspace(0, design.response.size - 1, SHARE).astype(np.int64)
    few = design.rows(rows)
    few = replace(few, weights=few.weights * design.response.size / SHARE)
    share = lay_out(target.model, few, target.program, target.module)
    point = share.climbed(most=500)
    for _ in range(NEWTON):
        curvature = _curvature(target, point)
        try:
            factor = np.linalg.cholesky(curvature)
        except np.linalg.LinAlgError:
            return None
        step = np.linalg.solve(curvature, target.density(point)[1])
        point = point + step
        if np.linalg.norm(factor.T @ step) < CLOSE * np.sqrt(step.size):
            break
    else:
        return None
    return target.framed(point, np.linalg.inv(factor))


def _curvature(target: Target, point: Array) -> Array:
    """Return minus the second derivatives (size, size), by differences of gradients."""
    steps = STEP * np.eye(point.size)
    found = np.array(
        [(target.density(point - s)[1] - target.density(point + s)[1]) / (2 * STEP) for s in steps]
    )
    return np.asarray((found + found.T) / 2)
