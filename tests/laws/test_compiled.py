"""The compiled density on disk: same numbers cold and warm, whatever happens to the cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.laws import compiled, load_model
from bayes_scaling.laws.compiled import FOLDER, SUMS, load, source
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.program import write_program

MODEL = load_model("kaplan-d")

PROGRAM = """
import sys, numpy as np
import bayes_scaling as bs
from bayes_scaling.runs import RunTable
rng = np.random.default_rng(1)
params, tokens = np.exp(rng.uniform(14, 20, 24)), np.exp(rng.uniform(19, 24, 24))
loss = 1.7 + 400 / params**0.34 + 410 / tokens**0.28
runs = RunTable.from_columns({"params": params, "tokens": tokens, "loss": loss})
fit = bs.fit(sys.argv[1], runs, draws=100, tune=150, chains=2, random_seed=7)
import hashlib
print(hashlib.sha256(b"".join(fit.draws[name].tobytes() for name in sorted(fit.draws))).hexdigest())
"""


def started(cache: Path, model: str = "chinchilla") -> subprocess.Popen[str]:
    """A process that fits a model and prints a hash of its draws."""
    environment = {**os.environ, "BAYES_SCALING_CACHE": str(cache), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", PROGRAM, model]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return out.split()[-1]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, in a process that has compiled nothing."""
    monkeypatch.setenv("BAYES_SCALING_CACHE", str(tmp_path))
    monkeypatch.setattr(compiled, "_LOADED", {})
    compiled._writable.cache_clear()
    yield tmp_path / FOLDER
    compiled._writable.cache_clear()


def value(model: Model = MODEL) -> float:
    """What the compiled module computes of a smallest input, so that it has to be whole."""
    _, module = load(model)
    return float(module.evaluate.address != 0)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_LOADED", {})


def only_folder(cache: Path) -> Path:
    (folder,) = [path for path in cache.iterdir() if not path.name.startswith(".")]
    return folder


def test_a_second_load_finds_what_the_first_has_made(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(MODEL)
    folder = only_folder(cache)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert (folder / "density.py").read_text() == source(MODEL, write_program(MODEL))
    forget(monkeypatch)
    load(MODEL)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert list(cache.iterdir()) == [folder], "nothing is left beside it"


@pytest.mark.parametrize(
    "damage",
    [
        "a bit",
        *(
            pytest.param(damage, marks=pytest.mark.slow)
            for damage in ("the source", "the sums", "a file gone", "empty")
        ),
    ],
)
def test_a_damaged_folder_is_made_anew(
    cache: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    load(MODEL)
    folder = only_folder(cache)
    code = next(path for path in folder.rglob("*.nbc"))
    whole = json.loads((folder / SUMS).read_text())
    match damage:
        case "a bit":
            content = bytearray(code.read_bytes())
            content[len(content) // 2] ^= 1
            code.write_bytes(bytes(content))
        case "the source":
            (folder / "density.py").write_text("raise SystemExit")
        case "the sums":
            (folder / SUMS).write_text("{")
        case "a file gone":
            code.unlink()
        case _:
            for path in folder.rglob("*"):
                if path.is_file():
                    path.unlink()
    forget(monkeypatch)
    assert value() == 1.0
    assert set(json.loads((only_folder(cache) / SUMS).read_text())) == set(whole)


@pytest.mark.slow
def test_code_that_cannot_be_read_though_its_sum_is_right_is_made_anew(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(MODEL)
    folder = only_folder(cache)
    for path in folder.rglob("*.nbi"):
        path.write_bytes(b"no index")
    (folder / SUMS).write_text(json.dumps(compiled._sums(folder)))
    forget(monkeypatch)
    assert value() == 1.0


def test_a_cache_that_cannot_be_written_is_said_and_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BAYES_SCALING_CACHE", str(tmp_path / "file"))
    forget(monkeypatch)
    compiled._writable.cache_clear()
    with pytest.warns(BayesScalingWarning, match="XDG_CACHE_HOME"):
        assert value() == 1.0
    compiled._writable.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["chinchilla", "coupled-tempered", "coupled-drift"])
def test_same_seed_same_draws_cold_and_warm(tmp_path: Path, model: str) -> None:
    cold = finished(started(tmp_path, model))
    assert finished(started(tmp_path, model)) == cold
    assert finished(started(tmp_path / "other", model)) == cold


@pytest.mark.slow
def test_processes_that_race_on_an_empty_cache_draw_the_same(tmp_path: Path) -> None:
    racing = [started(tmp_path) for _ in range(3)]
    assert len({finished(process) for process in racing}) == 1
    assert finished(started(tmp_path)) == finished(started(tmp_path / "other"))
    leftovers = [path for path in (tmp_path / FOLDER).iterdir() if path.name.startswith(".")]
    assert leftovers == []


@pytest.mark.slow
def test_draws_do_not_depend_on_what_else_was_fitted() -> None:
    import bayes_scaling as bs
    from tests.synthetic import synthetic_runs

    model = load_model("chinchilla")
    runs, other = synthetic_runs(model), synthetic_runs(model, seed=5)
    settings: Any = {"draws": 100, "tune": 100, "chains": 2, "random_seed": 3}
    first = bs.fit(model, runs, **settings)
    bs.fit(model, other, **settings)
    again = bs.fit(model, runs, **settings)
    for name, draws in first.draws.items():
        np.testing.assert_array_equal(draws, again.draws[name])
