"""The command that takes every approach to the split; fits are made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import pytest

from tests.approaches import curves, lines, unsampled
from tests.command_line import Answer, call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of final losses and of losses during training."""
    made = tmp_path_factory.mktemp("runs")
    lines().frame.to_csv(made / "runs.csv", index=False)
    curves().frame.to_csv(made / "curves.csv", index=False)
    return made


def approaches(*arguments: object, unconverged: tuple[str, ...] = ()) -> Answer:
    room = "bayes_scaling.validation.three_approaches"
    stand_in = mock.patch("bayes_scaling.validation.tasks.fit", unsampled(unconverged))
    with stand_in, mock.patch(f"{room}.POINTS", 3):
        return call("approaches", *arguments, "--flops", 1e22)


def test_a_table_for_each_budget_and_why_they_differ(folder: Path) -> None:
    picture = folder / "split.png"
    found = approaches(folder / "runs.csv", "--curves", folder / "curves.csv", "--plot", picture)
    assert found.code == 0, found.err
    table, why = found.out.strip().split("\n\n")
    head, names, *rows = table.splitlines()
    assert head == "compute 1e+22 FLOP"
    assert names.split()[:4] == ["approach,", "90", "%", "ETI"]
    assert [row.split("  ")[0] for row in rows] == [
        "1, envelope", "2, isoFLOP", "2, isoFLOP with a cubic term", "3, parametric",
        "3, parametric, coupled",
    ]  # fmt: skip
    assert rows[0].split()[-3] == "0.50"
    assert rows[1].endswith("0.49       36    10x")
    assert why.startswith("why they differ:\n- at 1e+22 FLOP envelope (1) puts")
    assert picture.stat().st_size > 10_000


def test_json_holds_all_of_it_and_what_was_left_out(folder: Path) -> None:
    found = approaches(folder / "runs.csv", "--json", unconverged=("isoflop",))
    assert found.code == 2
    assert list(found.json) == ["family", "rows", "why", "skipped", "checks"]
    assert list(found.json["skipped"]) == ["envelope"]
    assert found.json["rows"][0]["law"] == "isoflop"
    assert found.json["rows"][0]["status"] == "unconverged"
    assert json.dumps(found.json["rows"]).count("NaN") == 0
    assert "do not rely on this: R-hat of isoflop" in found.err


def test_left_out_approaches_and_failed_fits_are_printed(folder: Path) -> None:
    found = approaches(folder / "runs.csv", unconverged=("coupled",))
    assert found.code == 2
    assert "left out: envelope: the runs do not show which params are best" in found.out
    assert "\n3, parametric, coupled (unconverged)  " in found.out


def test_what_cannot_be_read_or_drawn(folder: Path) -> None:
    assert "no file 'none.csv'" in approaches(folder / "runs.csv", "--curves", "none.csv").err
    found = approaches(folder / "runs.csv", "--plot", folder / "split.doc")
    assert found.code == 1
    assert "no picture" in found.err
