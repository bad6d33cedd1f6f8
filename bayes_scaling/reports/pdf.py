"""A report as PDF, printed by a headless Chromium where there is one."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from bayes_scaling.errors import InputError
from bayes_scaling.files import check_target, replacing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""Programs that are looked for, in this order."""

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Options of a browser that prints a file and asks the network for nothing."""

PATIENCE = 120
"""Seconds after which printing has failed."""


def browser() -> str | None:
    """Return the path of a Chromium, or None where none is installed."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def print_pdf(page: str | Path, path: str | Path) -> Path:
    """Print a page.

    Parameters
    ----------
    page : path
        The HTML file.
    path : path
        The PDF; one that is there is replaced once the new one is complete.

    Raises
    ------
    InputError
        There is no browser, or it could not print.
    """
    path, program = check_target(path), browser()
    if program is None:
        raise InputError(
            f"a PDF is printed by Chromium, and none of {', '.join(BROWSERS)} is installed: "
            "install one, or open the HTML file and print it from any browser"
        )
    with tempfile.TemporaryDirectory() as profile, replacing(path) as temporary:
        command = [
            program,
            *QUIET,
            f"--user-data-dir={profile}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={temporary.resolve()}",
            Path(page).resolve().as_uri(),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode or not temporary.is_file():
            raise InputError(f"{program} could not print {page}: {done.stderr.strip()[-300:]}")
    return path
