"""Runs of equal sizes that a text tells apart, which no law reads: recipes fitted as one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.columns import COLUMNS, SIZES, fold, shown_in_formula
from bayes_scaling.runs.copies import LOGGED
from bayes_scaling.runs.named_runs import SURE
from bayes_scaling.runs.resolve import is_held_out, is_training
from bayes_scaling.runs.table import RunTable

FEWEST = 3
"""Sizes that hold several labels, and runs of each label, from which labels name recipes."""

MOST = 12
"""Labels of a column; more of them name runs."""

STATES = frozenset("state status tags tag note notes comment comments".split())
"""Headings of remarks on a run."""

TOLD = frozenset("run metric corpus schedule purpose pretrained_on source data_unit".split())
"""Columns of text with a meaning of their own, which have doubts of their own."""

ANSWERS = frozenset({"loss", "score", "error", "seed", "diverged", "items", "chance"})
"""Columns of numbers that are no setting of a run."""


def recipes_apart(runs: RunTable, pooled: Collection[str] = ("family",)) -> tuple[str, ...]:
    """Doubt a column of text whose labels differ between runs of equal sizes.

    Parameters
    ----------
    runs : RunTable
    pooled : collection of str
        Columns whose groups a law parts.

    Returns
    -------
    tuple of str
        One doubt at most.
    """
    sizes = [name for name in SIZES if name in runs]
    if not sizes or "loss" not in runs:
        return ()
    held = [
        name
        for name, values in runs.columns.items()
        if name in pooled
        or name in TOLD - {"run"}
        or (name in COLUMNS and name not in ANSWERS and values.dtype.kind == "f")
    ]
    settings = [np.unique(runs[name], return_inverse=True)[1] for name in held if name in runs]
    cell = np.unique(np.stack(settings), axis=1, return_inverse=True)[1].ravel()
    for name in runs.columns:
        labels = _labels(runs, name, pooled)
        if labels is None:
            continue
        named, code, counts = np.unique(labels, return_inverse=True, return_counts=True)
        pairs = np.unique(np.stack([cell, code]), axis=1)
        mixed = np.bincount(pairs[0]) > 1
        if counts.min() < FEWEST or np.count_nonzero(mixed) < FEWEST:
            continue
        first, second = (str(label) for label in named[:2])
        shown = ", ".join(named[:4]) + (", ..." if named.size > 4 else "")
        where = f'{shown_in_formula(name)} == "{first}"'
        return (
            f"runs of equal sizes differ in {name!r} ({shown}), which no law reads, and are fitted "
            f"as one: for a law of each, --pool-by {name} (in Python .pooled_by({name!r})); to "
            f"compare them, duel ... --by {name} --a {first} --b {second}; for one alone, --where "
            f"'{where}'",
        )
    return ()


def _labels(runs: RunTable, name: str, pooled: Collection[str]) -> NDArray[Any] | None:
    """Return the labels of a column that may name recipes; None of others."""
    values = runs[name]
    folded = fold(name).strip("_")
    if values.dtype.kind != "U" or name in TOLD or name in pooled:
        return None
    if folded in SURE | LOGGED | STATES:
        return None
    named = np.unique(values)
    if not 2 <= named.size <= MOST or "" in named:
        return None
    if any(is_held_out(str(label)) or is_training(str(label)) for label in named):
        return None
    return values
