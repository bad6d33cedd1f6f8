"""The one way from raw columns to a RunTable: name, read, complete, check, all problems at once."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.runs.cells import Rows, read_numbers, read_text
from bayes_scaling.runs.columns import COLUMNS, SIZES, resolve
from bayes_scaling.runs.complete import complete
from bayes_scaling.runs.diverged import DIVERGED, without_diverged
from bayes_scaling.runs.doubts import copies, doubts, misspelt
from bayes_scaling.runs.faults import by_row, faults_of, lesser_faults
from bayes_scaling.runs.table import RunTable

WARNING = "warning: "  # notes that start so were also issued as a BayesScalingWarning
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def assemble(
    raw: Mapping[str, Sequence[Any] | NDArray[Any]],
    *,
    rows: Rows,
    source: str | None = None,
    columns: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    problems: Sequence[str] = (),
) -> RunTable:
    """Make a checked and completed table.

    Parameters
    ----------
    raw : Mapping of str to sequence, dims (row,)
        Columns by their given names: numbers, text, None or NaN.
    rows : Rows
        Names of the rows, for the messages.
    source : str, optional
        What to call the table in an error.
    columns : Mapping of str to str, optional
        From given names to canonical ones, ahead of the aliases.
    notes, problems : sequence of str
        What a reader has already done, and already found wrong.

    Returns
    -------
    RunTable

    Raises
    ------
    InputError
        With every problem of the table.
    """
    resolved = resolve(raw, columns)
    faults = [*problems, *resolved.problems]
    lengths = {name: len(values) for name, values in raw.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise InputError([*faults, f"columns differ in length: {said}"], source=source)
    if not len(rows) or not raw:
        raise InputError([*faults, "the table has no rows; give one row per run"], source=source)

    raw, rows, set_aside, unmarked = without_diverged(raw, rows, resolved.names)
    faults += unmarked
    if not len(rows):
        raise InputError("every run is marked as diverged; nothing is left", source=source)
    log = [*notes, *resolved.notes]
    given: dict[str, NDArray[Any]] = {}
    unread: dict[str, Mapping[int, str]] = {}
    for name, values in raw.items():
        target = resolved.names[name]
        if target in given:
            continue  # named twice, already a problem
        column = COLUMNS.get(target)
        if column is None:
            given[target] = _ride_along(name, values, rows, log)
        elif column.kind == "text":
            given[target] = read_text(values)
        else:
            read = read_numbers(values, truth=target == DIVERGED)
            given[target], unread[target] = read.values, read.unread
    called = {resolved.names[name]: name.strip() for name in reversed(list(raw))}
    completed = complete(given)
    log += completed.notes
    done = dict(completed.columns)
    done["run"] = _run_ids(given.get("run"), rows, log)
    if "run" in given:
        given["run"] = done["run"]
    faults += faults_of(given, unread, rows, called, resolved.names)
    if faults:
        faults += lesser_faults(given, unread, rows, called)
        raise InputError(by_row(faults), source=source)

    log += _gaps(done, rows)
    for doubt in (*set_aside, *misspelt(resolved.names, done), *doubts(given, rows)):
        log.append(WARNING + doubt)
        text = f"{source}: {doubt}" if source else doubt
        warnings.warn(text, BayesScalingWarning, skip_file_prefixes=(_PACKAGE,))
    first = ("run", *(name for name in COLUMNS if name in done and name != "run"))
    ordered = {name: done[name] for name in dict.fromkeys((*first, *done))}
    kept = np.ones(len(rows), dtype=bool)
    for group in copies(given):
        kept[group[1:]] = False
    return RunTable(columns=ordered, notes=tuple(log)).take(kept)


def _ride_along(
    name: str, values: Sequence[Any] | NDArray[Any], rows: Rows, log: list[str]
) -> NDArray[Any]:
    """Return a column outside the vocabulary as numbers if all its cells are, else as text."""
    read = read_numbers(values, truth=True)
    if not read.unread:
        return read.values
    if np.count_nonzero(~np.isnan(read.values)) > len(read.unread):
        where = list(read.unread)
        verb = "has" if len(where) == 1 else "have"
        log.append(
            f"column {name!r} is kept as text: {rows.say(where)} {verb} {read.unread[where[0]]!r}"
        )
    return read_text(values)


def _run_ids(run: NDArray[np.str_] | None, rows: Rows, log: list[str]) -> NDArray[np.str_]:
    """Return an id for every row, made where the table has none."""
    made = np.array([f"r{i:04d}" for i in range(1, len(rows) + 1)], dtype=np.str_)
    if run is None:
        log.append("no column 'run': every row counts as a run of its own (r0001, r0002, ...)")
        return made
    empty = run == ""
    if not empty.any():
        return run
    log.append(f"{rows.say(empty)}: run is empty; each counts as a run of its own")
    used = set(run.tolist())
    fresh = [f"{name}_unnamed" if name in used else name for name in made.tolist()]
    return np.where(empty, np.array(fresh, dtype=np.str_), run)


def _gaps(columns: Mapping[str, NDArray[Any]], rows: Rows) -> list[str]:
    """Return notes on rows that lack a size others have: a model of that size cannot use them."""
    found = []
    for name in ("loss", *SIZES):
        if name in columns and (empty := np.isnan(columns[name])).any() and not empty.all():
            found.append(f"{rows.say(empty)}: {name} is empty and nothing implies it")
    return found
