"""The default members of an ensemble: which forms are averaged when a user names none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

FLOORS: Mapping[str, Mapping[str, Any] | None] = {
    "": None,
    "open": {"dist": "Beta", "alpha": 2.0, "beta": 2.0},
    "low": {"dist": "Beta", "alpha": 0.3, "beta": 3.0},
}
"""Priors of the irreducible share of the loss of runs of one size, by the label of the member: that
of its law, most of it, as of text; anything; and next to nothing, as of a squared error that falls
by decades. The runs say how much each weighs: see `floor_shares`. Chosen inside fit sets
(tests/studies/abroad.py, "deep curves")."""

LOW = 0.1
"""How probable the last is beforehand, against either of the others. Chosen there too."""

LEAST_FLOOR = 0.05
"""Weight below which members of one of these priors are left out."""

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
        order. Of an error rate, or in one size, those with a ceiling alone; an error rate errs by a
        share of its odds, unless some run is at 0 or 1. In one size a loss has members of each of
        `FLOORS`, an error rate those that leave it open. Where runs have several groups, each has a
        law of its own; only the drift, the noise and the coupling are learned together. Exponents
        pooled over groups forecast worse on deep splits, since recipes differ more than the few
        groups can say.
    """
    sizes = [name for name in ONE_INPUT if _varies(runs, name)]
    unit, loss = unit_of(runs), runs["loss"]
    bounded = unit is not None and unit.bounded
    members: tuple[Model, ...]
    if sizes and not {"params", "tokens"} <= set(sizes):
        name = f"saturating-m2{ONE_INPUT[sizes[0]]}"
        floors = ["open"] if bounded else list(FLOORS)
        members = tuple(each for label in floors for each in _below_ceiling(name, label))
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


def floor_shares(ids: Collection[str], log_odds: Mapping[str, float]) -> dict[str, float]:
    """Return the weights of the default members where runs have one size.

    Parameters
    ----------
    ids : collection of str
        Of the members.
    log_odds : mapping of str to float
        By the id of a member, the log odds of the member that `floor_before` names against it
        [nats]; those that are missing are taken to be as the others of the same floor.

    Returns
    -------
    dict of str to float
        By id: the posterior weights of the floors, without those that weigh less than
        `LEAST_FLOOR`.
    """
    known: dict[str, list[float]] = {label: [] for label in FLOORS}
    for name, odds in log_odds.items():
        known[_floor_of(name)].append(odds)
    present = [label for label in FLOORS if any(_floor_of(name) == label for name in ids)]
    steps = [float(np.mean(known[label])) if known[label] else 0.0 for label in present[1:]]
    logs = np.cumsum([0.0, *steps[::-1]])[::-1]
    logs = logs + np.log([LOW if label == "low" else 1.0 for label in present])
    weights = np.exp(logs - np.logaddexp.reduce(logs))
    weights = np.where(weights < LEAST_FLOOR, 0.0, weights)
    own = dict(zip(present, weights, strict=True))
    return {name: float(own[_floor_of(name)]) for name in ids}


def floor_before(model_id: str) -> str | None:
    """Return the id of the same member with the floor before its own in `FLOORS`, if there is one.

    Priors of the floor narrow from the last to the first, so draws of each tell of the one before.
    """
    labels = list(FLOORS)
    place = labels.index(_floor_of(model_id))
    if place == 0:
        return None
    before = f"-{labels[place - 1]}-" if labels[place - 1] else "-"
    return model_id.replace(f"-{labels[place]}-", before)


def _floor_of(model_id: str) -> str:
    """Return the label of the floor of a member."""
    return next((label for label in FLOORS if label and f"-{label}-" in model_id), "")


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


def _below_ceiling(name: str, label: str) -> tuple[Model, Model]:
    """Dress a law as the members of two sizes are, with one of `FLOORS`."""
    tempered, _, drifting = (load_model(member) for member in BELOW_CEILING)
    law = replace(load_model(name), form_error=tempered.form_error)
    named = f"{name}-{label}" if label else name
    floor = FLOORS[label]
    own = {"saturation": ANY_LEVEL} | ({} if floor is None else {"f": floor})
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
