"""Models of which a token sees a part: compute counts active parameters, the law may count all."""

from __future__ import annotations

from bayes_scaling.questions.surface import Source

ALIKE = 1.05
"""Shares of one table whose ratio is below this count as one share."""


def say_share(source: Source) -> str:
    """Return what the params of an answer are and what its compute counts; "" for dense models.

    Parameters
    ----------
    source : Fit or PublishedLaw
        The posterior.

    Returns
    -------
    str
    """
    first = source.leading
    low, high = first.active_shares
    if low == high == 1.0:
        return ""
    share = first.active_share
    said = (
        f"{first.id} reads total params, and a budget is split in them; compute is 6 x "
        f"params_active x tokens with {share:.3g} of the params active, as in the runs"
    )
    if high > ALIKE * low:
        said += (
            f" (where that share runs from {low:.3g} to {high:.3g}: other shares cost otherwise)"
        )
    return said
