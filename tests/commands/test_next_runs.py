"""What the commands that choose next runs and tell mistuned ones print and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import call
from tests.questions.test_typical import OFF
from tests.synthetic import synthetic_fit


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_fit(spread=0.1).save(tmp_path_factory.mktemp("next") / "fit.nc")


@pytest.fixture(scope="module")
def saved_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return OFF.save(tmp_path_factory.mktemp("off") / "fit.nc")


def test_runs_and_designs_are_printed(saved: Path) -> None:
    found = call("next-runs", saved, "--budget", 3e21)
    assert found.code == 0, found.err
    for words in ("expected width after it", "largest affordable", "isoFLOP line", "interval now"):
        assert words in found.out


def test_json_holds_what_python_answers(saved: Path) -> None:
    found = json.loads(call("next-runs", saved, "--budget", 3e21, "--aim", "split", "--json").out)
    expected = synthetic_fit(spread=0.1).next_runs(3e21, aim="split")
    assert [row["params"] for row in found["rows"]] == [row["params"] for row in expected.rows()]
    assert found["aim"] == "split"


def test_candidates_come_from_a_file(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "could.csv"
    path.write_text("N,D\n1e9,2e10\n2e9,4e10\n")
    asked = ("next-runs", saved, "--budget", 1e21, "--candidates", path)
    found = json.loads(call(*asked, "--json", "--params", 1e11, "--tokens", 2e12).out)
    assert {row["params"] for row in found["rows"]} <= {1e9, 2e9}
    assert found["target"]["params"] == 1e11


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--budget", 1e21, "--params", 1e9), "by neither"),
        (("--budget", 1e21, "--candidates", "gone.csv"), "no file 'gone.csv'"),
        (("--budget", 1), "pays for none"),
    ],
)
def test_what_cannot_be_used_is_refused(
    saved: Path, options: tuple[object, ...], message: str
) -> None:
    found = call("next-runs", saved, *options)
    assert found.code == 1
    assert message in found.err


def test_mistuned_runs_come_first(saved_off: Path) -> None:
    found = call("mistuned", saved_off)
    assert found.code == 0, found.err
    lines = found.out.splitlines()
    assert {line.split()[0] for line in lines[3:5]} == {"run-2", "run-7"}
    assert "less likely ones" not in found.out
    rows = json.loads(call("mistuned", saved_off, "--material", 0.3, "--json").out)["rows"]
    assert max(row["off"] for row in rows) < 0.5


def test_a_fit_without_mistuned_runs_is_refused(saved: Path) -> None:
    found = call("mistuned", saved)
    assert found.code == 1
    assert "mistuned=True" in found.err
