"""Read runs from CSV, Parquet, JSON lines or a DataFrame."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.runs.assemble import assemble
from bayes_scaling.runs.cells import Rows
from bayes_scaling.runs.columns import nearest
from bayes_scaling.runs.exports import EXPORTS, Export, untangle
from bayes_scaling.runs.table import RunTable
from bayes_scaling.runs.text_files import Raw, read_delimited, read_json_lines

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["csv", "tsv", "jsonl", "parquet"]
FORMATS: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def read_runs(
    source: str | PathLike[str] | pd.DataFrame | RunTable,
    *,
    columns: Mapping[str, str] | Export | None = None,
    format: Format | None = None,
    export: Export | None = None,
) -> RunTable:
    """Read a table of training runs, check it and complete it by 6ND.

    Parameters
    ----------
    source : path, pandas.DataFrame or RunTable
        A .csv, .tsv, .jsonl, .ndjson or .parquet file (text may be gzipped: .csv.gz); a
        RunTable is returned as it is.
    columns : Mapping of str to str, or "wandb" or "mlflow", optional
        From the file's names to canonical ones, where the aliases do not do it. A word is short
        for ``export``.
    format : {"csv", "tsv", "jsonl", "parquet"}, optional
        Of a file whose suffix does not say.
    export : {"wandb", "mlflow"}, optional
        What wrote the table: its prefixes are stripped and unfinished runs left out, with a note.

    Returns
    -------
    RunTable

    Raises
    ------
    InputError
        With every problem of the table, by line of a text file and by row of anything else.
    """
    if isinstance(columns, str):
        columns, export = None, export or columns
    if export is not None and export not in EXPORTS:
        raise InputError(
            f"export {export!r} is unknown; there are {' and '.join(EXPORTS)}, and a mapping "
            "such as columns={'their name': 'params'} fits any other"
        )
    if isinstance(source, RunTable):
        if columns or format or export:
            raise InputError(
                "columns, format and export are for files and DataFrames; "
                "this is a RunTable already"
            )
        return source
    if _is_frame(source):
        raw, name = _from_frame(cast("pd.DataFrame", source)), "DataFrame"
    elif isinstance(source, str | PathLike):
        path = Path(source)
        raw, name = _from_file(path, format), str(path)
    else:
        raise InputError(
            f"runs are read from a path, a DataFrame or a RunTable, not "
            f"{type(source).__name__}; for arrays use RunTable.from_columns"
        )
    notes: tuple[str, ...] = ()
    if export:
        tidy = untangle(raw, export=export, columns=columns or {}, source=name)
        raw, columns, notes = tidy.raw, tidy.columns, tidy.notes
    return assemble(
        raw.cells, rows=raw.rows, source=name, columns=columns, notes=notes, problems=raw.problems
    )


def _from_file(path: Path, format: Format | None) -> Raw:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    suffix = (suffixes[:-1] if zipped else suffixes)[-1:]
    kind = format or (FORMATS.get(suffix[0]) if suffix else None)
    if kind not in set(FORMATS.values()):
        shown = f"format {format!r}" if format else f"suffix {''.join(path.suffixes[-2:])!r}"
        raise InputError(
            f"{shown} is unknown; use one of {', '.join(FORMATS)} (text also .gz) or "
            "say format='csv'",
            source=str(path),
        )
    if not path.is_file():
        close = nearest(path.name, _siblings(path))
        hint = f"; did you mean {str(path.parent / close)!r}?" if close else ""
        what = "is a folder" if path.is_dir() else "no such file"
        raise InputError(f"{what}{hint}", source=str(path))
    if kind == "parquet":
        return _from_parquet(path)
    if kind == "jsonl":
        return read_json_lines(path)
    return read_delimited(path, tabs=kind == "tsv")


def _siblings(path: Path) -> list[str]:
    try:
        return sorted(p.name for p in path.parent.iterdir() if p.is_file())
    except OSError:
        return []


def _from_parquet(path: Path) -> Raw:
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
    return Raw(cells=cells, rows=_positions(table.num_rows))


def _from_frame(frame: pd.DataFrame) -> Raw:
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
    return Raw(cells=cells, rows=_positions(len(frame)), problems=tuple(problems))


def _positions(count: int) -> Rows:
    return Rows(label="row", numbers=np.arange(1, count + 1))


def _is_frame(source: object) -> bool:
    """Whether this is a DataFrame, without importing pandas for anyone who has not."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(source, pandas.DataFrame)
