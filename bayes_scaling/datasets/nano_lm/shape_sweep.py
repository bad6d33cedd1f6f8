"""The runs of nano-shape and nano-decay: six depths at equal params, and weight decay by width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bayes_scaling.datasets.nano_lm.plan import Planned
from bayes_scaling.datasets.nano_lm.sweep import RUN_COLUMNS, Stage, train_stages

SHAPES = {
    6e10: ((40, 1), (30, 2), (22, 4), (18, 6), (16, 8), (14, 12)),
    2.5e11: ((64, 1), (48, 2), (36, 4), (30, 6), (26, 8), (22, 12)),
    1e12: ((108, 1), (80, 2), (54, 4), (44, 6), (40, 8), (32, 12)),
}
"""Width and depth of six shapes of nearly equal params (3e4, 7e4, 1.6e5), by budget [FLOP]."""
DECAY_SIZES = {
    (16, 1): 1e10,
    (24, 1): 1.8e10,
    (32, 1): 3e10,
    (48, 1): 6e10,
    (72, 1): 1.5e11,
}
"""Budget [FLOP] by width and depth of the sweep of weight decay; the last has four times
the params of the third."""
DECAYS = (0.01, 0.1, 0.3, 1.0, 3.0)
DECAY_RATES = (-7.0, -6.0, -5.0)
"""Powers of two of the learning rates at width 64; at others the rate is that over the width."""
COLUMNS = (*RUN_COLUMNS[:8], "weight_decay", *RUN_COLUMNS[8:])


def start_rate(width: int, depth: int) -> float:
    """Learning rate from which the search starts: a power of two near 1/2 over the width."""
    power = -1 - (width.bit_length() - 1) - (1 if depth > 4 and width > 24 else 0)
    return float(2.0**power)


def shape_runs(
    budget: float, seeds: Sequence[int], rows: Iterable[Mapping[str, Any]]
) -> list[Planned]:
    """List the runs of a budget: rates a factor 2 apart, until the best is inside those tried.

    Parameters
    ----------
    budget : float
        FLOPs; a key of `SHAPES`.
    seeds : sequence of int
        Seeds, of which the first is the one whose rates are searched; the others train at the best.
    rows : iterable of rows
        Finished runs.

    Returns
    -------
    list of Planned
        Runs of every shape as far as the finished ones say where to go on.
    """
    rows, found = list(rows), []
    for width, depth in SHAPES[budget]:
        first = Planned(
            width=width,
            depth=depth,
            budget=budget,
            learning_rate=start_rate(width, depth),
            seed=seeds[0],
            purpose="shape-sweep",
        )
        cell = {
            float(row["learning_rate"]): float(row["loss"])
            for row in rows
            if (int(row["width"]), int(row["depth"]), int(row["seed"])) == (width, depth, seeds[0])
            and float(row["budget"]) == budget
        }
        best = min(cell, key=cell.__getitem__, default=first.learning_rate)
        near = (best, best / 2, best * 2) if cell else (best,)
        found += [replace(first, learning_rate=rate) for rate in near]
        if set(near) <= set(cell):
            found += [
                replace(first, learning_rate=best, seed=seed, purpose="seed") for seed in seeds[1:]
            ]
    return found


def decay_runs(rows: Iterable[Mapping[str, Any]]) -> list[Planned]:
    """List the runs of the sweep of weight decay: five decays at three rates for each width."""
    return [
        Planned(
            width=width,
            depth=depth,
            budget=budget,
            learning_rate=2.0**power * 64 / width,
            weight_decay=decay,
            purpose="weight-decay",
        )
        for (width, depth), budget in DECAY_SIZES.items()
        for power in DECAY_RATES
        for decay in DECAYS
    ]


def train_shapes(**settings: Any) -> int:
    """Train the runs of nano-shape that are not in the table yet; as `train_sweep` otherwise."""
    one = [Stage(name=f"{b:.3g}", runs=partial(shape_runs, b, (0,))) for b in SHAPES]
    two = [Stage(name=f"{b:.3g} seeds", runs=partial(shape_runs, b, (0, 1))) for b in SHAPES]
    return train_stages([*one, *two], columns=COLUMNS, **settings)


def train_decay(**settings: Any) -> int:
    """Train the runs of nano-decay that are not in the table yet; as `train_sweep` otherwise."""
    return train_stages([Stage(name="decay", runs=decay_runs)], columns=COLUMNS, **settings)
