"""Which runs the sweep makes, in order; later stages choose learning rates from earlier ones."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bayes_scaling.datasets.nano_lm.train import run_id
from bayes_scaling.datasets.nano_lm.transformer import (
    STANDARD,
    WEIGHT_DECAY,
    Shape,
    Variant,
)
from bayes_scaling.errors import InputError

SIZES = (
    (16, 1),
    (16, 2),
    (32, 1),
    (32, 2),
    (48, 2),
    (64, 3),
    (80, 4),
    (112, 4),
    (128, 6),
    (160, 6),
)
"""Width and depth of the main line, 3e3 to 1.8e6 parameters without the embedding."""
SHAPES = {
    1e11: ((16, 8), (22, 4), (32, 2), (44, 1)),
    3e11: ((32, 12), (48, 5), (64, 3), (112, 1)),
    1e12: ((64, 12), (80, 8), (112, 4), (160, 2), (224, 1)),
}
"""Shapes of nearly equal parameters without the embedding, by the budget they are trained at."""
SMALL_BUDGETS = (1e10, 1.8e10, 3e10, 5.6e10, 1e11)
"""FLOPs of the lines whose every cell gets a sweep of learning rates."""
MIDDLE_SWEEPS = {
    1.8e11: ((32, 1), (48, 2), (80, 4)),
    3e11: ((16, 2), (32, 2), (64, 3), (112, 4)),
}
LARGE = (
    (1e13, (64, 3)),
    (3e12, (64, 3)),
    (1e13, (80, 4)),
    (3e12, (48, 2)),
    (3e12, (80, 4)),
    (1e13, (48, 2)),
    (3e12, (112, 4)),
    (1e13, (112, 4)),
    (3e12, (128, 6)),
    (1e13, (128, 6)),
    (3e12, (32, 2)),
)
"""Largest runs, in an order that leaves several at 1e13 FLOP if the sweep is cut short."""
SEED_CELLS = (
    (1.8e11, (16, 1)),
    (1.8e11, (32, 1)),
    (3e11, (48, 2)),
    (3e11, (64, 3)),
    (3e11, (80, 4)),
    (1e12, (112, 4)),
)
MIN_TOKENS, MAX_TOKENS = 2e4, 3e7
SWEEP_LIMIT = 3e11
"""Largest budget, in FLOPs, whose learning rate sweeps decide the rates of later stages."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One run of the plan.

    Parameters
    ----------
    width, depth : int
    budget : float
        FLOPs, 6 x params x tokens before rounding to whole steps.
    learning_rate, weight_decay : float
    seed : int
    purpose : str
        Why it is made: `lr-sweep`, `fixed-lr`, `isoflop`, `shape`, `seed` or `weight-decay`.
    family : str
        Group of the run.
    variant : Variant
        What the model has different from those of nano-lm.
    """

    width: int
    depth: int
    budget: float
    learning_rate: float
    weight_decay: float = WEIGHT_DECAY
    seed: int = 0
    purpose: str
    family: str = "nano-lm"
    variant: Variant = STANDARD

    @property
    def shape(self) -> Shape:
        """Width, depth and variant as a `Shape`."""
        return Shape(width=self.width, depth=self.depth, variant=self.variant)

    @property
    def tokens(self) -> float:
        """Bytes to train on."""
        return self.budget / (6 * self.shape.params)

    @property
    def run(self) -> str:
        """Id of the run."""
        return run_id(self.shape, self.budget, self.learning_rate, self.seed, self.weight_decay)


def stages() -> tuple[str, ...]:
    """Names of the stages, in order; each may read the finished runs of the ones before."""
    return ("small sweeps", "middle sweeps", "middle lines", "shapes", "1e12", "large", "extras")


def smallest_budget(stage: str) -> float:
    """FLOPs below which no run of a stage lies; the stages that need all small sweeps say so."""
    return SMALL_BUDGETS[0] if stage == "small sweeps" else SMALL_BUDGETS[-1]


def stage_runs(stage: str, finished: Iterable[Mapping[str, Any]]) -> list[Planned]:
    """List the runs of a stage.

    Parameters
    ----------
    stage : str
        One of `stages()`.
    finished : iterable of rows
        Runs of the earlier stages; all of them, for the rates to come out as they did.

    Returns
    -------
    list of Planned
        In the order to train them; a run of an earlier stage may appear again.
    """
    if stage == "small sweeps":
        return [
            run
            for budget in SMALL_BUDGETS
            for size in sizes_at(budget, most=7)
            for run in _sweep(budget, size, count=7)
        ]
    if stage == "middle sweeps":
        return [
            run
            for budget, sizes in MIDDLE_SWEEPS.items()
            for size in sizes
            for run in _sweep(budget, size, count=6)
        ]
    rows = [row for row in finished if row["purpose"] == "lr-sweep"]
    rows = [row for row in rows if float(row["budget"]) <= SWEEP_LIMIT * 1.001]
    fixed, rule = fixed_rate(rows), RateRule.fit(rows)

    def both(budget: float, size: tuple[int, int]) -> list[Planned]:
        line = Planned(
            width=size[0],
            depth=size[1],
            budget=budget,
            learning_rate=rule.rate(size, budget),
            purpose="isoflop",
        )
        return [line, replace(line, learning_rate=fixed, purpose="fixed-lr")]

    if stage == "middle lines":
        lines = [(budget, size) for budget in MIDDLE_SWEEPS for size in sizes_at(budget, most=8)]
        return [run for budget, size in lines for run in both(budget, size)]
    if stage == "shapes":
        shaped = []
        for budget, shapes in SHAPES.items():
            for factor in (1.0, 0.5, 2.0) if budget < 1e12 else (1.0,):
                for size in shapes:
                    run = both(budget, size)[0]
                    rate = run.learning_rate * factor
                    shaped.append(replace(run, learning_rate=rate, purpose="shape"))
        seeded = [
            replace(both(budget, size)[0], seed=seed, purpose="seed")
            for budget, size in SEED_CELLS
            for seed in (1, 2)
        ]
        return shaped + seeded
    if stage == "1e12":
        runs = [both(1e12, size) for size in sizes_at(1e12, most=9) if size != (16, 1)]
        return [pair[0] for pair in runs] + [both(1e12, SIZES[-1])[1]] + [p[1] for p in runs]
    if stage == "large":
        return [both(budget, size)[0] for budget, size in LARGE]
    extras = [both(3e12, (64, 3))[1], both(3e12, (112, 4))[1]]
    extras += [run for run in _sweep(1e12, (64, 3), count=7) if run.learning_rate < 2**-5]
    return [*extras, both(1e13, (64, 3))[1], both(3e12, (160, 6))[0], both(1e13, (160, 6))[0]]


def sizes_at(budget: float, *, most: int) -> list[tuple[int, int]]:
    """Pick the `most` smallest sizes of the main line whose bytes lie within the limits."""
    fitting = [
        size
        for size in SIZES
        if MIN_TOKENS <= budget / (6 * Shape(width=size[0], depth=size[1]).params) <= MAX_TOKENS
    ]
    return fitting[:most]


def _sweep(budget: float, size: tuple[int, int], *, count: int) -> list[Planned]:
    """Learning rates a factor 2 apart, `2**(count - 1)` from end to end."""
    top = -3 if size[0] <= 32 else -5
    return [
        Planned(
            width=size[0],
            depth=size[1],
            budget=budget,
            learning_rate=2.0 ** (top - i),
            purpose="lr-sweep",
        )
        for i in range(count)
    ]


def fixed_rate(rows: Iterable[Mapping[str, Any]]) -> float:
    """Find the one learning rate that is best on average at the three smallest sizes.

    Best in the mean of log loss over the swept cells of those sizes; rates tried in every one.
    """
    cells = _cells(row for row in rows if (int(row["width"]), int(row["depth"])) in SIZES[:3])
    tried = set.intersection(*(set(cell) for cell in cells.values()))
    return min(sorted(tried), key=lambda rate: sum(math.log(cell[rate]) for cell in cells.values()))


@dataclass(frozen=True, kw_only=True)
class RateRule:
    """Best learning rate of small cells as a power law of their size and bytes.

    Parameters
    ----------
    constant, by_params, by_tokens : float
        log2(rate) = constant + by_params log2(params) + by_tokens log2(tokens).
    """

    constant: float
    by_params: float
    by_tokens: float

    @classmethod
    def fit(cls, rows: Iterable[Mapping[str, Any]]) -> RateRule:
        """Least squares over cells whose best rate is not at the end of the rates tried."""
        import numpy as np

        design, best = [], []
        for (params, tokens), cell in _cells(rows).items():
            rates = sorted(cell)
            middle = rates.index(min(rates, key=cell.__getitem__))
            if 0 < middle < len(rates) - 1:
                low, here, high = (math.log(cell[rate]) for rate in rates[middle - 1 : middle + 2])
                shift = 0.5 * (low - high) / (low - 2 * here + high)
                design.append([1.0, math.log2(params), math.log2(tokens)])
                best.append(math.log2(rates[middle]) + shift)
        if len(best) < 3:
            raise InputError(
                f"{len(best)} swept cells have their best learning rate inside the rates tried; "
                "the rates of larger runs need 3 at least: train the sweeps first"
            )
        found = np.linalg.lstsq(np.array(design), np.array(best), rcond=None)[0]
        return cls(constant=found[0], by_params=found[1], by_tokens=found[2])

    def rate(self, size: tuple[int, int], budget: float) -> float:
        """Rate of a size at a budget, rounded to a half power of two."""
        params = Shape(width=size[0], depth=size[1]).params
        tokens = budget / (6 * params)
        power = (
            self.constant + self.by_params * math.log2(params) + self.by_tokens * math.log2(tokens)
        )
        return float(2.0 ** (min(-6, max(-24, round(2 * power))) / 2))


def _cells(
    rows: Iterable[Mapping[str, Any]],
) -> dict[tuple[float, float], dict[float, float]]:
    """Loss by learning rate of each (params, tokens), seed 0."""
    cells: defaultdict[tuple[float, float], dict[float, float]] = defaultdict(dict)
    for row in rows:
        if int(row["seed"]) == 0:
            key = (float(row["params"]), float(row["tokens"]))
            cells[key][float(row["learning_rate"])] = float(row["loss"])
    return dict(cells)
