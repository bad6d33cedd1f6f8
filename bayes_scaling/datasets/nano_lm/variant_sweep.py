"""The runs of nano-arms, nano-recurrent and nano-context: one thing different from nano-lm.

Rows of nano-lm that are the baseline are taken over, under the name of their group, not trained
again.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bayes_scaling.datasets.finished import append_rows
from bayes_scaling.datasets.nano_lm.by_position import losses_by_position
from bayes_scaling.datasets.nano_lm.corpus import load_corpus
from bayes_scaling.datasets.nano_lm.plan import Planned, RateRule
from bayes_scaling.datasets.nano_lm.shape_sweep import COLUMNS
from bayes_scaling.datasets.nano_lm.sweep import Stage, train_stages
from bayes_scaling.datasets.nano_lm.train import TrainedRun
from bayes_scaling.datasets.nano_lm.transformer import WEIGHT_DECAY, Variant

ARM_CELLS = {
    1e10: ((16, 1, -5.0), (32, 1, -6.0)),
    3e10: ((16, 2, -6.0), (32, 1, -6.0), (32, 2, -6.0)),
    1e11: ((32, 1, -5.0), (32, 2, -6.0), (48, 2, -7.0)),
    3e11: ((32, 2, -6.0), (48, 2, -6.5), (64, 3, -7.0)),
    1e12: ((48, 2, -6.5), (64, 3, -7.0)),
}
"""Width, depth and power of two of the rate of what every arm trains, by budget [FLOP]."""
ARM_TRUTH = {3e12: ((64, 3, -7.0),), 1e13: ((80, 4, -7.5),)}
"""What the smaller ones are to say of."""
ARMS: dict[str, dict[str, Any]] = {
    "untied": {"variant": Variant(tied=False)},
    "no-decay": {"weight_decay": 0.0},
    "high-decay": {"weight_decay": 1.0},
    "placebo": {"seed": 3},
}
"""What an arm has different from the baseline."""

RECURRENT_SWEPT = {
    1e10: ((16, 1), (32, 1)),
    3e10: ((16, 1), (32, 1), (32, 2)),
    1e11: ((32, 1), (32, 2), (48, 2)),
}
"""Width and depth of the recurrent models whose rates are searched, by budget [FLOP]."""
RECURRENT_LINES = {
    3e11: ((32, 1), (32, 2), (48, 2), (64, 3)),
    1e12: ((48, 2), (64, 3)),
    3e12: ((64, 3),),
}
"""Those that are trained at the rate which the searches say."""
RECURRENT = Variant(mixer="recurrence")

CONTEXTS = (8, 64, 512)
CONTEXT_SIZES = ((16, 1, -5.0), (24, 1, -5.0), (32, 2, -6.0), (48, 2, -6.5))
"""Width, depth and power of two of the learning rate, whatever the context."""
CONTEXT_TOKENS = 1.6e6
"""Bytes that every model of nano-context reads."""
CONTEXT_COLUMNS = (*COLUMNS[:7], "position", *COLUMNS[7:])


def arm_runs(cells: Mapping[float, Iterable[tuple[int, int, float]]]) -> list[Planned]:
    """List the runs of every arm, at the sizes, budgets and rates of the baseline."""
    return [
        replace(
            Planned(
                width=width,
                depth=depth,
                budget=budget,
                learning_rate=2.0**power,
                purpose="arm",
                family=arm,
            ),
            **different,
        )
        for budget, each in cells.items()
        for width, depth, power in each
        for arm, different in ARMS.items()
    ]


def recurrent_sweeps(rows: Iterable[Mapping[str, Any]]) -> list[Planned]:
    """List the searched runs: rates a factor 2 apart, until the best is inside those tried."""
    rows = [row for row in rows if row["family"] == "recurrent"]
    found = []
    for budget, sizes in RECURRENT_SWEPT.items():
        for width, depth in sizes:
            first = _recurrent(width, depth, budget, 2.0 ** -(4 if width <= 16 else 5), "lr-sweep")
            cell = {
                float(row["learning_rate"]): float(row["loss"])
                for row in rows
                if (int(row["width"]), int(row["depth"]), float(row["budget"]))
                == (width, depth, budget)
            }
            best = min(cell, key=cell.__getitem__, default=first.learning_rate)
            near = (best, best / 2, best * 2) if cell else (best,)
            found += [replace(first, learning_rate=rate) for rate in near]
    return found


def recurrent_lines(rows: Iterable[Mapping[str, Any]]) -> list[Planned]:
    """List the larger runs, at the rate that a power law of the searched cells says."""
    rule = RateRule.fit(
        row for row in rows if row["family"] == "recurrent" and row["purpose"] == "lr-sweep"
    )
    return [
        _recurrent(*size, budget, rule.rate(size, budget), "isoflop")
        for budget, sizes in RECURRENT_LINES.items()
        for size in sizes
    ]


def _recurrent(width: int, depth: int, budget: float, rate: float, purpose: str) -> Planned:
    return Planned(
        width=width,
        depth=depth,
        budget=budget,
        learning_rate=rate,
        purpose=purpose,
        family="recurrent",
        variant=RECURRENT,
    )


def context_runs() -> list[Planned]:
    """List the runs of nano-context: every size at every context, on as many bytes."""
    found = []
    for width, depth, power in CONTEXT_SIZES:
        for context in CONTEXTS:
            run = Planned(
                width=width,
                depth=depth,
                budget=0.0,
                learning_rate=2.0**power,
                purpose="context",
                variant=Variant(context=context),
            )
            budget = 6 * run.shape.params * CONTEXT_TOKENS
            found.append(replace(run, budget=float(f"{budget:.3g}")))
    return found


def nano_lm_rows(
    family: str, wanted: Callable[[tuple[int, int, float, float]], bool]
) -> list[dict[str, Any]]:
    """Rows of nano-lm with seed 0, as a group of another table.

    Parameters
    ----------
    family : str
        Name of the group.
    wanted : callable
        Says of (width, depth, budget, learning rate) whether a row is taken.
    """
    with (Path(__file__).parents[1] / "nano_lm.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["seed"]) == 0]
    return [
        {**row, "family": family, "weight_decay": WEIGHT_DECAY}
        for row in rows
        if wanted(
            (
                int(row["width"]),
                int(row["depth"]),
                float(row["budget"]),
                float(row["learning_rate"]),
            )
        )
    ]


def train_arms(*, out: str | Path, **settings: Any) -> int:
    """Train the runs of nano-arms that are not in the table yet; as `train_sweep` otherwise."""
    cells = {
        (width, depth, budget, 2.0**power)
        for budget, each in {**ARM_CELLS, **ARM_TRUTH}.items()
        for width, depth, power in each
    }
    _start(Path(out), nano_lm_rows("baseline", lambda row: _rounded(row) in map(_rounded, cells)))
    stages = [
        Stage(name="arms", runs=lambda rows: arm_runs(ARM_CELLS)),
        Stage(name="truth", runs=lambda rows: arm_runs(ARM_TRUTH)),
    ]
    return train_stages(stages, out=out, columns=COLUMNS, **settings)


def train_recurrent(*, out: str | Path, **settings: Any) -> int:
    """Train the runs of nano-recurrent that are not in the table yet, else as `train_sweep`."""
    cells = {
        (*size, budget)
        for budget, sizes in {**RECURRENT_SWEPT, **RECURRENT_LINES}.items()
        for size in sizes
    }
    _start(Path(out), nano_lm_rows("transformer", lambda row: row[:3] in cells))
    stages = [
        Stage(name="sweeps", runs=recurrent_sweeps),
        Stage(name="lines", runs=recurrent_lines),
    ]
    return train_stages(stages, out=out, columns=COLUMNS, **settings)


def train_context(*, cache_dir: str | Path | None = None, **settings: Any) -> int:
    """Train the runs of nano-context that are not in the table yet, else as `train_sweep`."""

    def by_position(planned: Planned, result: TrainedRun) -> list[dict[str, Any]]:
        text = load_corpus(cache_dir).validation
        found = losses_by_position(planned.shape, result.weights, text)
        return [{**result.row, "position": at, "loss": loss} for at, loss in found.items()]

    return train_stages(
        [Stage(name="context", runs=lambda rows: context_runs())],
        columns=CONTEXT_COLUMNS,
        rows_of=by_position,
        cache_dir=cache_dir,
        **settings,
    )


def _start(out: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows that are taken over, where the table is new."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        append_rows(out, COLUMNS, rows)


def _rounded(cell: tuple[int, int, float, float]) -> tuple[int, int, float, float]:
    """Round the rate as tables do, which print seven digits."""
    width, depth, budget, rate = cell
    return width, depth, budget, round(math.log2(rate), 3)
