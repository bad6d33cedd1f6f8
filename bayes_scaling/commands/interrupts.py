"""Ctrl-C ends a command at once, whatever it is doing, and leaves nothing half written.

Python raises `KeyboardInterrupt` where its main thread happens to be. Where that is a function that
C code calls back, as llvmlite's does while a law is compiled, the exception is printed and dropped,
and the command goes on; and while C code runs, nothing is raised at all. So an interrupt that was
dropped is raised again, an error that comes of one counts as one, and a thread ends the process
where it has not ended by itself soon.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bayes_scaling.files import remove_unfinished

GRACE = 0.7
"""Time in which an interrupted command may end by itself [s]."""

SHORTLY = 0.02
"""Time after which an interrupt that was dropped is raised again [s]."""

STOPPED = 130
"""Exit code of a command that was interrupted."""


@contextmanager
def interruptible() -> Iterator[None]:
    """End the process soon after Ctrl-C while the block runs; in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    hook, ended, arrived = sys.unraisablehook, threading.Event(), threading.Event()

    def interrupt() -> None:
        if not ended.is_set():
            _thread.interrupt_main()

    def again(dropped: Any) -> None:
        if isinstance(dropped.exc_value, KeyboardInterrupt):
            later = threading.Timer(SHORTLY, interrupt)  # now it would be dropped here, and printed
            later.daemon = True
            later.start()
        else:
            hook(dropped)

    def watch() -> None:
        while number := os.read(reading, 1):
            if number[0] == signal.SIGINT:
                arrived.set()
                if not ended.wait(GRACE):
                    _end()

    sys.unraisablehook = again
    watcher = threading.Thread(target=watch, name="interrupts", daemon=True)
    watcher.start()
    try:
        yield
    except Exception:
        if arrived.is_set():  # what was cut off failed in its own way
            raise KeyboardInterrupt from None
        raise
    finally:
        ended.set()
        sys.unraisablehook = hook
        signal.set_wakeup_fd(before)
        os.close(writing)
        watcher.join()
        os.close(reading)


def _end() -> None:
    """End this process and its workers, without what it was writing."""
    if "multiprocessing" in sys.modules:  # or there are no workers
        for worker in sys.modules["multiprocessing"].active_children():
            worker.kill()
    remove_unfinished()
    os.write(2, b"stopped\n")
    os._exit(STOPPED)
