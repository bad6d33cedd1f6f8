from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.datasets import load_dataset
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.sweeps import best_of_cells, best_rates, cell_of, mistuned


def table(**columns: list[float] | list[str]) -> RunTable:
    return RunTable(columns={name: np.array(values) for name, values in columns.items()})


RUNS = table(
    params=[1e3, 1e3, 1e3, 1e3, 2e3, 2e3, 5e3],
    tokens=[1e5, 1e5, 1e5, 1e5, 1e5, 1e5, 1e5],
    learning_rate=[0.1, 0.2, 0.4, 0.2, 0.1, 0.2, 0.1],
    loss=[2.5, 2.3, 2.6, 2.31, 2.2, 2.1, 2.0],
)


def test_cells_are_sizes_equal_to_three_digits() -> None:
    runs = table(params=[1000.0, 1000.1, 1010.0], tokens=[1e5, 1e5, 1e5])
    cell = cell_of(runs)
    assert cell[0] == cell[1] != cell[2]


def test_a_repeat_at_the_best_rate_is_not_mistuned() -> None:
    assert mistuned(RUNS).tolist() == [True, False, True, False, True, False, False]


def test_without_learning_rates_nothing_is_known_to_be_mistuned() -> None:
    runs = table(params=[1e3, 1e3], tokens=[1e5, 1e5], loss=[2.0, 2.1])
    assert not mistuned(runs).any()
    assert len(best_rates(runs)) == 0


def test_best_rates_of_cells_that_tried_three() -> None:
    best = best_rates(RUNS)
    assert best.params.tolist() == [1e3]
    assert best.learning_rate.tolist() == [0.2]
    assert best.at_end.tolist() == [False]


def test_a_best_rate_at_the_end_is_told() -> None:
    runs = table(
        params=[1e3] * 3, tokens=[1e5] * 3, learning_rate=[0.1, 0.2, 0.4], loss=[3.0, 2.5, 2.4]
    )
    assert best_rates(runs).at_end.tolist() == [True]


def test_the_best_run_of_each_cell_is_kept_in_order_with_a_note() -> None:
    kept = best_of_cells(RUNS)
    assert kept["loss"].tolist() == [2.3, 2.1, 2.0]
    assert kept["learning_rate"].tolist() == [0.2, 0.2, 0.1]
    assert "7 runs" in kept.notes[-1]


def test_families_are_cells_of_their_own() -> None:
    families = RunTable(columns={**RUNS.columns, "family": np.array(list("aabbaab"))})
    assert best_of_cells(families)["loss"].tolist() == [2.3, 2.31, 2.1, 2.0]
    assert mistuned(families).tolist() == [True, False, True, False, True, False, False]


def test_cells_need_sizes_and_a_loss() -> None:
    with pytest.raises(InputError, match="tokens"):
        best_of_cells(table(params=[1.0], loss=[2.0]))


def test_cells_of_untuned_runs_alone_are_left_out_and_it_is_said() -> None:
    columns = {"params": [1e6, 1e6, 1e7, 1e8], "tokens": [1e8, 1e8, 1e9, 1e9]}
    purpose = ["fixed-lr", "lr-sweep", "shape", "isoflop"]
    runs = table(**columns, loss=[2.9, 3.0, 2.5, 2.0], purpose=purpose)
    kept = best_of_cells(runs)
    assert kept["loss"].tolist() == [2.9, 2.0], "in a tuned cell the best is the best"
    assert "left out: 1 cell of runs that are not tuned" in kept.notes[-1]
    only = table(**columns, loss=[2.9, 3.0, 2.5, 2.0], purpose=["shape"] * 4)
    assert len(best_of_cells(only)) == 3


def test_nano_lm_has_eleven_cells_of_odd_or_untuned_runs() -> None:
    kept = best_of_cells(load_dataset("nano-lm"))
    assert len(kept) == 67
    assert "left out: 11 cells of" in kept.notes[-1]
    assert "shape" not in kept.labels("purpose")
