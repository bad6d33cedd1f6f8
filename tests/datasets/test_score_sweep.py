"""nano-scores: the models of nano-lm and nano-shape once more, scored on three tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.datasets.nano_lm import by_task
from bayes_scaling.datasets.nano_lm.score_sweep import LARGE, LINES, best_runs, score_runs
from bayes_scaling.datasets.nano_lm.shape_sweep import SHAPES
from bayes_scaling.datasets.nano_lm.transformer import CONTEXT, Shape

TASKS = {"next-byte", "eight-bytes", "matched-line"}


def text(size: int = 60_000) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Lines of 3 to 60 letters."""
    rng = np.random.default_rng(0)
    letters = rng.integers(97, 123, size, dtype=np.uint8)
    letters[np.cumsum(rng.integers(3, 60, size // 60))] = ord("\n")
    return letters


def test_a_cell_is_trained_at_the_best_rate_of_its_table() -> None:
    nano = bs.load_dataset("nano-lm").frame
    for run in best_runs("nano_lm.csv", {1e11: ((32, 1), (48, 2))}, "size"):
        cell = nano[(nano.budget == 1e11) & (nano.width == run.width) & (nano.depth == run.depth)]
        best = cell[cell.seed == 0].sort_values("loss").iloc[0]
        assert run.learning_rate == pytest.approx(best.learning_rate)
        assert run.run == best.run


def test_the_plan_has_every_shape_and_size_once() -> None:
    plan = score_runs()
    names = [run.run for run in plan]
    assert len(names) == len(set(names))
    assert {run.purpose for run in plan} == {"shape", "size", "large"}
    cells = sum(len(each) for cells in (SHAPES, LINES, LARGE) for each in cells.values())
    assert len(plan) == cells


def test_lines_stand_after_one_true_text_and_three_others() -> None:
    source = text()
    windows = by_task.line_windows(source).reshape(-1, by_task.TEXTS, CONTEXT + 1)
    assert len(windows) <= by_task.LINES
    before = CONTEXT + 1 - by_task.LINE
    whole = source.tobytes()
    for options in windows[:50]:
        line = options[0, before:]
        assert (options[:, before:] == line).all(), "the same line after every text"
        assert (options[:, before - 1] == ord("\n")).all(), "which ends where a line begins"
        found = [each.tobytes() in whole for each in options]
        assert found == [True, False, False, False]


@pytest.mark.slow
def test_a_model_that_knows_nothing_scores_as_guessing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax")
    from bayes_scaling.datasets.nano_lm.transformer import initial_state

    monkeypatch.setattr(by_task, "ANSWERS", 128)
    monkeypatch.setattr(by_task, "LINES", 64)
    shape = Shape(width=8, depth=1)
    weights = {name: 0 * value for name, value in initial_state(shape, 0)[0].items()}
    found = by_task.scores_by_task(shape, weights, text())
    assert set(found) == TASKS
    assert found["next-byte"] == (0.0, 128 * 8), (
        "byte 0 is the first of equals, and not in the text"
    )
    assert found["eight-bytes"] == (0.0, 128)
    assert found["matched-line"][1] == 64


def test_the_shipped_table_is_complete(checkout: Path) -> None:
    notes = (checkout / "bayes_scaling" / "datasets" / "README.md").read_text(encoding="utf-8")
    runs = bs.load_dataset("nano-scores")
    assert f"| {len(runs)} | shipped, `nano_scores.csv`" in notes
    assert set(runs["run"]) == {run.run for run in score_runs()}
    assert set(runs["metric"]) == TASKS
    assert len(runs) == 3 * len(set(runs["run"]))
    frame = runs.frame.pivot(index="run", columns="metric", values="score")
    assert (frame["eight-bytes"] <= frame["next-byte"]).all()
    again = runs.frame.drop_duplicates("run").set_index("run").loss
    for first, tolerance in (("nano-shape", 1e-6), ("nano-lm", 5e-3)):
        once = bs.load_dataset(first).frame.set_index("run").loss
        both = once.index.intersection(again.index)
        assert len(both) > 15
        np.testing.assert_allclose(again[both], once[both], rtol=tolerance)
