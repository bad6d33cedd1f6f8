"""The default members of an ensemble: which forms are averaged when a user names none."""

from __future__ import annotations

from collections.abc import Mapping

from bayes_scaling.laws.catalogue import load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.runs import RunTable

MEMBERS = ("coupled-tempered", "coupled-drift", "coupled-drift-tempered")
"""Members where runs have params and tokens, chosen on deep splits inside the small runs of public
sweeps (tests/studies/benchmark.py)."""

ONE_INPUT: Mapping[str, str] = {
    "params": "saturating-m2-n",
    "tokens": "saturating-m2",
    "flops": "saturating-m2-c",
}
"""Law of runs that have one size only; its members drift, one of them tempered."""


def default_members(runs: RunTable) -> tuple[Model, ...]:
    """Return the models that are fitted where a user names none.

    Parameters
    ----------
    runs : RunTable
        The runs; their columns decide which laws can be fitted.

    Returns
    -------
    tuple of Model
        They weigh the same.
    """
    sizes = [name for name in ONE_INPUT if name in runs]
    if len(sizes) != 1:
        return tuple(load_model(name) for name in MEMBERS)
    law = load_model(ONE_INPUT[sizes[0]])
    return (
        law.with_features(drift=True, id=f"{law.id}-drift"),
        law.with_features(drift=True, temper=1.0, id=f"{law.id}-drift-tempered"),
    )
