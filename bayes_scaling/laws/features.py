"""What any law can be given on top of its formula: drift, transient, run effect, and more.

- **Drift** (`bayes_scaling.laws.drift`): exponents wander with scale.
- **Transient** (`bayes_scaling.laws.transient`): small runs lie above the law, by an excess that
  shrinks with scale.
- **Tempering**: the runs nearest to the largest speak loudest. The log likelihood of a run is
  multiplied by ``exp(-(e-folds below the largest) / (length * span))``, at least `LEAST_WEIGHT`.
  That gives a power posterior, robust against a form that bends wrongly far below the forecast; it
  is not a plain posterior, and whatever shows it says so.
- **Run effect**: several rows of one run (checkpoints, say) share a deviation of that run from the
  law, beside the noise of each row; without it they would count as so many independent runs.
- **Correlated**: instead of that, the deviations of rows of one run forget each other over
  ``memory`` e-folds of steps (of tokens, where there are no steps), as along a training curve.
- **Mistuned**: a share of the runs lies above the law, by a half-Cauchy excess on the log of the
  loss, and never below; the law is what tuned runs reach (`bayes_scaling.laws.noise`).
- **Ceiling** (`bayes_scaling.laws.ceiling`): near the loss of an untrained model the law is flat.
- **Form error**: beyond the runs the form errs, by an unknown relative amount per e-fold of scale,
  ``loss = law * exp(error * e-folds beyond the largest run)``. Its prior is what deep splits of
  many sets showed; no run can teach a fit about it, so it does not shrink with their number. A law
  of scores in the loss counts e-folds below the lowest loss, and errs on its own scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import Node
from bayes_scaling.laws.ceiling import NONE, SATURATION, SHARPNESS
from bayes_scaling.laws.drift import TAU
from bayes_scaling.laws.noise import EXCESS_OFF, MEMORY, SHARE_OFF, SIGMA_RUN
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.laws.transient import DECAY, EXCESS

Array = NDArray[np.float64]

SIZES = ("params", "tokens", "steps", "flops")
"""Inputs that are sizes of a run."""

LEAST_WEIGHT = 0.02
"""Weight below which tempering never puts a run."""

SCALE_HIGH = "scale_high"
"""Reference name of the largest scale of the fitted runs."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """What a model says of a feature that it may switch on.

    Attributes
    ----------
    inputs : tuple of str
        Inputs it acts on; the sizes that the law reads by default.
    on : bool
        Whether it is part of the model.
    level : str
        For a transient: the parameter that every loss of the law is proportional to. It then is
        the level that runs of the reference size show, their excess included, which the data
        fix well; without it the two are hard to tell apart for a sampler.
        For a ceiling: the parameter that is the loss at the reference size; without it that loss is
        computed from the formula.
    floor : Node
        For a ceiling: the part of the law that it does not bend; 0 for none.
    value : Node or None
        For a ceiling: its level, where it is known.
    """

    inputs: tuple[str, ...] = ()
    on: bool = False
    level: str = ""
    floor: Node = NONE
    value: Node | None = None


OFF = Feature()
"""A feature that is not part of the model."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A feature in the catalogue of features.

    Attributes
    ----------
    parameters : tuple of Parameter
        What it adds to a model, with their default priors.
    words : str
        What it does, for a reader of a model; see `bayes_scaling.laws.variants.features_in_words`.
    keys : tuple of str
        Keys of its table in a definition, beside ``on`` and its parameters.
    acts_on_sizes : bool
        Whether a law must read a size to have it.
    kernel : str
        Of a noise of the main response: the function of `kernels.py` that adds it.
    rows : tuple of str
        What that function reads of the rows, beside their deviations.
    """

    parameters: tuple[Parameter, ...]
    words: str
    keys: tuple[str, ...] = ()
    acts_on_sizes: bool = False
    kernel: str = ""
    rows: tuple[str, ...] = ()


FEATURES: Mapping[str, Entry] = {
    "drift": Entry(
        parameters=(TAU,),
        words="exponents of {drifting} drift with scale",
        keys=("inputs",),
        acts_on_sizes=True,
    ),
    "transient": Entry(
        parameters=(EXCESS, DECAY),
        words="a transient in {scale}",
        keys=("inputs", "level"),
        acts_on_sizes=True,
    ),
    "run_effect": Entry(
        parameters=(SIGMA_RUN,),
        words="rows of one run share a deviation",
        kernel="run_rows",
        rows=("first_of_run", "by_run"),
    ),
    "correlated": Entry(
        parameters=(MEMORY,),
        words="deviations of rows of one run are correlated",
        kernel="curve_rows",
        rows=("before", "gap"),
    ),
    "mistuned": Entry(
        parameters=(SHARE_OFF, EXCESS_OFF),
        words="some runs lie above the law",
        kernel="mistuned_rows",
    ),
    "ceiling": Entry(
        parameters=(SATURATION, SHARPNESS),
        words="a ceiling{ceiling}",
        keys=("floor", "level", "value", "vocabulary"),
    ),
}
"""The features, each by the name of its field in a `Definition`."""

NOISES = tuple(name for name, entry in FEATURES.items() if entry.kernel)
"""Features that are a noise of the main response; no two of them can be had together."""


def parameters(own: tuple[Parameter, ...], given: Mapping[str, Feature]) -> tuple[Parameter, ...]:
    """Return the parameters of a model with those of its features, and of no other.

    Parameters
    ----------
    own : tuple of Parameter
        What it has; a parameter of a feature that is there keeps its prior.
    given : mapping of str to Feature
        What the model says of each of `FEATURES`. A ceiling that is known has no saturation.
    """
    known = {item.name for entry in FEATURES.values() for item in entry.parameters}
    wanted = {
        item.name: item
        for name, feature in given.items()
        for item in FEATURES[name].parameters
        if feature.on and not (item is SATURATION and feature.value is not None)
    }
    kept = {item.name: item for item in own if item.name not in known or item.name in wanted}
    added = {name: item for name, item in wanted.items() if name not in kept}
    return (*kept.values(), *added.values())


def log_scale(columns: Mapping[str, Array], inputs: tuple[str, ...]) -> Array:
    """Log of the product of some inputs (n_runs,)."""
    return np.asarray(sum(np.log(columns[name]) for name in inputs))


def scale_beyond(columns: Mapping[str, Array], inputs: tuple[str, ...]) -> Array:
    """Log of the scale beyond which the form errs (n_runs,): of sizes, or 1 over the loss."""
    return log_scale(columns, inputs) if inputs else -np.log(columns["loss"])


def row_weights(scale: Array, group: NDArray[np.int64], length: float) -> Array:
    """Weights of tempering.

    Parameters
    ----------
    scale : array (n_runs,)
        Log of the scale of each run [e-folds].
    group : array of int (n_runs,)
        Its group; each group is tempered towards its own largest run.
    length : float
        Share of the span of a group over which the weight falls by a factor e.

    Returns
    -------
    array (n_runs,)
        In (0, 1]; 1 for the largest run of each group.
    """
    weights = np.ones(scale.size)
    for label in np.unique(group):
        own = group == label
        below = scale[own].max() - scale[own]
        weights[own] = np.exp(-below / (length * max(float(below.max()), 1e-9)))
    return np.maximum(LEAST_WEIGHT, weights)
