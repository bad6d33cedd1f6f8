"""Choosing rows of a run table: by a condition in text, or by the protocol of a law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.parse import parse_condition
from bayes_scaling.runs.designs import best_of_cells
from bayes_scaling.runs.protocols import PROTOCOLS, take_rows
from bayes_scaling.runs.table import RunTable
from bayes_scaling.runs.wishes import mask_of

TUNED = "tuned"
"""The choice of the best run of each size, for rules of learning rates and batches."""


def select_rows(runs: RunTable, condition: str) -> RunTable:
    """Return the rows of a table that meet a condition.

    Parameters
    ----------
    runs : RunTable
        The table.
    condition : str
        Over its columns, for example ``flops <= 1e12 and corpus == "c4"``.

    Returns
    -------
    RunTable

    Raises
    ------
    InputError
        The condition cannot be read, names no column, compares text with numbers, or no row
        meets it.

    Examples
    --------
    >>> small = select_rows(runs, "flops <= 1e19")  # doctest: +SKIP
    """
    return runs.take(row_mask(runs, condition))


def row_mask(runs: RunTable, condition: str) -> NDArray[np.bool_]:
    """Return which rows meet a condition (n_runs,); as `select_rows`."""
    node = parse_condition(condition)
    return mask_of(node, runs.columns, len(runs), where=f"condition {condition!r}")


def chosen_rows(runs: RunTable, select: str, *, group: str) -> RunTable:
    """Return the rows that a law takes.

    Parameters
    ----------
    runs : RunTable
        The table.
    select : str
        The name of a protocol, such as ``"envelope"``; ``"tuned"``, the best run of each size;
        or a condition.
    group : str
        The column whose groups are looked at one by one.

    Returns
    -------
    RunTable
        Its last note says what was taken.

    Raises
    ------
    InputError
        The protocol cannot be applied to the table, or the condition cannot be read.
    """
    if select in PROTOCOLS:
        return take_rows(runs, select, group=group)
    chosen = best_of_cells(runs) if select == TUNED else select_rows(runs, select)
    note = f"{select}: {len(chosen)} of {len(runs)} rows"
    return replace(chosen, notes=(*chosen.notes, note))


def has_repeats(runs: RunTable, group: str) -> bool:
    """Whether several runs of one group have several rows each, such as checkpoints.

    One run alone does not count: what its rows share is not told from the level of the group.
    """
    if "run" not in runs:
        return False
    names, groups = runs.labels("run"), runs.labels(group)
    for label in np.unique(groups):
        own = names[(groups == label) & (names != "")]
        if (np.unique(own, return_counts=True)[1] > 1).sum() > 1:
            return True
    return False
