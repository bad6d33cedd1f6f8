"""Tables of strangers: six runs of a law, as text under headings of every kind."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bayes_scaling.runs import RunTable, read_runs

SIZES = [(2e7, 1e9), (2e7, 1e10), (1e8, 1e9), (1e8, 1e10), (4e8, 3e9), (4e8, 3e10)]
LOSS = [1.7 + 400 / n**0.34 + 1500 / d**0.36 for n, d in SIZES]


def read(tmp_path: Path, text: str | bytes, name: str = "runs.csv", **options: Any) -> RunTable:
    """Read a file without minding its doubts; they are in the notes."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_runs(path, **options)


def doubts(table: RunTable) -> str:
    return "\n".join(note for note in table.notes if note.startswith("warning: "))


def table_of(heading: str, *columns: Sequence[object]) -> str:
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([heading, *rows]) + "\n"


N, D = ([size[i] for size in SIZES] for i in (0, 1))
C = [6 * n * d for n, d in SIZES]
