"""The commands around a big run: the plan and its questionnaire, the stage gate, advice."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.questions.run_plan import QUESTIONS, read_run_plan
from tests.command_line import call
from tests.synthetic import synthetic_fit


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_fit(spread=0.05).save(tmp_path_factory.mktemp("plan") / "fit.nc")


def test_the_plan_that_is_written_can_be_asked(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "big.toml"
    assert "fill it in" in call("plan", path).out
    found = call("risk", saved, "--plan", path)
    assert found.code == 0, found.err
    assert found.out.count("was not looked at") == len(QUESTIONS)
    assert found.out.index("not in any interval") < found.out.index("chance of target")
    direct = call("risk", saved, "--flops", 1e21, "--target-loss", 2.0, "--json")
    planned = json.loads(call("risk", saved, "--plan", path, "--json").out)
    assert planned["rows"] == json.loads(direct.out)["rows"]
    assert call("plan", path).code == 1


def test_what_differs_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    answers = "\n".join(f"{name} = true" for name in QUESTIONS if name != "schedule")
    path.write_text(f"[run]\nhours = 100\n[rig]\nprice = 2\n[matched]\nschedule = false\n{answers}")
    plan = read_run_plan(path)
    assert [line.split(":")[0] for line in plan.unmatched] == ["schedule differs"]
    assert plan.asked["flops"] == bs.Rig().flops(hours=100)
    assert plan.asked["rig"].price == 2


def test_a_plan_knows_the_device_that_serves(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("[run]\nflops = 1e21\n[limits]\nmax_params = 1e12\nmenu = [7e9, 1e9]\n"
                    "[device]\nmemory = 80e9\ncount = 2")  # fmt: skip
    limits = read_run_plan(path).limits
    assert limits.max_params == bs.Device(memory=80e9, count=2).max_params
    assert limits.menu == (1e9, 7e9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nflop = 1e21", "did you mean 'flops'"),
        ("[run]\nflops = 1e21\nhours = 3", "one of flops, hours, money"),
        ("[run]\nflops = 1e21\n[matched]\ntokenizer = 'yes'", "true, false or"),
        ("[run]\nflops = 1e21\n[limits]\nmax_param = 1", "did you mean 'max_params'"),
        ("[run\n", "not a TOML file"),
        ("[run]\nflops = 1e21\n[device]\ncount = 2", "needs memory"),
        ("[run]\nflops = '1e21'", "flops is a number from 0 to 1e.60, got '1e21'"),
        ("[run]\nflops = 1e21\n[rig]\naccelerator = 3", "accelerator is a text"),
        ("[run]\nflops = 1e21\n[limits]\nmenu = 7e9", "menu is a list of numbers"),
        ("rig = 3\n[run]\nflops = 1", r"\[rig\] is a table"),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_run_plan(path)


def test_a_plan_and_other_options_exclude_each_other(saved: Path, tmp_path: Path) -> None:
    found = call("risk", saved, "--plan", tmp_path / "gone.toml")
    assert found.code == 1
    assert "writes one to fill" in found.err
    both = call("risk", saved, "--plan", tmp_path / "gone.toml", "--flops", 1e21)
    assert "leave out the other options" in both.err


def test_a_stage_gate_is_printed(saved: Path) -> None:
    ask = ("stage-gate", saved, "--flops", 1e22, "--target-loss", 2.0)
    found = call(*ask, "--price", 2, "--value", 1e6)
    assert found.code == 0, found.err
    for words in ("first run", "chance after the first run", "changes the decision", "is worth"):
        assert words in found.out
    row = json.loads(call(*ask, "--json").out)["rows"][0]
    expected = synthetic_fit(spread=0.05).stage_gate(1e22, 2.0).rows()[0]
    assert row["width_after"] == pytest.approx(expected["width_after"])


def test_advice_is_given_on_bytes(saved: Path) -> None:
    found = call("advise", saved, "--flops", 1e22, "--data-bytes", 4e12, "--target-loss", 2.0)
    assert found.code == 0, found.err
    assert found.out.startswith("advice")
    few = call("advise", saved, "--flops", 1e22, "--data-tokens", 1e10)
    assert "pre-training elsewhere is weighed" in few.out
    assert "pre-training elsewhere" not in few.err, "what the answer says is not said again"
    rows = json.loads(call("advise", saved, "--flops", 1e22, "--data-tokens", 1e10, "--json").out)
    assert rows["rows"][0]["tokens"] == pytest.approx(1e10)
    assert rows["tokens_on_hand"] == 1e10
    assert "--data-bytes, or --data-tokens" in call("advise", saved, "--flops", 1e22).err


def test_a_device_that_serves_has_a_memory() -> None:
    found = call("serve", "--params", "7B")
    assert found.code == 1
    assert "error: a device has a memory and a bandwidth" in found.err


def test_serving_says_what_it_does_not_count_and_takes_no_overhead() -> None:
    ask = ("serve", "--params", "7B", "--device-memory", "80GB", "--bandwidth", "3.35e12")
    many = call(*ask, "--sequences", "100000")
    assert many.code == 0
    assert "keys and values of the 100000 sequences are not counted" in many.out
    assert call(*ask, "--sequences", "100000", "--json").json["notes"]
    assert "not counted" not in call(*ask).out
    refused = call(*ask, "--overhead", ".5")
    assert refused.code != 0
    assert "--overhead" in refused.err


def test_what_the_machine_refuses_to_write_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    for asked in (["plan", tmp_path / "plan.toml"], ["campaign", "init", tmp_path]):
        found = call(*asked)
        assert found.code == 1
        assert "No space left on device; nothing was written" in found.err
    assert not list(tmp_path.iterdir())
