"""What a launcher starts: one run, made once however often it is launched.

The folder of a run says what to run (`command.json`). Whoever makes the file `started` first makes
the run; any other one ends at once. So a launch that may or may not have happened before a crash
can be repeated. The file is locked while the run lasts, also by what it started.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from bayes_scaling.files import LOCKS, lock, replacing

COMMAND, STARTED, ENDED = "command.json", "started", "exit"
OUT, ERR = "stdout", "stderr"


def work(folder: str | Path) -> int:
    """Make the run of a folder, unless it was started before.

    Returns
    -------
    int
        Its exit code; 0 where it was started before.
    """
    folder = Path(folder)
    try:
        held = os.open(folder / STARTED, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return 0
    lock(held)
    os.write(held, f"{os.getpid()} on {platform.node()}\n".encode())
    asked = json.loads((folder / COMMAND).read_text(encoding="utf-8"))
    with (folder / OUT).open("wb") as out, (folder / ERR).open("wb") as err:
        try:
            code = subprocess.run(
                asked["argv"],
                cwd=asked["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=(held,),
                check=False,
            ).returncode
        except OSError as error:
            err.write(f"{error}\n".encode())
            code = 127
    with replacing(folder / ENDED) as temporary:
        temporary.write_text(f"{code}\n", encoding="utf-8")
    return code


def exit_code(folder: Path) -> int | None:
    """Return the exit code of a run; None where it has not ended, or left none."""
    try:
        return int((folder / ENDED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def is_dead(folder: Path) -> bool:
    """Whether a run was started on this machine, and ended without an exit code."""
    if not LOCKS or exit_code(folder) is not None:
        return False
    try:
        with (folder / STARTED).open("rb") as held:
            if not lock(held.fileno(), wait=False):
                return False
            said = held.read().decode().split()
    except OSError:
        return False  # not started
    here = len(said) == 3 and said[2] == platform.node()
    return here and exit_code(folder) is None


if __name__ == "__main__":
    sys.exit(work(sys.argv[1]))
