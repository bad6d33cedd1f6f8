"""The command that compares variants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_scaling.facade import Fit
from tests.command_line import call
from tests.questions.test_duel import GAIN, twins
from tests.questions.test_settle import undecided


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of runs, of which a fit is made without sampling."""
    path = tmp_path / "runs.csv"
    twins(GAIN, 0.9).runs.frame.to_csv(path, index=False)

    def made(*_: Any, **__: Any) -> Fit:
        return twins(GAIN, 0.9)

    monkeypatch.setattr("bayes_scaling.fitting.fit_ensemble", made)
    return path


def test_it_prints_multipliers_and_a_verdict_for_each_variant(table: Path) -> None:
    found = call("duel", table, "--a", "base", "--flops", "1e21", "--flops", "1e24")
    assert found.code == 0
    assert "variant0 against base" in found.out
    assert re.search(r"1\.4[34]\d* \[1\.4", found.out)
    assert "promote (wrong with at most 5%)" in found.out
    assert "drop" in found.out
    assert "variant0 1.00" in found.out


def test_json_has_the_rows_and_who_is_best(table: Path) -> None:
    found = call("duel", table, "--a", "base", "--b", "variant0", "--flops", "1e24", "--json")
    (row,) = found.json["rows"]
    assert row["multiplier"] == pytest.approx(GAIN, rel=1e-5)
    assert (row["b"], row["verdict"]) == ("variant0", "promote")
    assert found.json["best"] == {"base": 0.0, "variant0": 1.0}


def test_speed_counts_and_the_figure_is_drawn(table: Path, tmp_path: Path) -> None:
    picture = tmp_path / "duel.png"
    found = call(
        "duel", table, "--a", "base", "--b", "variant0", "--flops", "1e24",
        "--throughput", "variant0=0.5", "--plot", picture,
    )  # fmt: skip
    assert re.search(r"0\.7[12]\d* \[0\.7", found.out)
    assert picture.stat().st_size > 1000


def test_it_says_how_many_runs_another_rate_beat(table: Path) -> None:
    runs = pd.read_csv(table)
    swept = pd.concat([runs.assign(learning_rate=1e-3), runs.assign(
        learning_rate=1e-2, loss=1.1 * runs["loss"], run="w" + runs["run"].astype(str)
    )])  # fmt: skip
    swept.to_csv(table, index=False)
    asked = ("duel", table, "--a", "base", "--b", "variant0", "--flops", "1e24")
    said = f"{len(runs) // 3 * 2} of {len(runs) // 3 * 4} runs were beaten by another learning rate"
    found = call(*asked)
    assert found.code == 0
    assert said in found.err
    assert said not in call(*asked, "--best").err


def test_it_says_which_runs_would_settle_what_is_undecided(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayes_scaling.fitting.fit_ensemble", lambda *_, **__: undecided())
    asked = ("duel", table, "--a", "base", "--flops", "1e22", "--settle", "1e21")
    found = call(*asked)
    assert "variant0 against base: undecided" in found.out
    assert "verdict after it" in found.out
    told = call(*asked, "--json").json["settle"]["variant0"]
    assert told["runs"][0]["chance_of_a_verdict"] >= 0
    assert told["error"] == 0.05


def test_what_is_decided_needs_no_settling_and_it_is_said(table: Path) -> None:
    asked = ("duel", table, "--a", "base", "--b", "variant0", "--flops", "1e24")
    found = call(*asked, "--settle", "1e21")
    said = "not needed: the verdict is promote already"
    assert f"settling variant0: {said}" in found.out
    assert "settling" not in call(*asked).out
    told = call(*asked, "--settle", "1e21", "--json").json["settle"]
    assert told == {"variant0": {"runs": [], "note": said}}


def test_published_laws_are_compared_without_runs() -> None:
    asked = ("duel", "--a", "hoffmann-2022", "--b", "epoch-2024", "--flops", "1e24")
    found = call(*asked)
    assert found.code == 0
    assert "drop, if both laws hold there" in found.out
    told = call(*asked, "--json").json
    assert told["rows"][0]["multiplier"] == pytest.approx(0.2749, rel=1e-3)
    assert any("MassiveText" in note for note in told["notes"])
    assert call("duel", "--a", "hoffmann-2022", "--flops", "1e24").code == 1


def test_a_published_law_is_a_baseline_for_runs(table: Path) -> None:
    found = call("duel", table, "--a", "hoffmann-2022", "--b", "base", "--flops", "1e22")
    assert found.code == 0
    assert "base against hoffmann-2022" in found.out
    assert "taken at its word" in found.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--a", "base"], "say at which compute"),
        (["--a", "nobody", "--flops", "1e24"], "no run has family 'nobody'; known are base"),
        (
            ["--a", "base", "--flops", "1e24", "--throughput", "fast"],
            "--throughput is VARIANT=SPEED",
        ),
    ],
)
def test_what_is_wrong_is_said(table: Path, options: list[str], message: str) -> None:
    found = call("duel", table, *options)
    assert found.code == 1
    assert message in found.err
