"""Ctrl-C where Python loses it: in a function that C code calls back, or in another error."""

from __future__ import annotations

import subprocess
import sys

import pytest

DROPPED = """
import ctypes, signal, time
from bayes_scaling.commands.interrupts import interruptible

# A shell that starts a program in the background has it ignore SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)

@ctypes.CFUNCTYPE(None)
def called_back():
    signal.raise_signal(signal.SIGINT)
    sum(range(1000))

try:
    with interruptible():
        called_back()
        for _ in range(1000):
            time.sleep(0.005)
        print("went on")
except KeyboardInterrupt:
    print("interrupted")
"""


FAILED = """
import signal, time
from bayes_scaling.commands.interrupts import interruptible

signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            time.sleep(0.1)
            raise RuntimeError("half compiled")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("program", [DROPPED, FAILED], ids=["dropped", "failed"])
def test_an_interrupt_that_python_loses_is_raised_and_prints_nothing(program: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (found.stdout, found.stderr, found.returncode) == ("interrupted\n", "", 0)
