"""Which of the fitted runs lie off the law: how probably, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.intervals import KIND, PROBABILITY, check_probability, quantiles
from bayes_scaling.laws.density import log_law, per_run
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.noise import P_OFF, off_logpdf, on_logpdf

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]

NAMED = ("run", "family", "params", "tokens", "flops", "learning_rate", "batch_size", "steps")
"""Columns by which a run is told, where the table has them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OffLaw:
    """How each fitted run lies to the law.

    Attributes
    ----------
    runs : RunTable
        The fitted runs.
    response : str
        What the law explains.
    off : array (n_runs,)
        Posterior probability that a run lies above the law by more than noise.
    excess : array (n_runs,)
        Expected excess over the law, on the log scale; that of runs on the law counts as 0.
    deviation : array (n_draws, n_runs)
        Log response less log law.
    probability : float
        Probability of the intervals.
    """

    runs: RunTable
    response: str
    off: Array
    excess: Array
    deviation: Array
    probability: float = PROBABILITY

    def __repr__(self) -> str:
        """Say how many runs there are; `table` has them."""
        return f"OffLaw({len(self.runs)} runs, {self.off.sum():.1f} expected off; see .table)"

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per run, in the order of the table."""
        median, lower, upper = quantiles(self.deviation, self.probability)
        named = [name for name in (*NAMED, self.response) if name in self.runs]
        return [
            {name: _plain(self.runs[name][index]) for name in named}
            | {"off": float(self.off[index]), "excess": float(self.excess[index])}
            | {"deviation": float(median[index]), "deviation_lower": float(lower[index])}
            | {"deviation_upper": float(upper[index])}
            | {"probability": self.probability, "kind": KIND}
            for index in range(len(self.runs))
        ]

    @property
    def table(self) -> pd.DataFrame:
        """One row per run: what it was, how probably it is off the law, and by how much."""
        import pandas as pd

        return pd.DataFrame(self.rows())


def off_law(
    fit: Fit, *, probability: float = PROBABILITY, allow_unconverged: bool = False
) -> OffLaw:
    """Tell which fitted runs lie above the law by more than noise.

    Parameters
    ----------
    fit : Fit
        The posterior of a law with mistuned runs (``bs.fit(..., mistuned=True)``).
    probability : float
        Probability of the equal-tailed intervals.
    allow_unconverged : bool
        Whether to go on with a fit that did not converge.

    Returns
    -------
    OffLaw

    Raises
    ------
    InputError
        The law knows of no mistuned runs.
    UnconvergedError
        The fit did not converge.

    Notes
    -----
    Draw by draw the probability is that of a two-part mixture (`bayes_scaling.laws.off_law`) given
    the deviation of the run, averaged over draws; the excess is what a run deviates upwards, times
    that probability.
    """
    check_probability(probability)
    model = fit.model
    if not model.mistuned.on:
        raise InputError(
            f"{model.id} was fitted as if all runs lay on the law: fit again with mistuned=True "
            "(--mistuned)"
        )
    fit.require_converged(allow_unconverged=allow_unconverged)
    design = make_design(model, fit.runs)
    deviation = np.log(design.response) - log_law(model, design, fit.flat, fit.walks)
    parameters = per_run(model, fit.flat, design.group)
    share = parameters[P_OFF]
    odds = off_logpdf(deviation, parameters) - on_logpdf(model.noise, deviation, parameters)
    odds = odds + np.log(share) - np.log1p(-share)
    off = 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
    return OffLaw(
        runs=fit.runs,
        response=model.response,
        off=off.mean(axis=0),
        excess=(off * np.maximum(deviation, 0.0)).mean(axis=0),
        deviation=deviation,
        probability=probability,
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
