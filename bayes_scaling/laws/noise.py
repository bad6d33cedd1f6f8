"""Noise of a new run around the law, on the log of the response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.parameters import Parameter, Pool
from bayes_scaling.laws.priors import Prior

NoiseFamily = Literal["student_t", "normal"]

SIGMA = Parameter(
    name="sigma",
    prior=Prior(dist="LogNormal", args=(("mu", -5.0), ("sigma", 1.5))),
    pool=Pool(kind="partial", sd=Prior(dist="HalfNormal", args=(("sigma", 0.5),))),
    about="scale of the noise of a run, relative to its loss",
)
NU = Parameter(
    name="nu",
    prior=Prior(dist="LogNormal", args=(("mu", 2.0), ("sigma", 0.75))),
    about="degrees of freedom of the noise; low means outliers",
)

PARAMETERS: Mapping[NoiseFamily, tuple[Parameter, ...]] = {
    "student_t": (SIGMA, NU),
    "normal": (SIGMA,),
}
"""Parameters of each noise family, with their default priors."""

RUN_EFFECT = "sigma_run"
"""Scale of the deviation that the rows of one run share, where a model has run effects."""

QUADRATURE = 15
"""Places at which a run effect is integrated out."""

FARTHEST = 50.0
"""Log deviation at which draws stop: a Student-t of few degrees of freedom would overflow."""


def sample_noise(
    family: NoiseFamily,
    parameters: Mapping[str, NDArray[np.float64]],
    shape: tuple[int, ...],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw the deviation of a new run's log response from the law.

    Parameters
    ----------
    family : {"student_t", "normal"}
        The noise family.
    parameters : mapping of str to array
        Draws of its parameters, broadcastable to `shape`.
    shape : tuple of int
        Shape of the result.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    array, shape `shape`
        Additive on the log scale [dimensionless].
    """
    if family == "normal":
        deviation = rng.standard_normal(shape)
    else:
        deviation = rng.standard_t(np.broadcast_to(parameters["nu"], shape))
    deviation = parameters["sigma"] * deviation
    if RUN_EFFECT in parameters:
        deviation = deviation + parameters[RUN_EFFECT] * rng.standard_normal(shape)
    return np.asarray(np.clip(deviation, -FARTHEST, FARTHEST))


def noise_logpdf(
    family: NoiseFamily,
    deviation: NDArray[np.float64],
    parameters: Mapping[str, NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Log density, elementwise, of how far a row of a new run lies from the law on the log scale.

    Where runs have an effect of their own, it is integrated out by Gauss-Hermite quadrature.
    """
    if RUN_EFFECT not in parameters:
        return _row_logpdf(family, deviation, parameters)
    places, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE)
    densities = [
        np.log(weight / weights.sum())
        + _row_logpdf(family, deviation - place * parameters[RUN_EFFECT], parameters)
        for place, weight in zip(places, weights, strict=True)
    ]
    return np.asarray(np.logaddexp.reduce(densities, axis=0))


def _row_logpdf(
    family: NoiseFamily,
    deviation: NDArray[np.float64],
    parameters: Mapping[str, NDArray[np.float64]],
) -> NDArray[np.float64]:
    from scipy import stats

    if family == "normal":
        return np.asarray(stats.norm.logpdf(deviation, scale=parameters["sigma"]))
    return np.asarray(stats.t.logpdf(deviation, df=parameters["nu"], scale=parameters["sigma"]))
