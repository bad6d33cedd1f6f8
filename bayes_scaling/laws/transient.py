"""A transient: small runs lie above the law, by an excess that shrinks with scale.

    law * exp(excess * (scale / scale_low)**-decay)

where noise acts on the log, with the scale the product of the sizes that the law reads (compute, up
to a factor) or of the inputs that the definition names.
"""

from __future__ import annotations

from bayes_scaling.formula.nodes import Call, Name, Node
from bayes_scaling.laws.link import Link
from bayes_scaling.laws.parameters import Parameter, Pool
from bayes_scaling.laws.priors import Prior

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


def with_transient(law: Node, inputs: tuple[str, ...], link: Link) -> Node:
    """Put a law under a transient on the scale of its noise, as a formula."""
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
