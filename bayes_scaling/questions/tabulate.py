"""Draws of several quantities as rows of medians and intervals: of all draws, or by member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        extrapolation, the probability and kind of the intervals. One draw, as a published law
        has, is told without intervals.
    """
    alone = len(next(iter(quantities.values()))) == 1
    return _rows(quantities, extrapolation, None if alone else probability)


def _rows(
    quantities: Mapping[str, Draws], extrapolation: Mapping[str, Draws], probability: float | None
) -> list[dict[str, Any]]:
    """Tabulate draws, with intervals where there is a probability for them."""
    columns: dict[str, NDArray[np.float64]] = {}
    for name, draws in quantities.items():
        if probability is None:
            columns[name] = draws[0]
            continue
        columns[name], columns[f"{name}_lower"], columns[f"{name}_upper"] = quantiles(
            draws, probability
        )
    columns |= {f"efolds_{name}": beyond for name, beyond in extrapolation.items()}
    about = {} if probability is None else {"probability": probability, "kind": KIND}
    count = next(iter(quantities.values())).shape[1]
    return [
        {name: float(values[index]) for name, values in columns.items()} | about
        for index in range(count)
    ]


def member_rows(
    quantities: Mapping[str, Draws],
    *,
    member: NDArray[np.int64],
    members: Sequence[str],
    weights: Sequence[float],
    probability: float,
) -> list[tuple[int, dict[str, Any]]]:
    """Tabulate the draws of each member by themselves.

    Parameters
    ----------
    quantities : mapping of str to array (n_draws, n_rows)
        Draws of each quantity.
    member : array of int (n_draws,)
        Member that each draw comes from.
    members : sequence of str
        Their names.
    weights : sequence of float
        Their weights.
    probability : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    list of (int, dict)
        Row by row the members in order: position of the row, and ``member``, ``weight`` and what
        `interval_rows` says.
    """
    shown = None if len(member) == 1 else probability
    found: list[tuple[int, dict[str, Any]]] = []
    for index, (name, weight) in enumerate(zip(members, weights, strict=True)):
        own = {key: draws[member == index] for key, draws in quantities.items()}
        for position, row in enumerate(_rows(own, {}, shown)):
            found.append((position, {"member": name, "weight": float(weight)} | row))
    return sorted(found, key=lambda pair: pair[0])
