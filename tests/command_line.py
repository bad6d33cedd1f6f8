"""The command line, called in this process."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import pytest

from bayes_scaling.cli import main

INTERVAL = r"[\d.e+-]+ \[[\d.e+-]+, [\d.e+-]+\] 90 % ETI"
"""A number with its interval, as commands print them."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command left behind.

    Attributes
    ----------
    code : int
        Exit code.
    out, err : str
        What it printed.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON value that it must be."""
        return json.loads(self.out)


def call(*arguments: object) -> Answer:
    """Run a command and catch what it prints; not a terminal, so no progress is shown."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    code = caught.value.code
    assert isinstance(code, int)
    return Answer(code=code, out=out.getvalue(), err=err.getvalue())
