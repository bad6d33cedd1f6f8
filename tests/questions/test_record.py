"""Forecasts on record: written once, scored by what runs reach, and safe from changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.questions.record import read_record, register, score_record
from bayes_scaling.questions.verify import verify
from bayes_scaling.runs import RunTable
from bayes_scaling.scores import score
from tests.command_line import call
from tests.synthetic import changed, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit()
SIZES = {"params": [1e9, 1e10], "tokens": [2e10, 2e11]}
FORECAST = FIT.forecast(SIZES)
MEDIANS = np.median(FORECAST.draws, axis=0)


def results(factor: float = 1.0) -> RunTable:
    """Return runs of the sizes that were forecast, and one that was not."""
    return RunTable(
        columns={
            "run": np.array(["small", "big", "other"]),
            "params": np.array([1.005e9, 1e10, 5e10]),
            "tokens": np.array([2e10, 2.01e11, 5e11]),
            "loss": np.array([*(factor * MEDIANS), 2.0]),
        }
    )


def test_forecasts_are_scored_by_what_runs_reached(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    assert len(register(FIT, FORECAST, path)) == 2
    assert read_record(path).scores is None
    found = score_record(path, results())
    assert found.unmatched == ("other",)
    assert [row["inside"] for row in found.rows()] == [True, True]
    expected = score(FORECAST.draws, MEDIANS)
    assert found.scores == pytest.approx(expected)
    assert found.table["loss"].tolist() == pytest.approx(MEDIANS.tolist())
    assert "2 of 2" in repr(found)


def test_an_outcome_stays(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    register(FIT, FORECAST, path)
    score_record(path, results(1.2))
    again = score_record(path, results(1.0))
    assert [row["inside"] for row in again.rows()] == [False, False]
    register(synthetic_ensemble(), synthetic_ensemble().forecast(SIZES), path)
    assert [row["loss"] is None for row in read_record(path).rows()] == [False, False, True, True]


def test_what_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    register(FIT, FORECAST, path)
    first, second = path.read_text().splitlines()
    line = json.loads(first)
    line["quantiles"][0] = 1.0
    path.write_text(f"{json.dumps(line)}\n{second}\n")
    with pytest.raises(InputError, match="line 1 was changed"):
        read_record(path)
    path.write_text(f"{second}\n")
    with pytest.raises(InputError, match="line 1 was changed, or a line before"):
        read_record(path)
    path.write_text("run,loss\n")
    with pytest.raises(InputError, match="no line of a record"):
        register(FIT, FORECAST, path)
    assert path.read_text() == "run,loss\n"


def test_the_commands_write_and_score(tmp_path: Path) -> None:
    fit = FIT.save(tmp_path / "fit.nc")
    asked = call("forecast", fit, "--params", 1e9, "--tokens", 2e10, "--register")
    assert asked.code == 0, asked.err
    assert "on record in" in asked.err
    table = tmp_path / "result.csv"
    table.write_text(f"run,N,D,loss\nfirst,1e9,2e10,{MEDIANS[0]}\nother,1e9,9e10,2\n")
    found = call("score", fit, table)
    assert found.code == 0, found.err
    assert "inside" in found.out
    assert "in 90 %" in found.out
    assert "result other" in found.err
    rows = json.loads(call("score", fit, table, "--json").out)
    assert rows["rows"][0]["loss"] == pytest.approx(MEDIANS[0])


def test_without_a_record_it_is_said_how_to_begin_one(tmp_path: Path) -> None:
    found = call("score", FIT.save(tmp_path / "fit.nc"), "nano-lm")
    assert found.code == 1
    assert "--register' begins one" in found.err


# ---- what machines do to a file ------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from bayes_scaling.questions.record import _add
for number in range(120):
    _add(Path(sys.argv[1]), [{"kind": "outcome", "of": f"{sys.argv[2]}-{number}", "loss": 2.0}])
"""


def test_two_writers_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, name]) for name in ("one", "other")]
    assert [writer.wait() for writer in writers] == [0, 0]
    found = read_record(path).outcomes
    assert set(found) == {f"{name}-{n}" for name in ("one", "other") for n in range(120)}


def test_a_torn_line_is_cut_off_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    register(FIT, FORECAST, path)
    whole = path.read_bytes()
    for end in (1, 40, len(whole.splitlines()[0])):
        path.write_bytes(whole + whole[:end])
        assert len(read_record(path).forecasts) == 2
    assert len(register(FIT, FORECAST, path)) == 2
    assert len(read_record(path).forecasts) == 4


FULL = """
import resource, sys
from pathlib import Path
from bayes_scaling.errors import InputError
from bayes_scaling.questions.record import _add
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50,) * 2)
try:
    _add(path, [{"kind": "outcome", "of": "x", "loss": 2.0}])
except InputError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    register(FIT, FORECAST, path)
    before = path.read_bytes()
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot write 'forecasts.jsonl'" in done.stdout
    assert "the record is as it was" in done.stdout
    assert path.read_bytes() == before


# ---- several records, pages and proofs -----------------------------------------------------------


def test_many_records_are_scored_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / name / "forecasts.jsonl" for name in ("one", "other/deep")]
    for path, at in zip(paths, ([1e9, 2e10], [1e10, 2e11]), strict=True):
        path.parent.mkdir(parents=True)
        register(FIT, FIT.forecast({"params": at[0], "tokens": at[1]}), path)
    found = score_record(tmp_path, results())
    assert found.unmatched == ("other",)
    assert len(found.rows()) == len(found.outcomes) == 2
    assert [len(read_record(path).outcomes) for path in paths] == [1, 1]
    assert read_record(paths).scores == read_record([tmp_path, *paths]).scores == found.scores


def test_a_copy_of_a_record_counts_once(tmp_path: Path) -> None:
    path, copy = tmp_path / "forecasts.jsonl", tmp_path / "copy.jsonl"
    register(FIT, FORECAST, path)
    copy.write_bytes(path.read_bytes())
    found = score_record([path, copy], results())
    assert len(found.forecasts) == len(found.outcomes) == 2
    assert read_record(copy).scores == read_record(path).scores == found.scores


def test_one_changed_record_leaves_all_unscored(tmp_path: Path) -> None:
    path, bad = tmp_path / "forecasts.jsonl", tmp_path / "bad.jsonl"
    register(FIT, FORECAST, path)
    bad.write_text(path.read_text().replace('"tuned"', '"typical"'))
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"(?s)bad\.jsonl.*line 1 was changed"):
        score_record([path, bad], results())
    assert path.read_bytes() == before
    with pytest.raises(InputError, match=r"no record .*nowhere"):
        read_record([path, tmp_path / "nowhere"])


def test_of_two_results_of_a_plan_the_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    register(FIT, FIT.forecast({"params": 1e9, "tokens": 2e10}), path)
    twice = {"params": [1e9, 1e9], "tokens": [2e10, 2e10], "loss": [MEDIANS[0], 9.0]}
    table = RunTable(columns={name: np.array(values) for name, values in twice.items()})
    assert list(score_record(path, table).outcomes.values()) == [MEDIANS[0]]
    assert len(path.read_text().splitlines()) == 2


def test_a_forecast_on_record_says_how_far_it_went(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    register(FIT, FORECAST, path)
    rows = read_record(path).rows()
    wanted = [row["efolds_flops"] for row in FORECAST.rows()]
    assert [row["efolds_flops"] for row in rows] == pytest.approx(wanted)


def test_a_record_is_verified_by_the_fits_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    both = synthetic_ensemble()
    register(FIT, FORECAST, path)
    register(both, both.forecast(SIZES), path)
    assert {row["why"] for row in verify(path).rows()} == {"no saved fit beside the record"}
    FIT.save(tmp_path / "fit.nc")
    assert [row["fit"] is not None for row in verify(path).rows()] == [True, True, False, False]
    both.save(tmp_path / "both.nc")
    found = verify(tmp_path)
    assert found.agrees
    assert [Path(row["fit"]).name for row in found.rows()] == ["fit.nc"] * 2 + ["both.nc"] * 2
    assert "4 of 4 forecasts on record agree" in found.text


def test_other_fits_do_not_pass_for_the_one_on_record(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    register(FIT, FORECAST, path)
    loss = np.nextafter(FIT.runs["loss"], 9)
    runs = RunTable(columns={**FIT.runs.columns, "loss": loss})
    hashes = {**FIT.only.provenance, "runs_hash": runs.content_hash}
    changed(FIT, runs=runs, provenance=hashes).save(tmp_path / "runs.nc")
    (tmp_path / "broken.nc").write_bytes(b"no fit")
    found = verify(path)
    assert not found.agrees
    assert {row["why"] for row in found.rows()} == {"the model is there, of other runs"}
    assert [Path(name).name for name in found.unread] == ["broken.nc"]
    (tmp_path / "runs.nc").unlink()
    synthetic_fit("coupled").save(tmp_path / "law.nc")
    assert not verify(path).agrees


def test_what_was_changed_is_not_verified(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.jsonl"
    register(FIT, FORECAST, path)
    FIT.save(tmp_path / "fit.nc")
    path.write_text(path.read_text().replace("2", "3", 1))
    with pytest.raises(InputError, match="line 1"):
        verify(path)
