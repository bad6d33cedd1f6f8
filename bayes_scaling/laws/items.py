"""Questions of an evaluation: what their number adds to the noise of a score.

A score of n questions is a share of n, so its log odds are known to about 1 / sqrt(n p (1 - p)).
This is added to the noise of runs, row by row, and to that of a new run, which is taken to be
measured as the runs of its group were. A score of 0 or 1 is read half a question away from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    from bayes_scaling.laws.definition import Definition

Array = NDArray[np.float64]

COLUMN = "items"

ERROR = "error"
"""The response of laws of scores, which is measured on questions: 1 less the score."""

UNTOLD = 1e5
"""Questions of an evaluation that does not say how many it has: so many that they blur nothing but
scores that are all the same, of which a law would else be infinitely sure."""


def item_sd(error: Array, items: Array) -> Array:
    """Return the standard deviation of the empirical log odds of an error rate.

    Parameters
    ----------
    error : array
        Error rate, in [0, 1].
    items : array
        Number of questions; broadcasts with it.

    References
    ----------
    Gart and Zweifel 1967, On the bias of various estimators of the logit and its variance.
    """
    wrong = error * items
    return np.asarray(np.sqrt(1 / (wrong + 0.5) + 1 / (items - wrong + 0.5)))


def told_items(runs: RunTable) -> Array:
    """Return the number of questions of each row (n_runs,); nan where it is not told."""
    values = runs[COLUMN] if COLUMN in runs else np.full(len(runs), np.nan)
    return values if values.dtype.kind == "f" else np.full(len(runs), np.nan)


def items_of_groups(runs: RunTable, column: str, groups: tuple[str, ...]) -> Array:
    """Return the number of questions of each group (n_groups,).

    It is the middle one of its rows; of a group without rows, that of all.
    """
    items, labels = told_items(runs), runs.labels(column)
    items = np.where(np.isfinite(items), items, UNTOLD)
    own = [items[labels == name] for name in groups]
    return np.array([np.median(each if each.size else items) for each in own])


def measured(model: Definition, runs: RunTable) -> tuple[Array, Array]:
    """Return what is observed of each row, and its standard deviation from the questions.

    Returns
    -------
    response, item_sd : array (n_runs,)
        The second on the scale of noise; 0 where the model does not count questions.
    """
    response = np.asarray(runs[model.response], float)
    if not model.counts_items:
        return response, np.zeros(len(runs))
    items = told_items(runs)
    told = np.isfinite(items)
    response = np.where(told, (items * response + 0.5) / (items + 1), response)
    return response, item_sd(response, np.where(told, items, UNTOLD))
