"""Results kept in a folder: work that was stopped goes on, and its result is the same."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.validation import Backtest, backtest
from bayes_scaling.validation.keeping import Kept, folder_to_keep
from bayes_scaling.validation.tasks import Executor, run_tasks
from tests.command_line import call
from tests.comparisons import synthetic_comparison
from tests.validation.oracle import SHORT, Oracle, simulated

CUT: dict[str, Any] = {"fit_where": "flops <= 2e20", "target_where": "flops > 2e20"}
SPLITS: dict[str, Any] = {**CUT, "models": "chinchilla", "by": "family", **SHORT}
FAMILIES = ("a", "b", "c")


def squares(folder: Path) -> Kept[int, float]:
    return Kept(
        folder=folder_to_keep(folder, 0), asked=lambda n: {"n": n}, plain=float, whole=float
    )


def without_seconds(found: Backtest) -> dict[str, Any]:
    plain = found.to_dict()
    plain["fits"] = [
        {name: value for name, value in row.items() if "seconds" not in name}
        for row in plain["fits"]
    ]
    return plain


class Stops:
    """Squares numbers, up to so many calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, number: int) -> float:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return number / 3


def test_only_what_is_missing_is_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_tasks(Stops(2), [1, 2, 3, 4], keep=squares(tmp_path))
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert run_tasks(Stops(2), [1, 2, 3, 4], keep=squares(tmp_path)) == [1 / 3, 2 / 3, 1, 4 / 3]
    assert run_tasks(Stops(0), [4, 1], keep=squares(tmp_path)) == [4 / 3, 1 / 3]


def test_executors_keep_as_well(tmp_path: Path) -> None:
    run_tasks(Stops(2), [2, 4], keep=squares(tmp_path))
    wanted = [n / 3 for n in range(6)]
    with ThreadPoolExecutor(2) as one, ThreadPool(2) as other:
        executors: list[Executor] = [one, other]
        for executor in executors:
            folder = squares(tmp_path)
            assert run_tasks(Stops(4), range(6), executor, keep=folder) == wanted
            for path in list(tmp_path.glob("*.json"))[:4]:
                path.unlink()


@pytest.mark.parametrize(
    "damaged",
    ["", '{"result": 5.0', "[]", '{"result": 5.0, "hash": "0"}', "[" * 10_000, "\x00\xff"],
)
def test_what_is_damaged_is_done_again(tmp_path: Path, damaged: str) -> None:
    run_tasks(Stops(1), [1], keep=squares(tmp_path))
    (path,) = tmp_path.glob("*.json")
    path.write_text(damaged, encoding="latin-1")
    assert run_tasks(Stops(1), [1], keep=squares(tmp_path)) == [1 / 3]
    assert json.loads(path.read_text())["result"] == 1 / 3


def test_a_result_under_another_name_is_not_taken(tmp_path: Path) -> None:
    run_tasks(Stops(2), [1, 2], keep=squares(tmp_path))
    one, other = tmp_path.glob("*.json")
    one.write_bytes(other.read_bytes())
    assert run_tasks(Stops(1), [1, 2], keep=squares(tmp_path)) == [1 / 3, 2 / 3]


def test_folders_that_cannot_keep_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="is a file"):
        folder_to_keep(file, 0)
    with pytest.raises(InputError, match="keep needs a folder"):
        folder_to_keep(file / "in it", 0)
    with pytest.raises(InputError, match="keep needs random_seed"):
        backtest(simulated(), **{**SPLITS, "random_seed": None}, keep=tmp_path)


# ---- backtests -----------------------------------------------------------------------------------


def test_a_backtest_goes_on_to_the_same_result(oracle: Oracle, tmp_path: Path) -> None:
    whole = backtest(simulated(FAMILIES), **SPLITS)
    backtest(simulated(FAMILIES), **SPLITS, keep=tmp_path)
    first, *_ = tmp_path.glob("*.json")
    first.unlink()
    oracle.given.clear()
    again = backtest(simulated(FAMILIES), **SPLITS, keep=tmp_path)
    assert len(oracle.given) == 1
    assert again.to_dict() == whole.to_dict()
    for one, other in zip(again.answers, whole.answers, strict=True):
        for name in ("quantiles", "pit", "log_density"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(
    "changes",
    [
        {"models": "coupled"},
        {"models": None},
        {"random_seed": 4},
        {"draws": 60},
        {"fit_where": "flops <= 2e19"},
        {"target_where": "flops > 2e20 and params > 2e9"},
    ],
)
def test_what_was_asked_otherwise_is_fitted_anew(
    oracle: Oracle, tmp_path: Path, changes: dict[str, Any]
) -> None:
    runs = simulated()
    backtest(runs, **SPLITS, keep=tmp_path)
    kept = backtest(runs, **{**SPLITS, **changes}, keep=tmp_path)
    assert kept.to_dict() == backtest(runs, **{**SPLITS, **changes}).to_dict()
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_the_losses_of_targets_count(oracle: Oracle, tmp_path: Path) -> None:
    runs = simulated()
    loss = np.where(runs["flops"] > 2e20, 9.0, runs["loss"])
    other = bs.RunTable(columns={**runs.columns, "loss": loss})
    backtest(runs, **SPLITS, keep=tmp_path)
    kept = backtest(other, **SPLITS, keep=tmp_path)
    assert kept.to_dict() == backtest(other, **SPLITS).to_dict()


def test_commands_keep(oracle: Oracle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_scaling.validation.tasks.fit", oracle.sample)
    runs, folder = tmp_path / "runs.csv", tmp_path / "new" / "kept"
    simulated(FAMILIES).frame.to_csv(runs, index=False)
    asked = ("backtest", runs, "--fit-where", "flops <= 2e20", "--target-where", "flops > 2e20",
             "-m", "chinchilla", "--draws", 50, "--tune", 50, "--json")  # fmt: skip
    first = call(*asked, "--keep", folder)
    assert first.code == 0, first.err
    oracle.given.clear()
    assert call(*asked, "--keep", folder).json == first.json
    assert not oracle.given


# ---- comparisons ---------------------------------------------------------------------------------


def test_a_comparison_goes_on_to_the_same_result(tmp_path: Path) -> None:
    whole = synthetic_comparison()
    asked: list[dict[str, Any]] = []
    assert synthetic_comparison(keep=tmp_path, asked=asked).to_dict() == whole.to_dict()
    assert len(asked) == len(list(tmp_path.glob("*.nc"))) == 6
    first, second, *_ = tmp_path.glob("*.nc")
    first.unlink()
    second.write_bytes(second.read_bytes()[:-100])
    asked.clear()
    assert synthetic_comparison(keep=tmp_path, asked=asked).to_dict() == whole.to_dict()
    assert len(asked) == 2
    asked.clear()
    synthetic_comparison(keep=tmp_path, asked=asked, random_seed=2)
    assert len(asked) == 6


def test_a_comparison_is_kept_only_with_a_seed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="keep needs random_seed"):
        synthetic_comparison(keep=tmp_path, random_seed=None)


# ---- killed --------------------------------------------------------------------------------------

SHORTLY = "draws=50, tune=50, random_seed=3, progress=False, keep=keep"
ASKED = {
    "calibrate": f"bs.calibrate('kaplan-d', simulations=10, {SHORTLY}).rows()",
    "backtest": "bs.backtest(runs, fit_where='tokens <= 3e9', target_where='tokens > 3e9', "
    f"models='kaplan-d', by='family', {SHORTLY}).scores.to_dict()",
    "compare": f"bs.compare(runs, ['kaplan-d', 'saturating-m2'], {SHORTLY}).to_dict()",
}
FITS = {"calibrate": 10, "backtest": 3, "compare": 4}

PROGRAM = """
import json, sys, warnings
import numpy as np
import bayes_scaling as bs

warnings.simplefilter("ignore")
keep = sys.argv[1] or None
tokens = np.tile(np.geomspace(1e8, 1e10, 12), 3)
family = np.repeat(["a", "b", "c"], 12)
noise = 0.003 * np.random.default_rng(0).standard_normal(36)
loss = (1.5 + (tokens / 1e8) ** -0.3) * np.exp(noise)
runs = bs.RunTable.from_columns({"tokens": tokens, "family": family, "loss": loss})
print(json.dumps(%s))
"""


def started(asked: str, folder: Path | str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM % ASKED[asked], str(folder)],
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )


def kept_in(folder: Path) -> dict[str, int]:
    """Return when each result was written."""
    paths = [path for suffix in ("json", "nc") for path in folder.glob(f"*.{suffix}")]
    return {path.name: path.stat().st_mtime_ns for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKED)
def test_what_is_killed_anywhere_goes_on_to_the_same_result(asked: str, tmp_path: Path) -> None:
    whole, _ = started(asked, "").communicate()
    killed = 0
    for kill_at in (0, 1, 2, FITS[asked] - 1):
        program = started(asked, tmp_path)
        until = time.monotonic() + 120
        while len(kept_in(tmp_path)) < kill_at and program.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.01)
        killed += program.poll() is None
        program.kill()
        program.communicate()
    assert killed >= 3
    before = kept_in(tmp_path)
    again, _ = started(asked, tmp_path).communicate()
    assert json.loads(again) == json.loads(whole)
    after = kept_in(tmp_path)
    assert len(after) == FITS[asked]
    assert {name: after[name] for name in before} == before
