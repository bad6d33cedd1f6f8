"""The runs of nano-scores: models of nano-lm and nano-shape once more, with their scores."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bayes_scaling.datasets.nano_lm.by_task import scores_by_task
from bayes_scaling.datasets.nano_lm.corpus import load_corpus
from bayes_scaling.datasets.nano_lm.plan import Planned
from bayes_scaling.datasets.nano_lm.shape_sweep import COLUMNS, SHAPES
from bayes_scaling.datasets.nano_lm.sweep import Stage, train_stages
from bayes_scaling.datasets.nano_lm.train import TrainedRun

LINES = {
    3e10: ((16, 1), (16, 2), (32, 1), (32, 2), (48, 2), (64, 3)),
    1e11: ((16, 1), (16, 2), (32, 1), (32, 2), (48, 2), (64, 3)),
    3e11: ((16, 2), (32, 1), (32, 2), (48, 2), (64, 3), (80, 4)),
    1e12: ((32, 1), (32, 2), (48, 2), (64, 3), (80, 4)),
}
"""Width and depth of what is taken from the main line of nano-lm, by budget [FLOP]."""
LARGE = {3e12: ((48, 2), (64, 3), (80, 4)), 1e13: ((64, 3),)}
"""What the smaller ones are to say of."""
SCORE_COLUMNS = (*COLUMNS[:7], "score", "items", *COLUMNS[7:])

Cells = Mapping[float, tuple[tuple[int, int], ...]]


def best_runs(table: str, cells: Cells, purpose: str) -> list[Planned]:
    """List the runs of the cells, each at the best learning rate that a shipped table has of it.

    Parameters
    ----------
    table : str
        Name of the file.
    cells : mapping of float to tuple of (int, int)
        Width and depth by budget [FLOP].
    purpose : str
        Written to the rows.
    """
    with (Path(__file__).parents[1] / table).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["seed"]) == 0]
    found = []
    for budget, shapes in cells.items():
        for shape in shapes:
            tried = {
                float(row["loss"]): float(row["learning_rate"])
                for row in rows
                if (float(row["budget"]), int(row["width"]), int(row["depth"])) == (budget, *shape)
            }
            width, depth = shape
            run = Planned(
                width=width,
                depth=depth,
                budget=budget,
                learning_rate=tried[min(tried)],
                purpose=purpose,
            )
            found.append(run)
    return found


def score_runs() -> list[Planned]:
    """List the runs of nano-scores: shapes, sizes, and larger ones."""
    return [
        *best_runs("nano_shape.csv", SHAPES, "shape"),
        *best_runs("nano_lm.csv", LINES, "size"),
        *best_runs("nano_lm.csv", LARGE, "large"),
    ]


def train_scores(*, cache_dir: str | Path | None = None, **settings: Any) -> int:
    """Train the runs of nano-scores that are not in the table yet; as `train_sweep` otherwise."""

    def by_task(planned: Planned, result: TrainedRun) -> list[dict[str, Any]]:
        text = load_corpus(cache_dir).validation
        found = scores_by_task(planned.shape, result.weights, text)
        return [
            {**result.row, "metric": task, "score": score, "items": items}
            for task, (score, items) in found.items()
        ]

    return train_stages(
        [Stage(name="scores", runs=lambda rows: score_runs())],
        columns=SCORE_COLUMNS,
        rows_of=by_task,
        cache_dir=cache_dir,
        **settings,
    )
