"""`Comparison`: several models on the same runs, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.facade import Fit
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.posterior import Check
from bayes_scaling.questions.forecast import Forecast
from bayes_scaling.validation.loo import Loo, standard_error
from bayes_scaling.validation.split import Split

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

EQUAL, STACKING = "equal", "stacking"
"""Names of the two ways of weighting."""

AVERAGES = {EQUAL: "average, equal weights", STACKING: "average, stacking weights"}
"""How the averages are called beside the models."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Fits of several models to the same runs, and what speaks for each.

    Attributes
    ----------
    fits : mapping of str to Fit
        By the id of the model.
    loo : mapping of str to Loo
        Leave-one-out densities of the runs.
    weights : mapping of str to mapping of str to float
        ``equal`` and ``stacking``: the weight of every model that converged.
    split : Split or str
        Which runs were fitted and scored in the deep split; the reason, where there was none.
    deep : mapping of str to mapping of str to float
        Scores on the deep split (`bayes_scaling.scores`), by model and by name in `AVERAGES`; empty
        where there was no split. The stacking weights of that average are those of the small runs.
    predictions : mapping of str to Forecast
        At the target sizes, by model and by name in `AVERAGES`.
    checks : tuple of Check
        Of the fits, the leave-one-out estimates and the deep split, each by ``check of model``.
    probability : float
        Probability of the intervals in `forecasts`.
    """

    fits: Mapping[str, Fit]
    loo: Mapping[str, Loo]
    weights: Mapping[str, Mapping[str, float]]
    split: Split | str
    deep: Mapping[str, Mapping[str, float]]
    predictions: Mapping[str, Forecast]
    checks: tuple[Check, ...]
    probability: float = PROBABILITY

    def __repr__(self) -> str:
        """Say what was compared; `table` and `forecasts` have the numbers."""
        first = next(iter(self.fits.values()))
        return f"Comparison({', '.join(self.fits)} on {len(first.runs)} runs; see .table)"

    @property
    def trustworthy(self) -> bool:
        """Whether no check failed."""
        return all(check.verdict != "fail" for check in self.checks)

    # ---- models ------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per model, the highest density first."""
        order = sorted(self.fits, key=lambda name: -self.loo[name].elpd)
        best = self.loo[order[0]].pointwise
        return [self._row(name, best) for name in order]

    def _row(self, name: str, best: Array) -> dict[str, Any]:
        loo, fit = self.loo[name], self.fits[name]
        difference = loo.pointwise - best
        row: dict[str, Any] = {
            "model": name,
            "status": fit.status,
            "elpd": loo.elpd,
            "elpd_se": loo.se,
            "elpd_difference": float(difference.sum()),
            "difference_se": standard_error(difference),
            "effective_parameters": loo.effective,
            "high_k": loo.high,
            "likelihood": loo.likelihood,
        }
        row |= {f"weight_{how}": weights.get(name, 0.0) for how, weights in self.weights.items()}
        return row | {f"deep_{key}": value for key, value in self.deep.get(name, {}).items()}

    @property
    def table(self) -> pd.DataFrame:
        """One row per model: leave-one-out density, weights, and scores on the deep split.

        ``elpd`` [nats] is the sum over runs of the log density of the log response of a run left
        out; ``difference_se`` is the standard error of the difference to the first row.
        """
        import pandas as pd

        return pd.DataFrame(self.rows()).set_index("model")

    @property
    def deep_split(self) -> pd.DataFrame:
        """Scores on the deep split, one row per model and average; empty where there was none."""
        import pandas as pd

        return pd.DataFrame.from_dict(self.deep, orient="index").rename_axis("model")

    # ---- forecasts ---------------------------------------------------------------------------

    def forecast_rows(self) -> list[dict[str, Any]]:
        """Return the forecasts as one dict per target, model and average, target by target."""
        rows = {name: forecast.rows() for name, forecast in self.predictions.items()}
        count = len(next(iter(rows.values())))
        return [
            {"model": name, **found[index]}
            for index in range(count)
            for name, found in rows.items()
        ]

    @property
    def forecasts(self) -> pd.DataFrame:
        """One row per target, model and average: both losses with intervals, e-folds beyond."""
        import pandas as pd

        return pd.DataFrame(self.forecast_rows())

    # ---- all of it ---------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        first = next(iter(self.fits.values()))
        split: dict[str, Any] = {"skipped": self.split}
        if not isinstance(self.split, str):
            split = {
                "fitted": len(self.split.fitted),
                "scored": len(self.split.targets),
                "efolds": float(self.split.efolds.max()),
            }
        return {
            "runs": len(first.runs),
            "response": first.model.response,
            "trustworthy": self.trustworthy,
            "models": self.rows(),
            "weights": {how: dict(weights) for how, weights in self.weights.items()},
            "deep_split": split | {"scores": {name: dict(s) for name, s in self.deep.items()}},
            "forecasts": self.forecast_rows(),
            "checks": [asdict(check) for check in self.checks],
        }
