"""Draws of a prior, and what a law predicts at them: for tests that compare forms, not fits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws import Model

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
