"""What the commands print that ask a fit, an average or a published law."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.command_line import call
from tests.synthetic import (
    PLAIN,
    UNCONVERGED,
    synthetic_ensemble,
    synthetic_fit,
)

FIT = synthetic_fit(PLAIN)
SIZES = ("--params", "7e10", "--tokens", "1.4e12")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return FIT.save(tmp_path_factory.mktemp("fits") / "fit.nc")


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_ensemble(draws=10).save(tmp_path_factory.mktemp("fits") / "average.nc")


def line_of(out: str, name: str) -> str:
    """Return what is printed beside a name, the first time."""
    return next(line for line in out.splitlines() if line.startswith(name))[len(name) :].strip()


# ---- reach ---------------------------------------------------------------------------------------


def test_reach_prints_one_block_for_each_size(saved: Path) -> None:
    found = call(
        "reach", saved, "--loss", 2.2, "--params", 1e11, "--params", 1e12, "--batch-size", 4e6
    )
    assert found.code == 0
    blocks = found.out.strip().split("\n\n")
    assert [line_of(block, "params N") for block in blocks] == ["1e+11", "1e+12"]
    for block in blocks:
        for name in ("tokens D", "compute C [FLOP]", "steps S"):
            assert line_of(block, name).endswith("90 % ETI")
        assert "beyond the fitted runs" in line_of(block, "extrapolation")
        assert "out of reach" not in block


def test_reach_answers_a_table_of_sizes_by_name(saved: Path, tmp_path: Path) -> None:
    sizes = tmp_path / "sizes.csv"
    sizes.write_text("name,params,tokens\nAlpha,48e9,35e12\nBeta,30e9,15e12\n", encoding="utf-8")
    found = call("reach", saved, "--loss", 2.2, "--runs", sizes)
    assert found.code == 0
    blocks = found.out.strip().split("\n\n")
    assert [line_of(block, "run") for block in blocks] == ["Alpha", "Beta"]
    assert [line_of(block, "params N") for block in blocks] == ["4.8e+10", "3e+10"]


def test_a_loss_out_of_reach_is_said_with_its_probability(saved: Path) -> None:
    share = FIT.reach(2.1, params=1e9).shares["unreachable"][0]
    found = call("reach", saved, "--loss", 2.1, "--params", 1e9)
    assert line_of(found.out, "out of reach") == f"with probability {share:.0%}"
    assert "inf" in line_of(found.out, "tokens D")
    never = call("reach", saved, "--loss", 1.0)
    assert line_of(never.out, "out of reach") == "in every draw"


def test_reach_as_json_is_the_table(saved: Path) -> None:
    found = call("reach", saved, "--loss", 2.1, "--params", 1e9, "--json").json
    row = FIT.reach(2.1, params=1e9).rows()[0]
    assert found["model"] == "plain"
    assert found["rows"][0]["tokens_upper"] is None  # JSON has no infinity
    assert found["rows"][0]["unreachable"] == row["unreachable"]
    assert {check["name"] for check in found["checks"]} >= {"R-hat"}


def test_an_average_tells_what_each_member_says(averaged: Path) -> None:
    found = call("reach", averaged, "--loss", 2.2)
    for name in ("chinchilla", "coupled"):
        assert any(line.startswith(name) and "0.50" in line for line in found.out.splitlines())
    rows = call("reach", averaged, "--loss", 2.2, "--json").json
    assert rows["model"] == "ensemble"
    assert [row["member"] for row in rows["by_member"]] == ["chinchilla", "coupled"]


def test_a_published_law_is_named_in_place_of_a_fit() -> None:
    found = call("reach", "epoch-2024", "--loss", 2.0, "--params", 7e10)
    assert found.code == 0
    assert "ETI" not in found.out
    assert float(line_of(found.out, "tokens D")) == pytest.approx(6.2e11, rel=0.01)
    assert "MassiveText" in found.err
    data = call("reach", "epoch-2024", "--loss", 1.8, "--json").json
    assert data["published"] == "epoch-2024"
    assert data["rows"][0] == {
        "loss": 1.8, "params": None, "tokens": None, "flops": None, "unreachable": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("question", "line", "value"),
    [
        (("risk", "--flops", "1e23", "--target-loss", "2"), "target", "misses 2"),
        (("allocate", "--flops", "1e23"), "params N*", "1.46e+10"),
        (("forecast", "--params", "70B", "--tokens", "1.4T"), "noise-free loss", "1.937"),
        (("stage-gate", "--flops", "1e23", "--target-loss", "2"), "chance of target now", "0"),
        (("advise", "--flops", "1e23", "--data-tokens", "1T"), "  loss of a new run", "2.005"),
    ],
)
def test_every_command_takes_a_published_law(
    question: tuple[str, ...], line: str, value: str
) -> None:
    command, *options = question
    found = call(command, "hoffmann-2022", *options)
    assert found.code == 0, found.err
    assert line_of(found.out, line).startswith(value)
    assert not any(text in found.out for text in ("ETI", "extrapolation", "nan"))
    assert "MassiveText" in found.err
    assert call(command, "hoffmann-2022", *options, "--json").json["checks"] == []


# ---- the others ----------------------------------------------------------------------------------


def test_saturation_prints_the_size_and_its_interval(saved: Path) -> None:
    found = call("saturation", saved, "--tokens", 2e10, "--gain", 0.01)
    row = FIT.saturation(0.01, tokens=2e10).rows()[0]
    printed = line_of(found.out, "params N")
    assert float(printed.split()[0]) == pytest.approx(row["params"], rel=0.02)
    assert printed.endswith("90 % ETI")
    assert line_of(found.out, "gain of a doubling") == "0.01"
    assert "no such size" not in found.out


def test_a_size_that_does_not_exist_is_said(tmp_path: Path) -> None:
    path = synthetic_fit("kaplan-n").save(tmp_path / "fit.nc")
    found = call("saturation", path, "--gain", 0.001)
    assert line_of(found.out, "no such size") == "in every draw"


def test_the_published_runs_are_judged_unless_others_are_given(saved: Path, tmp_path: Path) -> None:
    found = call("judge-split", saved)
    assert found.code == 0
    blocks = found.out.strip().split("\n\n")
    names = [line_of(block, "run") for block in blocks]
    assert names == ["Chinchilla", "Gopher", "GPT-3", "Jurassic-1", "MT-NLG"]
    assert line_of(blocks[1], "fewer tokens than best") == "in every draw"
    assert line_of(blocks[0], "fewer tokens than best") == "in no draw"
    one = call("judge-split", saved, "--params", 2.8e11, "--tokens", 3e11)
    assert line_of(one.out, "best tokens D*") == line_of(blocks[1], "best tokens D*")
    FIT.runs.take(np.arange(2)).frame.to_csv(tmp_path / "runs.csv", index=False)
    table = call("judge-split", saved, "--runs", tmp_path / "runs.csv")
    assert line_of(table.out, "run") == "run-0"
    both = call("judge-split", saved, "--runs", tmp_path / "runs.csv", "--params", 1e9)
    assert both.code == 1
    assert "not both" in both.err


def test_a_query_takes_settings(tmp_path: Path) -> None:
    fit = synthetic_fit("kaplan-nd")
    path = fit.save(tmp_path / "fit.nc")
    found = call("query", path, "overfitting-bound", "--params", 1e9, "--set", "tolerance=0.05")
    assert line_of(found.out, "tolerance") == "0.05"
    assert line_of(found.out, "tokens D").endswith("90 % ETI")
    rows = call(
        "query", path, "overfitting-bound", "--params", 1e9, "--probability", 0.5, "--json"
    ).json["rows"]
    wanted = fit.query("overfitting-bound", {"params": 1e9}, probability=0.5).rows()
    assert rows[0]["tokens_lower"] == pytest.approx(wanted[0]["tokens_lower"])


def test_an_unconverged_fit_answers_and_exits_with_2(tmp_path: Path) -> None:
    path = synthetic_fit(PLAIN, checks=UNCONVERGED).save(tmp_path / "fit.nc")
    found = call("reach", path, "--loss", 2.2)
    assert found.code == 2
    assert "params N" in found.out
    assert "do not rely on this" in found.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("reach", "nothing", "--loss", 2), "no file 'nothing', and no published law"),
        (("reach", "epoch-2024", "--loss", -2), "loss must be above 0"),
        (("reach", "epoch-2024", "--loss", 2, "--family", "web"), "has no groups"),
        (("risk", "epoch-2024", "--flops", 1e22, "--family", "web"), "has no groups"),
        (("forecast", "epoch-2024", *SIZES, "--new-group", "web"), "has no groups"),
        (("forecast", "epoch-2024", *SIZES, "--register"), "beside a saved fit"),
        (("saturation", "epoch-2024", "--tokens", 1e9, "--set", "gain"), "--set takes name=number"),
        (("query", "kaplan-2020-nd", "chinchilla-optimum", "--flops", 1e20), "asks chinchilla"),
        (("query", "kaplan-2020-nd", "overfitting-bound"), "tokens needs params"),
        (("published", "hofmann-2022"), "did you mean 'hoffmann-2022'"),
    ],
)
def test_what_cannot_be_asked_is_said(arguments: tuple[object, ...], said: str) -> None:
    found = call(*arguments)
    assert found.code == 1
    assert said in found.err


# ---- published laws ------------------------------------------------------------------------------


def test_published_laws_are_listed() -> None:
    found = call("published")
    assert any(line.startswith("hoffmann-2022 ") for line in found.out.splitlines())
    listed = call("published", "--json").json
    assert {"kaplan-2020-nd", "epoch-2024"} <= {law["id"] for law in listed}


def test_a_published_law_is_shown_with_constants_units_and_source() -> None:
    found = call("published", "epoch-2024")
    for text in (
        "loss = E + A / params**alpha + B / tokens**beta", "482.01", "[285, 744]", "MassiveText",
        "arXiv:2404.10102", "chinchilla",
    ):  # fmt: skip
        assert text in found.out
    shown = call("published", "kaplan-2020-optimum", "--json").json
    assert shown["constants"]["N_e"] == 1.3e9
    assert set(shown["formulas"]) == {"params", "batch_size", "steps", "tokens"}
    assert "where tokens_worth" in call("published", "muennighoff-2023").out


def test_a_published_law_forecasts_two_sizes_and_splits_one() -> None:
    both = call("published", "hoffmann-2022", "--params", 7e10, "--tokens", 1.4e12)
    assert line_of(both.out, "noise-free loss") == "1.937"
    one = call("published", "hoffmann-2022-approach-1", "--flops", 5.88e23, "--json").json
    assert one["rows"][0]["params"] == pytest.approx(7e10)
    assert "no optimum" not in call("published", "hoffmann-2022", "--flops", 1e22).out
    day = call("published", "kaplan-2020-optimum", "--flops", 8.64e19)
    assert line_of(day.out, "batch [tokens]") == "2e+06"
