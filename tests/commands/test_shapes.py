"""The command that ranks shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import call
from tests.questions.test_rank_shapes import FIT


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return FIT.save(tmp_path_factory.mktemp("shapes") / "fit.nc")


def test_it_prints_shapes_the_best_first_and_draws_them(saved: Path, tmp_path: Path) -> None:
    picture = tmp_path / "shapes.svg"
    found = call("shapes", saved, "--params", "85M", "--tokens", "2B", "--plot", picture)
    assert found.code == 0
    assert "deepest beats widest" in found.out
    assert picture.stat().st_size > 1000


def test_json_of_a_table_of_shapes(saved: Path, tmp_path: Path) -> None:
    table = tmp_path / "shapes.csv"
    table.write_text("width,depth\n512,27\n768,12\n")
    out = json.loads(call("shapes", saved, "--table", table, "--flops", "1e19", "--json").out)
    assert {row["shape"] for row in out["rows"]} == {"27 x 512", "12 x 768"}
    assert 0 <= out["depth_beats_width"] <= 1


def test_one_budget_is_taken_and_no_help_says_several(saved: Path) -> None:
    for budgets in (("1e13", "1e14"), ("1e13", "1e14", "1e15")):
        options = [part for each in budgets for part in ("--flops", each)]
        found = call("shapes", saved, *options)
        assert found.code == 1
        assert f"this is asked of one budget, got {len(budgets)}" in found.err
    for name, several in (("shapes", False), ("experts", False), ("allocate", True)):
        told = " ".join(call(name, "--help").out.split())
        told = told[told.index("--flops") : told.index("--hours")]
        assert ("several times" in told) == several, name


def test_a_shape_that_does_not_make_its_params_is_refused(saved: Path, tmp_path: Path) -> None:
    table = tmp_path / "shapes.csv"
    table.write_text("width,depth,params\n512,27,1e9\n")
    found = call("shapes", saved, "--table", table, "--tokens", "2B")
    assert found.code == 1
    assert "makes 8.49e+07 params" in found.err
