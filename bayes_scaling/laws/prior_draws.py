"""Draws from the priors of a model, for one group of runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.model import Model


def draw_prior(
    model: Model, shape: int | tuple[int, ...], rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Draw every parameter of a model from its prior.

    Parameters
    ----------
    model : Model
        The law. Of a pooled parameter the population is drawn, which is what a single group has.
    shape : int or tuple of int
        Shape of the draws.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array, shape `shape`
        By name, in the unit of the parameter. Ordered parameters ascend in every draw.
    """
    draws = {item.name: item.prior.sample(shape, rng) for item in model.parameters}
    return draws | ascending(model, draws)


def ascending(
    model: Model, draws: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Put ordered parameters that were drawn apart in their order, draw by draw."""
    found: dict[str, NDArray[np.float64]] = {}
    for names in model.ordered:
        values = np.sort(np.stack([draws[name] for name in names]), axis=0)
        found |= dict(zip(names, values, strict=True))
    return found
