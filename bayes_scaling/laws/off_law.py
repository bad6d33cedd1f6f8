"""The likelihood of runs of which some are mistuned: those lie above the law, and never below.

With probability ``p_off`` a run exceeds the law by a half-Cauchy of scale ``off_scale`` (on the
log scale): most are a little off, and some diverge. Which runs do is summed out, so the posterior
has no dimension for it; the share and the excess are told by the skew of the deviations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_scaling.laws.noise import OFF_NU, OFF_SCALE, P_OFF


def mixed_density(on: Any, deviation: Any, sigma: Any, values: Mapping[str, Any]) -> Any:
    """Log density of runs that lie on the law or above it, as a graph (n_runs,).

    Parameters
    ----------
    on : tensor (n_runs,)
        Log density of runs on the law.
    deviation : tensor (n_runs,)
        Log response less log law.
    sigma : tensor
        Scale of the noise.
    values : mapping of str to tensor
        Has the share and the scale of the excess.
    """
    share = values[P_OFF]
    off = _off_density(deviation, sigma, values[OFF_SCALE])
    return pm.math.logaddexp(pt.log1p(-share) + on, pt.log(share) + off)


def _off_density(deviation: Any, sigma: Any, scale: Any) -> Any:
    """Return a Student-t cut off below by the noise, as `noise.off_logpdf` computes it."""
    whole = pm.logp(pm.StudentT.dist(nu=OFF_NU, mu=0.0, sigma=scale), deviation)
    standard = deviation / sigma
    low, high = pt.minimum(standard, 0.0), pt.maximum(standard, 0.0)
    near = pt.log(pt.erfcx(-low / np.sqrt(2)) / 2) - 0.5 * low**2
    far = pt.log1p(-0.5 * pt.erfc(high / np.sqrt(2)))
    return np.log(2) + whole + pt.switch(standard < 0, near, far)
