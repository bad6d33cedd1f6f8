from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.datasets import load_dataset
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.budgets import with_budgets


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
