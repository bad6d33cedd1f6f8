"""A posterior as a table: medians, intervals, mixing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.intervals import KIND, quantiles
from bayes_scaling.posterior.diagnostics import elements

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.posterior.member import Member


def summarise(fit: Member, probability: float) -> pd.DataFrame:
    """Summarise a posterior; see `bayes_scaling.posterior.posterior.Fit.summary`.

    Parameters
    ----------
    fit : Member
        The posterior.
    probability : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        Indexed by quantity.
    """
    import pandas as pd

    rows = {}
    for name, values in elements(fit.draws, fit.groups):
        median, lower, upper = quantiles(values.ravel(), probability)
        mixed = fit.mixing[name]
        rows[name] = {
            "median": median,
            "lower": lower,
            "upper": upper,
            "probability": probability,
            "kind": KIND,
            "r_hat": mixed.r_hat,
            "ess": mixed.ess,
            "ess_tail": mixed.ess_tail,
            "posterior": "plain" if fit.model.temper is None else "tempered",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")
