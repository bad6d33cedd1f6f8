"""Runs that diverged: told apart by a column of their own, and set aside in words, never silently.

A diverged run has no loss that a law of training could explain; a robust noise may bear the few of
them whose loss is finite, and a table that marks them should not have to make one up for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.cells import Rows, read_numbers

DIVERGED = "diverged"
"""The column that marks them: 1 or true for a run that diverged, 0, false or nothing for others."""

Raw = Mapping[str, Sequence[Any] | NDArray[Any]]


def without_diverged(
    raw: Raw, rows: Rows, names: Mapping[str, str]
) -> tuple[Raw, Rows, list[str], list[str]]:
    """Take the rows out that are marked as diverged.

    Parameters
    ----------
    raw : mapping of str to sequence, dims (row,)
        Columns by their given names.
    rows : Rows
        Names of the rows.
    names : mapping of str to str
        From given names to canonical ones.

    Returns
    -------
    (raw, rows, doubts, problems)
        What is left and what it is called; what a user must know; and marks that cannot be read.
    """
    marks = next((name for name in raw if names.get(name) == DIVERGED), None)
    if marks is None:
        return raw, rows, [], []
    read = read_numbers(raw[marks], truth=True)
    bad = ~np.isnan(read.values) & ~np.isin(read.values, (0.0, 1.0))
    if bad.any():
        said = f"{rows.say(bad)}: {marks} is neither 1 (diverged) nor 0"
        return raw, rows, [], [said]
    gone = read.values == 1.0
    if not gone.any():
        return raw, rows, [], []
    kept = np.flatnonzero(~gone)
    doubt = (
        f"{rows.say(gone)}: diverged, {gone.sum()} of {len(rows)} runs; they are set aside, and "
        "the law is about runs that train. Leave the column out to keep those with a finite loss "
        "(noise with heavy tails, or mistuned=True, bears them)"
    )
    left = {name: [values[index] for index in kept.tolist()] for name, values in raw.items()}
    return left, Rows(label=rows.label, numbers=rows.numbers[kept]), [doubt], []
