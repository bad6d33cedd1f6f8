"""The plan of nano-shape looks for the best rate of every shape; the tables hold what it says."""

from __future__ import annotations

from typing import Any

import numpy as np

import bayes_scaling as bs
from bayes_scaling.datasets.nano_lm.plan import Planned
from bayes_scaling.datasets.nano_lm.shape_sweep import (
    DECAY_SIZES,
    DECAYS,
    SHAPES,
    decay_runs,
    shape_runs,
)
from bayes_scaling.datasets.nano_lm.transformer import check_shape


def row_of(run: Planned, loss: float) -> dict[str, Any]:
    return {
        "width": run.width, "depth": run.depth, "seed": run.seed, "budget": run.budget,
        "learning_rate": run.learning_rate, "loss": loss,
    }  # fmt: skip


def test_shapes_can_be_trained_and_have_nearly_equal_params() -> None:
    for budget, shapes in SHAPES.items():
        planned = [
            Planned(width=w, depth=d, budget=budget, learning_rate=0.01, purpose="shape-sweep")
            for w, d in shapes
        ]
        assert [run.depth for run in planned] == [1, 2, 4, 6, 8, 12]
        assert not [problem for run in planned for problem in check_shape(run.shape)]
        params = np.array([run.shape.params for run in planned])
        assert params.max() / params.min() < 1.2


def test_the_search_goes_on_until_the_best_rate_is_inside_and_then_seeds_it() -> None:
    rows: list[dict[str, Any]] = []
    best = 2.0**-8
    for _ in range(200):
        waiting = [
            run for run in shape_runs(6e10, (0, 1), rows) if row_of(run, 0) not in known(rows)
        ]
        if not waiting:
            break
        rows.append(row_of(waiting[0], abs(np.log2(waiting[0].learning_rate / best))))
    for width, depth in SHAPES[6e10]:
        own = [row for row in rows if (row["width"], row["depth"]) == (width, depth)]
        rates = {row["learning_rate"] for row in own if row["seed"] == 0}
        assert {best / 2, best, best * 2} <= rates
        assert [row["learning_rate"] for row in own if row["seed"] == 1] == [best]


def known(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "loss": 0} for row in rows]


def test_decay_is_swept_at_every_width_with_names_of_their_own() -> None:
    runs = decay_runs([])
    assert len(runs) == len(DECAY_SIZES) * len(DECAYS) * 3
    assert len({run.run for run in runs}) == len(runs)


def test_the_shipped_tables_are_complete() -> None:
    shapes = bs.load_dataset("nano-shape")
    found = {
        (float(c), int(w), int(d))
        for c, w, d in zip(shapes["budget"], shapes["width"], shapes["depth"], strict=True)
    }
    assert found == {(c, w, d) for c, each in SHAPES.items() for w, d in each}
    decay = bs.load_dataset("nano-decay")
    assert len(decay) == 75
    assert set(np.unique(decay["weight_decay"])) == set(DECAYS)
