"""What any law can be given on top of its formula: drift, transient, run effect, and more.

- **Drift** (`bayes_scaling.laws.drift`): exponents wander with scale.
- **Transient**: small runs lie above the law, by an excess that shrinks with scale,
  ``loss = law * exp(excess * (scale / scale_low)**-decay)``, with the scale the product of the
  sizes the law reads (compute, up to a factor) or of the inputs that the definition names.
- **Tempering**: the runs nearest to the largest speak loudest. The log likelihood of a run is
  multiplied by ``exp(-(e-folds below the largest) / (length * span))``, at least `LEAST_WEIGHT`.
  That gives a power posterior, robust against a form that bends wrongly far below the forecast; it
  is not a plain posterior, and whatever shows it says so.
- **Run effect**: several rows of one run (checkpoints, say) share a deviation of that run from the
  law, beside the noise of each row; without it they would count as so many independent runs.
- **Correlated**: instead of that, the deviations of rows of one run forget each other over
  ``memory`` e-folds of steps (of tokens, where there are no steps), as along a training curve.
- **Mistuned**: a share of the runs lies above the law, by a half-Cauchy excess on the log of the
  loss, and never below; the law is what tuned runs reach (`bayes_scaling.laws.off_law`).
- **Ceiling** (`bayes_scaling.laws.ceiling`): near the loss of an untrained model the law is flat.
- **Form error**: beyond the runs the form errs, by an unknown share of what still falls per e-fold
  of scale, ``loss = law * exp(share * fall * e-folds beyond the largest run of the group)``, with
  the fall of the log of the law over the last e-fold before that run. A law near its floor errs by
  little. The prior of the share is what deep splits of many sets showed; no run can teach a fit
  about it, so it does not shrink with their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import Call, Name, Node
from bayes_scaling.laws.ceiling import NONE, SATURATION, SHARPNESS
from bayes_scaling.laws.drift import TAU
from bayes_scaling.laws.link import Link
from bayes_scaling.laws.noise import OFF_SCALE, P_OFF, RUN_EFFECT
from bayes_scaling.laws.parameters import Parameter, Pool
from bayes_scaling.laws.priors import Prior

if TYPE_CHECKING:
    from bayes_scaling.laws.definition import Definition

Array = NDArray[np.float64]

SIZES = ("params", "tokens", "steps", "flops")
"""Inputs that are sizes of a run."""

LEAST_WEIGHT = 0.02
"""Weight below which tempering never puts a run."""

SCALE_LOW, SCALE_REF = "scale_low", "scale_ref"
"""Reference names of the smallest scale of the fitted runs, and of its geometric mean."""

EXCESS = Parameter(
    name="excess",
    prior=Prior(dist="HalfNormal", args=(("sigma", 0.25),)),
    pool=Pool(kind="partial", sd=Prior(dist="HalfNormal", args=(("sigma", 1.0),))),
    about="transient: relative excess of the smallest runs over the law",
)
DECAY = Parameter(
    name="decay",
    prior=Prior(dist="LogNormal", args=(("mu", -0.36), ("sigma", 0.5))),
    about="transient: exponent with which the excess falls in the scale",
)

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

PARAMETERS: Mapping[str, tuple[Parameter, ...]] = {
    "drift": (TAU,),
    "transient": (EXCESS, DECAY),
    "run_effect": (SIGMA_RUN,),
    "correlated": (MEMORY,),
    "mistuned": (SHARE_OFF, EXCESS_OFF),
    "ceiling": (SATURATION, SHARPNESS),
}
"""Parameters that each feature adds to a model, with their default priors."""

NEED_SIZES = ("drift", "transient")
"""Features that act on sizes."""

NOISES = ("run_effect", "correlated", "mistuned")
"""Features that are a noise of the main response; no two of them can be had together."""

APART = tuple(combinations(NOISES, 2))
"""Pairs of features that cannot be had together."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A feature that a model may switch on.

    Attributes
    ----------
    inputs : tuple of str
        Inputs it acts on; none named means the sizes that the law reads.
    on : bool
        Whether it is part of the model.
    level : str
        For a transient: the parameter that every loss of the law is proportional to. It then stands
        for the level that runs of the reference size show, their excess included, which the data
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


def switches(model: Definition) -> dict[str, Feature]:
    """Return what a model says of each of `PARAMETERS`."""
    return {name: getattr(model, name) for name in PARAMETERS}


def parameters_of(name: str, feature: Feature) -> tuple[Parameter, ...]:
    """Return the parameters that a feature adds to a model; a ceiling that is known has one less.

    Parameters
    ----------
    name : str
        Which feature it is.
    feature : Feature
        What the model says of it.
    """
    if not feature.on:
        return ()
    known = (SATURATION,) if feature.value is not None else ()
    return tuple(item for item in PARAMETERS[name] if item not in known)


def parameters(own: tuple[Parameter, ...], given: Mapping[str, Feature]) -> tuple[Parameter, ...]:
    """Return the parameters of a model with those of its features, and of no other.

    Parameters
    ----------
    own : tuple of Parameter
        What it has; a parameter of a feature that is there keeps its prior.
    given : mapping of str to Feature
        What the model says of each of `PARAMETERS`.
    """
    known = {item.name for items in PARAMETERS.values() for item in items}
    wanted = {
        item.name: item for name, feature in given.items() for item in parameters_of(name, feature)
    }
    kept = {item.name: item for item in own if item.name not in known or item.name in wanted}
    return tuple({**kept, **{name: kept.get(name, item) for name, item in wanted.items()}}.values())


def with_transient(law: Node, inputs: tuple[str, ...], link: Link) -> Node:
    """Put a law under a transient: small runs lie above it on the scale of noise, as a formula."""
    scale: Node = Name(inputs[0])
    for name in inputs[1:]:
        scale = Call("*", (scale, Name(name)))
    return link.shifted_node(law, _excess(scale))


def settled_level(level: str, link: Link) -> Node:
    """Level of a law from the one that runs of the reference size show, as a formula."""
    return link.shifted_node(Name(level), Call("neg", (_excess(Name(SCALE_REF)),)))


def _excess(scale: Node) -> Node:
    share = Call("**", (Call("/", (scale, Name(SCALE_LOW))), Call("neg", (Name(DECAY.name),))))
    return Call("*", (Name(EXCESS.name), share))


def log_scale(columns: Mapping[str, Array], inputs: tuple[str, ...]) -> Array:
    """Log of the product of some inputs (n_runs,)."""
    return np.asarray(sum(np.log(columns[name]) for name in inputs))


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
