"""Commands on what there is: tables of runs, models, data sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import call

GOOD = """run,N,D,loss,corpus
r1,1e7,2e8,3.4,c4
r2,2e7,4e8,3.1,c4
r3,4e7,2e8,3.2,books
r4,8e7,9e8,2.8,books
"""

BAD = """run,params,tokens,loss
r1,1e7,2e8,3.4
r2,-2e7,4e8,3.1
r3,4e7,many,3.2
r4,8e7,-9e8,2.8
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.csv"
    path.write_text(BAD)
    return path


# ---- check ---------------------------------------------------------------------------------------


def test_check_says_what_is_in_a_table(good: Path) -> None:
    found = call("check", good)
    assert found.code == 0
    assert found.err == ""
    lines = {line.split()[0]: line.split() for line in found.out.splitlines() if line}
    assert found.out.startswith("4 rows of 4 runs")
    assert lines["params"][1:4] == ["1e+07", "8e+07", "4"]
    assert lines["tokens"][1:4] == ["2e+08", "9e+08", "3"]
    assert lines["flops"][1] == "1.2e+16"
    assert "model warning" not in found.out


def test_check_against_a_model(good: Path) -> None:
    found = call("check", good, "-m", "kaplan-nd")
    assert found.code == 0
    assert "model warning: kaplan-nd means params_nonembedding" in found.out
    as_json = call("check", good, "--json", "-m", "kaplan-nd").json
    assert as_json["rows"] == 4
    assert as_json["ranges"]["tokens"]["distinct"] == 3
    assert any("params_nonembedding" in text for text in as_json["model_warnings"])
    missing = call("check", good, "-m", "chinchilla-lr")
    assert missing.code == 1
    assert "no column 'learning_rate'" in missing.err


@pytest.mark.parametrize("command", ["check", "fit"])
def test_every_problem_of_a_file_is_listed_with_its_line(
    bad: Path, command: str, tmp_path: Path
) -> None:
    options = ["-o", tmp_path / "fit.nc"] if command == "fit" else []
    found = call(command, bad, *options)
    assert found.code == 1
    assert found.out == ""
    assert str(bad) in found.err
    assert "3 problems" in found.err
    for line in ("line 3", "line 4", "line 5"):
        assert line in found.err
    assert not (tmp_path / "fit.nc").exists()
    as_json = call(command, bad, *options, "--json")
    assert as_json.code == 1
    assert len(as_json.json["error"]) == 3


def test_check_of_some_rows(good: Path) -> None:
    assert call("check", good, "--where", "corpus == 'c4'").out.startswith("2 rows")
    none = call("check", good, "--where", "corpus == 'code'")
    assert none.code == 1
    assert "none of 4 runs" in none.err


def test_check_of_a_data_set_by_name() -> None:
    found = call("check", "nano-lm", "--json")
    assert found.code == 0
    assert found.json["rows"] >= 300


def test_a_file_goes_before_a_data_set_of_that_name(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good.parent)
    good.rename(good.parent / "nano-lm")
    found = call("check", "nano-lm")
    assert found.code == 1
    assert "suffix" in found.err


def test_neither_a_file_nor_a_data_set() -> None:
    found = call("check", "nowhere.csv", "--json")
    assert found.code == 1
    (problem,) = found.json["error"]
    assert "no file 'nowhere.csv'" in problem
    assert "nano-lm" in problem


# ---- data sets -----------------------------------------------------------------------------------


def test_datasets_are_listed() -> None:
    found = call("datasets")
    assert found.code == 0
    assert "nano-lm" in found.out
    as_json = call("datasets", "--json").json
    assert {"nano-lm", "nano-lm-curves", "chinchilla"} <= {item["name"] for item in as_json}
    assert json.dumps(as_json)
