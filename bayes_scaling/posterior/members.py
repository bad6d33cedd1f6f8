"""The default members of an ensemble: which forms are averaged when a user names none.

One rule for all runs: a law below a ceiling, once with fixed exponents and once with exponents that
drift, both tempered. Where runs have params and tokens and a loss without bound, the same two
without a ceiling stand beside them, since most sweeps of language models are far below theirs; the
runs say how much each kind weighs. All was chosen on deep splits inside what other tasks fit, at
home and abroad (tests/studies/abroad.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bayes_scaling.laws.catalogue import load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.parameters import Pool
from bayes_scaling.laws.shares import of_shares
from bayes_scaling.posterior.weights import LEAST
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.metrics import unit_of

PLAIN = ("coupled-tempered", "coupled-drift-tempered")
"""Members without a ceiling, where runs have params and tokens."""

BELOW_CEILING = ("ceiling-tempered", "ceiling-drift-tempered")
"""The same below one."""

ONE_INPUT: Mapping[str, str] = {"params": "-n", "tokens": "", "flops": "-c"}
"""End of the name of the law of runs that have one size only, or of which one size varies."""

MOST_PLAIN = 0.7
"""Most that members without a ceiling weigh together: odds within the runs are odds beyond them
only if the forms are right."""

OWN = ("alpha", "beta", "excess", "decay")
"""Parameters of which each group of runs has its own."""


def default_members(runs: RunTable) -> tuple[Model, ...]:
    """Return the models that are fitted where a user names none.

    Parameters
    ----------
    runs : RunTable
        The runs; their columns and their metric decide which laws can be fitted.

    Returns
    -------
    tuple of Model
        Of a loss in two sizes, the members without a ceiling and then those with one, in the same
        order. Of an error rate, or in one size, those with a ceiling alone; an error rate errs by a
        share of its odds, unless some run is at 0 or 1. Where runs have several groups, each has a
        law of its own; only the drift, the noise and the coupling are learned together. Exponents
        pooled over groups forecast worse on deep splits, since recipes differ more than the few
        groups can say.
    """
    sizes = [name for name in ONE_INPUT if _varies(runs, name)]
    unit, loss = unit_of(runs), runs["loss"]
    bounded = unit is not None and unit.bounded
    members: tuple[Model, ...]
    if sizes and not {"params", "tokens"} <= set(sizes):
        members = _below_ceiling(f"saturating-m2{ONE_INPUT[sizes[0]]}")
    else:
        members = tuple(load_model(name) for name in (*(() if bounded else PLAIN), *BELOW_CEILING))
    if bounded and loss.min() > 0 and loss.max() < 1:
        members = tuple(map(of_shares, members))
    return tuple(map(_unpooled, members))


def shares(log_odds: float) -> dict[str, float]:
    """Return the weights of the default members of a loss in two sizes.

    Parameters
    ----------
    log_odds : float
        Of the members without a ceiling against those with one, by `evidence.log_odds_without`
        [nats]; both count the same beforehand.

    Returns
    -------
    dict of str to float
        By the id of the model; 0 for members that would be left out for their weight.
    """
    plain = min(float(np.exp(-np.logaddexp(0.0, -log_odds))), MOST_PLAIN)
    plain = plain if plain >= LEAST * len(PLAIN) else 0.0
    return {
        **dict.fromkeys(PLAIN, plain / len(PLAIN)),
        **dict.fromkeys(BELOW_CEILING, (1 - plain) / len(BELOW_CEILING)),
    }


def _varies(runs: RunTable, name: str) -> bool:
    """Tell whether a size differs between runs of a family; what does not, no law can read."""
    if name not in runs:
        return False
    family = runs.labels("family")
    own = [runs[name][family == label] for label in np.unique(family)]
    return any(float(values.max()) > float(values.min()) for values in own)


def _below_ceiling(name: str) -> tuple[Model, Model]:
    """Dress a law as the members of two sizes are."""
    tempered, drifting = (load_model(member) for member in BELOW_CEILING)
    law = replace(load_model(name), form_error=tempered.form_error)
    return (
        law.with_features(ceiling=True, temper=tempered.temper, id=f"{name}-{tempered.id}"),
        law.with_features(
            ceiling=True, drift=True, temper=drifting.temper, id=f"{name}-{drifting.id}"
        ),
    )


def _unpooled(model: Model) -> Model:
    """Give every group its own exponents and its own transient."""
    parameters = tuple(
        replace(item, pool=Pool(kind="separate")) if item.name in OWN else item
        for item in model.parameters
    )
    return replace(model, parameters=parameters)
