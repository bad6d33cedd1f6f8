"""The ledger of a campaign: what was planned, launched and reached, one JSON object a line.

Lines are only ever added, in one write that is on the disk before anything is done about it. One
program writes at a time. What a killed program left of a last line is cut off: a line counts when
it is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.files import append, cannot_write, lock, whole_lines

NAME = "ledger.jsonl"
"""Name of the ledger in the folder of a campaign."""

Line = Mapping[str, Any]


@dataclass(kw_only=True)
class Ledger:
    """Lines of a ledger, and where new ones go.

    Attributes
    ----------
    path : Path
        The file.
    lines : list of mapping
        All lines, oldest first.
    dry : bool
        Whether new lines are kept in memory only.
    """

    path: Path
    lines: list[Line] = field(default_factory=list)
    dry: bool = False

    def add(self, *lines: Line) -> None:
        """Add lines, all in one write, and wait until they are on the disk."""
        if not lines:
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        whole = [{"at": now, **line} for line in lines]
        if not self.dry:
            text = "".join(json.dumps(line) + "\n" for line in whole)
            _append(self.path, text.encode())
        self.lines += whole


def _append(path: Path, content: bytes) -> None:
    """Append to a file, or leave it as it was where there is no room."""
    known = path.exists()
    try:
        with path.open("ab", buffering=0) as file:
            append(file, content)
    except OSError as error:
        raise cannot_write(path, error, "free some space, then step again") from None
    if not known:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have a new name in a folder on the disk too."""
    if os.name != "posix":
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def read_ledger(path: Path) -> list[Line]:
    """Return the whole lines of a ledger; none where there is no file.

    Raises
    ------
    InputError
        A line before the last is no JSON object.
    """
    return _whole(path)[0]


def _whole(path: Path) -> tuple[list[Line], int]:
    """Return the whole lines, and how many bytes they take."""
    if not path.is_file():
        return [], 0
    content = whole_lines(path.read_bytes())
    found: list[Line] = []
    problems = []
    for number, text in enumerate(content.splitlines(), start=1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not (isinstance(line, dict) and "kind" in line):
            problems.append(f"line {number} is no line of a ledger; put back what stood there")
        else:
            found.append(line)
    if problems:
        raise InputError(problems, source=str(path))
    return found, len(content)


@contextmanager
def writing(path: Path, *, dry: bool = False) -> Iterator[Ledger]:
    """Open a ledger as its only writer; half a last line is cut off.

    Parameters
    ----------
    path : Path
        The file; made with the first line.
    dry : bool
        Whether nothing is written: no lock is taken then.

    Raises
    ------
    InputError
        Another program writes it, or it is no ledger.
    """
    if dry:
        yield Ledger(path=path, lines=read_ledger(path), dry=True)
        return
    try:
        held = path.with_name(".lock").open("ab")
    except OSError as error:
        raise cannot_write(path, error, "a step writes down what it does") from None
    with held:
        if not lock(held.fileno(), wait=False):
            raise InputError(
                "another program is at a step of this campaign; wait until it is done",
                source=str(path.parent),
            )
        lines, end = _whole(path)
        if path.is_file() and path.stat().st_size > end:
            os.truncate(path, end)
        yield Ledger(path=path, lines=lines)
