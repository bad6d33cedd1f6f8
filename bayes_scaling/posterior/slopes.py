"""How far the exponents of a fit have drifted at a size, as factors over those at the reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.posterior.member import Member

Array = NDArray[np.float64]


def factor_at(fit: Member, name: str, size: float) -> Array:
    """Local exponent of an input over the one at the reference (n_draws,), at one size."""
    return fit.walks[name].slope_at(float(np.log(size / fit.references[f"{name}_ref"])))


def slope_name(name: str) -> str:
    """Name in the posterior of what `slopes` says of an input."""
    return f"slope_{name}"


def slopes(fit: Member) -> Mapping[str, Array]:
    """Factors at the largest run (n_chains, n_draws) of inputs that drift, as derived quantities.

    They stand in the posterior beside the parameters, so that summaries tell how far an exponent
    has drifted, and checks whether the chains agree on it.
    """
    return {
        slope_name(name): factor_at(fit, name, fit.references[f"{name}_high"]).reshape(
            steps.shape[:2]
        )
        for name, steps in fit.steps.items()
    }
