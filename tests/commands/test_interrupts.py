"""Ctrl-C where Python drops it: in a function that C code calls back."""

from __future__ import annotations

import subprocess
import sys

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


def test_a_dropped_interrupt_is_raised_again_and_prints_nothing() -> None:
    found = subprocess.run(
        [sys.executable, "-c", DROPPED], capture_output=True, text=True, check=False
    )
    assert (found.stdout, found.stderr, found.returncode) == ("interrupted\n", "", 0)


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


def test_an_error_that_comes_of_an_interrupt_counts_as_one() -> None:
    found = subprocess.run(
        [sys.executable, "-c", FAILED], capture_output=True, text=True, check=False
    )
    assert (found.stdout, found.stderr, found.returncode) == ("interrupted\n", "", 0)
