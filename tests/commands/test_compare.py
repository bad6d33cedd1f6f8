"""The command that compares models; fits are made by hand in the place of sampled ones."""

from __future__ import annotations

import re
from pathlib import Path
from unittest import mock

import pytest

from bayes_scaling.laws import load_model
from tests.command_line import Answer, call
from tests.comparisons import MODELS, synthetic_comparison, unsampled
from tests.synthetic import synthetic_runs

INTERVAL = r"[\d.]+ \[[\d.]+, [\d.]+\]"
ASKED = [option for name in MODELS for option in ("-m", name)]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated runs of two families as a file, and those of one."""
    folder = tmp_path_factory.mktemp("runs")
    law = load_model("chinchilla")
    synthetic_runs(law, families=("code", "web")).frame.to_csv(folder / "two.csv", index=False)
    synthetic_runs(law).frame.to_csv(folder / "one.csv", index=False)
    return folder


def compare(*arguments: object, unconverged: tuple[str, ...] = ()) -> Answer:
    """Call the command with a stand-in for the sampler."""
    with mock.patch("bayes_scaling.validation.tasks.fit", unsampled(unconverged)):
        return call("compare", *arguments)


def test_tables_stand_one_below_the_other(table: Path) -> None:
    found = compare(table / "one.csv", *ASKED)
    assert found.code == 0, found.err
    inside, split, target = found.out.strip().split("\n\n")
    assert inside.splitlines()[2].split()[0] == "chinchilla"
    assert re.search(r"^coupled +-?[\d.]+ \([\d.]+\) +-[\d.]+ \([\d.]+\)", inside, re.M)
    assert "fitted on the 8 smallest runs, scored on the 4 largest" in split
    assert "forecasts at params" in target
    assert "flops 1e+23, beyond the fitted runs: flops 4.6 e-folds (100x)" in target
    for name in (*MODELS, "average, equal weights", "average, stacking weights"):
        assert re.search(rf"^{name} +{INTERVAL} +{INTERVAL}$", target, re.M), name
    for name in (*MODELS, "average, equal weights", "average, stacking weights"):
        assert re.search(rf"^{name}( +-?[\d.]+){{7}}$", split, re.M), name


def test_json_is_that_of_python(table: Path) -> None:
    found = compare(table / "one.csv", *ASKED, "--seed", 1, "--json")
    assert found.code == 0, found.err
    wanted = synthetic_comparison()
    assert found.json.keys() == wanted.to_dict().keys()
    assert [row["model"] for row in found.json["models"]] == list(wanted.table.index)
    for how, weights in wanted.weights.items():
        assert found.json["weights"][how] == pytest.approx(weights, abs=1e-3)


def test_targets_and_family_are_passed_on(table: Path) -> None:
    sizes = ("--params", 1e10, "--tokens", 1e12, "--tokens", 2e12)
    found = compare(table / "two.csv", *ASKED[:4], *sizes, "--probability", 0.5)
    assert found.out.count("forecasts at family code, params 1e+10, tokens") == 2
    assert found.out.count("forecasts at family web, params 1e+10, tokens") == 2
    assert "50 % ETI" in found.out
    one = compare(table / "two.csv", *ASKED[:4], *sizes, "--family", "web")
    assert "family code" not in one.out


def test_a_family_alone_takes_the_default_target(table: Path) -> None:
    found = compare(table / "two.csv", *ASKED[:4], "--family", "web")
    assert found.code == 0, found.err
    assert re.findall("forecasts at family (.*?), ", found.out) == ["web"]


def test_where_there_is_no_deep_split_it_says_why(table: Path) -> None:
    found = compare(table / "one.csv", *ASKED, "--where", "flops < 2e20 and params > 7e7")
    assert "deep split left out: " in found.out
    assert "note: deep split: warn" in found.err


def test_a_model_that_did_not_converge_ends_with_2(table: Path) -> None:
    found = compare(table / "one.csv", *ASKED, unconverged=("coupled",))
    assert found.code == 2
    assert "warning: do not rely on this: R-hat of coupled: fail" in found.err
    assert re.search(r"^coupled .* 0\.00 +0\.00 +plain$", found.out, re.M)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-m", "chinchilla"], "1 model: name two or more"),
        ([*ASKED, "-m", "chinchila"], "did you mean 'chinchilla'"),
        ([*ASKED, "--probability", "90"], "between 0 and 1"),
        ([*ASKED, "--params", "1e9"], "chinchilla needs 'tokens' at the target"),
        ([*ASKED, "--draws", "3"], "draws must be a whole number"),
    ],
)
def test_what_cannot_be_compared(table: Path, options: list[str], message: str) -> None:
    found = call("compare", table / "one.csv", *options)
    assert found.code == 1
    assert found.out == ""
    assert message in found.err
