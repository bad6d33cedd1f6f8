"""Models of which a token sees a part: compute counts active parameters, the law may count all.

N in 6 N D is ``params_active`` where the fitted runs have it. A law fitted on total parameters is
asked with total parameters; what they cost follows from the share of them that was active.
"""

from __future__ import annotations

import numpy as np

from bayes_scaling.laws.inputs import source_column
from bayes_scaling.posterior.ensemble import AnyFit, leading
from bayes_scaling.posterior.posterior import Fit
from bayes_scaling.questions.published_laws import PublishedLaw

ALIKE = 1.05
"""Shares of one table whose ratio is below this count as one share."""


def active_shares(fit: Fit | PublishedLaw) -> tuple[float, float]:
    """Return the least and the largest share of params that was active in the fitted runs.

    Parameters
    ----------
    fit : Fit
        The posterior.

    Returns
    -------
    (float, float)
        Both 1 for dense models, and for a law that reads active parameters itself.
    """
    if isinstance(fit, PublishedLaw):
        return 1.0, 1.0
    runs = fit.runs
    if "params" not in fit.model.inputs or not {"params", "params_active"} <= set(runs.columns):
        return 1.0, 1.0
    if source_column(fit.model, runs, "params") != "params":
        return 1.0, 1.0
    share = runs["params_active"] / runs["params"]
    share = share[np.isfinite(share) & (share > 0)]
    if not share.size or np.allclose(share, 1.0):
        return 1.0, 1.0
    return float(share.min()), float(share.max())


def active_share(fit: Fit | PublishedLaw) -> float:
    """Return the share of params that is active: 1 for dense models, their geometric middle else.

    Parameters
    ----------
    fit : Fit
        The posterior.

    Returns
    -------
    float
    """
    low, high = active_shares(fit)
    return float(np.sqrt(low * high))


def say_share(fit: AnyFit | PublishedLaw) -> str:
    """Return what the params of an answer are and what its compute counts; "" for dense models.

    Parameters
    ----------
    fit : Fit or Ensemble
        The posterior.

    Returns
    -------
    str
    """
    if isinstance(fit, PublishedLaw):
        return ""
    first = leading(fit)
    low, high = active_shares(first)
    if low == high == 1.0:
        return ""
    share = active_share(first)
    said = (
        f"{first.model.id} reads total params, and a budget is split in them; compute is 6 x "
        f"params_active x tokens with {share:.3g} of the params active, as in the runs"
    )
    if high > ALIKE * low:
        said += (
            f" (where that share runs from {low:.3g} to {high:.3g}: other shares cost otherwise)"
        )
    return said
