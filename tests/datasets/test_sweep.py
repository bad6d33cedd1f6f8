from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from bayes_scaling.datasets.finished import append_rows, read_finished
from bayes_scaling.datasets.nano_lm import sweep as sweep_module
from bayes_scaling.datasets.nano_lm.sweep import (
    CURVE_COLUMNS,
    RUN_COLUMNS,
    drop_curves,
    train_sweep,
)
from bayes_scaling.datasets.nano_lm.train import TrainedRun, run_id
from bayes_scaling.datasets.nano_lm.transformer import Shape


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the training by an invented loss; the list holds the runs asked for."""
    asked: list[str] = []

    def invented(**given: Any) -> TrainedRun:
        shape = Shape(width=given["width"], depth=given["depth"])
        run = run_id(shape, given["budget"], given["learning_rate"], given["seed"])
        asked.append(run)
        row: dict[str, Any] = dict.fromkeys(RUN_COLUMNS, 1)
        off = math.log2(given["learning_rate"]) + 6
        loss = math.nan if given["learning_rate"] > 0.1 else 2 + 0.01 * off**2
        row |= {"run": run, "params": shape.params, "flops": 1e10, "loss": loss, "seconds": 1.0}
        row |= {name: given[name] for name in ("width", "depth", "budget", "seed", "purpose")}
        row |= {"tokens": round(given["tokens"]), "learning_rate": given["learning_rate"]}
        point = {name: row[name] for name in CURVE_COLUMNS}
        return TrainedRun(row=row, curve=(point, point))

    monkeypatch.setattr(sweep_module, "train_run", invented)
    monkeypatch.setattr(sweep_module, "require_jax", lambda: None)
    return asked


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_second_call_goes_on_where_the_first_stopped(tmp_path: Path, trained: list[str]) -> None:
    out = tmp_path / "runs.csv"
    assert train_sweep(out=out, limit=5) == 5
    assert train_sweep(out=out, limit=4) == 4
    assert len(set(trained)) == len(trained) == 9
    kept = [row["run"] for row in rows_of(out)] + [
        row["run"] for row in rows_of(tmp_path / "runs_diverged.csv")
    ]
    assert sorted(kept) == sorted(trained)


def test_a_loss_that_is_no_number_goes_to_its_own_file(tmp_path: Path, trained: list[str]) -> None:
    lines: list[str] = []
    train_sweep(out=tmp_path / "runs.csv", limit=2, progress=lines.append)
    (lost,) = rows_of(tmp_path / "runs_diverged.csv")
    assert (lost["run"], lost["loss"]) == (trained[0], "")
    assert [row["run"] for row in rows_of(tmp_path / "runs.csv")] == [trained[1]]
    assert "diverged" in lines[0]
    assert "loss 2.04" in lines[1]


def test_curves_have_the_runs_of_the_table(tmp_path: Path, trained: list[str]) -> None:
    train_sweep(out=tmp_path / "runs.csv", limit=3)
    curves = rows_of(tmp_path / "runs_curves.csv")
    assert {row["run"] for row in curves} == {row["run"] for row in rows_of(tmp_path / "runs.csv")}
    assert len(curves) == 4


def test_a_budget_limit_leaves_out_larger_runs(tmp_path: Path, trained: list[str]) -> None:
    train_sweep(out=tmp_path / "runs.csv", max_flops=1e10)
    assert len(trained) == 35
    assert all("-1e10-" in run for run in trained)


def test_the_whole_plan_runs_once(tmp_path: Path, trained: list[str]) -> None:
    count = train_sweep(out=tmp_path / "runs.csv")
    assert count == len(set(trained)) >= 320
    assert train_sweep(out=tmp_path / "runs.csv") == 0


def test_half_a_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run,loss\na,2.0\nb,2")
    assert read_finished(path) == [{"run": "a", "loss": "2.0"}]
    assert path.read_text() == "run,loss\na,2.0\n"


def test_curves_without_a_run_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    append_rows(path, CURVE_COLUMNS, [dict.fromkeys(CURVE_COLUMNS, 1) | {"run": r} for r in "ab"])
    drop_curves(path, keep={"a"})
    assert [row["run"] for row in read_finished(path)] == ["a"]
