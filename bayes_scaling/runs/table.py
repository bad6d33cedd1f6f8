"""The table of runs: canonical columns as numpy arrays, and notes on what was filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.page import Grid, Page, Shown
from bayes_scaling.runs.assemble import Assembled, assemble
from bayes_scaling.runs.cells import Commas, Rows
from bayes_scaling.runs.columns import nearest
from bayes_scaling.runs.exports import Export
from bayes_scaling.runs.readers import Format, read

if TYPE_CHECKING:
    import pandas as pd

SEPARATOR = "/"
"""Between the columns, and the labels, of groups that are made of several columns."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RunTable(Shown):
    """Training runs, one row per (run, metric, steps, tokens, position).

    The constructor only freezes what it is given, so a saved table is rebuilt by
    ``RunTable(columns=..., notes=...)`` without checks. Everything that comes from a user goes
    through `from_columns`, `from_frame` or `read_runs`, which validate and complete it.

    Parameters
    ----------
    columns : Mapping of str to array, dims (row,)
        Canonical name to values: float64 for numbers, str for text. NaN (or "") where a row has
        no value. Units are those of `bayes_scaling.runs.columns.COLUMNS`.
    notes : tuple of str
        What was completed, assumed or set aside when the table was read.
    origins : Mapping of str to str
        Where each column came from, such as ``'tokens (M)' x 1e+06``; empty for a table that was
        not read from anywhere. It is no part of the content.
    """

    columns: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the columns."""
        frozen = {name: _read_only(values) for name, values in self.columns.items()}
        object.__setattr__(self, "columns", MappingProxyType(frozen))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "origins", MappingProxyType(dict(self.origins)))

    def __len__(self) -> int:
        """Return the number of rows."""
        return next((len(values) for values in self.columns.values()), 0)

    def __contains__(self, name: object) -> bool:
        """Return whether the table has a column."""
        return name in self.columns

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return one column, dims (row,); an InputError for one the table does not have."""
        if name in self.columns:
            return self.columns[name]
        close = nearest(str(name), self.columns)
        hint = f"did you mean {close!r}?" if close else f"it has {', '.join(self.columns)}"
        raise InputError(f"the table of runs has no column {name!r}; {hint}")

    def page(self) -> Page:
        """Return what is printed: rows and columns, then the range of each number."""
        said = f"RunTable({len(self)} rows: {', '.join(self.columns)})"
        known = {
            name: values[np.isfinite(values)]
            for name, values in self.columns.items()
            if values.dtype.kind == "f"
        }
        rows = [
            [name, f"{each.min():.4g}", f"{np.median(each):.4g}", f"{each.max():.4g}"]
            for name, each in known.items()
            if each.size
        ]
        return [[said, Grid(heading=("", "least", "median", "most"), rows=rows)]]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as plain arrays; a mapping proxy cannot be."""
        return _rebuild, (dict(self.columns), self.notes, dict(self.origins))

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a DataFrame; changing it leaves the table as it is."""
        import pandas as pd

        return pd.DataFrame({name: values.copy() for name, values in self.columns.items()})

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, ArrayLike | Sequence[object]],
        *,
        source: str | None = None,
        row_label: str = "row",
    ) -> RunTable:
        """Make a table from named columns, checked and completed.

        Parameters
        ----------
        columns : Mapping of str to array_like, dims (row,)
            Canonical names or aliases to values; None is an empty cell.
        source : str, optional
            What to call the table in an error.
        row_label : str
            What to call a row in an error; rows count from 1.

        Returns
        -------
        RunTable

        Raises
        ------
        InputError
            With every problem of the table.
        """
        cells = {
            name: np.atleast_1d(
                np.asarray(values, dtype=object) if isinstance(values, list) else np.asarray(values)
            )
            for name, values in columns.items()
        }
        most = max((len(values) for values in cells.values()), default=0)
        rows = Rows(label=row_label, numbers=np.arange(1, most + 1))
        return _made(assemble(cells, rows=rows, source=source))

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, *, columns: Mapping[str, str] | None = None
    ) -> RunTable:
        """Make a table from a DataFrame, checked and completed.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row per (run, metric, steps, tokens, position).
        columns : Mapping of str to str, optional
            From the frame's names to canonical ones, where the aliases do not do it.

        Returns
        -------
        RunTable

        Raises
        ------
        InputError
            With every problem of the table; "row 6" is the sixth row, whatever its index says.
        """
        return read_runs(frame, columns=columns)

    def take(self, rows: NDArray[Any]) -> RunTable:
        """Return some of the rows, in the order asked for, with the notes.

        Parameters
        ----------
        rows : array of bool or int, dims (row,) or (chosen,)
            A mask over all rows, or positions counted from 0.

        Returns
        -------
        RunTable

        Raises
        ------
        InputError
            For a mask of another length, or a position the table does not have.
        """
        chosen = np.asarray(rows)
        if chosen.dtype == bool and chosen.shape != (len(self),):
            raise InputError(
                f"a mask of shape {chosen.shape} cannot pick from {len(self)} rows; "
                f"give one True or False per row"
            )
        if chosen.size == 0:
            chosen = chosen.astype(np.intp)
        try:
            picked = {name: values[chosen] for name, values in self.columns.items()}
        except IndexError as error:
            raise InputError(f"rows to take do not fit {len(self)} rows: {error}") from None
        return RunTable(columns=picked, notes=self.notes, origins=self.origins)

    def labels(self, by: str) -> NDArray[np.str_]:
        """Return the group of each row as text.

        Parameters
        ----------
        by : str
            A column, or several as in "corpus/family", which gives labels such as "c4/gpt". A
            column whose name is all of `by` comes first. Columns the table does not have are left
            out; with none of them every row is in the group "all".

        Returns
        -------
        array of str, dims (row,)

        Raises
        ------
        InputError
            Two different groups would have one label, because a label has a "/" in it.
        """
        names = (by,) if by in self.columns else split_columns(by)
        known = [_as_text(self.columns[name]) for name in names if name in self.columns]
        if not known:
            return np.full(len(self), "all")
        rows = list(zip(*(values.tolist() for values in known), strict=True))
        label = {row: SEPARATOR.join(row) for row in rows}
        if len(set(label.values())) < len(label):
            raise InputError(
                f"groups by {by!r}: different groups would have the same label, since labels have "
                f"{SEPARATOR!r} in them; write another sign in those columns"
            )
        return np.array([label[row] for row in rows], dtype=np.str_)

    def groups(self, by: str) -> tuple[str, ...]:
        """Return the distinct labels of `labels`, sorted."""
        return tuple(str(label) for label in np.unique(self.labels(by)))

    @cached_property
    def content_hash(self) -> str:
        """The sha256 of names, types and values: equal tables have equal hashes anywhere.

        The order of columns and the notes do not enter it; the order of rows does.
        """
        digest = hashlib.sha256(f"rows {len(self)}".encode())
        for name in sorted(self.columns):
            values = self.columns[name]
            if values.dtype.kind == "f":
                tidy = np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8")
                kind, content = "number", tidy.tobytes()
            else:
                cells = [str(value).encode() for value in values]
                kind, content = "text", b"".join(b"%d:%b" % (len(c), c) for c in cells)
            digest.update(f"\n{len(name)}:{name} {kind} {len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()


def read_runs(
    source: str | PathLike[str] | pd.DataFrame | RunTable,
    *,
    columns: Mapping[str, str] | str | None = None,
    format: Format | None = None,
    export: Export | None = None,
    where: str | None = None,
    commas: Commas | None = None,
    drop_empty: bool = False,
    needs_loss: bool = True,
    sheet: str | None = None,
) -> RunTable:
    """Read a table of training runs, check it and complete it by 6ND.

    Parameters
    ----------
    source : path, data frame or RunTable
        A file of text (CSV and its kin, Markdown, JSON, JSON lines; gzipped or not), .parquet,
        .xlsx, an event file of TensorBoard, the log of a run of W&B, a database of Trackio or
        MLflow; a folder of such files or a glob, one run each; MLflow's ``mlruns``; a frame of
        pandas, Polars or Arrow. A RunTable is returned as it is.
    columns : mapping of str to str, or str, optional
        From the file's names to canonical ones, where the aliases do not do it, or from a new name
        to an expression of columns: ``{"Verlust": "loss", "tokens": "20*params"}``, or the same as
        ``"Verlust=loss,tokens=20*params"``. A word ("wandb", "mlflow", "tensorboard", "wide") says
        what wrote the table.
    format : {"csv", "tsv", "jsonl", "json", "parquet", "xlsx", "sqlite", "tfevents",
        "wandb"}, optional
        Of a file whose suffix does not say.
    export : {"wandb", "mlflow"}, optional
        What wrote the table: its prefixes are stripped and unfinished runs left out, with a note.
    where : str, optional
        A condition on rows, such as ``"State == 'finished' and params >= 100M"``; what is wrong
        with the others is not looked at.
    commas : {"decimal", "thousands"}, optional
        What commas in numbers are, where the file does not say.
    drop_empty : bool
        Whether rows without a finite loss are left out.
    needs_loss : bool
        Whether every row has a finite loss. A table of sizes has none; in the curve of a run in
        flight NaN is a loss that was not logged, and inf one that was not finite.
    sheet : str, optional
        Of a workbook; by default the first that looks like a table of runs.

    Returns
    -------
    RunTable

    Raises
    ------
    InputError
        With every problem of the table, by line of a text file and by row of anything else.
    """
    if not isinstance(source, RunTable):
        return _made(
            read(
                source,
                columns=columns,
                format=format,
                export=export,
                where=where,
                commas=commas,
                drop_empty=drop_empty,
                needs_loss=needs_loss,
                sheet=sheet,
            )
        )
    if columns or format or export or sheet:
        raise InputError(
            "columns, format, export and sheet are for files and DataFrames; this is a RunTable "
            "already"
        )
    return source


def _made(found: Assembled) -> RunTable:
    return RunTable(columns=found.columns, notes=found.notes, origins=found.origins)


def split_columns(by: str) -> tuple[str, ...]:
    """Return the columns that "corpus/family" names, outermost first."""
    return tuple(name for name in by.split(SEPARATOR) if name)


def _as_text(values: NDArray[Any]) -> NDArray[np.str_]:
    if values.dtype.kind == "f":
        return np.array([f"{value:.12g}" for value in values], dtype=np.str_)
    return values.astype(np.str_)


def _read_only(values: ArrayLike) -> NDArray[Any]:
    """Return a private, unwritable copy: float64 for numbers, fixed-width str for text."""
    array = np.asarray(values)
    if array.dtype.kind in "biuf":
        array = array.astype(np.float64)
    elif array.dtype.kind in "OS":
        text = [v.decode() if isinstance(v, bytes) else str(v) for v in array.tolist()]
        array = np.array(text, dtype=np.str_)
    else:
        array = array.copy()
    array.flags.writeable = False
    return array


def _rebuild(
    columns: dict[str, NDArray[Any]], notes: tuple[str, ...], origins: dict[str, str]
) -> RunTable:
    return RunTable(columns=columns, notes=notes, origins=origins)
