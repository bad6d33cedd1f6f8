"""Lines of equal compute are found, and the best of the runs of a cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.datasets import load_dataset
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.designs import (
    best_of_cells,
    best_rates,
    cell_of,
    mistuned,
    tied_sizes,
    with_budgets,
)


def table(
    flops: NDArray[np.float64], params: NDArray[np.float64], **more: NDArray[np.float64]
) -> RunTable:
    columns = {"params": params, "tokens": flops / 6 / params, "flops": flops}
    return RunTable(columns={**columns, "loss": np.full(flops.size, 2.0), **more})


def lines(scatter: float = 0.02) -> RunTable:
    rng = np.random.default_rng(3)
    budget = np.repeat([1e18, 1e19, 1e20], 7)
    params = np.tile(np.geomspace(1e8, 1e9, 7), 3)
    return table(budget * np.exp(scatter * rng.uniform(-1, 1, 21)), params)


def without_budgets(runs: RunTable) -> RunTable:
    return RunTable(columns={n: v for n, v in runs.columns.items() if n != "budget"})


def test_lines_are_found_whatever_the_order_of_rows() -> None:
    order = np.random.default_rng(4).permutation(21)
    found = with_budgets(lines().take(order))
    expected = np.repeat([1e18, 1e19, 1e20], 7)[order]
    assert found["budget"] == pytest.approx(expected, rel=0.02)
    assert all(value == float(f"{value:.2e}") for value in found["budget"])
    assert found.notes[-1].startswith("budget: 3 isoFLOP lines from ")


def test_runs_between_the_lines_have_no_budget() -> None:
    runs = lines()
    stray = table(np.append(runs["flops"], [3e18, 3.1e18]), np.append(runs["params"], [2e8, 9e8]))
    found = with_budgets(stray)
    assert np.isnan(found["budget"]).tolist() == [False] * 21 + [True] * 2
    assert "2 of 23 rows lie on none" in found.notes[-1]


def test_a_chance_meeting_is_no_line() -> None:
    full = table(np.repeat([1e18, 1e19, 1e20], 20), np.tile(np.geomspace(1e8, 1e9, 20), 3))
    few = np.geomspace(1e8, 4e8, 4)
    both = table(np.append(full["flops"], np.full(4, 3e18)), np.append(full["params"], few))
    assert len(np.unique(with_budgets(both)["budget"][:60])) == 3
    assert np.isnan(with_budgets(both)["budget"][60:]).all()


def test_given_budgets_are_kept() -> None:
    runs = lines()
    given = table(runs["flops"], runs["params"], budget=np.full(21, 5.0))
    found = with_budgets(given)
    assert found.content_hash == given.content_hash
    assert "as the table gives them" in found.notes[-1]


def test_budgets_found_are_those_that_were_planned() -> None:
    runs = load_dataset("nano-lm")
    found = with_budgets(without_budgets(runs))
    assert found["budget"] == pytest.approx(runs["budget"], rel=0.02)


def test_only_the_end_of_a_run_was_planned() -> None:
    runs = load_dataset("nano-lm-curves")
    found = with_budgets(runs)
    known = np.isfinite(found["budget"])
    assert known.sum() == len(runs.groups("run")) == 343
    assert len(np.unique(found["budget"][known])) == 10


@pytest.mark.parametrize(
    ("flops", "params"),
    [
        (np.geomspace(1e18, 1e21, 30), np.geomspace(1e8, 1e9, 30)),
        (np.full(30, 1e18), np.geomspace(1e8, 1e9, 30)),
        (np.repeat([1e18, 1e19], 15), np.tile([1e8, 2e8, 3e8], 10)),
        (np.repeat([1e18, 1e19], 15), np.tile(np.geomspace(1e8, 1.5e8, 15), 2)),
    ],
    ids=["no two alike", "one line", "three sizes", "sizes too close"],
)
def test_other_designs_are_refused(flops: NDArray[np.float64], params: NDArray[np.float64]) -> None:
    with pytest.raises(InputError, match=r"no isoFLOP design: .* or name the lines in a column"):
        with_budgets(table(flops, params))


def test_missing_columns_are_named() -> None:
    with pytest.raises(InputError, match="no column 'flops', and no column 'budget'"):
        with_budgets(RunTable(columns={"params": np.array([1e8]), "loss": np.array([2.0])}))


@pytest.mark.parametrize(("name", "count"), [("chinchilla_epoch", 9), ("porian2024_isoflop", 12)])
def test_lines_of_published_designs(
    public_data: Callable[[str], Path], name: str, count: int
) -> None:
    found = with_budgets(read_runs(public_data(f"{name}.csv")))["budget"]
    assert len(np.unique(found[np.isfinite(found)])) == count


@pytest.mark.parametrize("name", ["misfitting_checkpoints", "misfitting_final", "steplaw_dense"])
def test_published_sweeps_of_other_designs(public_data: Callable[[str], Path], name: str) -> None:
    with pytest.raises(InputError, match="no isoFLOP design"):
        with_budgets(read_runs(public_data(f"{name}.csv")))


def sweep(**columns: list[float] | list[str]) -> RunTable:
    return RunTable(columns={name: np.array(values) for name, values in columns.items()})


RUNS = sweep(
    params=[1e3, 1e3, 1e3, 1e3, 2e3, 2e3, 5e3],
    tokens=[1e5, 1e5, 1e5, 1e5, 1e5, 1e5, 1e5],
    learning_rate=[0.1, 0.2, 0.4, 0.2, 0.1, 0.2, 0.1],
    loss=[2.5, 2.3, 2.6, 2.31, 2.2, 2.1, 2.0],
)


def test_cells_are_sizes_equal_to_three_digits() -> None:
    runs = sweep(params=[1000.0, 1000.1, 1010.0], tokens=[1e5, 1e5, 1e5])
    cell = cell_of(runs)
    assert cell[0] == cell[1] != cell[2]


def test_a_repeat_at_the_best_rate_is_not_mistuned() -> None:
    assert mistuned(RUNS).tolist() == [True, False, True, False, True, False, False]


def test_without_learning_rates_nothing_is_known_to_be_mistuned() -> None:
    runs = sweep(params=[1e3, 1e3], tokens=[1e5, 1e5], loss=[2.0, 2.1])
    assert not mistuned(runs).any()
    assert len(best_rates(runs)) == 0


def test_best_rates_of_cells_that_tried_three() -> None:
    best = best_rates(RUNS)
    assert best.params.tolist() == [1e3]
    assert best.learning_rate.tolist() == [0.2]
    assert best.at_end.tolist() == [False]


def test_a_best_rate_at_the_end_is_told() -> None:
    runs = sweep(
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
        best_of_cells(sweep(params=[1.0], loss=[2.0]))


def test_cells_of_untuned_runs_alone_are_left_out_and_it_is_said() -> None:
    columns = {"params": [1e6, 1e6, 1e7, 1e8], "tokens": [1e8, 1e8, 1e9, 1e9]}
    purpose = ["fixed-lr", "lr-sweep", "shape", "isoflop"]
    runs = sweep(**columns, loss=[2.9, 3.0, 2.5, 2.0], purpose=purpose)
    kept = best_of_cells(runs)
    assert kept["loss"].tolist() == [2.9, 2.0], "in a tuned cell the best is the best"
    assert "left out: 1 cell of runs that are not tuned" in kept.notes[-1]
    only = sweep(**columns, loss=[2.9, 3.0, 2.5, 2.0], purpose=["shape"] * 4)
    assert len(best_of_cells(only)) == 3


def test_nano_lm_has_eleven_cells_of_odd_or_untuned_runs() -> None:
    kept = best_of_cells(load_dataset("nano-lm"))
    assert len(kept) == 67
    assert "left out: 11 cells of" in kept.notes[-1]
    assert "shape" not in kept.labels("purpose")


def test_params_and_tokens_that_move_together_are_told() -> None:
    params = np.geomspace(1e7, 1e9, 9)
    tie = tied_sizes(table(120 * params**2, params))
    assert tie is not None
    assert "20 tokens per parameter: their effects cannot be told apart" in tie.says
    assert "1e+08 params on 6.7e+08 and on 6e+09 tokens" in tie.advice
    near = tied_sizes(table(120 * params**2 * np.linspace(1, 1.5, 9), params))
    assert near is not None
    assert "20 to 30 tokens per parameter" in near.says
    assert tied_sizes(lines()) is None
    assert tied_sizes(table(120 * params[:2] ** 2, params[:2])) is None, "any two lie on a line"
    assert tied_sizes(table(6e10 * params, params)) is None, "one number of tokens is another doubt"
