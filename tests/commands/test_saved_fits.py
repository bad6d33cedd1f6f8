"""Commands that ask a saved fit: forecast and allocate."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.fitting import load
from tests.command_line import INTERVAL, call
from tests.synthetic import CONFLICT, OK, PLAIN, UNCONVERGED, changed, synthetic_fit

BIG = ("--params", "7e10", "--tokens", "1.4e12")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved fits: good, unconverged, in conflict, of two families, and of other laws."""
    folder = tmp_path_factory.mktemp("fits")
    fits: dict[str, Fit] = {
        "good": synthetic_fit(),
        "unconverged": synthetic_fit(checks=UNCONVERGED),
        "conflict": synthetic_fit(checks=CONFLICT),
        "families": synthetic_fit(families=("code", "web")),
        "rates": synthetic_fit("chinchilla-lr"),
        "kaplan-n": synthetic_fit("kaplan-n"),
    }
    for name, fit in fits.items():
        fit.save(folder / f"{name}.nc")
    return folder


# ---- forecast ------------------------------------------------------------------------------------


def test_forecast_in_words(folder: Path) -> None:
    found = call("forecast", folder / "good.nc", *BIG)
    assert found.code == 0
    assert found.err == ""
    assert re.search(rf"^noise-free loss +{INTERVAL}$", found.out, re.M)
    assert re.search(rf"^loss of a new run +{INTERVAL}$", found.out, re.M)
    assert re.search(r"^params N +7e\+10$", found.out, re.M)
    assert "beyond the fitted runs: flops 6.4 e-folds" in found.out


def test_forecast_as_json_is_that_of_python(folder: Path) -> None:
    found = call("forecast", folder / "good.nc", *BIG, "--probability", "0.5", "--json")
    wanted = load(folder / "good.nc").forecast({"params": 7e10, "tokens": 1.4e12}, probability=0.5)
    assert found.code == 0
    assert found.err == ""
    assert found.json["model"] == "chinchilla"
    assert found.json["rows"] == json.loads(json.dumps(wanted.rows()))
    assert [check["verdict"] for check in found.json["checks"]] == ["ok"] * len(OK)


def test_several_runs_and_a_run_inside_the_data(folder: Path) -> None:
    found = call(
        "forecast", folder / "good.nc", "--params", 1e9, "--params", 7e10, "--tokens", 1e10
    )
    first, second = found.out.split("\n\n")
    assert "inside the fitted runs" in first
    assert "beyond the fitted runs: " in second


def test_budget_family_rate_and_other_settings(folder: Path) -> None:
    found = call(
        "forecast", folder / "families.nc", "--flops", 1e22, "--params", 1e10,
        "--family", "web", "--json",
    )  # fmt: skip
    (row,) = found.json["rows"]
    assert row["family"] == "web"
    assert row["tokens"] == pytest.approx(1e22 / 6e10)
    rate = call("forecast", folder / "rates.nc", *BIG, "--learning-rate", 1e-3, "--json")
    assert rate.json["rows"][0]["learning_rate"] == 1e-3
    same = call("forecast", folder / "rates.nc", *BIG, "--set", "learning_rate=1e-3", "--json")
    assert same.json["rows"] == rate.json["rows"]
    tuned = call("forecast", folder / "rates.nc", *BIG)
    assert re.search(rf"^best learning rate +{INTERVAL}$", tuned.out, re.M)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--params", "1e9"], "needs 'tokens'"),
        ([*BIG, "--probability", "90"], "between 0 and 1"),
        ([*BIG, "--set", "depth"], "--set takes name=number, got 'depth'"),
        ([*BIG, "--set", "depth=x"], "--set takes name=number, got 'depth=x'"),
        ([*BIG, "--family", "books"], "'books' is not in the fit"),
        (["--params", "-1e9", "--tokens", "1e9"], "must be positive"),
        (["--params", "many"], "--params"),
        ([*BIG, "--colour", "red"], "--colour"),
    ],
)
def test_what_is_wrong_with_a_question(folder: Path, options: list[str], message: str) -> None:
    found = call("forecast", folder / "good.nc", *options)
    assert found.code == 1
    assert found.out == ""
    assert message in found.err


def test_several_problems_are_all_in_the_json(folder: Path) -> None:
    found = call("forecast", folder / "families.nc", "--params", 1e9, "--family", "books", "--json")
    assert found.code == 1
    assert len(found.json["error"]) == 2
    assert all(problem in found.err for problem in found.json["error"])


@pytest.mark.parametrize(("furthest", "code"), [("1", 2), ("6.3", 2), ("6.4", 0), ("20", 0)])
def test_a_limit_on_extrapolation(folder: Path, furthest: str, code: int) -> None:
    """The budget asked for is 588 times the largest fitted one: 6.38 e-folds."""
    found = call("forecast", folder / "good.nc", *BIG, "--max-extrapolation", furthest)
    assert found.code == code
    assert "noise-free loss" in found.out
    assert ("beyond the fitted runs, more than" in found.err) == (code == 2)


# ---- trust ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "check", "code"),
    [("good", "", 0), ("unconverged", "R-hat", 2), ("conflict", "prior against data", 2)],
)
@pytest.mark.parametrize("command", [("forecast", *BIG), ("allocate", "--flops", "1e23")])
def test_a_fit_not_to_be_trusted_answers_and_exits_with_2(
    folder: Path, name: str, check: str, code: int, command: tuple[str, ...]
) -> None:
    verb, *options = command
    found = call(verb, folder / f"{name}.nc", *options)
    assert found.code == code
    assert re.search(INTERVAL, found.out)
    assert "warning" not in found.out
    assert (f"warning: do not rely on this: {check}: fail" in found.err) == bool(check)
    as_json = call(verb, folder / f"{name}.nc", *options, "--json")
    assert as_json.code == code
    assert len(as_json.json["rows"]) == 1
    failed = [item["name"] for item in as_json.json["checks"] if item["verdict"] == "fail"]
    assert failed == ([check] if check else [])


# ---- allocate ------------------------------------------------------------------------------------


def test_allocate_in_words_and_as_json(folder: Path) -> None:
    found = call("allocate", folder / "good.nc", "--flops", 1e22, "--flops", 1e24)
    assert found.code == 0
    for name in (r"params N\*", r"tokens D\*", "tokens per param", "noise-free loss"):
        assert len(re.findall(rf"^{name} +{INTERVAL}$", found.out, re.M)) == 2
    assert len(re.findall(r"beyond the fitted runs: flops", found.out)) == 2
    as_json = call("allocate", folder / "good.nc", "--flops", 1e22, "--flops", 1e24, "--json")
    wanted = load(folder / "good.nc").allocate(flops=[1e22, 1e24]).rows()
    assert as_json.json["rows"] == json.loads(json.dumps(wanted))


@pytest.mark.parametrize("given", ["params", "tokens"])
def test_allocate_from_one_size(folder: Path, given: str) -> None:
    (row,) = call("allocate", folder / "good.nc", f"--{given}", 1e10, "--json").json["rows"]
    assert row["given"] == given
    assert row[given] == 1e10
    assert row["flops_lower"] < row["flops"] < row["flops_upper"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("good", [], "exactly one of flops, params and tokens"),
        ("good", ["--flops", "1e22", "--params", "1e9"], "exactly one"),
        ("families", ["--flops", "1e22"], "say which family, one of code, web"),
        ("kaplan-n", ["--flops", "1e22"], "only a law in params and tokens"),
    ],
)
def test_what_cannot_be_allocated(
    folder: Path, name: str, options: list[str], message: str
) -> None:
    found = call("allocate", folder / f"{name}.nc", *options)
    assert found.code == 1
    assert found.out == ""
    assert message in found.err


def test_numbers_that_json_lacks_become_null(folder: Path, tmp_path: Path) -> None:

    fit = synthetic_fit(PLAIN)
    fit = changed(fit, draws={**fit.draws, "a": fit.draws["a"] * 1e-9})
    fit.save(tmp_path / "fit.nc")
    found = call("allocate", tmp_path / "fit.nc", "--tokens", 1e9, "--json")
    (row,) = found.json["rows"]
    assert row["params"] is None
    assert row["at_edge"] == 1.0


def test_allocate_within_what_serves_trains_and_can_be_built(folder: Path) -> None:
    fit = folder / "good.nc"
    device = ("--device-memory", "80GB", "--kv-cache", "12GB", "--bytes-per-param", "1")
    row = call("allocate", fit, "--flops", "1e24", *device, "--json").json["rows"][0]
    assert row["choose_params"] == pytest.approx(60e9)
    steps = ("--max-steps", "100k", "--max-batch", "1M")
    row = call("allocate", fit, "--flops", "1e24", *steps, "--json").json["rows"][0]
    assert row["choose_tokens"] == pytest.approx(1e11)
    menu = ("--menu", "7B", "--menu", "13B", "--menu", "70B")
    row = call("allocate", fit, "--flops", "1e23", *menu, "--json").json["rows"][0]
    assert row["choose_params"] in (pytest.approx(7e9), pytest.approx(13e9), pytest.approx(70e9))
    risked = call("risk", fit, "--flops", "1e23", *menu, "--json").json["rows"][0]
    assert risked["params"] == pytest.approx(row["choose_params"])
    alone = call("allocate", fit, "--flops", "1e24", "--devices", 2)
    assert (alone.code, "need --device-memory" in alone.err) == (1, True)


def test_reach_tells_the_compute_of_a_life(folder: Path) -> None:
    found = call("reach", folder / "good.nc", "--loss", 2.1, "--inference-tokens", "10T")
    assert re.search(rf"lifetime.* {INTERVAL}$", found.out, re.M), found.out
