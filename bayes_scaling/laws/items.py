"""Questions of an evaluation: what their number adds to the noise of a score.

A score of n questions is a share of n, so its log odds are known to about 1 / sqrt(n p (1 - p)).
This is added to the noise of runs, row by row, and to that of a new run, which is taken to be
measured as the runs of its group were. Where few answers are right, or few wrong, log odds say too
much: of 0 in 200 they know only that the score is low. There the answers themselves count, as a
binomial whose log odds have the noise of runs, which is summed out on a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.noise import FEW, UNTOLD, count_answers, from_the_ends, item_sd
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    from bayes_scaling.laws.definition import Definition

Array = NDArray[np.float64]

COLUMN = "items"

ERROR = "error"
"""The response of laws of scores, which is measured on questions: 1 less the score."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is observed of each row, and how well questions tell it.

    Attributes
    ----------
    response : array (n_runs,)
        The response, half a question away from its ends where questions are told.
    item_sd : array (n_runs,)
        Standard deviation from the questions, on the scale of noise; 0 where none are counted.
    counts : array (n_runs, 3)
        Of rows with fewer than `FEW` answers of a kind, as `count_answers` has them; nan elsewhere.
    """

    response: Array
    item_sd: Array
    counts: Array


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


def measured(model: Definition, runs: RunTable) -> Measured:
    """Return what is observed of each row of a model's response."""
    response = np.asarray(runs[model.response], float)
    counts = np.full((len(runs), 3), np.nan)
    if not model.counts_items:
        return Measured(response=response, item_sd=np.zeros(len(runs)), counts=counts)
    items = told_items(runs)
    few = items * np.minimum(response, 1 - response) < FEW
    counts[few] = count_answers(items[few] * response[few], items[few])
    told = np.isfinite(items)
    response = np.where(told, from_the_ends(response, items), response)
    sd = item_sd(response, np.where(told, items, UNTOLD))
    return Measured(response=response, item_sd=sd, counts=counts)
