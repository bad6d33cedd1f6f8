"""Drift, transient and tempering on the command line: switched, refused, and told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bayes_scaling.commands.console import print_page
from bayes_scaling.commands.fits import fit_dict, fit_page
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import load
from bayes_scaling.laws import load_model
from bayes_scaling.laws.model import Model
from tests.command_line import call
from tests.synthetic import synthetic_ensemble, synthetic_fit, synthetic_runs

INTERVAL = r"[\d.e+-]+ \[[\d.e+-]+, [\d.e+-]+\]"
BIG = ("--params", "7e10", "--tokens", "1.4e12")
TEMPERED = "tempered posterior, not a plain one; the largest runs weigh most: "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of runs, and saved fits with features."""
    folder = tmp_path_factory.mktemp("features")
    synthetic_runs(load_model("chinchilla")).frame.to_csv(folder / "runs.csv", index=False)
    synthetic_fit().save(folder / "plain.nc")
    synthetic_fit("coupled-drift-tempered").save(folder / "one.nc")
    synthetic_fit("coupled-drift", families=("code", "web")).save(folder / "two.nc")
    synthetic_fit("coupled-drift", families=tuple("abcde")).save(folder / "five.nc")
    synthetic_ensemble("coupled-tempered", "coupled-drift").save(folder / "several.nc")
    return folder


# ---- switched ------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put results made by hand in place of sampling, and return the models asked for."""
    asked: list[Any] = []

    def one(model: Model, runs: object, **_: object) -> Fit:
        asked.append(model)
        return synthetic_fit()

    def several(runs: object, models: list[Model], **_: object) -> Fit:
        asked.extend(models)
        return synthetic_ensemble()

    def tested(runs: object, models: list[Model], **_: object) -> None:
        asked.extend(models)
        raise KeyboardInterrupt

    def write(fit: object, output: Path, **_: object) -> Path:
        return output

    monkeypatch.setattr("bayes_scaling.fitting.fit", one)
    monkeypatch.setattr("bayes_scaling.fitting.fit_ensemble", several)
    monkeypatch.setattr("bayes_scaling.validation.backtest", tested)
    monkeypatch.setattr("bayes_scaling.reports.report", write)
    return asked


@pytest.mark.parametrize("command", ["fit", "report"])
@pytest.mark.parametrize(
    ("options", "switches"),
    [
        (["--drift"], {"drift": True}),
        (["--no-drift", "--transient"], {"drift": False, "transient": True}),
        (["--no-transient", "--temper", "0.5"], {"transient": False, "temper": 0.5}),
        (["--temper", "0"], {"temper": 0}),
    ],
)
def test_switches_make_variants_of_the_models_that_are_named(
    command: str, options: list[str], switches: dict[str, Any], folder: Path, tmp_path: Path,
    asked: list[Any],
) -> None:  # fmt: skip
    output = tmp_path / "out"
    names = ["chinchilla", "coupled-drift-tempered"]
    options = [*options, *(["--no-backtest"] if command == "report" else [])]
    assert call(command, folder / "runs.csv", "-m", names[1], *options, "-o", output).code == 0
    both = [text for name in names for text in ("-m", name)]
    assert call(command, folder / "runs.csv", *both, *options, "-o", output).code == 0
    first, *others = (load_model(name).with_features(**switches) for name in (names[1], *names))
    assert asked == [first, *others]


def test_a_backtest_is_of_the_variant(folder: Path, asked: list[Any]) -> None:
    cuts = ("--fit-where", "flops < 5e19", "--target-where", "flops > 5e19")
    call("backtest", folder / "runs.csv", "-m", "coupled", "--drift", "--temper", 0.7, *cuts)
    assert asked == [load_model("coupled").with_features(drift=True, temper=0.7)]


# ---- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["fit", "report", "backtest"])
@pytest.mark.parametrize("model", [(), ("-m", "auto")])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--drift"], "--drift: 'auto' averages laws"),
        (["--no-transient", "--temper", "1"], "--no-transient, --temper: 'auto' averages laws"),
    ],
)
def test_the_default_ensemble_is_not_switched(
    command: str, model: tuple[str, ...], options: list[str], said: str, folder: Path,
    asked: list[Any],
) -> None:  # fmt: skip
    found = call(command, folder / "runs.csv", *model, *options)
    assert found.code == 1
    assert said in found.err
    assert "such as -m coupled" in found.err
    assert asked == []


@pytest.mark.parametrize("options", [["--drift"], ["-m", "coupled", "--temper", "1"]])
def test_a_saved_fit_keeps_its_model(options: list[str], folder: Path, tmp_path: Path) -> None:
    found = call("report", folder / "plain.nc", *options, "-o", tmp_path / "report.html")
    assert found.code == 1
    assert "a saved fit keeps the model it was made with" in found.err
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_with_each_model_is_said(folder: Path, asked: list[Any]) -> None:
    found = call("fit", folder / "runs.csv", "-m", "chinchila", "-m", "coupled", "--temper", "-1")
    assert found.code == 1
    assert "did you mean 'chinchilla'" in found.err
    assert "temper is a length above 0" in found.err
    assert asked == []


# ---- told ----------------------------------------------------------------------------------------


def test_a_forecast_tells_exponents_at_the_target_and_tempering(folder: Path) -> None:
    short = call("forecast", folder / "one.nc", *BIG)
    assert "exponent" not in short.out
    found = call("forecast", folder / "one.nc", *BIG, "--verbose")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(short.out)
    assert re.search(rf"^params \(alpha\) +7e\+10 +{INTERVAL} +{INTERVAL}$", found.out, re.M)
    assert re.search(rf"^tokens \(beta\) +1\.4e\+12 +{INTERVAL} +{INTERVAL}$", found.out, re.M)
    assert "local exponent, 90 % ETI" in found.out
    assert found.out.rstrip().endswith(TEMPERED + "coupled-drift-tempered (length 1)")


def test_an_allocation_tells_them_at_its_best_splits(folder: Path) -> None:
    found = call("allocate", folder / "one.nc", "--flops", 1e22, "--flops", 1e24, "--json")
    sizes = [row["params"] for row in found.json["rows"]]
    told = [row for row in found.json["exponents"] if row["input"] == "params"]
    assert [row["size"] for row in told] == sizes
    assert [row["at"] for row in told] == ["asked", "asked"]


def test_json_is_that_of_python(folder: Path) -> None:
    found = call("forecast", folder / "several.nc", *BIG, "--probability", 0.5, "--json")
    asked = load(folder / "several.nc").exponents(
        {"params": 7e10, "tokens": 1.4e12}, probability=0.5
    )
    wanted = [row for row in asked.rows() if row["at"] == "asked"]
    assert found.json["exponents"] == json.loads(json.dumps(wanted))
    assert {row["member"] for row in wanted} == {"coupled-drift"}
    assert found.json["tempered"] == TEMPERED + "coupled-tempered (length 0.7)"


def test_without_features_nothing_is_told(folder: Path) -> None:
    words = call("forecast", folder / "plain.nc", *BIG).out
    assert "exponent" not in words
    assert "tempered" not in words
    plain = call("forecast", folder / "plain.nc", *BIG, "--json").json
    assert (plain["exponents"], plain["tempered"]) == ([], "")


def test_exponents_are_those_of_the_family_that_is_asked(folder: Path) -> None:
    found = call("forecast", folder / "two.nc", *BIG, "--family", "web", "--verbose")
    assert re.search(rf"^web +params \(alpha\) +7e\+10 +{INTERVAL} +{INTERVAL}$", found.out, re.M)
    assert "code" not in found.out


def test_a_posterior_as_plain_data_has_exponents_and_tempering(folder: Path) -> None:
    found = fit_dict(load(folder / "one.nc"), 0.9)
    assert [row["at"] for row in found["exponents"]] == ["reference", "largest run"] * 2
    assert found["tempered"].startswith(TEMPERED)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("one", [r"^features: exponents of params and tokens drift with scale; a transient in",
                 rf"^slope_params +{INTERVAL} 90 % ETI",
                 rf"^params \(alpha\) +[\d.e+]+, the reference +{INTERVAL} +1$",
                 rf"^params \(alpha\) +[\d.e+]+, the largest run +{INTERVAL} +{INTERVAL}$"]),
        ("two", [rf"^web +tokens \(beta\) +[\d.e+]+, the largest run +{INTERVAL} +{INTERVAL}$"]),
        ("five", [rf"^tokens +[\d.e+]+, the largest run +{INTERVAL}$"]),
        ("several", [r"^tempered posterior, not a plain one; .* coupled-tempered \(length 0\.7\)$",
                     rf"^params \(alpha\) +[\d.e+]+, the largest run +{INTERVAL} +{INTERVAL}$"]),
    ],
)  # fmt: skip
def test_what_is_printed_of_a_posterior(
    name: str, lines: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_page(fit_page(load(folder / f"{name}.nc"), 0.9))
    printed = capsys.readouterr().out
    for line in lines:
        assert re.search(line, printed, re.M), line


def test_a_model_is_shown_with_its_features() -> None:
    found = call("models", "show", "coupled-drift-tempered")
    assert found.code == 0
    assert "features: exponents of params and tokens drift with scale; a transient" in found.out
    assert "* at params_ref = 1e+08, tokens_ref = 2e+09" in found.out
    assert call("models", "show", "coupled-tempered", "--json").json["noise"]["temper"] == 0.7
