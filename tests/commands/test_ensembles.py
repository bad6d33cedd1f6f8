"""Commands on several models: which are fitted, and what is printed of an ensemble."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.fitting import load
from bayes_scaling.laws import load_model
from bayes_scaling.posterior import Check
from tests.command_line import call
from tests.synthetic import (
    CONFLICT,
    OK,
    UNCONVERGED,
    synthetic_ensemble,
    synthetic_fit,
    synthetic_runs,
)

INTERVAL = r"[\d.e+-]+ \[[\d.e+-]+, [\d.e+-]+\]"
BIG = ("--params", "7e10", "--tokens", "1.4e12")
SIZES = {"params": 7e10, "tokens": 1.4e12}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved ensembles: good, with a member left out, unconverged, in conflict."""
    folder = tmp_path_factory.mktemp("ensembles")
    both = {"chinchilla": UNCONVERGED, "coupled": UNCONVERGED}
    ensembles: dict[str, Fit] = {
        "good": synthetic_ensemble(weights={"chinchilla": 3, "coupled": 1}),
        "lame": synthetic_ensemble(checks={"coupled": UNCONVERGED}),
        "unconverged": synthetic_ensemble(checks=both),
        "conflict": synthetic_ensemble(checks={"coupled": CONFLICT}),
    }
    for name, ensemble in ensembles.items():
        ensemble.save(folder / f"{name}.nc")
    return folder


def test_forecast_prints_the_mixture_then_each_member_then_the_spread(folder: Path) -> None:
    found = call("forecast", folder / "good.nc", *BIG)
    assert (found.code, found.err) == (0, "")
    mixture = re.search(rf"^loss of a new run +({INTERVAL}) 90 % ETI$", found.out, re.M)
    members = re.search(
        rf"^chinchilla +0\.75 +{INTERVAL}\ncoupled +0\.25 +{INTERVAL}$", found.out, re.M
    )
    spread = re.search(
        r"^spread +form of the law \d+%, drift 0%, uncertainty of the constants \d+%, noise \d+% "
        r"of the variance of the log loss of a new run$", found.out, re.M,
    )  # fmt: skip
    assert mixture
    assert members
    assert spread
    assert mixture.start() < members.start() < spread.start()
    assert "member, 90 % ETI  weight  loss of a new run" in found.out


def test_allocate_prints_the_split_of_each_member(folder: Path) -> None:
    found = call("allocate", folder / "good.nc", "--flops", 1e22, "--flops", 1e24)
    assert found.code == 0
    assert (
        len(re.findall(rf"^coupled +0\.25 +{INTERVAL} +{INTERVAL} +{INTERVAL}$", found.out, re.M))
        == 2
    )
    assert len(re.findall(r"^spread +form of the law \d+%, within \d+% of", found.out, re.M)) == 2
    given = call("allocate", folder / "good.nc", "--params", 1e10)
    assert re.search(rf"^coupled +0\.25 +{INTERVAL} +{INTERVAL}$", given.out, re.M)


@pytest.mark.parametrize("command", [("forecast", *BIG), ("allocate", "--flops", "1e23")])
def test_json_is_that_of_python(folder: Path, command: tuple[str, ...]) -> None:
    verb, *options = command
    found = call(verb, folder / "good.nc", *options, "--json")
    ensemble = load(folder / "good.nc")
    wanted = ensemble.forecast(SIZES) if verb == "forecast" else ensemble.allocate(flops=1e23)
    assert found.json["model"] == "ensemble"
    assert found.json["rows"] == json.loads(json.dumps(wanted.rows()))
    assert found.json["by_member"] == json.loads(json.dumps(wanted.member_rows()))
    (row,) = found.json["rows"]
    shares = [value for name, value in row.items() if name.startswith("spread_")]
    assert sum(shares) == pytest.approx(1.0)
    assert found.json["left_out"] == {}


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("lame", 0, "note: members: warn (coupled is left out: it did not converge"),
        ("conflict", 2, "warning: do not rely on this: prior against data of coupled: fail"),
        ("unconverged", 2, "warning: do not rely on this: R-hat: fail"),
    ],
)
def test_what_is_to_be_known_is_said_and_decides_the_exit_code(
    folder: Path, name: str, code: int, said: str
) -> None:
    found = call("forecast", folder / f"{name}.nc", *BIG)
    assert found.code == code
    assert said in found.err
    assert re.search(INTERVAL, found.out)
    as_json = call("forecast", folder / f"{name}.nc", *BIG, "--json")
    assert as_json.code == code
    assert list(as_json.json["left_out"]) == (["coupled"] if name == "lame" else [])


# ---- what is fitted ------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put results made by hand in place of sampling, and return what was asked for."""
    asked: list[Any] = []

    def one(model: str, runs: object, **_: object) -> Fit:
        asked.append(model)
        return synthetic_fit(model)

    def several(runs: object, models: list[str] | None = None, **_: object) -> Fit:
        asked.append(models)
        return replace(synthetic_ensemble(), left_out={"third": "it did not converge (R-hat 2)"})

    monkeypatch.setattr("bayes_scaling.fitting.fit", one)
    monkeypatch.setattr("bayes_scaling.fitting.fit_ensemble", several)
    return asked


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    synthetic_runs(load_model("chinchilla")).frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("options", "wanted", "kind"),
    [
        ([], None, Fit),
        (["-m", "auto"], None, Fit),
        (["-m", "chinchilla"], "chinchilla", Fit),
        (["-m", "chinchilla", "--model", "coupled"], ["chinchilla", "coupled"], Fit),
    ],
)
def test_one_model_that_is_named_is_a_fit_and_all_else_an_ensemble(
    options: list[str], wanted: object, kind: type, table: Path, tmp_path: Path, asked: list[Any]
) -> None:
    found = call("fit", table, *options, "-o", tmp_path / "fit.nc")
    assert found.code == 0
    assert asked == [wanted]
    assert isinstance(load(tmp_path / "fit.nc"), kind)


def test_fit_prints_members_weights_verdicts_and_who_is_left_out(
    table: Path, tmp_path: Path, asked: list[Any]
) -> None:
    found = call("fit", table, "-o", tmp_path / "fit.nc")
    assert "ensemble of 2, 16 runs, 4 chains of 100 draws each" in found.out
    assert re.search(r"^member +weight +R-hat +effective draws", found.out, re.M)
    assert re.search(r"^coupled +0\.50 +ok +ok", found.out, re.M)
    assert "third is left out: it did not converge" in found.out
    as_json = call("fit", table, "-o", tmp_path / "fit.nc", "--json").json
    assert as_json["model"] == "ensemble"
    assert as_json["members"]["coupled"]["weight"] == 0.5
    assert as_json["members"]["coupled"]["posterior"]["k"]["r_hat"] == 1.001
    assert list(as_json["left_out"]) == ["third"]
    assert as_json["status"] == "converged"


def test_a_report_averages_by_default(
    table: Path, tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []

    def write(fit: object, output: Path, **_: object) -> Path:
        given.append(fit)
        return output

    monkeypatch.setattr("bayes_scaling.reports.report", write)
    assert call("report", table, "--no-backtest", "-o", tmp_path / "r.html").code == 0
    assert (
        call("report", table, "-m", "coupled", "--no-backtest", "-o", tmp_path / "r.html").code == 0
    )
    assert asked == [None, "coupled"]
    assert isinstance(given[0], Fit)
    assert isinstance(given[1], Fit)


def test_fit_prints_the_odds_of_a_ceiling_and_who_was_left_out_for_them(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "the runs speak for a ceiling, 12 to 1; left out: a, for which b speaks"
    odds = (*OK, Check(name="ceiling", verdict="ok", evidence=said))
    made = synthetic_ensemble(checks={"coupled": odds})
    monkeypatch.setattr("bayes_scaling.fitting.fit_ensemble", lambda *_, **__: made)
    found = call("fit", table, "-o", tmp_path / "fit.nc")
    assert f"\nceiling: {said}\n" in found.out
