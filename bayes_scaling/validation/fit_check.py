"""Does a law fit the runs it was fitted to: deviations, predictive bands, and runs left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import quantiles
from bayes_scaling.laws.density import log_likelihood
from bayes_scaling.laws.design import make_design
from bayes_scaling.page import Printed
from bayes_scaling.posterior import Member
from bayes_scaling.questions.forecast import forecast_by_law

Array = NDArray[np.float64]

BINS = 10
"""Of the values that are even where a law is calibrated."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FitCheck(Printed):
    """How the runs lie under one law.

    Attributes
    ----------
    law : str
        Its name.
    sizes : mapping of str to array (n_runs,)
        Inputs of the runs, as the law reads them.
    observed, predicted, lower, upper : array (n_runs,)
        The response, and median and 90 % interval of a new run of that size.
    pit : array (n_runs,)
        Probability of a response below the observed one when the run itself is left out (LOO-PIT);
        even between 0 and 1 where the law is calibrated.
    pareto_k : array (n_runs,)
        How heavy the tail of the weights is that leave a run out.
    good_k : float
        Up to which they can be relied on.
    elpd : array (n_runs,)
        Log predictive density of each run left out.
    """

    law: str
    sizes: Mapping[str, Array]
    observed: Array
    predicted: Array
    lower: Array
    upper: Array
    pit: Array
    pareto_k: Array
    good_k: float
    elpd: Array

    @property
    def deviation(self) -> Array:
        """Response above the predicted one (n_runs,), relative."""
        return self.observed / self.predicted - 1

    @property
    def band(self) -> tuple[Array, Array]:
        """The 90 % interval of that deviation: lower and upper ends (n_runs,)."""
        return self.lower / self.predicted - 1, self.upper / self.predicted - 1

    @property
    def inside(self) -> float:
        """Share of the runs inside their 90 % interval."""
        return float(np.mean((self.observed >= self.lower) & (self.observed <= self.upper)))

    @property
    def pit_counts(self) -> tuple[Array, tuple[float, float]]:
        """Runs in each tenth of the LOO-PIT, and what 9 of 10 calibrated laws have there."""
        from scipy.stats import binom

        counts = np.histogram(self.pit, bins=BINS, range=(0, 1))[0].astype(float)
        low, high = binom.ppf([0.05, 0.95], self.pit.size, 1 / BINS)
        return counts, (float(low), float(high))

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per run, of plain numbers."""
        columns = dict(self.sizes) | {
            "observed": self.observed,
            "predicted": self.predicted,
            "predicted_lower": self.lower,
            "predicted_upper": self.upper,
            "loo_pit": self.pit,
            "pareto_k": self.pareto_k,
            "elpd": self.elpd,
        }
        return [
            {"law": self.law} | {name: float(values[row]) for name, values in columns.items()}
            for row in range(self.observed.size)
        ]


def check_fit(member: Member) -> FitCheck:
    """Compare the runs with what a law predicts for them, and with what it does without each.

    Parameters
    ----------
    member : Member
        The posterior of one law.

    Returns
    -------
    FitCheck

    Notes
    -----
    Leaving a run out is a Pareto-smoothed weighing of the draws; `bayes_scaling.leave_one_out`
    moves them where that fails, and is slower.

    References
    ----------
    Vehtari et al. 2017, arXiv:1507.04544 (leave-one-out); Gelman et al. 1996 (predictive checks).
    """
    from arviz_stats.base import array_stats
    from scipy.special import logsumexp

    design = make_design(member.model, member.runs)
    with np.errstate(all="ignore"):
        density = log_likelihood(member.model, design, member.flat, member.walks)
        # ArviZ takes minus the log ratios, which are those of a run as the posterior weighs it.
        logs, k = array_stats.psislw((design.weights * density).T)
    logs = logs - logsumexp(logs, axis=1, keepdims=True)
    found = forecast_by_law(member, member.runs)
    observed = np.asarray(member.runs[member.response], float)
    median, lower, upper = quantiles(found.draws, 0.9)
    below = (found.draws <= observed).T
    return FitCheck(
        law=member.id,
        sizes=member.fitted_sizes,
        observed=observed,
        predicted=median,
        lower=lower,
        upper=upper,
        pit=np.clip((np.exp(logs) * below).sum(axis=1), 0, 1),
        pareto_k=np.asarray(k, float),
        good_k=float(min(0.7, 1 - 1 / np.log10(len(density)))),
        elpd=np.asarray(logsumexp(logs + density.T, axis=1)),
    )
