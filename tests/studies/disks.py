"""Disks that are full or cannot be written to: a sentence, nothing half written, nothing lost."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib.pyplot  # noqa: F401  (before this process may not read every file)

from bayes_scaling.cli import main
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import load
from tests.campaign.examples import write_campaign
from tests.hostile import DRAWING, SECONDS, End, in_child, leftovers
from tests.synthetic import synthetic_fit
from tests.validation.oracle import Oracle, simulated

PAGE = resource.getpagesize()

NOBODY = 65534
"""A user for whom the bits of a folder count; they do not for root."""

FILLER = "filler"
"""Name of a file of someone else."""

FIT = synthetic_fit(families=("a", "b"), draws=50)

Work = Callable[[], object]


# ---- disks ---------------------------------------------------------------------------------------


def _missing(folder: Path, work: Work) -> None:
    shutil.rmtree(folder)
    work()


def _no_folder(folder: Path, work: Work) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file")
    work()


def _read_only(folder: Path, work: Work) -> None:
    folder.chmod(0o555)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    work()


def _short(folder: Path, work: Work, room: int) -> None:
    """Work where no file may grow beyond so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    work()


def _full(folder: Path, work: Work, room: int) -> None:
    """Work on a disk of its own with so many free bytes; what is on it then is copied beside it.

    Where this process may not mount one, no file may grow beyond so many bytes.
    """
    content = folder.with_name("content")
    shutil.copytree(folder, content)
    pages = sum(-(-path.stat().st_size // PAGE) for path in content.iterdir())
    size = pages * PAGE + room
    try:
        os.unshare(os.CLONE_NEWNS)
        for arguments in (["--make-rprivate", "/"],
                          ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]):  # fmt: skip
            subprocess.run(["mount", *arguments], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        _short(folder, work, room)
        return
    shutil.copytree(content, folder, dirs_exist_ok=True)
    try:
        work()
    finally:
        shutil.copytree(folder, folder.with_name("after"), dirs_exist_ok=True)


DISKS: dict[str, Callable[[Path, Work], None]] = {
    "full": partial(_full, room=0),
    "nearly full": partial(_full, room=1 << 14),
    "filling": partial(_full, room=1 << 18),
    "read-only": _read_only,
    "short": partial(_short, room=6000),
    "missing": _missing,
    "no folder": _no_folder,
}


# ---- what is written -----------------------------------------------------------------------------


def _save(folder: Path) -> None:
    """Fit, on a disk that something else fills while it samples."""

    def sample(*_: object, **__: object) -> Fit:
        with suppress(OSError), (folder / FILLER).open("wb", buffering=0) as file:
            while file.tell() < 1 << 20:
                file.write(b"x" * 1000)
        return FIT

    with mock.patch("bayes_scaling.commands.fits.sample_chosen", sample):
        main(["fit", str(folder.parent / "runs.csv"), "-m", "chinchilla", "--draws", "50",
              "--tune", "50", "-o", str(folder / "new.nc")])  # fmt: skip


def _backtest(folder: Path) -> None:
    with mock.patch("bayes_scaling.validation.tasks.fit", Oracle().sample):
        main(["backtest", str(folder.parent / "runs.csv"), "--fit-where", "flops <= 2e20",
              "--target-where", "flops > 2e20", "-m", "chinchilla", "--draws", "50", "--by",
              "family", "--tune", "50", "--keep", str(folder)])  # fmt: skip


def _command(*arguments: str) -> Callable[[Path], None]:
    def work(folder: Path) -> None:
        main([each.format(here=folder, beside=folder.parent) for each in arguments])

    return work


FORECAST = ("{beside}/fit.nc", "--params", "1e9", "--tokens", "2e10", "--family", "a")
WRITTEN: dict[str, Callable[[Path], None]] = {
    "save": _save,
    "report": _command("report", "{beside}/fit.nc", "--family", "a", "-o", "{here}/report.html"),
    "record": _command("forecast", "{here}/fit.nc", *FORECAST[1:], "--register"),
    "backtest --keep": _backtest,
    "campaign step": _command("campaign", "step", "{here}"),
    "figure": _command("tune", "{beside}/rates.nc", *FORECAST[1:5], "--plot", "{here}/rates.png"),
    "page of the record": _command("score", "{beside}/fit.nc", "--page", "{here}/record.md"),
    "plan": _command("plan", "{here}/plan.toml"),
    "campaign init": _command("campaign", "init", "{here}/new"),
}


def ends(folder: Path, count: int) -> Iterator[End]:
    """Write all kinds of files on disks of all kinds, by turns."""
    pairs = [(disk, kind) for disk in DISKS for kind in WRITTEN]
    order = [pairs[(9 + place * 7) % len(pairs)] for place in range(len(pairs))]
    for number, (disk, kind) in enumerate(order[:count]):
        yield _written(folder / str(number), disk, kind)


def _written(home: Path, disk: str, kind: str) -> End:
    here = home / "here"
    here.mkdir(parents=True)
    for path in (*home.parents[:1], home, here):
        path.chmod(0o755)
    FIT.save(home / "fit.nc")
    synthetic_fit("lr-valley", draws=50).save(home / "rates.nc")
    main_quietly = partial(main, ["forecast", *[each.format(beside=home) for each in FORECAST],
                                  "--register"])  # fmt: skip
    in_child(main_quietly)
    write_campaign(here)
    for name in ("fit.nc", "forecasts.jsonl"):
        shutil.copy(home / name, here / name)
    simulated(("a", "b", "c")).frame.to_csv(home / "runs.csv", index=False)
    gone = disk in ("missing", "no folder")
    before = {} if gone else {path.name: path.read_bytes() for path in here.iterdir()}
    name = f"{kind} on {disk}"
    seconds = DRAWING if kind == "report" else SECONDS
    end = in_child(partial(DISKS[disk], here, partial(WRITTEN[kind], here)), name, seconds=seconds)
    after = home / "after"
    place = after if after.is_dir() else here
    wrong = _wrong(place, before, end, disk, kind) if place.is_dir() else ""
    return replace(end, code=74, said=f"{wrong}: {end.said}") if wrong and not end.bad else end


def _wrong(here: Path, before: dict[str, bytes], end: End, disk: str, kind: str) -> str:
    """Say what is wrong with a folder after a command ended there."""
    if left := leftovers(here):
        return f"left {left}"
    files: dict[str, Any] = {path.name: path for path in here.iterdir() if path.is_file()}
    for name, content in before.items():
        if name not in files:
            return f"{name} is lost"
        if files[name].read_bytes() != content and (end.code == 1 or name != "forecasts.jsonl"):
            return f"{name} was changed"
    fresh = sorted(set(files) - set(before) - {".lock", "ledger.jsonl", FILLER})
    kept = [name for name in fresh if kind == "backtest --keep" and name.endswith(".json")]
    if end.code == 1 and set(fresh) - set(kept):
        return f"failed, and left {fresh}"
    if disk == "filling" and kind == "save":
        return _kept(end)
    return ""


def _kept(end: End) -> str:
    """Say what is wrong with where a fit was kept that its disk had no room for."""
    found = re.search(r"kept in '(.*?)'", end.said)
    if end.code != 1 or not found:
        return "the fit is lost"
    asked = {"params": 1e9, "tokens": 2e10, "family": "a"}
    try:
        same = load(found[1]).forecast(asked).rows() == FIT.forecast(asked).rows()
    finally:
        Path(found[1]).unlink(missing_ok=True)
    return "" if same else "another fit is kept"
