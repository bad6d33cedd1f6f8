"""The command that backtests: its table, JSON, picture, exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayes_scaling.validation import backtest, tasks
from tests.command_line import call
from tests.validation.oracle import Oracle, simulated

CUT = ("--fit-where", "flops <= 2e20", "--target-where", "flops > 2e20")
QUICK = ("--draws", 50, "--tune", 50, "--chains", 2)


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Oracle:
    found = Oracle()
    monkeypatch.setattr(tasks, "fit", found.sample)
    return found


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    simulated(("a", "b")).frame.to_csv(path, index=False)
    return path


def test_ours_is_printed_beside_both_baselines(oracle: Oracle, runs: Path) -> None:
    found = call("backtest", runs, *CUT, "-m", "chinchilla", *QUICK)
    assert (found.code, found.err) == (0, "")
    head, _, _, *lines = found.out.splitlines()
    assert head == "chinchilla: 1 fit, 8 targets"
    assert "up to 2.3 e-folds (10x)" in found.out
    assert lines[0].split()[:3] == ["group", "forecast", "by"]
    firsts = [line.split("  ")[0] for line in lines[1:10]]
    assert firsts == ["a", "", "", "b", "", "", "mean", "", ""]
    assert all("least squares" in lines[number] for number in (2, 5, 8))


def test_json_is_that_of_python(oracle: Oracle, runs: Path) -> None:
    found = call("backtest", runs, *CUT, "-m", "chinchilla", *QUICK, "--by", "family", "--json")
    wanted = backtest(
        runs, fit_where=CUT[1], target_where=CUT[3], models="chinchilla", by="family",
        draws=50, tune=50, chains=2, random_seed=0,
    )  # fmt: skip
    assert found.code == 0
    assert found.json["scores"] == wanted.score_rows()
    assert found.json["baselines"] == wanted.baseline_rows()


def test_models_are_averaged_by_default_and_where_several_are_named(
    oracle: Oracle, runs: Path
) -> None:
    wanted = "ensemble of chinchilla, coupled: 1 fit"
    for models in ((), ("-m", "auto"), ("-m", "chinchilla", "-m", "coupled")):
        assert call("backtest", runs, *CUT, *models, *QUICK).out.startswith(wanted)
    refused = call("backtest", runs, *CUT, "-m", "auto", "-m", "coupled", *QUICK)
    assert (refused.code, "'auto' stands for models by itself" in refused.err) == (1, True)


def test_rolling_prints_a_row_for_every_ratio(oracle: Oracle, runs: Path) -> None:
    found = call("backtest", runs, "-m", "chinchilla", "--rolling", *QUICK)
    assert found.code == 0
    assert "chinchilla: 3 fits" in found.out
    firsts = [line.split("  ")[0] for line in found.out.splitlines()[4:13]]
    assert firsts == ["10x", "", "", "100x", "", "", "1000x", "", ""]


def test_an_unconverged_fit_is_scored_and_exits_with_2(oracle: Oracle, runs: Path) -> None:
    oracle.unconverged = frozenset({"b"})
    found = call("backtest", runs, *CUT, "-m", "chinchilla", "--by", "family", *QUICK)
    assert found.code == 2
    assert "warning: scored though it did not converge: the fit of b\n" in found.err
    assert "least squares" in found.out


@pytest.mark.parametrize("options", [CUT, ("--rolling",)])
@pytest.mark.parametrize(("suffix", "starts"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture(
    oracle: Oracle, runs: Path, options: tuple[str, ...], suffix: str, starts: bytes
) -> None:
    path = runs.with_name(f"picture{suffix}")
    found = call("backtest", runs, *options, "-m", "chinchilla", *QUICK, "--plot", path)
    assert found.code == 0
    assert f"drew {path}" in found.out
    assert path.read_bytes().startswith(starts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((*CUT, "--plot", "picture.jpeg"), "end it in .png, .svg, .pdf"),
        ((*CUT, "--plot", "nowhere/picture.png"), "no folder 'nowhere'"),
        ((), "fit_where is missing"),
        ((*CUT, "--by", "colour"), "by='colour' is no column"),
    ],
)
def test_what_is_refused_before_sampling(
    oracle: Oracle, runs: Path, options: tuple[str, ...], message: str
) -> None:
    found = call("backtest", runs, *options, *QUICK)
    assert (found.code, found.out) == (1, "")
    assert message in found.err
    assert oracle.given == []
