"""What is doubted of a whole table where it is checked or fitted, and not each time it is read."""

from __future__ import annotations

from collections.abc import Collection

from bayes_scaling.runs.copies import doubt_of
from bayes_scaling.runs.far_above import far_above
from bayes_scaling.runs.recipes_apart import recipes_apart
from bayes_scaling.runs.table import RunTable


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
