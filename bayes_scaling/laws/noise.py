"""Noise of a new run around the law, on the log of the response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.parameters import Parameter, Pool
from bayes_scaling.laws.priors import Prior

Array = NDArray[np.float64]
Values = Mapping[str, Array]
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

P_OFF, OFF_SCALE = "p_off", "off_scale"
"""Share of runs that lie above the law, and the scale of their excess (log scale), where a model
knows of mistuned runs."""

ITEM_SD = "item_sd"
"""Standard deviation of each row from the questions that its score was measured on."""

ITEMS, ODDS = "items", "odds"
"""Of a new run that is scored on questions: how many, and the log odds of the error by its law."""

UNTOLD = 1e5
"""Questions of an evaluation that does not say how many it has: so many that they blur nothing but
scores that are all the same, of which a law would else be infinitely sure."""

FEW = 5
"""Answers of one kind, right or wrong, below which they are counted instead of read as log odds."""

STEP, REACH = 0.25, 8.0
"""Grid on which the noise of a run is summed out, in its scale. A binomial of fewer than `FEW`
answers is half a unit of log odds wide or more, so the step holds up to a noise of 2 units."""

NODES: Array = np.arange(-REACH, REACH + STEP / 2, STEP)

SIGMA_RUN = Parameter(
    name=RUN_EFFECT,
    prior=Prior(dist="LogNormal", args=(("mu", -5.0), ("sigma", 1.2))),
    about="run effect: scale of the deviation that the rows of one run share, relative to the loss",
)
MEMORY = Parameter(
    name="memory",
    prior=Prior(dist="LogNormal", args=(("mu", -1.0), ("sigma", 1.5))),
    about="correlated: e-folds of steps over which deviations of one run forget each other",
)
SHARE_OFF = Parameter(
    name=P_OFF,
    prior=Prior(dist="Beta", args=(("alpha", 1.0), ("beta", 1.0))),
    about="mistuned: share of the runs that lie above the law",
)
EXCESS_OFF = Parameter(
    name=OFF_SCALE,
    prior=Prior(dist="LogNormal", args=(("mu", -2.5), ("sigma", 1.0))),
    about="mistuned: median excess of such runs over the law, on the log of the loss",
)

OFF_NU = 1.0
"""Degrees of freedom of the excess, a half-Cauchy: most runs are a little off, and some diverge."""

FARTHEST = 50.0
"""Log deviation at which draws stop: a Student-t of few degrees of freedom would overflow."""


def sample_noise(
    family: NoiseFamily,
    parameters: Values,
    shape: tuple[int, ...],
    rng: np.random.Generator,
) -> Array:
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
    found = _scale(parameters) * deviation
    if ITEMS in parameters:
        found = _answered(found, parameters["sigma"] * deviation, rng.random(shape), parameters)
    return np.asarray(np.clip(found, -FARTHEST, FARTHEST))


def noise_quantile(
    family: NoiseFamily,
    shares: Array,
    parameters: Values,
    rng: np.random.Generator,
) -> Array:
    """Deviation of a new run that a share of runs stays below (log scale); else as `sample_noise`.

    Parameters
    ----------
    family : {"student_t", "normal"}
        The noise family.
    shares : array
        Probabilities, strictly between 0 and 1.
    parameters : mapping of str to array
        Draws of the parameters of the noise; they broadcast with `shares`.
    rng : numpy.random.Generator
        Draws the noise of runs where what the shares tell is which answers they give.
    """
    from scipy import special

    if family == "normal":
        deviation = special.ndtri(shares)
    else:
        deviation = special.stdtrit(parameters["nu"], shares)
    found = np.nan_to_num(_scale(parameters) * deviation, nan=0.0)
    if ITEMS in parameters:
        own = parameters["sigma"] * rng.permutation(deviation)
        found = _answered(found, own, shares, parameters)
    return np.asarray(np.clip(found, -FARTHEST, FARTHEST))


def sample_excess(parameters: Values, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw by how much a run that is tuned like the fitted ones lies above the law (log scale).

    Arguments as in `sample_noise`; 0 for a run on the law, and for a model without mistuned runs.
    """
    if P_OFF not in parameters:
        return np.zeros(shape)
    off = rng.random(shape) < parameters[P_OFF]
    excess = np.abs(rng.standard_t(OFF_NU, size=shape)) * parameters[OFF_SCALE]
    return np.asarray(np.where(off, np.minimum(excess, FARTHEST), 0.0))


def noise_logpdf(
    family: NoiseFamily,
    deviation: Array,
    parameters: Values,
) -> Array:
    """Log density, elementwise, of how far a row of a new run lies from the law (log scale).

    Where the parameters know of mistuned runs, the run may be one of them.
    """
    on = on_logpdf(family, deviation, parameters)
    if P_OFF not in parameters:
        return on
    off = off_logpdf(deviation, parameters)
    share = parameters[P_OFF]
    return np.logaddexp(np.log1p(-share) + on, np.log(share) + off)


def on_logpdf(
    family: NoiseFamily,
    deviation: Array,
    parameters: Values,
) -> Array:
    """Log density, elementwise, of the deviation of a run that lies on the law but for noise."""
    from scipy.special import gammaln  # of scipy.stats the import alone takes a second

    scale = _scale(parameters)
    if family == "normal":
        found = normal_logpdf(deviation, 0.0, scale)
    else:
        nu = parameters["nu"]
        norm = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * nu) - np.log(scale)
        found = np.asarray(norm - (nu + 1) / 2 * np.log1p((deviation / scale) ** 2 / nu))
    return _where_few(family, deviation, parameters, found) if ITEMS in parameters else found


def normal_logpdf(
    value: Array,
    location: Array | float,
    scale: Array,
) -> Array:
    """Log density of a normal distribution, elementwise."""
    away = (value - location) / scale
    return np.asarray(-0.5 * (away**2 + np.log(2 * np.pi)) - np.log(scale))


def off_logpdf(deviation: Array, parameters: Values) -> Array:
    """Log density, elementwise, of the deviation of a run above the law.

    A Student-t of `OFF_NU` degrees of freedom, cut off below by the noise.

    References
    ----------
    Azzalini 1985, A Class of Distributions which Includes the Normal Ones, lemma 1.
    """
    from scipy import special, stats

    whole = stats.t.logpdf(deviation, df=OFF_NU, scale=parameters[OFF_SCALE])
    return np.asarray(np.log(2) + whole + special.log_ndtr(deviation / parameters["sigma"]))


def _scale(parameters: Values) -> Array:
    """Scale of the deviation of a row: its own noise, that of its run, and that of its items."""
    shared = [parameters[name] for name in (RUN_EFFECT, ITEM_SD) if name in parameters]
    scale = parameters["sigma"]
    for each in shared:
        scale = np.hypot(scale, each)
    return scale


# ---- scores of questions -------------------------------------------------------------------------


def item_sd(error: Array, items: Array) -> Array:
    """Return the standard deviation of the empirical log odds of an error rate.

    Parameters
    ----------
    error : array
        Error rate, in [0, 1].
    items : array
        Number of questions; broadcasts with it.

    References
    ----------
    Gart and Zweifel 1967, On the bias of various estimators of the logit and its variance.
    """
    wrong = error * items
    return np.asarray(np.sqrt(1 / (wrong + 0.5) + 1 / (items - wrong + 0.5)))


def from_the_ends(error: Array, items: Array) -> Array:
    """Return error rates half a question away from 0 and 1, where log odds are finite."""
    return np.asarray((error * items + 0.5) / (items + 1))


def as_read(error: Array, parameters: Values) -> Array:
    """Return observed error rates as a law reads them beside the questions they come of."""
    items = parameters.get(ITEMS)
    if items is None:
        return error
    return np.where(items < UNTOLD, from_the_ends(error, items), error)


def count_answers(wrong: Array, items: Array) -> Array:
    """Return what the density of a score reads of its answers (..., 3).

    They are wrong ones, right ones, and the log of the density per unit of log odds less wrong
    log p + right log(1 - p): the ways to give them, and answers per unit of log odds.
    """
    from scipy.special import gammaln

    ways = gammaln(items + 1) - gammaln(wrong + 1) - gammaln(items - wrong + 1)
    read = from_the_ends(wrong / items, items)
    return np.stack([wrong, items - wrong, ways + np.log(items * read * (1 - read))], axis=-1)


def counted_logpdf(family: NoiseFamily, law: Array, counts: Array, parameters: Values) -> Array:
    """Log density, per unit of log odds, of rows whose answers are counted.

    Parameters
    ----------
    family : {"student_t", "normal"}
        The noise of a run.
    law : array (...)
        Log odds of the error that the law says.
    counts : array (..., 3)
        As `count_answers` has them.
    parameters : mapping of str to array
        Draws of the parameters of the noise; all broadcast.
    """
    wrong, right, unit = np.moveaxis(counts, -1, 0)
    standard = {**parameters, "sigma": np.ones_like(parameters["sigma"])}
    found: Array = np.array(-np.inf)
    for node in NODES:
        odds = law + parameters["sigma"] * node
        answers = -wrong * np.logaddexp(0.0, -odds) - right * np.logaddexp(0.0, odds)
        found = np.logaddexp(found, answers + on_logpdf(family, np.asarray(node), standard))
    return np.asarray(found + unit + np.log(STEP))


def _where_few(family: NoiseFamily, deviation: Array, parameters: Values, density: Array) -> Array:
    """Replace log densities of deviations that come of few answers of a kind."""
    items, law = parameters[ITEMS], parameters[ODDS]
    read = _share(law + deviation)
    wrong = np.clip(read * (items + 1) - 0.5, 0.0, items)
    few = (np.minimum(wrong, items - wrong) < FEW) & (items < UNTOLD)
    if not few.any():
        return density
    own = {name: parameters[name] for name in ("sigma", "nu") if name in parameters}
    *arrays, few = np.broadcast_arrays(density, wrong, items, law, *own.values(), few)
    found, wrong, items, law, *noise = (each[few] for each in arrays)
    counts = count_answers(wrong, items)
    found = counted_logpdf(family, law, counts, dict(zip(own, noise, strict=True)))
    whole = np.array(arrays[0])
    whole[few] = found
    return whole


def _answered(wide: Array, own: Array, shares: Array, parameters: Values) -> Array:
    """Replace deviations of scores where few answers of a kind are expected.

    Parameters
    ----------
    wide, own : array
        Deviations with the noise of questions as that of log odds, and without.
    shares : array
        Probabilities below which the number of wrong answers stays.
    parameters : mapping of str to array
        Those of the noise.
    """
    from scipy.special import bdtrik

    items, law = parameters[ITEMS], parameters[ODDS]
    error = _share(law + own)
    few = (items * np.minimum(error, 1 - error) < 2 * FEW) & (items < UNTOLD)
    if not few.any():
        return wide
    error = np.clip(error, 1e-12, 1 - 1e-12)
    wrong = np.clip(np.ceil(bdtrik(shares, items, error)), 0, items)
    with np.errstate(divide="ignore"):
        return np.where(few, np.log(wrong) - np.log(items - wrong) - law, wide)


def _share(odds: Array) -> Array:
    """Return the error rate of log odds."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -odds)))
