"""Workers: a run is made once, and what became of it can be told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bayes_scaling.campaign.launchers import local
from bayes_scaling.campaign.worker import COMMAND, STARTED, exit_code, is_dead, work


def folder_with(path: Path, code: str) -> Path:
    path.mkdir()
    asked = {"argv": [sys.executable, "-c", code], "cwd": str(path)}
    (path / COMMAND).write_text(json.dumps(asked))
    return path


def until(done: object, seconds: float = 10.0) -> bool:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_a_run_is_made_once(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "a", "open('log', 'a').write('x'); print('hello')")
    assert [work(folder), work(folder)] == [0, 0]
    assert (folder / "log").read_text() == "x"
    assert (folder / "stdout").read_text() == "hello\n"
    assert exit_code(folder) == 0
    assert not is_dead(folder)


def test_a_program_that_is_not_there_has_an_exit_code(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / COMMAND).write_text(json.dumps({"argv": ["no-such-program"], "cwd": str(folder)}))
    assert work(folder) == 127
    assert "no-such-program" in (folder / "stderr").read_text()


def test_many_launches_at_once_make_one_run(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "a", "open('log', 'a').write('x')")
    argv = [sys.executable, "-m", work.__module__, str(folder)]
    for each in [subprocess.Popen(argv) for _ in range(4)]:
        assert each.wait() == 0
    assert (folder / "log").read_text() == "x"


def test_a_worker_that_was_killed_is_told_from_one_at_work(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "a", "import time; open('here', 'w'); time.sleep(60)")
    assert not is_dead(folder)
    handle = local(folder, {})
    assert until((folder / "here").exists)
    assert not is_dead(folder)
    os.killpg(int(handle.split()[1]), signal.SIGKILL)
    assert until(lambda: is_dead(folder))
    assert local(folder, {}) == "started before"
    assert (folder / STARTED).exists()
