"""Text files to raw columns, keeping the line number of every row."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import MISSING, Rows, read_numbers


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A table as a file has it, nothing interpreted.

    Parameters
    ----------
    cells : Mapping of str to sequence, dims (row,)
        Given column names to cells: text, numbers or None.
    rows : Rows
        How the owner counts the rows.
    problems : tuple of str
        What was wrong with the file itself.
    """

    cells: Mapping[str, Sequence[Any] | NDArray[Any]]
    rows: Rows
    problems: tuple[str, ...] = ()


def read_delimited(path: Path, *, tabs: bool = False) -> Raw:
    """Read a CSV file; the header may instead use semicolons or tabs.

    Parameters
    ----------
    path : Path
        UTF-8 (with or without a byte order mark) or UTF-16, gzipped if it ends in .gz.
    tabs : bool
        Whether cells are certainly separated by tabs.

    Returns
    -------
    Raw
        Lines that have more or fewer cells than the header are problems, and left out.

    Raises
    ------
    InputError
        If there is no header, or the text cannot be decoded.
    """
    text = _text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = "\t" if tabs else max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    problems: list[str] = []
    records: list[list[str]] = []
    lines: list[int] = []
    for line, record in _records(reader, problems):
        if not any(cell.strip() for cell in record):
            continue
        records.append(record)
        lines.append(line)
    if not records:
        raise InputError(
            [*problems, "the file is empty; line 1 names the columns"], source=str(path)
        )
    names, header_problems = _header(records[0], lines[0])
    if header_problems and names is None:
        raise InputError([*problems, *header_problems], source=str(path))
    assert names is not None
    problems += header_problems
    kept, numbers = [], []
    for line, record in zip(lines[1:], records[1:], strict=True):
        extra = record[len(names) :]
        if len(record) < len(names) or any(cell.strip() for cell in extra):
            problems.append(
                f"line {line}: {len(record)} cells where the header has {len(names)}; "
                "quote text that holds the separator"
            )
            continue
        kept.append(record)
        numbers.append(line)
    cells: dict[str, list[Any]] = {}
    for i, name in enumerate(names):
        column = [record[i] for record in kept]
        nameless = not records[0][i].strip() if i < len(records[0]) else True
        if nameless and not any(cell.strip() for cell in column):
            continue  # a separator at the end of every line
        cells[name] = column
    return Raw(cells=cells, rows=_lines(numbers), problems=_folded(problems))


def read_json_lines(path: Path) -> Raw:
    """Read a file with one JSON object per line; nested keys join with a dot.

    Parameters
    ----------
    path : Path
        UTF-8, gzipped if it ends in .gz.

    Returns
    -------
    Raw
        Lines that do not hold an object are problems, and left out.
    """
    problems: list[str] = []
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    for line, text in enumerate(_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except json.JSONDecodeError as error:
            problems.append(f"line {line}: not JSON ({error.msg} at character {error.pos + 1})")
            continue
        if not isinstance(record, dict):
            problems.append(
                f"line {line}: a JSON {type(record).__name__} where an object such as "
                '{"params": 1e6, "loss": 3.2} belongs'
            )
            continue
        records.append(_flat(record))
        numbers.append(line)
    names = dict.fromkeys(name for record in records for name in record)
    cells = {name: [record.get(name) for record in records] for name in names}
    return Raw(cells=cells, rows=_lines(numbers), problems=_folded(problems))


def _text(path: Path) -> str:
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise InputError(f"cannot be unzipped: {error}", source=str(path)) from None
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise InputError(
            "this is a spreadsheet or zip archive; save the sheet as CSV", source=str(path)
        )
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"line {line}: not {encoding.upper()[:6].rstrip('-')} text; save the file as UTF-8",
            source=str(path),
        ) from None


def _records(reader: Any, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line it starts on; broken quotes end the file."""
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append(f"line {line}: {error}; the rest of the file was not read")
            return


def _header(record: list[str], line: int) -> tuple[list[str] | None, list[str]]:
    """Return the column names, made up where blank, and what is wrong with them."""
    numbers = read_numbers(record)
    words = [cell for cell in record if cell.strip().lower() not in MISSING]
    if words and not numbers.unread:
        return None, [
            f"line {line}: {', '.join(record[:3])} are numbers; the first line must "
            "name the columns, such as params,tokens,loss"
        ]
    names: list[str] = []
    problems = []
    for i, cell in enumerate(record, start=1):
        name = cell.strip() or f"unnamed_{i}"
        if name in names:
            problems.append(
                f"line {line}: columns {names.index(name) + 1} and {i} are both "
                f"called {name!r}; rename one"
            )
            name = f"{name} (column {i})"
        names.append(name)
    return names, problems


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = json.dumps(value) if isinstance(value, list) else value
    return flat


def _folded(problems: list[str], most: int = 10) -> tuple[str, ...]:
    rest = len(problems) - most
    more = [f"and {rest} more lines that cannot be read"] if rest > 0 else []
    return (*problems[:most], *more)


def _lines(numbers: list[int]) -> Rows:
    return Rows(label="line", numbers=np.array(numbers, dtype=np.intp))
