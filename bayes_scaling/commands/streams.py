"""Standard output and standard error: notes, JSON, and a line while a command is silent at work.

Names of runs, groups and columns are those of a stranger's table: what a terminal would obey in
them is written as an escape.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from bayes_scaling.escapes import escaped

PATIENCE = 2.0
"""Silence after which the line appears [s]."""

TICK = 0.5
"""How often it is renewed [s]."""

ERASE = "\r\033[K"


def say(text: str) -> None:
    """Print a line for people, on standard error."""
    print(text, file=sys.stderr)


def print_json(result: Any) -> None:
    """Print one JSON value; numbers that JSON cannot hold become null."""
    print(json.dumps(_plain(result), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class _Escaped:
    """A text stream that writes what a terminal would obey as an escape, but for `ERASE`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text that no terminal obeys."""
        own = ERASE if text.startswith(ERASE) else ""
        return self._stream.write(own + escaped(text.removeprefix(own)))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def printing_escaped() -> Iterator[None]:
    """Print nothing that a terminal would obey while the block runs."""
    out, err = sys.stdout, sys.stderr
    plain_out: object = _Escaped(out)
    plain_err: object = _Escaped(err)
    sys.stdout, sys.stderr = plain_out, plain_err
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


class _Watched:
    """A text stream that notes when it was written to, and erases the line before."""

    def __init__(self, stream: TextIO, ticker: _Ticker) -> None:
        self._stream = stream
        self._ticker = ticker

    def write(self, text: str) -> int:
        """Write text in place of the line."""
        with self._ticker.lock:
            self._ticker.heard()
            return self._stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class _Ticker(threading.Thread):
    """Writes the line to a terminal while nothing else is written."""

    def __init__(self, terminal: TextIO) -> None:
        super().__init__(name="waiting", daemon=True)
        self.lock = threading.RLock()
        self._terminal = terminal
        self._began = self._last = time.monotonic()
        self._shown = False
        self._ended = threading.Event()

    def run(self) -> None:
        """Renew the line until the command ends."""
        while not self._ended.wait(TICK):
            with self.lock:
                now = time.monotonic()
                if now - self._last >= PATIENCE:
                    self._terminal.write(f"{ERASE}at work for {now - self._began:.0f} s")
                    self._terminal.flush()
                    self._shown = True

    def heard(self) -> None:
        """Note that something else is written, and make room for it."""
        self._last = time.monotonic()
        if self._shown:
            self._terminal.write(ERASE)
            self._terminal.flush()
            self._shown = False

    def end(self) -> None:
        """Stop, and leave no line behind."""
        self._ended.set()
        self.join()
        self.heard()


@contextmanager
def waiting() -> Iterator[None]:
    """Show the line on standard error while the block runs; nothing where that is no terminal."""
    out, err = sys.stdout, sys.stderr
    if not err.isatty():
        yield
        return
    ticker = _Ticker(err)
    watched_out: object = _Watched(out, ticker)
    watched_err: object = _Watched(err, ticker)
    sys.stdout, sys.stderr = watched_out, watched_err
    ticker.start()
    try:
        yield
    finally:
        ticker.end()
        sys.stdout, sys.stderr = out, err
