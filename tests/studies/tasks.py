"""The tasks of the public benchmark, found by path: nothing of them belongs to this repository."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

CHECKOUT = Path(__file__).resolve().parents[2]


def bench_folder() -> Path:
    """Return where the benchmark is: ``BAYES_SCALING_BENCH``, or beside the checkout."""
    return Path(os.environ.get("BAYES_SCALING_BENCH", CHECKOUT.parent / "shared" / "bench"))


def load_tasks(name: str = "tasks") -> ModuleType | None:
    """Import a file of the benchmark, or return None where it or its data are not there."""
    path = bench_folder() / f"{name}.py"
    if not path.is_file() or not (path.parents[1] / "data").is_dir():
        return None
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
