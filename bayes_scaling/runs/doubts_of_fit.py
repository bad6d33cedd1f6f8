"""What is doubted of a whole table where it is checked or fitted, and not each time it is read."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from bayes_scaling.runs.columns import SIZES
from bayes_scaling.runs.copies import doubt_of
from bayes_scaling.runs.far_above import far_above
from bayes_scaling.runs.recipes_apart import recipes_apart
from bayes_scaling.runs.table import RunTable

SPLITS = "allocate, advise, serve and what a split loses in risk"
"""Questions about the split of a budget into params and tokens."""


def doubts_of_fit(runs: RunTable, pooled: Collection[str] = ("family",)) -> tuple[str, ...]:
    """Return doubts about copies, recipes in one group, and runs far above the others.

    Parameters
    ----------
    runs : RunTable
    pooled : collection of str
        Columns whose groups the laws part.

    Returns
    -------
    tuple of str
    """
    return (*doubt_of(runs), *recipes_apart(runs, pooled), *far_above(runs.columns))


def unanswerable(runs: RunTable) -> tuple[str, ...]:
    """Return what cannot be asked of a fit to a table, and which columns it would take."""
    if "loss" in runs and (same := _one_size(runs)):
        return (f"{same}, so the default fit answers none of {SPLITS}: add runs of another size",)
    lacking = [name for name in ("params", "tokens") if name not in runs]
    if not lacking or "loss" not in runs or not {*SIZES, "steps"} & set(runs.columns):
        return ()
    have = [name for name in SIZES if name in runs]
    return (
        f"without {' and '.join(lacking)} no fit of this table answers {SPLITS}: give two of the "
        f"columns params, tokens and flops"
        f"{' (the table has ' + have[0] + ')' if have else ''}, and the third follows",
    )


def splits_take(runs: RunTable | None) -> str:
    """Say what a fit that splits budgets takes, beside the table of one that does not."""
    if runs is not None and (same := _one_size(runs)):
        return f"takes runs of another size too: {same}"
    return (
        "takes a table with two of the columns params, tokens and flops (with flops, the third "
        "follows)"
    )


def _one_size(runs: RunTable) -> str:
    """Say which one of params and tokens is the same in all runs of a table of both, or ""."""
    if not {"params", "tokens"} <= set(runs.columns):
        return ""
    ends = {name: (np.nanmin(runs[name]), np.nanmax(runs[name])) for name in ("params", "tokens")}
    same = [f"{low:.3g} {name}" for name, (low, high) in ends.items() if low == high]
    return f"all runs have {same[0]}" if len(same) == 1 else ""
