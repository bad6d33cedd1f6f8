"""Steps of campaigns: what is launched, what comes back, and when they stop."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.campaign import State, follow, init, loop, read_campaign, status, step
from bayes_scaling.campaign.ledger import NAME
from bayes_scaling.campaign.worker import ENDED, work
from bayes_scaling.errors import InputError
from tests.campaign.examples import made, write_campaign
from tests.campaign.killed import PLACES
from tests.synthetic import PLAIN, synthetic_fit

BIG = {"params": 1e9, "tokens": 2e10}


@pytest.fixture(autouse=True)
def _without_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = synthetic_fit(PLAIN, draws=25)
    monkeypatch.setattr("bayes_scaling.validation.tasks.fit", lambda *_, **__: fit)
    monkeypatch.setattr(loop, "POLL", 0.05)


def at_once(folder: Path, settings: Mapping[str, Any]) -> str:
    """Launch a run and wait for it."""
    return f"ended with {work(folder)}"


def never(folder: Path, settings: Mapping[str, Any]) -> str:
    """Launch nothing."""
    return "lost on its way"


def test_a_definition_is_written_once_and_can_be_read(tmp_path: Path) -> None:
    path = init(tmp_path / "new")
    campaign = read_campaign(path.parent)
    assert (campaign.flops, campaign.budget.slots, campaign.stop.width) == (1e17, 4, 0.03)
    assert len(campaign.candidates()) == 30
    with pytest.raises(InputError, match="there already"):
        init(tmp_path / "new")


def test_a_dry_run_says_what_would_run_and_leaves_nothing(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path)
    found = step(folder, dry_run=True)
    assert [run.id for run in found.launches] == ["c001", "c002", "c003", "c004"]
    assert "would run:" in str(found)
    assert "trainer.py" in str(found)
    assert [path.name for path in tmp_path.iterdir()] == ["campaign.toml"]


def test_it_plans_launches_fits_and_goes_on_within_its_budget(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, flops=1e17)
    first = step(folder, launch=at_once)
    assert [run.standing for run in first.runs.values()] == ["launched"] * 4
    second = step(folder, launch=at_once)
    assert len(second.fits) == 1
    assert all(run.row for run in list(second.runs.values())[:4])
    last = follow(folder, launch=at_once)
    assert last.stopped is not None
    assert last.stopped.startswith("budget")
    assert last.spent <= 1e17
    assert made(folder) == sorted(last.runs)
    assert status(folder).stopped == last.stopped
    rows = last.rows()
    assert rows[0]["loss"] > 0
    assert rows[0]["hours"] == pytest.approx(rows[0]["flops"] / 989e12 / 0.4 / 3600)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("width = 10.0", "width: the 90% interval"),
        ("target_loss = 9.0", "decision: loss 9 is reached with probability 1"),
        ("target_loss = 0.5", "decision: loss 0.5 is missed with probability 1"),
        ("gain = 0.999", "gain: all runs that can still be paid for"),
    ],
)
def test_it_stops_for_the_reason_that_was_asked_for(tmp_path: Path, stop: str, reason: str) -> None:
    folder = write_campaign(tmp_path, stop=stop)
    found = follow(folder, launch=at_once)
    assert found.stopped is not None
    assert found.stopped.startswith(reason)
    assert len(found.runs) == 4


@pytest.mark.parametrize(("value", "stops"), [(1e-3, True), (1e6, False)])
def test_it_stops_where_knowing_more_would_not_pay(
    tmp_path: Path, value: float, stops: bool
) -> None:
    even = np.median(synthetic_fit(PLAIN, draws=25).forecast(BIG).noise_free)
    stop = f"target_loss = {even}\nsure = 0.999\nvalue = {value}"
    folder = write_campaign(tmp_path, stop=stop, more="[rig]\nprice = 2.0")
    step(folder, launch=at_once)
    found = step(folder, launch=at_once)
    assert (found.stopped is not None) == stops
    assert not stops or "knowing the law perfectly is worth" in str(found.stopped)


def test_other_terms_let_it_go_on(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, stop="width = 10.0")
    assert follow(folder, launch=at_once).stopped is not None
    assert not step(folder, launch=at_once).fresh
    write_campaign(tmp_path, stop="width = 1e-6")
    again = step(folder, launch=at_once)
    assert again.stopped is None
    assert again.launches


def test_runs_that_fail_are_named_and_count(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, broken=("c002",))
    step(folder, launch=at_once)
    found = step(folder, launch=at_once)
    assert found.runs["c002"].standing == "failed"
    assert found.runs["c002"].said == "exit code 1: out of memory"
    assert found.spent > sum(run.flops for run in found.runs.values() if run.row)
    assert "c002: exit code 1: out of memory" in str(found)


def test_without_enough_results_it_says_so(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, broken=("c001", "c002", "c003", "c004"))
    found = follow(folder, launch=at_once)
    assert found.stopped == ("0 of the first runs came back, a fit needs 4: see why others failed")


def test_it_does_not_go_on_where_every_run_fails_alike(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, slots=2, broken=("c001", "c002", "c003"))
    found = follow(folder, launch=at_once)
    assert found.stopped == (
        "every run so far failed with 'exit code 1: out of memory': mend that, and begin in a new "
        "folder"
    )
    assert made(folder) == ["c001", "c002"]
    some = write_campaign(tmp_path / "some", slots=2, broken=("c001",))
    assert len(follow(some, launch=at_once).runs) == 4


def test_a_fit_is_made_where_the_executor_says(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path)
    step(folder, launch=at_once)
    asked: list[Any] = []

    class Elsewhere:
        def submit[Item, Result](
            self, function: Callable[[Item], Result], task: Item, /
        ) -> Future[Result]:
            asked.append(pickle.loads(pickle.dumps(task)))
            future: Future[Result] = Future()
            future.set_result(function(task))
            return future

    found = step(folder, launch=at_once, executor=Elsewhere())
    assert len(found.fits) == len(asked) == 1
    assert len(asked[0].runs) == 4
    assert asked[0].settings.random_seed == 3


def test_a_run_that_does_not_come_back_is_named_and_taken_if_it_does(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, time_limit=1e-9)
    step(folder, launch=never)
    found = step(folder, launch=never)
    assert {run.standing for run in found.runs.values()} == {"lost"}
    assert "did not come back within 1e-09 hours" in found.runs["c001"].said
    for run in found.runs:
        work(folder.resolve() / "runs" / run)
    late = step(folder, launch=never)
    assert all(late.runs[run].standing == "done" for run in found.runs)


def test_what_looks_broken_is_said_and_kept(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, flops=4e17)
    step(folder, launch=at_once)
    found = step(folder, launch=never)
    asked = found.launches
    assert len(asked) == 2
    for run, result in zip(
        asked, ({"loss": 60.0, "params": 5.0}, {"loss": float("nan")}), strict=True
    ):
        home = folder.resolve() / "runs" / run.id
        (home / "result.json").write_text(json.dumps(result))
        (home / ENDED).write_text("0\n")
    judged = step(folder, launch=never).runs
    odd, gone = (judged[run.id] for run in asked)
    assert odd.standing == "done"
    assert "params 5 is not the" in odd.said
    assert "loss 60 lies outside" in odd.said
    assert (gone.standing, gone.said) == ("failed", "diverged: its loss is nan")


def test_by_hand_it_prints_commands_and_takes_results_from_a_table(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, launcher="print", more='results = "all.csv"')
    first = step(folder)
    assert "to run:" in str(first)
    assert made(folder) == []
    lines = [f"{run.id},{run.flops},{3 - run.flops / 1e17}" for run in first.runs.values()]
    table = ["run,flops,loss", *lines]
    (folder / "all.csv").write_text("\n".join(table[:-1]) + "\n")
    some = step(folder)
    assert [run.standing for run in some.runs.values()] == ["done"] * 3 + ["launched"]
    assert some.runs["c001"].row is not None
    assert some.runs["c001"].row["params"] > 0


def test_one_program_steps_at_a_time(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path)
    seen = []

    def second(home: Path, settings: Mapping[str, Any]) -> str:
        with pytest.raises(InputError, match="another program is at a step"):
            step(folder)
        seen.append(home.name)
        return at_once(home, settings)

    step(folder, launch=second)
    assert seen == ["c001", "c002", "c003", "c004"]


def test_a_torn_line_is_cut_off_and_launches_go_on(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path)
    step(folder, launch=at_once)
    path = folder / NAME
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 25])  # in the middle of the last launch
    assert status(folder).runs["c004"].standing == "planned"
    found = step(folder, launch=at_once)
    assert found.runs["c004"].standing == "done"
    assert made(folder).count("c004") == 1


def test_results_are_told_with_the_runs_at_the_start(tmp_path: Path) -> None:
    start = synthetic_fit(PLAIN, draws=25).runs
    start.frame.to_csv(tmp_path / "start.csv", index=False)
    folder = write_campaign(tmp_path)
    text = (folder / "campaign.toml").read_text()
    (folder / "campaign.toml").write_text('start = "start.csv"\n' + text)
    found: State = step(folder, launch=at_once)
    assert found.fits[0]["rows"] == len(start)
    assert found.launches
    again = step(folder, launch=at_once)
    assert again.fits[-1]["rows"] == len(start) + len(found.launches)


@pytest.mark.slow
def test_killed_anywhere_it_makes_every_run_once(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "tests.campaign.killed", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("all runs once") == len(PLACES)
