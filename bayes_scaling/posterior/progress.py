"""One line that says how far the sampling of laws is, in a terminal or a notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

EARLY = 0.05
"""Share of the work before which no time is foretold."""


@dataclass(kw_only=True)
class Progress:
    """Where the work is, in a line that is written anew.

    Attributes
    ----------
    show : callable
        Writes the line in place of the one before.
    total : int
        How many pieces of work there are, such as laws to sample.
    done : int
        How many of them are done.
    name : str
        Of the piece at work.
    """

    show: Callable[[str], None]
    total: int = 1
    done: int = 0
    name: str = ""
    began: float = field(default_factory=time.monotonic)

    def at(self, name: str, doing: str, share: float = 0.0) -> None:
        """Say what is at work, what it is doing, and how much time is left.

        Parameters
        ----------
        name : str
            Of the piece of work.
        doing : str
            Such as ``compiling``.
        share : float
            Of this piece that is done, between 0 and 1.
        """
        self.name = name
        of = f" ({self.done + 1} of {self.total})" if self.total > 1 else ""
        whole = (self.done + share) / self.total
        spent = time.monotonic() - self.began
        left = f", about {spent / whole - spent:.0f} s left" if whole > EARLY else ""
        self.show(f"{name}{of}: {doing}{left}")

    def finish(self) -> None:
        """Count a piece as done; the line goes with the last."""
        self.done += 1
        if self.done >= self.total:
            self.show("")


def progress_line(wanted: bool | None, total: int = 1) -> Progress | None:
    """Return the line, or None where none is wanted.

    Parameters
    ----------
    wanted : bool or None
        None shows it in a notebook, and where standard error is a terminal.
    total : int
        How many pieces of work there are.
    """
    in_notebook = _in_notebook()
    if wanted is None:
        wanted = in_notebook or sys.stderr.isatty()
    if not wanted:
        return None
    return Progress(show=_in_place() if in_notebook else _on_terminal, total=total)


def _on_terminal(text: str) -> None:
    sys.stderr.write(f"\r\033[K{text}")
    sys.stderr.flush()


def _in_notebook() -> bool:
    """Tell whether a kernel of Jupyter runs this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _in_place() -> Callable[[str], None]:
    """Return what writes a line in a place of its own below a cell."""
    display: Any = import_module("IPython.display").display
    place = display({"text/plain": ""}, raw=True, display_id=True)

    def show(text: str) -> None:
        place.update({"text/plain": text}, raw=True)

    return show
