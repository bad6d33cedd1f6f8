"""Drift: exponents that wander with scale, as effective sizes that a law reads in place of sizes.

With x the log of a size over its reference, a law under drift reads the effective log size

    x_eff(x) = integral from 0 to x of exp(g(s)) ds,        g(0) = 0,

where g, the log of the local slope, is a Brownian walk with scale ``tau`` per root e-fold, and
exp(g) is linear between knots. So the local exponent is alpha exp(g): alpha at the reference,
always positive (bigger is never worse), and continuous, so that the best split of a budget does not
stick to knots. Beyond the runs the walk goes on with fresh steps: intervals widen with the distance
as fast as the runs say that exponents wander.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.laws.priors import Prior

Array = NDArray[np.float64]

KNOTS = 7
"""Knots over the range of the runs; finer ones changed no forecast."""

BEYOND = 1.0
"""Spacing of the knots beyond the runs [e-folds]."""

REACH = 40
"""Knots on either side beyond the runs; farther out the slope stays what it is there."""

CENTRING = 0.5
"""How far the steps of a walk are sampled in the centred form: a step is sampled as a normal
deviate of scale ``tau**CENTRING`` and multiplied by ``tau**(1 - CENTRING)``. With 0, the steps that
runs say little of and tau form a funnel."""

TAU = Parameter(
    name="tau",
    prior=Prior(dist="LogNormal", args=(("mu", -2.5), ("sigma", 0.7))),
    about="drift: relative change of an exponent per root e-fold of size",
)
"""Scale of the walk, shared by all inputs that drift."""


def effective_name(name: str) -> str:
    """Name under which a law under drift reads an input."""
    return f"{name}_effective"


def steps_name(name: str) -> str:
    """Name of the standardised steps of the walk of an input."""
    return f"drift_{name}"


def slope_names(name: str) -> tuple[str, ...]:
    """Names of the local slopes of an input at the knots, relative to that at the reference."""
    return tuple(f"{name}_slope_{knot}" for knot in range(KNOTS))


def integral_names(name: str) -> tuple[str, ...]:
    """Names of what each slope adds to the effective log size of a run."""
    return tuple(f"{name}_integral_{knot}" for knot in range(KNOTS))


def reference_names(inputs: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the reference sizes that the walks of some inputs are laid out by."""
    return tuple(f"{name}_{end}" for name in inputs for end in ("ref", "low", "high"))


def steps_logpdf(steps: Array) -> Array:
    """Log density of the standardised steps of a walk, all of them at once (...)."""
    return np.asarray(-(steps**2 + np.log(2 * np.pi)).sum(axis=-1) / 2)


# ---- layout --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Knots of one input [e-folds from its reference].

    Attributes
    ----------
    knots : array (n_knots,)
        Inside the range of the runs, ascending.
    spacing : float
        Between them.
    """

    knots: Array
    spacing: float

    @property
    def anchor(self) -> Array:
        """Weights (n_knots,) that interpolate a function on the knots to the reference."""
        place = float(np.clip(-self.knots[0] / self.spacing, 0, self.knots.size - 1))
        return np.maximum(0.0, 1.0 - np.abs(np.arange(self.knots.size) - place))

    def integrals(self, x: Array) -> Array:
        """Integrate, from 0 to x, each hat function of the knots (n_x, n_knots)."""
        start = _hat_integrals(np.zeros(1), self.knots)
        return np.asarray(_hat_integrals(x, self.knots) - start)


def layout(name: str, references: Mapping[str, float]) -> Layout:
    """Lay out the knots of an input over the range of the runs that were fitted."""
    low, high = (np.log(references[f"{name}_{end}"]) for end in ("low", "high"))
    spacing = max(float(high - low), 1e-6) / (KNOTS - 1)
    start = float(low - np.log(references[f"{name}_ref"]))
    knots = np.asarray(start + spacing * np.arange(KNOTS), dtype=float)
    return Layout(knots=knots, spacing=spacing)


def _hat_integrals(x: Array, knots: Array) -> Array:
    """Integrate each hat function from the first knot to x; constant beyond the outer knots."""
    spacing = np.diff(knots)
    share = np.clip((x[:, None] - knots[:-1]) / spacing, 0.0, 1.0)
    found = np.zeros((x.size, knots.size))
    found[:, :-1] += spacing * (share - share**2 / 2)
    found[:, 1:] += spacing * share**2 / 2
    found[:, -1] += np.maximum(0.0, x - knots[-1])
    found[:, 0] -= np.maximum(0.0, knots[0] - x)
    return found


# ---- draws ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """The local slope of one input under every draw, inside the range of the runs and beyond.

    Attributes
    ----------
    knots : array (n_knots,)
        Places [e-folds from the reference].
    slope : array (n_draws, n_knots)
        Local exponent relative to the one at the reference.
    effective : array (n_draws, n_knots)
        Effective log size at each knot.
    """

    knots: Array
    slope: Array
    effective: Array

    def take(self, draws: slice) -> Walk:
        """Return the walk under some of the draws."""
        return Walk(knots=self.knots, slope=self.slope[draws], effective=self.effective[draws])

    def at(self, x: Array, draw: NDArray[np.int64]) -> Array:
        """Effective log size.

        Parameters
        ----------
        x : array
            Log of a size over its reference [e-folds].
        draw : array of int
            Which draws; broadcasts with `x`.

        Returns
        -------
        array
            Broadcast of both [e-folds].
        """
        x, draw = np.broadcast_arrays(x, draw)
        place = np.clip(np.searchsorted(self.knots, x) - 1, 0, self.knots.size - 2)
        start, spacing = self.knots[place], np.diff(self.knots)[place]
        first, second = self.slope[draw, place], self.slope[draw, place + 1]
        share = np.clip((x - start) / spacing, 0.0, 1.0)
        inside = spacing * (first * share + (second - first) * share**2 / 2)
        below = first * np.minimum(0.0, x - start)
        above = second * np.maximum(0.0, x - start - spacing)
        return np.asarray(self.effective[draw, place] + inside + below + above)

    def slope_at(self, x: float) -> Array:
        """Local exponent relative to the one at the reference (n_draws,), at one log size."""
        place = int(np.clip(np.searchsorted(self.knots, x) - 1, 0, self.knots.size - 2))
        share = np.clip((x - self.knots[place]) / (self.knots[place + 1] - self.knots[place]), 0, 1)
        return np.asarray((1 - share) * self.slope[:, place] + share * self.slope[:, place + 1])


def walk(
    name: str,
    references: Mapping[str, float],
    tau: Array,
    steps: Array,
    fresh: Array,
) -> Walk:
    """Put the walk of an input together: its sampled part, and fresh steps on either side.

    Parameters
    ----------
    name : str
        The input.
    references : mapping of str to float
        Reference sizes of the fit.
    tau : array (n_draws,)
        Scale of the walk [1 / root e-fold].
    steps : array (n_draws, KNOTS - 1)
        Standardised steps between the knots inside the range of the runs.
    fresh : array (2, n_draws, REACH)
        Standardised steps below and above that range, outwards.
    """
    inner = layout(name, references)
    outwards = np.cumsum(np.sqrt(BEYOND) * tau[:, None] * fresh, axis=2)
    log_slope = np.zeros((tau.size, KNOTS))
    log_slope[:, 1:] = np.cumsum(np.sqrt(inner.spacing) * tau[:, None] * steps, axis=1)
    log_slope -= (log_slope @ inner.anchor)[:, None]
    below, above = log_slope[:, :1] + outwards[0], log_slope[:, -1:] + outwards[1]
    slope = np.exp(np.concatenate([below[:, ::-1], log_slope, above], axis=1))
    outside = BEYOND * np.arange(1, REACH + 1)
    knots = np.concatenate([inner.knots[0] - outside[::-1], inner.knots, inner.knots[-1] + outside])
    area = np.diff(knots) * (slope[:, :-1] + slope[:, 1:]) / 2
    below, above = area[:, :REACH], area[:, REACH:]  # summed outwards: far steps can be huge
    effective = np.concatenate(
        [
            -np.cumsum(below[:, ::-1], axis=1)[:, ::-1],
            np.zeros((tau.size, 1)),
            np.cumsum(above, axis=1),
        ],
        axis=1,
    )
    zero = Walk(knots=knots, slope=slope, effective=effective)
    start = zero.at(np.zeros(1), np.arange(tau.size))
    return Walk(knots=knots, slope=slope, effective=effective - start[:, None])
