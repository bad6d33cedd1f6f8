"""How far sizes lie beyond the fitted runs, in e-folds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.design import needs_positive
from bayes_scaling.posterior.two_steps import TwoSteps
from bayes_scaling.questions.published_laws import Law, PublishedConstants

Array = NDArray[np.float64]


AT_END = 1e-9
"""E-folds by which a size may leave the runs and still count as inside: logs are rounded."""


def efolds_beyond_runs(
    laws: Iterable[Law], sizes: Mapping[str, Array], labels: Sequence[str]
) -> dict[str, Array]:
    """E-folds by which sizes lie beyond the fitted runs (n_runs,), by input and in flops.

    Parameters
    ----------
    laws : iterable of Member or PublishedConstants
        Of several the farthest distance counts: they may read different sizes, and differ in
        groups. A published law has no runs to lie beyond.
    sizes : mapping of str to array (n_runs,)
        In the units of the run table.
    labels : sequence of str
        Group of each. Where parameters differ between groups, the fitted runs are those of the
        same group.
    """
    return farthest(_of_law(law, sizes, labels) for law in laws)


def farthest(parts: Iterable[Mapping[str, Array]]) -> dict[str, Array]:
    """Return the largest of several distances beyond the runs (n_runs,), by size."""
    beyond: dict[str, Array] = {}
    for part in parts:
        for name, values in part.items():
            beyond[name] = np.maximum(values, beyond.get(name, values))
    return dict(sorted(beyond.items()))


def _of_law(law: Law, sizes: Mapping[str, Array], labels: Sequence[str]) -> dict[str, Array]:
    if isinstance(law, PublishedConstants):
        return {}
    if isinstance(law, TwoSteps):
        found = _of_law(law.loss, sizes, (law.family,) * len(labels))
        loss = law.middle_loss(sizes)
        return found if loss is None else found | _of_law(law.score, {"loss": loss}, labels)
    groups = law.runs.labels(law.reads.group)
    known = set(groups.tolist())
    own = {
        label: (groups == label) | (not law.grouped or label not in known) for label in set(labels)
    }
    beyond = {}
    for name, values in law.fitted_sizes.items():
        if name in sizes and needs_positive(name):
            fitted, asked = np.log(values), np.log(sizes[name])
            ends = {label: _ends(fitted[rows]) for label, rows in own.items()}
            low, high = np.array([ends[label] for label in labels]).T
            far = np.maximum(asked - high, low - asked)
            beyond[name] = np.where(far <= AT_END, 0.0, far)
    return beyond


def _ends(values: Array) -> tuple[float, float]:
    """Return the smallest and the largest of the values that are known (n,); nan without any."""
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)
