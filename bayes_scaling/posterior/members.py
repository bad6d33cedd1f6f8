"""The default members of an ensemble: which forms are averaged when a user names none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_scaling.laws.catalogue import load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.parameters import Pool
from bayes_scaling.laws.shares import of_shares
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.metrics import unit_of

PLAIN = ("coupled-tempered", "coupled-drift", "coupled-drift-tempered")
"""Members where runs have params and tokens, chosen on deep splits inside the small runs of public
sweeps (tests/studies/benchmark.py)."""

BELOW_CEILING = ("ceiling-tempered", "ceiling-drift", "ceiling-drift-tempered")
"""The same below a ceiling. The runs say how much each three weigh: see `shares`."""

ONE_INPUT: Mapping[str, str] = {"params": "-n", "tokens": "", "flops": "-c"}
"""End of the name of the law of runs that have one size only, or of which one size varies."""

ANY_LEVEL = {"dist": "Beta", "alpha": 1.0, "beta": 1.0}
"""Prior of how near the ceiling runs of one size begin: anywhere."""

OPEN_FLOOR = {"dist": "Beta", "alpha": 2.0, "beta": 2.0}
"""Prior of the irreducible share of the loss of runs of one size that may be no curve of text, of
which most is. Chosen inside fit sets (tests/studies/abroad.py, "deep curves")."""

LEAST, SMALL = 0.1, 0.25
"""Least weight of the members with a ceiling, and of those without; and the weight below which one
of them speaks for all three. Chosen on deep splits inside fit sets (tests/studies/abroad.py)."""

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
        order. Of an error rate, or in one size, those with a ceiling alone, which weigh the same;
        an error rate errs by a share of its odds, unless some run is at 0 or 1. In one size half of
        the members expect most of the loss to be irreducible, as that of text, and half do not; of
        an error rate none does. Where runs have
        several groups, each has a law of its own; only the drift, the noise and the coupling are
        learned together. Exponents pooled over groups forecast worse on deep splits, since recipes
        differ more than the few groups can say.
    """
    sizes = [name for name in ONE_INPUT if _varies(runs, name)]
    unit, loss = unit_of(runs), runs["loss"]
    bounded = unit is not None and unit.bounded
    members: tuple[Model, ...]
    if sizes and not {"params", "tokens"} <= set(sizes):
        name = f"saturating-m2{ONE_INPUT[sizes[0]]}"
        members = _below_ceiling(name, "open", {"f": OPEN_FLOOR})
        members = members if bounded else (*_below_ceiling(name), *members)
    else:
        members = tuple(load_model(name) for name in (*(() if bounded else PLAIN), *BELOW_CEILING))
    if bounded and loss.min() > 0 and loss.max() < 1:
        members = tuple(map(of_shares, members))
    return tuple(map(_unpooled, members))


def shares(log_odds: float) -> dict[str, float]:
    """Return the weights of the default members where runs have two sizes.

    Parameters
    ----------
    log_odds : float
        Of the members without a ceiling against those with one, by `evidence.log_odds_without`
        [nats]; both count the same beforehand.

    Returns
    -------
    dict of str to float
        By the id of the model. Neither three weigh less than `LEAST` together: odds within the runs
        are odds beyond them only if the forms are right. Three that weigh less than `SMALL` are
        spoken for by one of them, and the others weigh 0.
    """
    plain = float(np.exp(-np.logaddexp(0.0, -log_odds)))
    plain = min(max(plain, LEAST), 1 - LEAST)
    return _spread(PLAIN, plain, PLAIN[1]) | _spread(BELOW_CEILING, 1 - plain, BELOW_CEILING[0])


def _spread(members: tuple[str, ...], share: float, alone: str) -> dict[str, float]:
    """Spread a share evenly, or give it to one member where it is small."""
    if share < SMALL:
        return dict.fromkeys(members, 0.0) | {alone: share}
    return dict.fromkeys(members, share / len(members))


def _varies(runs: RunTable, name: str) -> bool:
    """Tell whether a size differs between runs of a family; what does not, no law can read."""
    if name not in runs:
        return False
    family = runs.labels("family")
    own = [runs[name][family == label] for label in np.unique(family)]
    return any(float(values.max()) > float(values.min()) for values in own)


def _below_ceiling(
    name: str, label: str = "", priors: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Model, Model]:
    """Dress a law as the members of two sizes are; a label tells apart those with other priors."""
    tempered, _, drifting = (load_model(member) for member in BELOW_CEILING)
    law = replace(load_model(name), form_error=tempered.form_error)
    named = f"{name}-{label}" if label else name
    own = {"saturation": ANY_LEVEL, **(priors or {})}
    return (
        law.with_features(
            ceiling=True, temper=tempered.temper, id=f"{named}-{tempered.id}"
        ).with_priors(own),
        law.with_features(
            ceiling=True, drift=True, temper=drifting.temper, id=f"{named}-{drifting.id}"
        ).with_priors(own),
    )


def _unpooled(model: Model) -> Model:
    """Give every group its own exponents and its own transient."""
    parameters = tuple(
        replace(item, pool=Pool(kind="separate")) if item.name in OWN else item
        for item in model.parameters
    )
    return replace(model, parameters=parameters)
