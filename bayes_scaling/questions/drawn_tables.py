"""What figures draw of answers, as tables: a row for each point, with the ends of its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import quantiles
from bayes_scaling.posterior import Posterior
from bayes_scaling.questions.forecast import Forecast
from bayes_scaling.questions.loss_curve import LossCurve
from bayes_scaling.questions.next_runs import NextRuns
from bayes_scaling.questions.tune import Tuning

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

NOISE = ("sigma", "nu")
"""Pooled parameters that are no exponents."""

WHOLE = "all"
"""Name of all draws together, beside those of each law."""

RATES = 61
"""Learning rates of a valley."""

REACH = 12.0
"""Factor to both sides of the recommended rates that a valley covers."""

ENDS = ("median", "low90", "low50", "high50", "high90")
"""Columns of a row with two intervals."""


def bands(draws: Array) -> Array:
    """Return the ends of the 50 and 90 % bands of draws (n_draws, n), the median first (5, n).

    Draws that a law does not give, which are nan, do not count.
    """
    return np.asarray(np.nanquantile(draws, (0.5, 0.05, 0.25, 0.75, 0.95), axis=0))


def ends_of(draws: Array) -> dict[str, float]:
    """Return the median and the ends of the 50 and 90 % intervals of draws (n_draws,)."""
    return dict(zip(ENDS, map(float, bands(draws)), strict=True))


def by_law(draws: Array, forecast: Forecast) -> dict[str, Array]:
    """Part draws (n_draws, ...) that stand in the order of a forecast's by its laws."""
    return {name: draws[forecast.member == index] for index, name in enumerate(forecast.members)}


def exponents_table(fit: Posterior) -> pd.DataFrame:
    """Tabulate the pooled parameters of a law by family, and their population.

    Returns
    -------
    pandas.DataFrame
        One row per parameter and family: parameter, family, median, and the ends of the 50 and
        90 % intervals.
    """
    import pandas as pd

    rows = []
    for item in fit.model.parameters:
        if item.name in NOISE or item.population_name not in fit.flat:
            continue
        parts = {"population": fit.flat[item.population_name]}
        values = fit.flat[item.name]
        if values.ndim == 2:
            parts |= dict(zip(fit.groups, values.T, strict=True))
        rows += [
            {"parameter": item.name, "family": label} | ends_of(draws)
            for label, draws in parts.items()
        ]
    return pd.DataFrame(rows, columns=["parameter", "family", *ENDS])


def members_table(forecast: Forecast, run: int = 0) -> pd.DataFrame:
    """Tabulate the loss of a new run by each law that is averaged, and by their average.

    Returns
    -------
    pandas.DataFrame
        One row per law: law, weight, median, and the ends of the 50 and 90 % intervals.
    """
    import pandas as pd

    losses = forecast.draws[:, run]
    parts = {"averaged": losses} | by_law(losses, forecast)
    weights = (1.0, *forecast.weights)
    rows = [
        {"law": name, "weight": weight} | ends_of(draws)
        for (name, draws), weight in zip(parts.items(), weights, strict=True)
    ]
    return pd.DataFrame(rows, columns=["law", "weight", *ENDS])


def chance_table(curve: LossCurve, target: float) -> pd.DataFrame:
    """Tabulate the chance of a target along a path, of all draws and by law.

    Returns
    -------
    pandas.DataFrame
        One row per budget and law: flops (or the only input), law, chance.
    """
    import pandas as pd

    found = curve.forecast
    parts = {WHOLE: found.draws}
    if len(found.members) > 1:
        parts |= by_law(found.draws, found)
    return pd.concat(
        [
            pd.DataFrame(
                {curve.along: curve.x, "law": name, "chance": (draws <= target).mean(axis=0)}
            )
            for name, draws in parts.items()
        ],
        ignore_index=True,
    )


def next_runs_table(result: NextRuns) -> pd.DataFrame:
    """Tabulate the expected width of the target's interval after each run, by design.

    Returns
    -------
    pandas.DataFrame
        One row per design and run: design, spent [FLOP], width (relative).
    """
    import pandas as pd

    parts = []
    for name, chosen in {"this": result.chosen, **result.designs}.items():
        spent = np.r_[0.0, np.cumsum(result.bench.cost[list(chosen)])]
        parts.append(pd.DataFrame({"design": name, "spent": spent, "width": result.widths(chosen)}))
    return pd.concat(parts, ignore_index=True)


def tune_table(result: Tuning) -> pd.DataFrame:
    """Tabulate the loss above the best by learning rate, with its interval.

    Returns
    -------
    pandas.DataFrame
        One row per run and rate: run, learning_rate, and penalty with its ends (relative).
    """
    import pandas as pd

    rates = result.recommended["learning_rate"]
    places = np.geomspace(rates.min() / REACH, rates.max() * REACH, RATES)
    rows = []
    for run, excess in enumerate(result.excess):
        choice: Mapping[str, float] = {
            name: float(values[run]) for name, values in result.recommended.items()
        }
        for rate in places:
            draws = excess({**choice, "learning_rate": float(rate)})
            median, lower, upper = quantiles(draws, result.probability)
            rows.append((run, rate, float(median), float(lower), float(upper)))
    names = ["run", "learning_rate", "penalty", "penalty_lower", "penalty_upper"]
    return pd.DataFrame(rows, columns=names)
