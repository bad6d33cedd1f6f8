"""The benchmark script: M4 by hand, means of groups and tasks, the file that `score.py` reads."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling import scores
from bayes_scaling.validation.split import make_splits
from tests.studies.benchmark import Case, rows_of, task_means, write
from tests.studies.saturating_m4 import forecast, solve
from tests.validation.oracle import simulated


def found() -> tuple[list[Case], list[np.ndarray]]:
    """Two tasks, one of them with two groups in one fit; forecasts 10 and 20 % too high."""
    cases, quantiles = [], []
    for task, families, high in (("one", ("a", "b"), 1.1), ("two", ("a",), 1.2)):
        runs = simulated(families)
        (split,) = make_splits(runs, runs["flops"] < 2e20, runs["flops"] > 2e20, by=None)
        cases.append(Case(task=task, split=split))
        spread = 1 + 0.01 * (scores.LEVELS[:, None] - 0.5)
        quantiles.append(high * split.observed * spread)
    return cases, quantiles


def test_m4_solves_its_equation() -> None:
    theta = np.log([0.4, 0.6, 0.7, 2.0, 0.3])
    x = np.linspace(-5, 15, 9)
    loss = solve(theta, x)
    assert (np.diff(loss) < 0).all()
    assert (loss - 0.4) / (1.0 - loss) ** 0.7 == pytest.approx(2.0 * np.exp(-0.3 * x), rel=1e-6)


def test_m4_goes_on_where_its_data_end() -> None:
    theta, x = np.log([0.4, 0.6, 0.7, 2.0, 0.3]), np.linspace(0, 10, 30)
    asked = np.array([11.0, 13.0])
    assert forecast(x, solve(theta, x), asked) == pytest.approx(solve(theta, asked), rel=2e-3)


def test_tasks_count_the_same_whatever_their_groups() -> None:
    cases, quantiles = found()
    rows = rows_of("ours", cases, quantiles, [np.ones(8), np.full(4, 3.0)])
    assert [(row["task"], row["group"]) for row in rows] == [
        ("one", "a"),
        ("one", "b"),
        ("two", "a"),
    ]
    means = task_means(rows)
    assert means["one"]["bias"] == pytest.approx(0.1)
    assert means["MEAN"]["bias"] == pytest.approx(0.15)
    assert means["MEAN"]["log_density"] == pytest.approx(2)


def test_the_file_holds_every_quantile(tmp_path: Path) -> None:
    cases, quantiles = found()
    write(tmp_path / "forecasts.csv", cases, quantiles)
    with (tmp_path / "forecasts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert list(rows[0])[:4] == ["task", "group", "observed", "q025"]
    assert list(rows[0])[-1] == "q975"
    assert {row["group"] for row in rows if row["task"] == "one"} == {"a", "b"}
    assert float(rows[-1]["q500"]) == quantiles[1][19, 3]
