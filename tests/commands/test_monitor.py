"""What the command that follows a run in flight prints and refuses."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.command_line import call
from tests.questions.test_monitor import FINISHED, FIT, PLAN, flown

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
    assert found.out.startswith("alarm at 6.5%: the loss lies above")
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


def test_following_ends_where_the_next_row_would_lie_beyond(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "uneven.csv"
    frame = flown(0.6).frame
    path.write_text(frame.to_csv(index=False))
    step = frame["tokens"].diff().iloc[-1]
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("the run has ended"))
    ask = ("monitor", folder / "fit.nc", path, "--finished", folder / "finished.csv", "--follow")
    end = frame["tokens"].iloc[-1] + step / 4
    found = call(*ask, "--tokens", end)
    assert found.code == 0, found.err
    last = found.out.splitlines()[-1]
    assert not last.startswith("100%")
    assert f"{frame['tokens'].iloc[-1]:.3g}" in last


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


def test_a_loss_that_is_not_finite_is_the_alarm(folder: Path) -> None:
    curve = flown(0.4).frame
    curve["loss"] = curve["loss"].where(curve["tokens"] < 0.3 * PLAN["tokens"], float("inf"))
    path = folder / "diverged.csv"
    path.write_text(curve.to_csv(index=False).replace("inf", "nan"))
    ask = ("monitor", folder / "fit.nc", path, *ENDS, "--finished", folder / "finished.csv")
    found = call(*ask)
    assert found.code == 0, found.err
    assert found.out.startswith("ALARM: diverged at tokens ")
    as_json = json.loads(call(*ask, "--json").out)
    assert as_json["alarm"] is True
    assert 0.3 * PLAN["tokens"] <= as_json["diverged"] < 0.35 * PLAN["tokens"]


def test_what_a_tracker_writes_is_watched(folder: Path) -> None:
    frame = flown(0.4).frame
    text = "\n".join(
        json.dumps({"_step": i + 1, "data": {"total_tokens": tokens}, "val": {"loss": loss}})
        for i, (tokens, loss) in enumerate(zip(frame["tokens"], frame["loss"], strict=True))
    )
    path = folder / "history.jsonl"
    path.write_text(text)
    end = ("--finished", folder / "finished.csv", "--json", "--params", PLAN["params"])
    ask = ("monitor", folder / "fit.nc")
    found = call(*ask, path, *ENDS, *end)
    plain = call(*ask, folder / "curve.csv", *ENDS, *end)
    assert found.json["rows"][-1]["final"] == pytest.approx(plain.json["rows"][-1]["final"])


def test_a_curve_without_a_loss(folder: Path) -> None:
    path = folder / "lossless.csv"
    path.write_text("tokens,cost\n1e9,3\n")
    found = call("monitor", folder / "fit.nc", path, *ENDS)
    assert found.code == 1
    assert "no column 'loss'; say which it is: --columns" in found.err


def test_a_table_of_sizes_is_forecast_by_name(folder: Path) -> None:
    path = folder / "sizes.csv"
    path.write_text("run,params,tokens\nAlpha,1e9,2e10\nBeta,2e9,2e10\n")
    found = call("forecast", folder / "fit.nc", "--runs", path, "--json")
    assert found.code == 0, found.err
    assert [row["run"] for row in found.json["rows"]] == ["Alpha", "Beta"]
    both = call("forecast", folder / "fit.nc", "--runs", path, "--params", "1B")
    assert "give a table of runs, or sizes, not both" in both.err
