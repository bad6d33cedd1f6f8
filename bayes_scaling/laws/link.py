"""The scale on which noise and error of the form act: the log of a response, or its log odds.

A loss errs by a share of itself. What lies between 0 and 1, such as an error rate, errs by a share
of its odds, so that a forecast leaves neither end. A law says which by ``[noise] scale``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import Call, Node, Number

if TYPE_CHECKING:
    from bayes_scaling.laws.definition import Definition

Array = NDArray[np.float64]
Scale = Literal["log", "logit"]

SCALES: tuple[Scale, ...] = ("log", "logit")

NEAREST = 1e-9
"""Distance from 1 below which a law is taken to be there, so that its log odds stay finite."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """From a response to the scale of its noise, and back.

    Attributes
    ----------
    scale : {"log", "logit"}
        Which scale it is.
    """

    scale: Scale = "log"

    @property
    def bounded(self) -> bool:
        """Whether the response lies below 1."""
        return self.scale == "logit"

    # ---- numbers -----------------------------------------------------------------------------

    def forward(self, response: Array) -> Array:
        """Take a response (...) to the scale of its noise."""
        if not self.bounded:
            return np.asarray(np.log(response))
        return np.asarray(np.log(response) - np.log(np.maximum(1 - response, NEAREST)))

    def inverse(self, value: Array) -> Array:
        """Take a value (...) on the scale of noise back to the response."""
        if not self.bounded:
            return np.asarray(np.exp(value))
        with np.errstate(invalid="ignore"):  # a size that was not found stays nan
            return np.asarray(np.exp(-np.logaddexp(0.0, -value)))

    def shifted(self, response: Array, by: Array) -> Array:
        """Move a response by an amount on the scale of its noise; the two broadcast."""
        if not self.bounded:
            return np.asarray(response * np.exp(by))
        return self.inverse(self.forward(response) + by)

    def log_slope(self, response: Array) -> Array:
        """Log of the derivative of `forward`: what turns a density there into one per unit."""
        if not self.bounded:
            return np.asarray(-np.log(response))
        return np.asarray(-np.log(response) - np.log(np.maximum(1 - response, NEAREST)))

    def log_per_unit(self, response: Array) -> Array:
        """Return how far the log of a response moves per unit of the scale of its noise."""
        return np.asarray(1 - response if self.bounded else np.ones_like(response))

    # ---- formulas ----------------------------------------------------------------------------

    def forward_node(self, law: Node) -> Node:
        """Take a law to the scale of its noise, as a formula."""
        if not self.bounded:
            return Call("log", (law,))
        rest = Call("max", (Call("-", (Number(1.0), law)), Number(NEAREST)))
        return Call("-", (Call("log", (law,)), Call("log", (rest,))))

    def shifted_node(self, law: Node, by: Node) -> Node:
        """Move a law by an amount on the scale of its noise, as a formula."""
        if not self.bounded:
            return Call("*", (law, Call("exp", (by,))))
        return Call("sigmoid", (Call("+", (self.forward_node(law), by)),))


def link_of(model: Definition) -> Link:
    """Return the scale on which the noise of the response of a model acts."""
    return Link(scale=model.scale)
