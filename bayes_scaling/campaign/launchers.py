"""Launchers: how a run is started. None goes through a shell, and none makes a run twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bayes_scaling.campaign.worker import STARTED, work
from bayes_scaling.errors import InputError

Launch = Callable[[Path, Mapping[str, Any]], str]
"""Given the folder of a run and settings: starts it and says how it is known."""


def local(folder: Path, settings: Mapping[str, Any]) -> str:
    """Start a run on this machine; it goes on when the campaign's program ends."""
    if (folder / STARTED).exists():
        return "started before"
    started = subprocess.Popen(
        [sys.executable, "-m", work.__module__, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(
        target=started.wait, daemon=True
    ).start()  # or it stays in the table of processes
    return f"process {started.pid}"


def slurm(folder: Path, settings: Mapping[str, Any]) -> str:
    """Submit a run to Slurm by submitit, whose parameters are the settings."""
    try:
        import submitit
    except ImportError:
        raise InputError(
            "launcher slurm needs submitit: pip install 'bayes-scaling[slurm]'"
        ) from None
    if (folder / STARTED).exists():
        return "started before"
    given = dict(settings)
    executor = submitit.AutoExecutor(
        folder=folder / "submitit", cluster=given.pop("cluster", "slurm")
    )
    executor.update_parameters(**given)
    return f"job {executor.submit(work, str(folder)).job_id}"


def by_hand(folder: Path, settings: Mapping[str, Any]) -> str:
    """Leave a run to the reader, who is told its command."""
    return "by hand"


LAUNCHERS: Mapping[str, Launch] = {"local": local, "slurm": slurm, "print": by_hand}
"""Launchers by their names."""
