"""The line of progress: what it says, and where it is shown."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from bayes_scaling.posterior.progress import Progress, progress_line


def test_the_line_says_which_of_how_many_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    lines: list[str] = []
    line = Progress(show=lines.append, total=2, began=now[0])
    line.at("coupled", "compiling")
    now[0] = 110.0
    line.at("coupled", "sampling 4 chains, 50%", 0.5)
    line.finish()
    now[0] = 120.0
    line.at("farseer", "compiling")
    line.finish()
    assert lines == [
        "coupled (1 of 2): compiling",
        "coupled (1 of 2): sampling 4 chains, 50%, about 30 s left",
        "farseer (2 of 2): compiling, about 20 s left",
        "",
    ]


@pytest.mark.parametrize(
    ("wanted", "terminal", "shown"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_it_is_shown_in_a_terminal(
    wanted: bool | None, terminal: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert (progress_line(wanted) is not None) is shown


def test_a_notebook_shows_it_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    shell = type("ZMQInteractiveShell", (), {})()
    place = SimpleNamespace(update=lambda data, raw: shown.append(data))
    module = SimpleNamespace(display=lambda *_, **__: place)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    line = progress_line(None)
    assert line is not None
    line.at("coupled", "compiling")
    line.finish()
    assert shown == [{"text/plain": "coupled: compiling"}, {"text/plain": ""}]
