"""Draws of a prior, and what a law predicts at them: for tests that compare forms, not fits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws import Model
from bayes_scaling.laws.drift import CENTRING, steps_name

Draw = Mapping[str, NDArray[np.float64]]


def draws_of(model: Model, count: int, *, seed: int = 1) -> Draw:
    """Draw every parameter from its prior (count,)."""
    rng = np.random.default_rng(seed)
    return {item.name: item.prior.sample(count, rng) for item in model.parameters}


def predicted(
    model: Model, draws: Draw, references: Mapping[str, float], **sizes: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the noise-free response at draws and sizes, which broadcast."""
    columns = {name: np.asarray(value, float) for name, value in sizes.items()}
    return np.asarray(model.predict(draws, columns, references))


def standard_steps(draws: Draw, name: str) -> NDArray[np.float64]:
    """Standardised steps (n_draws, n_steps) of the walk of an input, from those that are sampled."""
    return np.asarray(draws[steps_name(name)] / draws["tau"][..., None] ** CENTRING)


def steps_density(draws: Draw, name: str) -> NDArray[np.float64]:
    """Log density of each step as it is sampled: normal, of scale tau**CENTRING."""
    steps = standard_steps(draws, name)
    scale = np.log(draws["tau"][..., None] ** CENTRING)
    return np.asarray(-0.5 * steps**2 - 0.5 * np.log(2 * np.pi) - scale)
