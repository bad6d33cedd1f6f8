"""How often forecasts held on public sweeps, by how far they lay beyond the runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.page import efolds_beyond, times


@dataclass(frozen=True, kw_only=True)
class Held:
    """How often 90 % intervals of the default average held at some distance.

    Attributes
    ----------
    low, high : float
        Factors of compute beyond the largest fitted run.
    targets, tasks : int
        Runs that were forecast, and sweeps (each fitted on its small runs) they belong to.
    covered : float
        Share inside their intervals: mean of the shares of the tasks.
    """

    low: float
    high: float
    targets: int
    tasks: int
    covered: float

    def __str__(self) -> str:
        """Say it in words."""
        return (
            f"{self.covered:.0%} of such forecasts held ({self.targets} runs {self.low:g} to "
            f"{self.high:g}x beyond those fitted, {self.tasks} public tasks, 90 % intervals)"
        )


TESTED = (
    Held(low=1, high=3, targets=431, tasks=7, covered=0.90),
    Held(low=3, high=10, targets=298, tasks=15, covered=0.95),
    Held(low=10, high=30, targets=159, tasks=13, covered=0.94),
    Held(low=30, high=100, targets=209, tasks=11, covered=0.86),
    Held(low=100, high=300, targets=11, tasks=5, covered=0.86),
)
"""From `python -m tests.studies.by_distance`; beyond 300x there was one target."""

ON_EDGE = 1e-6
"""Share of a distance within which it lies on an edge: that of a plan is a product of numbers."""

EDGES = tuple(each.high for each in TESTED)
"""Factors of compute between which distances are told apart."""

FARTHEST = TESTED[-1].high
"""Factor of compute beyond which no forecast was tested."""

IF_IT_HOLDS = "if the law holds that far: untested"
"""What a decision depends on beyond `FARTHEST`."""


def held_at(factor: float) -> Held | None:
    """Return how forecasts held that lay as far beyond the runs; None where none did.

    Parameters
    ----------
    factor : float
        Compute over that of the largest fitted run.
    """
    return next((each for each in TESTED if factor <= each.high * (1 + ON_EDGE)), None)


def said_of_distance(row: Mapping[str, Any]) -> str:
    """Say how far a row of an answer lies beyond the runs, and how such forecasts held.

    Parameters
    ----------
    row : dict
        With its distances (``efolds_flops``, ...) beyond the fitted runs; empty words inside them.
    """
    factor = factor_beyond(row)
    if factor <= 1 + ON_EDGE:
        return ""
    found = held_at(factor)
    if found is None:
        farthest = times(FARTHEST)
        return f"no forecast was tested {times(factor)} beyond its runs; {farthest} was farthest"
    return str(found)


def factor_beyond(row: Mapping[str, Any]) -> float:
    """Return the factor of compute by which a row lies beyond the runs; of sizes without it."""
    return float(np.exp(efolds_beyond(row)))
