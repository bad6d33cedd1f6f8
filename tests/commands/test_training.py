"""Commands that train: what they hand to the trainer, and what they print of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import call


@dataclass(frozen=True, kw_only=True)
class Trained:
    row: dict[str, Any]
    curve: tuple[dict[str, float], ...]


def test_train_run(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def train(**options: Any) -> Trained:
        given.update(options)
        row = {"run": "w64d3", "loss": 2.5, "tokens": options["tokens"]}
        return Trained(row=row, curve=({"steps": 10.0, "loss": 3.0},))

    monkeypatch.setattr("bayes_scaling.datasets.nano_lm.train.train_run", train)
    options = (
        "--width", 64, "--depth", 3, "--tokens", 1e7, "--learning-rate", 1e-3, "--seed", 4,
    )  # fmt: skip
    found = call("train-run", *options, "--json")
    assert found.code == 0
    assert found.json == {
        "run": {"run": "w64d3", "loss": 2.5, "tokens": 1e7},
        "curve": [{"steps": 10.0, "loss": 3.0}],
    }
    assert (given["width"], given["depth"], given["seed"]) == (64, 3, 4)
    assert given["learning_rate"] == 1e-3
    assert given["progress"] is None, "progress without a terminal"
    in_words = call("train-run", *options)
    assert "loss                 2.5" in in_words.out


def test_train_sweep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, Any] = {}

    def train(**options: Any) -> int:
        given.update(options)
        return 3

    monkeypatch.setattr("bayes_scaling.datasets.nano_lm.sweep.train_sweep", train)
    out = tmp_path / "runs.csv"
    found = call("train-sweep", "--out", out, "--max-flops", 1e11, "--limit", 3, "--json")
    assert found.code == 0
    assert found.json == {"trained": 3, "table": str(out)}
    assert given["out"] == out
    assert given["max_flops"] == 1e11
    assert given["limit"] == 3
    assert call("train-sweep", "--out", out).out == f"trained 3 runs into {out}\n"


@pytest.mark.parametrize("missing", ["--width", "--depth", "--tokens", "--learning-rate"])
def test_a_run_needs_its_size_and_rate(missing: str) -> None:
    options = {"--width": 64, "--depth": 3, "--tokens": 1e7, "--learning-rate": 1e-3}
    del options[missing]
    found = call("train-run", *(item for pair in options.items() for item in pair))
    assert found.code == 1
    assert missing in found.err
