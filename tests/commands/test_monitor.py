"""What the command that follows a run in flight prints and refuses."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.command_line import call
from tests.decisions.test_monitor import FINISHED, FIT, PLAN, flown

ENDS = ("--tokens", PLAN["tokens"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("monitor")
    FIT.save(folder / "fit.nc")
    FINISHED.frame.to_csv(folder / "finished.csv", index=False)
    flown(0.4).frame.to_csv(folder / "curve.csv", index=False)
    flown(1.0, factor=1.3).frame.to_csv(folder / "high.csv", index=False)
    return folder


def test_a_run_on_track(folder: Path) -> None:
    ask = ("monitor", folder / "fit.nc", folder / "curve.csv", *ENDS)
    found = call(*ask, "--finished", folder / "finished.csv")
    assert found.code == 0, found.err
    assert found.out.startswith("on track; learned from 42 finished runs")
    assert "at the end" in found.out
    assert "ALARM" not in found.out
    rows = json.loads(call(*ask, "--finished", folder / "finished.csv", "--json").out)
    expected = FIT.monitor(flown(0.4), PLAN, finished=FINISHED).rows()[-1]
    assert rows["rows"][-1]["final"] == pytest.approx(expected["final"], rel=1e-6)
    assert rows["alarm"] is False


def test_a_run_off_track(folder: Path) -> None:
    ask = ("monitor", folder / "fit.nc", folder / "high.csv", *ENDS)
    found = call(*ask, "--finished", folder / "finished.csv")
    assert found.out.startswith("alarm at 6%: the loss lies above")
    assert "ALARM" in found.out


def test_following_goes_on_until_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "growing.csv"
    path.write_text(flown(0.2).frame.to_csv(index=False))
    waits = iter(["half a row,", flown(0.6).frame.to_csv(index=False),
                  flown(1.0).frame.to_csv(index=False)])  # fmt: skip
    monkeypatch.setattr(time, "sleep", lambda _: path.write_text(next(waits)))
    ask = ("monitor", folder / "fit.nc", path, *ENDS, "--finished", folder / "finished.csv")
    found = call(*ask, "--follow")
    assert found.code == 0, found.err
    assert "cannot be read at the moment" in found.err
    assert sum(line.startswith("100%") for line in found.out.splitlines()) == 1
    assert next(waits, None) is None


def test_steps_stand_for_tokens(folder: Path) -> None:
    frame = flown(0.4).frame
    frame["steps"] = frame["tokens"] / 1e6
    path = folder / "steps.csv"
    frame.to_csv(path, index=False)
    ask = ("monitor", folder / "fit.nc", path, "--finished", folder / "finished.csv", "--json")
    by_steps = json.loads(call(*ask, "--steps", PLAN["tokens"] / 1e6).out)
    by_tokens = json.loads(call(*ask, *ENDS).out)
    assert by_steps["rows"][-1]["final"] == pytest.approx(by_tokens["rows"][-1]["final"], rel=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("curve.csv", (), "say where the run ends"),
        ("gone.csv", ENDS, "no file"),
        ("curve.csv", ("--plan", "gone.csv"), "no file 'gone.csv'"),
        ("high.csv", ("--tokens", 1e9), "beyond the 1e+09 of the plan"),
    ],
)
def test_what_cannot_be_used_is_refused(
    folder: Path, name: str, options: tuple[object, ...], message: str
) -> None:
    found = call("monitor", folder / "fit.nc", folder / name, *options)
    assert found.code == 1
    assert message in found.err
