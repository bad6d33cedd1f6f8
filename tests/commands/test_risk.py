"""What the command that tells risks prints and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bayes_scaling as bs
from tests.command_line import call
from tests.synthetic import synthetic_fit

ASK = ("--flops", 1e22, "--target-loss", 2.0)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_fit().save(tmp_path_factory.mktemp("risk") / "fit.nc")


def test_chance_regret_cost_and_decision_are_printed(saved: Path) -> None:
    found = call("risk", saved, *ASK, "--price", 2, "--value", 1e6)
    assert found.code == 0, found.err
    for words in ("chance of target", "90% sure takes", "regret of the split", "cost", "decision"):
        assert words in found.out


def test_json_holds_what_python_answers(saved: Path) -> None:
    found = json.loads(call("risk", saved, *ASK, "--json").out)["rows"][0]
    expected = synthetic_fit().risk(flops=1e22, target_loss=2.0).rows()[0]
    for name in ("chance", "params", "expected_regret", "enough_flops"):
        assert found[name] == pytest.approx(expected[name])


def test_hours_buy_compute(saved: Path) -> None:
    rig = bs.Rig(accelerator="a100", utilisation=0.5)
    asked = ("--hours", 1e4, "--accelerator", "a100", "--utilisation", 0.5, "--json")
    row = json.loads(call("risk", saved, *asked).out)["rows"][0]
    assert row["flops"] == pytest.approx(rig.flops(hours=1e4))
    split = json.loads(call("allocate", saved, *asked).out)["rows"][0]
    assert split["flops"] == pytest.approx(rig.flops(hours=1e4))


def test_two_plans_are_told_apart(saved: Path) -> None:
    plans = ("--params", 1e9, "--tokens", 1e12, "--params", 1e10, "--tokens", 2e11)
    assert "chance of a lower loss than" in call("risk", saved, *plans).out


def test_limits_bind(saved: Path) -> None:
    found = call("allocate", saved, "--flops", 1e22, "--max-params", 1e9)
    assert "choose" in found.out
    assert "N 1e+09" in found.out
    assert "at a limit             max_params 1e+09, in 100% of the draws" in found.out
    assert "no optimum" not in found.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "either budgets"),
        (("--flops", 1e22, "--params", 1e9), "got flops and params"),
        (("--flops", "nan"), "flops must be above 0 and finite"),
        (("--flops", "inf"), "flops must be above 0 and finite"),
        (("--flops", -1), "flops must be above 0 and finite"),
        (("--flops", 1e22, "--hours", 3), "give budgets in one way"),
        (("--money", 3), "give the price"),
        (("--flops", 1e22, "--accelerator", "abacus"), "not known"),
        (("--flops", 1e22, "--max-params", -1), "max_params must be above 0"),
    ],
)
def test_what_cannot_be_used_is_refused(
    saved: Path, options: tuple[object, ...], message: str
) -> None:
    found = call("risk", saved, *options)
    assert found.code == 1
    assert message in found.err
