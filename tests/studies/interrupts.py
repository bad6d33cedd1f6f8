"""Ctrl-C during fits, from their start to the end of their sampling: they end soon and whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.hostile import End

FIRST, LAST = 1.5, 16.0
"""When the first and the last fit is interrupted [s]; laws are not compiled yet."""

SOON = 2.0
"""Within this it must have ended [s]."""


def ends(folder: Path, count: int) -> Iterator[End]:
    """Interrupt fits at times that are spread evenly."""
    for number in range(count):
        after = FIRST + (LAST - FIRST) * number / max(1, count - 1)
        home = folder / str(number)
        home.mkdir()
        yield _interrupted(home, after)


def _heed() -> None:
    """Have a program end by Ctrl-C, though a shell that started this one had it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _interrupted(home: Path, after: float) -> End:
    cache, out = home / "cache", home / "out"
    out.mkdir()
    command = [sys.executable, "-m", "bayes_scaling.cli", "fit", "nano-lm", "-m", "coupled"]
    command += ["--draws", "20000", "-o", str(out / "fit.nc")]
    with subprocess.Popen(
        command,
        env={**os.environ, "BAYES_SCALING_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_heed,
    ) as process:
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        began = time.perf_counter()
        said, _ = process.communicate(timeout=120)
        seconds = time.perf_counter() - began
    name = f"after {after:.1f} s"
    left = [path.name for path in out.iterdir()]
    left += [str(path) for path in cache.rglob(".*") if cache.is_dir()]
    # CPython may end by the signal itself, which a shell calls 130 as well.
    good = process.returncode in (130, -signal.SIGINT) and not left and seconds < SOON
    told = f"exit {process.returncode} in {seconds:.2f} s, left {left}, {said[-200:]!r}"
    return End(name=name, code=0 if good else 75, said=told)
