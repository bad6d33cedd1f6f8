"""The deep split: a test of reach inside the data, fitted on the small runs, scored on the largest.

How far a law can be trusted beyond the runs shows only where it is asked for runs much larger than
those it has seen; leaving out one run at a time does not ask that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable
from bayes_scaling.scores import score
from bayes_scaling.validation.split import Split, log_scale, make_splits

LOW, HIGH = 0.6, 0.85
"""Shares of the log range of compute: runs below the first are fitted, above the second scored."""

FEWEST = 8
"""Runs that must be there to fit."""

LARGEST_ERROR = 1e6
"""Multiple of the observed loss at which draws are cut off, so that scores stay finite."""


def deep_split(
    runs: RunTable,
    *,
    response: str = "loss",
    group: str = "family",
    low: float = LOW,
    high: float = HIGH,
) -> Split | str:
    """Divide runs by their size, each group by its own range; those in between take no part.

    Parameters
    ----------
    runs : RunTable
        The runs.
    response : str
        What is forecast.
    group : str
        The column whose values are groups of runs.
    low, high : float
        Shares of the log range of compute (or of the only size that is known) up to which runs are
        fitted, and beyond which they are scored.

    Returns
    -------
    Split or str
        The reason, where the runs cannot be divided.
    """
    (logs,) = log_scale(runs)
    labels = runs.labels(group)
    fitted, scored = (np.zeros(len(runs), dtype=bool) for _ in range(2))
    for label in np.unique(labels):
        mine = labels == label
        start, span = logs[mine].min(), np.ptp(logs[mine])
        small, large = mine & (logs <= start + low * span), mine & (logs > start + high * span)
        if span > 0 and small.sum() > 1:
            fitted, scored = fitted | small, scored | large
    if fitted.sum() < FEWEST:
        return (
            f"{fitted.sum()} runs lie in the lower {low:.0%} of the log range of compute, and "
            f"fitting them alone takes {FEWEST}"
        )
    try:
        (split,) = make_splits(runs, fitted, scored, by=None, response=response, group_column=group)
    except InputError as error:
        return "; ".join(error.problems)
    return split


def describe(split: Split) -> str:
    """Say what is fitted and what is scored."""
    return (
        f"fitted on the {len(split.fitted)} smallest runs, scored on the {len(split.targets)} "
        f"largest, up to {np.exp(split.efolds.max()):.3g} times beyond them"
    )


def score_groups(draws: NDArray[np.float64], split: Split) -> dict[str, float]:
    """Score draws of the targets' losses (n_draws, n_targets), averaged over groups.

    The names are those of `bayes_scaling.scores`.
    """
    observed, labels = split.observed, split.scored_as(split.targets)
    finite = np.clip(np.nan_to_num(draws, nan=np.inf), 0.0, LARGEST_ERROR * observed)
    found = [
        score(finite[:, labels == label], observed[labels == label]) for label in np.unique(labels)
    ]
    return {name: float(np.mean([item[name] for item in found])) for name in found[0]}
