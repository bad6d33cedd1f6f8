"""Kills by signal 9 while something is written: nothing half written, and the same result after."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from bayes_scaling.campaign import follow, loop, status, step
from bayes_scaling.errors import InputError
from bayes_scaling.fitting import load
from bayes_scaling.questions.record import read_record, register
from bayes_scaling.validation import backtest, calibrate
from tests.campaign.examples import made, write_campaign
from tests.comparisons import synthetic_comparison
from tests.hostile import End, events, in_child, kill_at, kill_at_byte, leftovers
from tests.synthetic import PLAIN, synthetic_fit
from tests.validation.oracle import SHORT, Oracle, simulated

FIT = synthetic_fit(draws=50)
FORECAST = FIT.forecast({"params": [1e10, 1e9], "tokens": [2e11, 2e10]})


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is killed.

    Attributes
    ----------
    begin : callable
        Gets a folder ready.
    file : str
        What is written in one piece, and killed in the middle of it by turns.
    work : callable
        What is killed, in that folder.
    go_on : callable
        Goes on in that folder, and returns plain data that a whole run gives as well.
    """

    begin: Callable[[Path], object] = lambda folder: None
    file: str = ""
    work: Callable[[Path], object]
    go_on: Callable[[Path], Any]


# ---- saving and the record -----------------------------------------------------------------------


def _read_fit(folder: Path) -> Any:
    """Read the fit that is there, old or new, then save and read the new one."""
    before = load(folder / "fit.nc")
    assert before.only.model.id in ("coupled", "chinchilla")
    FIT.save(folder / "fit.nc")
    return load(folder / "fit.nc").forecast({"params": 1e10, "tokens": 2e11}).rows()


def _read_record(folder: Path) -> Any:
    """Read what is whole of a record, then add to it."""
    path = folder / "forecasts.jsonl"
    before = len(read_record(path).forecasts)
    assert before in (2, 3, 4), before
    register(FIT, FORECAST, path)
    assert len(read_record(path).forecasts) == before + 2
    rows = [{**row, "created": ""} for row in read_record(path).rows()]
    return list({json.dumps(row): row for row in rows}.values())


# ---- many fits -----------------------------------------------------------------------------------


def _backtest(folder: Path) -> Any:
    oracle = Oracle()
    with mock.patch("bayes_scaling.validation.tasks.fit", oracle.sample):
        found = backtest(
            simulated(("a", "b", "c")), fit_where="flops <= 2e20", target_where="flops > 2e20",
            models="chinchilla", by="family", **SHORT, keep=folder / "kept",
        )  # fmt: skip
    return found.to_dict()


def _calibrate(folder: Path) -> Any:
    oracle = Oracle()
    with mock.patch("bayes_scaling.validation.tasks.fit", oracle.sample):
        found = calibrate("chinchilla", simulations=10, **SHORT, keep=folder / "kept")
    return found.rows()


def _compare(folder: Path) -> Any:
    return synthetic_comparison(("chinchilla", "coupled"), keep=folder / "kept").to_dict()


# ---- campaigns -----------------------------------------------------------------------------------


def _follow(folder: Path) -> Any:
    with _not_sampled():
        follow(folder)
    state = status(folder)
    planned = sorted(state.runs)
    assert made(folder) == planned, f"made {made(folder)}, planned {planned}"
    assert {run.standing for run in state.runs.values()} == {"done"}, state.rows()
    assert state.spent <= state.campaign.flops
    return planned


def _step(folder: Path) -> None:
    with _not_sampled():
        step(folder)


def _not_sampled() -> ExitStack:
    stack = ExitStack()
    fit = synthetic_fit(PLAIN, draws=25)
    stack.enter_context(mock.patch.object(loop, "fit_anywhere", return_value=fit))
    stack.enter_context(mock.patch.object(loop, "POLL", 0.1))
    return stack


KINDS = {
    "save": Kind(
        begin=lambda folder: synthetic_fit("coupled", draws=50).save(folder / "fit.nc"),
        file="fit.nc",
        work=lambda folder: FIT.save(folder / "fit.nc"),
        go_on=_read_fit,
    ),
    "record": Kind(
        begin=lambda folder: register(FIT, FORECAST, folder / "forecasts.jsonl"),
        file="forecasts.jsonl",
        work=lambda folder: register(FIT, FORECAST, folder / "forecasts.jsonl"),
        go_on=_read_record,
    ),
    "backtest": Kind(work=_backtest, go_on=_backtest),
    "calibrate": Kind(work=_calibrate, go_on=_calibrate),
    "compare": Kind(work=_compare, go_on=_compare),
    "campaign": Kind(
        begin=lambda folder: write_campaign(folder, stop="width = 10.0"),
        work=_step,
        go_on=_follow,
    ),
}


def ends(folder: Path, count: int) -> Iterator[End]:
    """Kill each kind at places that are spread evenly over what it writes, and let it go on."""
    for order, (name, kind) in enumerate(KINDS.items()):
        tries = len(range(order, count, len(KINDS)))
        if not tries:
            continue
        whole = folder / name
        whole.mkdir()
        kind.begin(whole)
        size = (whole / kind.file).stat().st_size if name == "record" else 0
        last = events(partial(kind.work, whole))
        grown = (whole / kind.file).stat().st_size if kind.file else 0
        right = in_child(partial(_tell, kind, whole), name)
        assert right.code == 0, right.said
        within = tries // 2 if kind.file else 0
        ways: dict[str, Callable[[], None]] = {}
        for number, place in enumerate(np.linspace(1, last, tries - within).round()):
            ways[f"{name} {number}, event {place:.0f} of {last}"] = partial(kill_at, int(place))
        for place in np.linspace(size, grown, within, endpoint=False).astype(int):
            ways[f"{name}, byte {place} of {grown}"] = partial(kill_at_byte, int(place))
        for number, (told, way) in enumerate(ways.items()):
            home = folder / f"{name}-{number}"
            home.mkdir()
            kind.begin(home)
            yield _killed(kind, home, way, told, right.out)


def _killed(kind: Kind, home: Path, way: Callable[[], None], name: str, right: str) -> End:
    """Kill one, let it go on, and return how that ended."""

    def work() -> None:
        way()
        kind.work(home)

    killed = in_child(work, name)
    if killed.code not in (-signal.SIGKILL, -signal.SIGXFSZ):
        return End(name=name, code=73, said=f"not killed: {killed.code} {killed.said}")
    if half := _half_written(home):
        return End(name=name, code=73, said=f"half written: {half}")
    end = in_child(partial(_tell, kind, home), name)
    if end.code == 0 and end.out != right:
        return End(name=name, code=73, said=f"goes on to {end.out[-300:]!r}, not {right[-300:]!r}")
    if end.code == 0 and (left := leftovers(home)):
        return End(name=name, code=73, said=f"left {left}")
    return end


def _tell(kind: Kind, home: Path) -> None:
    print(json.dumps(kind.go_on(home), default=float))


def _half_written(home: Path) -> list[str]:
    """Return the files under final names that cannot be read."""
    found = []
    for path in home.rglob("[!.]*"):
        try:
            if path.suffix == ".nc":
                load(path)
            elif path.suffix == ".json":
                json.loads(path.read_text("utf-8"))
        except (InputError, ValueError) as error:
            found.append(f"{path.name}: {error}")
    return found
