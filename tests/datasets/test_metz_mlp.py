"""metz-mlp: its plan, its table, and its trainer on a small scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.datasets import load_dataset, metz_mlp
from bayes_scaling.datasets.metz_mlp import width_trap as sweep
from bayes_scaling.datasets.metz_mlp.network import count_params
from bayes_scaling.datasets.metz_mlp.width_trap import (
    BATCH,
    RATES,
    SEEDS,
    STEPS,
    WIDTHS,
    planned_runs,
    run_id,
    training_batches,
)
from bayes_scaling.datasets.nano_lm.corpus import Corpus
from tests.command_line import call


def test_the_plan_is_twelve_widths_by_twelve_rates_by_three_seeds() -> None:
    runs = list(planned_runs())
    assert len(runs) == len(set(runs)) == 432
    assert (WIDTHS[0], WIDTHS[-1]) == (32, 1024)
    assert len(WIDTHS) == len(RATES) == 12
    steps = np.diff(np.log(WIDTHS))
    np.testing.assert_allclose(steps, np.log(32) / 11, atol=0.02)


def test_params_by_hand() -> None:
    # embedding; 512 inputs; two hidden matrices; 256 outputs; biases
    assert count_params(32) == 256 * 16 + 512 * 32 + 2 * 32 * 32 + 32 * 256 + 3 * 32 + 256


def test_the_table_holds_every_planned_run_once() -> None:
    runs = load_dataset("metz-mlp")
    assert list(runs["run"]) == [run_id(*run) for run in planned_runs()]
    np.testing.assert_array_equal(runs["params"], [count_params(int(w)) for w in runs["width"]])
    assert set(runs["tokens"]) == {STEPS * BATCH}
    assert set(runs["seed"]) == set(SEEDS)
    assert runs["loss"].min() > 1.5
    np.testing.assert_allclose(runs["flops"], 6 * runs["params"] * runs["tokens"], rtol=1e-6)


def test_the_best_rate_falls_as_width_grows() -> None:
    runs = load_dataset("metz-mlp")
    best, means = [], []
    for width in (WIDTHS[0], WIDTHS[-1]):
        own = runs.take(runs["width"] == width)
        mean = {r: own["loss"][own["learning_rate"] == r].mean() for r in set(own["learning_rate"])}
        best.append(min(mean, key=mean.__getitem__))
        means.append(mean)
    assert best[1] <= best[0] / 2
    assert means[1][best[0]] > 1.05 * means[1][best[1]]


def test_a_seed_sees_the_same_text_at_every_width_and_rate() -> None:
    text = np.arange(10_000, dtype=np.uint32).astype(np.uint8)
    first = training_batches(text, 1)
    assert first.shape == (STEPS, BATCH, 33)
    np.testing.assert_array_equal(first, training_batches(text, 1))
    assert (first != training_batches(text, 2)).any()
    np.testing.assert_array_equal(np.diff(first.astype(int), axis=2) % 256, 1)


def test_a_sweep_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []

    def train(*, corpus: Corpus, width: int, learning_rate: float, seed: int) -> dict[str, Any]:
        name = run_id(width, learning_rate, seed)
        trained.append(name)
        loss = float("nan") if len(trained) == 2 else 3.0
        return {**dict.fromkeys(sweep.COLUMNS, 1.0), "run": name, "loss": loss}

    monkeypatch.setattr(sweep, "train_run", train)
    monkeypatch.setattr(sweep, "require_jax", lambda: None)
    monkeypatch.setattr(sweep, "load_corpus", lambda folder: None)
    out = tmp_path / "runs.csv"
    assert sweep.train_sweep(out=out, limit=3) == 3
    assert sweep.train_sweep(out=out, limit=2) == 2
    assert trained == [run_id(*run) for run in list(planned_runs())[:5]]
    assert out.read_text().count("\n") == 5  # the header and four
    assert (tmp_path / "runs_diverged.csv").read_text().splitlines()[1].startswith(trained[1])


def test_the_command_chooses_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metz_mlp, "train_sweep", lambda **given: given["limit"])
    out = tmp_path / "runs.csv"
    found = call("train-sweep", "--sweep", "metz-mlp", "--out", out, "--limit", 7, "--json")
    assert found.json == {"trained": 7, "table": str(out)}
    refused = call("train-sweep", "--sweep", "metz-mlp", "--out", out, "--max-flops", 1e12)
    assert refused.code == 1
    assert "--limit" in refused.err


def test_a_network_learns(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    from bayes_scaling.datasets.metz_mlp.network import (
        initial_weights,
        make_evaluate,
        make_train,
    )

    text = np.tile(np.frombuffer(b"the cat sat on the mat. ", np.uint8), 200)
    batches = training_batches(text, 0)[:60]
    evaluate = make_evaluate()
    start = initial_weights(8, 0)
    before = float(evaluate(start, batches[:2]))
    after = float(evaluate(make_train()(start, batches, np.float32(0.01)), batches[:2]))
    assert before == pytest.approx(np.log(256), rel=0.5)
    assert after < 0.5 * before
