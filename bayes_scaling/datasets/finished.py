"""Tables that a sweep appends to: a run's row is whole or not there, and a sweep can go on."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bayes_scaling.files import replacing


def read_finished(path: Path) -> list[dict[str, Any]]:
    """Rows of a table as text, none if it is absent; half a last line is cut off the file."""
    if not path.exists():
        return []
    text = path.read_text()
    if not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        replace_text(path, text)
    return list(csv.DictReader(io.StringIO(text)))


def append_rows(path: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> None:
    """Append rows in one write, with the header first if the file is new."""
    text = csv_text(columns, rows, header=not path.exists())
    with path.open("a") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def csv_text(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]], *, header: bool) -> str:
    """Write rows as text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if header:
        writer.writerow(columns)
    writer.writerows([cell(row[name]) for name in columns] for row in rows)
    return buffer.getvalue()


def cell(value: object) -> str:
    """Write one value: numbers to seven digits."""
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def replace_text(path: Path, text: str) -> None:
    """Put a text in the place of a file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text)


def beside(path: Path, name: str) -> Path:
    """Return the file next to a table that holds something more of it, such as its curves."""
    return path.with_name(f"{path.stem}_{name}{path.suffix}")
