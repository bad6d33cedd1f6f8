"""A run that is tuned as the fitted runs were, and not at its best: what it is given, and loses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.design import source_column
from bayes_scaling.posterior import Member
from bayes_scaling.questions.published_laws import Law

Array = NDArray[np.float64]
Tuned = Literal["tuned", "typical"]
"""Whether a planned run is tuned to its best, or as the fitted runs typically were."""


def knows_mistuned(law: Law) -> bool:
    """Whether a law knows a way in which runs are mistuned."""
    return isinstance(law, Member) and bool(law.tunes or law.model.mistuned.on)


def check_tuned(tuning: str, *laws: Law) -> None:
    """Refuse a word that is not known, and laws that know no way in which runs are mistuned.

    Raises
    ------
    InputError
        None of the laws knows any.
    """
    words = get_args(Tuned)
    if tuning not in words:
        raise InputError(f"tuning is {' or '.join(map(repr, words))}, got {tuning!r}")
    if tuning == "tuned" or any(map(knows_mistuned, laws)):
        return
    named = ", ".join(law.id for law in laws)
    if not any(isinstance(law, Member) for law in laws):
        raise InputError(f"{named} is a published law: it knows of no mistuned runs")
    raise InputError(
        f"{named}: nothing is known of how runs are mistuned, so a typical run is no other than a "
        "tuned one; fit with mistuned=True (--mistuned), or a law with a valley such as "
        f"{laws[0].id}+lr-valley"
    )


def typical_inputs(
    fit: Member, inputs: Mapping[str, Array], group: NDArray[np.int64]
) -> dict[str, Array]:
    """Return inputs with those that have a best value as far from it as in a fitted run.

    Parameters
    ----------
    fit : Member
        The posterior.
    inputs : mapping of str to array (n_runs,)
        What is given of the planned runs.
    group : array of int (n_runs,)
        Their groups; the fitted run is drawn from the same group, where it has any.

    Returns
    -------
    dict of str to array (n_runs,) or (n_draws, n_runs)
        In each draw one fitted run lends all its ratios to the best values.
    """
    found = dict(inputs)
    free = [line.name for line in fit.model.tuned if line.name not in inputs]
    if not free:
        return found
    fitted = {
        name: np.asarray(fit.runs[source_column(fit.model, fit.runs, name)], float)
        for name in fit.model.inputs
    }
    lender = _lenders(fit, group)
    lent = {name: values[lender] for name, values in fitted.items()}
    for name in free:
        others = {key: values for key, values in lent.items() if key != name}
        ratio = lent[name] / fit.tuned(others, group=group)[name]
        found[name] = fit.tuned(found, group=group)[name] * ratio
    return found


def _lenders(fit: Member, group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw a fitted run for each draw and planned run (n_draws, n_runs)."""
    rng = fit.generator("typical")
    count = len(next(iter(fit.flat.values())))
    labels = fit.runs.labels(fit.model.group)
    chosen = np.empty((count, group.size), dtype=np.int64)
    for index, own in enumerate(group):
        rows = np.flatnonzero(labels == fit.groups[own])
        chosen[:, index] = rng.choice(rows if rows.size else labels.size, size=count)
    return chosen
