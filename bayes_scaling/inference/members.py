"""The default members of an ensemble: which forms are averaged when a user names none."""

from __future__ import annotations

from bayes_scaling.laws.catalogue import load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.runs import RunTable

MEMBERS = ("coupled-tempered", "coupled-drift", "coupled-drift-tempered")
"""Members where runs have params and tokens, with equal weights."""


def default_members(runs: RunTable) -> tuple[Model, ...]:
    """Return the models that are fitted where a user names none.

    Parameters
    ----------
    runs : RunTable
        The runs; their columns decide which laws can be fitted.

    Returns
    -------
    tuple of Model
    """
    for column, name in (("params", "kaplan-n"), ("tokens", "kaplan-d"), ("flops", "kaplan-c")):
        others = {"params", "tokens", "flops"} - {column}
        if column in runs and not others & set(runs.columns):
            return (load_model(name),)
    return tuple(load_model(name) for name in MEMBERS)
