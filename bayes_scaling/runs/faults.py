"""Every fault of a table in one list, in the order of its rows.

A cell that cannot be used must not hide what else is wrong. For the checks across cells (what is
missing, what is given twice) it counts as filled: a stand-in takes its place, the same one for the
same text, so that it is neither called empty nor taken for another cell's double.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.cells import Rows
from bayes_scaling.runs.columns import COLUMNS, SIZES
from bayes_scaling.runs.complete import complete
from bayes_scaling.runs.doubts import unfinished
from bayes_scaling.runs.validate import (
    STAND_IN,
    absence_problems,
    duplicate_problems,
    label_of,
    text_problems,
    value_problems,
    without_any,
)

Columns = Mapping[str, NDArray[Any]]


def faults_of(
    given: Columns,
    unread: Mapping[str, Mapping[int, str]],
    rows: Rows,
    called: Mapping[str, str],
    names: Iterable[str],
    *,
    needs_loss: bool = True,
) -> list[str]:
    """Return all that is wrong with the cells and columns of a table.

    Parameters
    ----------
    given : Mapping of str to array, dims (row,)
        Canonical columns before completion, `run` without empty ids where there is one.
    unread : Mapping of str to (Mapping of int to str)
        By column, position to text of the cells that are not numbers.
    rows : Rows
        Names of the rows.
    called : Mapping of str to str
        What the file calls each column.
    names : iterable of str
        The column names of the file.
    needs_loss : bool
        Whether there must be a loss.

    Returns
    -------
    list of str
        Empty if the table can be used.
    """
    faults: list[str] = []
    for name, cells in unread.items():
        faults += text_problems(name, cells, rows, called.get(name))
    faults += value_problems(given, rows, called)
    filled = complete(_filled(given, unread)).columns
    faults += absence_problems(filled, rows, names, needs_loss=needs_loss)
    if "run" in given:
        faults += duplicate_problems(filled, rows)
    return faults


def lesser_faults(
    given: Columns,
    unread: Mapping[str, Mapping[int, str]],
    rows: Rows,
    called: Mapping[str, str],
) -> list[str]:
    """Return what would only be noted of a table without faults, to be mended in the same go.

    Parameters
    ----------
    given, unread, rows, called
        As for `faults_of`.

    Returns
    -------
    list of str
    """
    found = []
    filled = complete(_filled(given, unread)).columns
    for name in SIZES:
        if name not in given:
            continue
        empty = np.isnan(filled[name])
        gap = empty & ~without_any(filled)
        if gap.any() and not empty.all():
            label = label_of(name, called.get(name, name))
            found.append(
                f"{rows.say(gap)}: {label} is empty and nothing implies it; give it, or no law "
                f"that reads {name} can use the row"
            )
    return [*found, *unfinished(given, rows)]


def by_row(problems: Iterable[str]) -> list[str]:
    """Sort problems by their first row; those of no row come first, counts of the rest last.

    Parameters
    ----------
    problems : iterable of str
        Those of rows begin like "line 3:" or "rows 3 and 7:".

    Returns
    -------
    list of str
    """

    def place(problem: str) -> float:
        if re.match(r"(and )?\d+ more ", problem):
            return float("inf")
        row = re.match(r"(?:line|row)s? (\d+)", problem)
        return float(row[1]) if row else -1.0

    return sorted(problems, key=place)


def _filled(
    given: Columns, unread: Mapping[str, Mapping[int, str]]
) -> dict[str, NDArray[np.float64] | NDArray[Any]]:
    """Return the columns with a stand-in for every cell that cannot be used."""
    filled = dict(given)
    for name, values in given.items():
        column = COLUMNS.get(name)
        if column is None or column.kind not in ("count", "positive"):
            continue
        bad = ~np.isnan(values) & ~((values > 0) & np.isfinite(values))
        texts = {int(i): f"{values[i]:g}" for i in np.flatnonzero(bad)} | dict(unread.get(name, {}))
        if not texts:
            continue
        codes = {text: STAND_IN * (1 + k) for k, text in enumerate(dict.fromkeys(texts.values()))}
        filled[name] = values.copy()
        filled[name][list(texts)] = [codes[text] for text in texts.values()]
    for name, cells in unread.items():
        if cells and filled[name] is given[name]:
            filled[name] = given[name].copy()
            filled[name][list(cells)] = STAND_IN
    return filled
