"""Work in forks, with limits on time and memory, and how it ended.

A fork costs what it does and not what it imports. So the process that forks has imported all that
is needed, has no threads (`QUIET`), and is none of pytest.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

SECONDS, DRAWING, GIGABYTES = 5, 30, 1
"""Limits on work: CPU seconds, those of work that draws a report, and memory."""

QUIET = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
"""Variables of the environment of a process that forks."""

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would obey: escapes, and changes of the direction of writing."""

LEFTOVER = re.compile(r"^\..*\.[0-9a-f]{8}$")
"""Names of files that were being written."""


@dataclass(frozen=True, kw_only=True)
class End:
    """How some work ended.

    Attributes
    ----------
    name : str
        What it was given.
    code : int
        Exit code; negative where it was killed.
    cpu : float
        Seconds of CPU.
    allowed : float
        Seconds of CPU beyond which it ended badly.
    megabytes : float
        Most memory.
    out, said : str
        Standard output and standard error.
    is_json : bool
        Whether the output must be JSON.
    """

    name: str
    code: int
    cpu: float = 0.0
    allowed: float = SECONDS
    megabytes: float = 0.0
    out: str = ""
    said: str = ""
    is_json: bool = False

    @property
    def bad(self) -> str:
        """What is wrong with it; empty where it ended well."""
        if self.code < 0:
            return f"killed by signal {-self.code} after {self.cpu:.1f} s"
        if "Traceback" in self.said or self.code not in (0, 1, 2):
            return f"exit {self.code}: {(self.said.strip().splitlines() or [''])[-1][:200]}"
        if self.cpu > self.allowed or self.megabytes > GIGABYTES * 1024:
            return f"{self.cpu:.1f} s of {self.allowed:.1f}, {self.megabytes:.0f} MB"
        if self.code == 1 and not re.search(r"^error: \S+ \S+", self.said, re.M):
            return f"exit 1 without a sentence: {self.said[-200:]!r}"
        if found := CONTROLS.search(self.out) or CONTROLS.search(self.said):
            return f"prints {found[0]!r}"
        if self.is_json and not _strict_json(self.out):
            return f"prints what is no JSON: {self.out[:100]!r}"
        return ""


def in_child(
    work: Callable[[], object], name: str = "", *, is_json: bool = False, seconds: int = SECONDS
) -> End:
    """Do some work in a fork, within the limits, and return how it ended.

    Parameters
    ----------
    work : callable
        Its `SystemExit` is the exit code; another exception is a traceback and exit code 70.
    name : str
        Of what it is given.
    is_json : bool
        Whether it must print JSON.
    seconds : int
        Limit on its CPU seconds.
    """
    with TemporaryFile() as out, TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            _child(work, out, said, seconds)
        _, status, used = os.wait4(child, 0)
        texts = []
        for file in (out, said):
            file.seek(0)
            texts.append(file.read(1 << 20).decode(errors="replace"))
    return End(
        name=name,
        code=os.waitstatus_to_exitcode(status),
        cpu=used.ru_utime + used.ru_stime,
        allowed=seconds,
        megabytes=used.ru_maxrss / 1024,
        out=texts[0],
        said=texts[1],
        is_json=is_json,
    )


def _child(work: Callable[[], object], out: BinaryIO, said: BinaryIO, seconds: int) -> None:
    """Do the work and end this process."""
    code: Any = 70
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        signal.alarm(20 * seconds)
        os.dup2(out.fileno(), 1)
        os.dup2(said.fileno(), 2)
        work()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:
            os._exit(code if isinstance(code, int) else 70)


def command(*arguments: object, name: str = "") -> End:
    """Run a command in a fork."""
    from bayes_scaling.cli import main

    given = [str(argument) for argument in arguments]
    return in_child(
        partial(main, given),
        name or " ".join(given),
        is_json="--json" in given,
        seconds=DRAWING if given[0] == "report" else SECONDS,
    )


def leftovers(folder: Path) -> list[str]:
    """Return the names of files that were being written and never were, in and below a folder."""
    return sorted(path.name for path in folder.rglob(".*") if LEFTOVER.match(path.name))


def _strict_json(text: str) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


# ---- killed --------------------------------------------------------------------------------------


def at_event(tick: Callable[[], None]) -> None:
    """Have a function called in this process whenever it writes, renames, or starts something.

    It is called before and after each, and when half of a file is written.
    """

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **settings: Any) -> Any:
            tick()
            found = function(*args, **settings)
            tick()
            return found

        return call

    def halved(function: Callable[..., Any]) -> Callable[..., Any]:
        def write(path: Path, content: Any, **settings: Any) -> Any:
            tick()
            function(path, content[: len(content) // 2], **settings)
            tick()
            return function(path, content, **settings)

        return write

    os.fsync = watched(os.fsync)
    os.replace = watched(os.replace)
    subprocess.Popen = watched(subprocess.Popen)  # type: ignore[assignment, misc]
    Path.write_bytes = halved(Path.write_bytes)  # type: ignore[method-assign]
    Path.write_text = halved(Path.write_text)  # type: ignore[method-assign]


def kill_at(place: int) -> None:
    """Have this process killed at the n-th event."""
    left = [place]

    def tick() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    at_event(tick)


def kill_at_byte(size: int) -> None:
    """Have this process killed where a file is to grow beyond so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def events(work: Callable[[], object]) -> int:
    """Return how many events some work has, done in a fork."""

    def counted() -> None:
        count = [0]

        def tick() -> None:
            count[0] += 1

        at_event(tick)
        work()
        os.write(1, f"\n{count[0]}".encode())

    end = in_child(counted)
    assert end.code == 0, end.said
    return int(end.out.splitlines()[-1])
