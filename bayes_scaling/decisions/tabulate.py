"""Draws of several quantities as rows of medians and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import KIND, quantiles

Draws = NDArray[np.float64]


def interval_rows(
    quantities: Mapping[str, Draws],
    extrapolation: Mapping[str, Draws],
    probability: float,
) -> list[dict[str, Any]]:
    """Tabulate draws.

    Parameters
    ----------
    quantities : mapping of str to array (n_draws, n_rows)
        Draws of each quantity.
    extrapolation : mapping of str to array (n_rows,)
        E-folds beyond the fitted runs.
    probability : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    list of dict
        Per row: ``x``, ``x_lower`` and ``x_upper`` of every quantity, ``efolds_x`` of every
        extrapolation, the probability and kind of the intervals.
    """
    columns: dict[str, NDArray[np.float64]] = {}
    for name, draws in quantities.items():
        columns[name], columns[f"{name}_lower"], columns[f"{name}_upper"] = quantiles(
            draws, probability
        )
    columns |= {f"efolds_{name}": beyond for name, beyond in extrapolation.items()}
    count = next(iter(quantities.values())).shape[1]
    return [
        {name: float(values[index]) for name, values in columns.items()}
        | {"probability": probability, "kind": KIND}
        for index in range(count)
    ]
