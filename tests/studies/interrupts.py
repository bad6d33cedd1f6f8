"""How soon Ctrl-C ends a fit, at times from its start to the end of its sampling.

``python -m tests.studies.interrupts [COUNT] [SECONDS]`` interrupts fits whose laws are not compiled
yet, and prints exit code, the time it took, and what was left in the folders it writes to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def interrupt(after: float) -> tuple[int, float, list[str], str]:
    """Interrupt one fit; return its exit code, seconds, leftovers, and what it said last."""
    with tempfile.TemporaryDirectory() as folder:
        cache, out = Path(folder) / "cache", Path(folder) / "out"
        out.mkdir()
        command = [sys.executable, "-m", "bayes_scaling.cli", "fit", "nano-lm", "-m", "coupled"]
        command += ["--draws", "4000", "-o", str(out / "fit.nc")]
        with subprocess.Popen(
            command,
            env={**os.environ, "BAYES_SCALING_CACHE": str(cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            time.sleep(after)
            process.send_signal(signal.SIGINT)
            began = time.perf_counter()
            said, _ = process.communicate(timeout=120)
            seconds = time.perf_counter() - began
        left = [path.name for path in out.iterdir()]
        left += [str(path) for path in cache.rglob(".*") if cache.is_dir()]
        return process.returncode, seconds, left, (said.strip().splitlines() or [""])[-1]


def main() -> None:
    """Interrupt at evenly spaced times."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    longest = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    good = 0
    for number in range(count):
        after = 1.5 + (longest - 1.5) * number / max(1, count - 1)
        code, seconds, left, said = interrupt(after)
        # CPython may end by the signal itself, which a shell calls 130 as well.
        good += code in (130, -signal.SIGINT) and not left and seconds < 2.0
        print(f"{after:5.1f} s: exit {code} in {seconds:.2f} s, left {left}, {said!r}", flush=True)
    print(f"{good} of {count} ended with 130 or by the signal within 2 s and left nothing")


if __name__ == "__main__":
    main()
