"""Tables in memory: pandas, Polars, Arrow, and sheets of a workbook."""

from __future__ import annotations

import shlex
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import Rows, positions
from bayes_scaling.runs.columns import listed
from bayes_scaling.runs.error_rates import sounds_like_error_rate
from bayes_scaling.runs.headings import read_heading
from bayes_scaling.runs.resolve import is_perplexity, sounds_like_loss, sounds_like_size
from bayes_scaling.runs.rising import sounds_like_score
from bayes_scaling.runs.text_files import Raw

if TYPE_CHECKING:
    import pandas as pd

Lines = list[tuple[int, list[Any]]]

RUNS = 3
"""Grade of a sheet that has a column of sizes and one of what was measured."""

SHEETS = " sheets, "
"""What a note has that says which sheet was read."""


def from_frame(source: object) -> tuple[Raw, str] | None:
    """Return a data frame as raw columns, and what it is; None for anything else.

    Parameters
    ----------
    source : object
        A frame of pandas or Polars (lazy ones are collected), a table of Arrow, or what exports
        itself as one.

    Returns
    -------
    (Raw, str) or None
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        return _from_pandas(cast("pd.DataFrame", source)), "DataFrame"
    thing: Any = source
    if hasattr(thing, "collect") and hasattr(thing, "collect_schema"):
        thing = thing.collect()
    if hasattr(thing, "to_native") and hasattr(thing, "implementation"):
        return from_frame(thing.to_native())
    if hasattr(thing, "to_pydict") and hasattr(thing, "column_names"):
        return _of_lists(thing.to_pydict()), "Arrow table"
    if hasattr(thing, "get_columns") and hasattr(thing, "to_dict"):
        return _of_lists(thing.to_dict(as_series=False)), "Polars frame"
    if hasattr(thing, "__arrow_c_stream__"):
        try:
            import pyarrow as pa
        except ImportError:
            raise InputError("reading this frame needs pyarrow; pip install pyarrow") from None
        return _of_lists(pa.table(thing).to_pydict()), "frame"
    return None


def read_sheet(path: Path, sheet: str | None = None) -> Raw:
    """Read a sheet of a workbook: the first that looks like a table of runs.

    Parameters
    ----------
    path : Path
        An .xlsx file.
    sheet : str, optional
        The sheet.

    Returns
    -------
    Raw

    Raises
    ------
    InputError
        It is no workbook, has no such sheet, or openpyxl is not installed.
    """
    if not zipfile.is_zipfile(path):
        raise InputError(
            "this is no workbook that can be read; save the sheet as CSV", source=str(path)
        )
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            "reading a workbook needs openpyxl; pip install 'bayes-scaling[excel]', or save the "
            "sheet as CSV",
            source=str(path),
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        names = [each.title for each in book.worksheets]
        tables: list[Lines] = []
        for each in book.worksheets:
            tables.append(_lines_of(each) if sheet in (None, each.title) else [])
            if _grade(tables[-1]) == RUNS:
                break
        book.close()
    except Exception as error:  # openpyxl raises what its parsers raise
        raise InputError(f"cannot be read as a workbook: {error}", source=str(path)) from None
    if sheet is not None and sheet not in names:
        raise InputError(f"no sheet {sheet!r}; there is {listed(names)}", source=str(path))
    grades = [_grade(lines) for lines in tables]
    chosen = grades.index(max(grades)) if sheet is None else names.index(sheet)
    lines, others = tables[chosen], [name for name in names if name != names[chosen]]
    if not lines:
        raise InputError(f"the sheet {names[chosen]!r} is empty", source=str(path))
    raw = _of_lines(lines)
    if not others:
        return raw
    place = "first second third".split()[chosen] if chosen < 3 else f"{chosen + 1}th"
    note = (
        f"the {place} of {len(names)}{SHEETS}{names[chosen]!r}; of another, "
        f"--sheet {shlex.quote(others[0])} (in Python sheet={others[0]!r})"
        + (f", or {listed(others[1:])}" if others[1:] else "")
    )
    return replace(raw, notes=(note,))


def _lines_of(sheet: Any) -> Lines:
    """Return the rows of a sheet that hold anything, below its title, with their numbers."""
    lines = [
        (number, list(cells))
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1)
        if any(cell is not None and str(cell).strip() for cell in cells)
    ]
    while len(lines) > 1 and sum(cell is not None for cell in lines[0][1]) < 2:
        lines = lines[1:]  # a title above the table
    return lines


def _grade(lines: Lines) -> int:
    """Tell how much a sheet looks like a table of runs, from 0 to `RUNS`."""
    if not lines:
        return 0
    names = [str(cell) for cell in lines[0][1] if cell is not None]
    if len(lines) < 2 or len(names) < 2:
        return 1
    responses = (sounds_like_loss, sounds_like_error_rate, sounds_like_score, is_perplexity)
    measured = any(sounds(name) for name in names for sounds in responses)
    sized = any(read_heading(name) is not None or sounds_like_size(name) for name in names)
    return RUNS if measured and sized else 2


def _of_lines(lines: Lines) -> Raw:
    (_, header), rows = lines[0], lines[1:]
    cells: dict[str, Any] = {}
    problems = []
    for i, cell in enumerate(header):
        column = [row[i] if i < len(row) else None for _, row in rows]
        if cell is None and all(value is None for value in column):
            continue
        name = f"unnamed_{i + 1}" if cell is None else str(cell).strip()
        if name in cells:
            problems.append(f"two columns are called {name!r}; rename one")
            continue
        cells[name] = column
    numbers = np.array([number for number, _ in rows], dtype=np.intp)
    return Raw(cells=cells, rows=Rows(label="row", numbers=numbers), problems=tuple(problems))


def read_parquet(path: Path) -> Raw:
    """Read a Parquet file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Raw

    Raises
    ------
    InputError
        It is none, or pyarrow is not installed.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            "reading Parquet needs pyarrow; pip install pyarrow, or save as CSV", source=str(path)
        ) from None
    import pyarrow as pa

    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"cannot be read as Parquet: {error}", source=str(path)) from None
    cells: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name.startswith("__index_level_"):
            continue
        number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        cells[name] = column.to_numpy() if number else column.to_pylist()
    return Raw(cells=cells, rows=positions(table.num_rows))


def _of_lists(columns: dict[str, list[Any]]) -> Raw:
    cells = {str(name): list(values) for name, values in columns.items()}
    return Raw(cells=cells, rows=positions(len(next(iter(cells.values()), ()))))


def _from_pandas(frame: pd.DataFrame) -> Raw:
    names = [name for name in frame.index.names if name is not None]
    if names and not set(names) & set(frame.columns):
        frame = frame.reset_index(level=names)
    cells: dict[str, Any] = {}
    problems = []
    for i, label in enumerate(frame.columns):
        name = str(label)
        if name in cells:
            problems.append(f"two columns are called {name!r}; rename one")
            continue
        series = frame.iloc[:, i]
        number = isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf"
        cells[name] = series.to_numpy() if number else series.astype(object).tolist()
    return Raw(cells=cells, rows=positions(len(frame)), problems=tuple(problems))
