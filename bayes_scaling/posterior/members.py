"""The default members of an ensemble: which forms are averaged when a user names none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bayes_scaling.laws.catalogue import load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.parameters import Pool
from bayes_scaling.runs import RunTable

PLAIN = ("coupled-tempered", "coupled-drift", "coupled-drift-tempered")
"""Members where runs have params and tokens, chosen on deep splits inside the small runs of public
sweeps (tests/studies/benchmark.py)."""

BELOW_CEILING = ("ceiling-tempered", "ceiling-drift", "ceiling-drift-tempered")
"""The same below a ceiling. The runs say how much each three weigh: see `shares`."""

ONE_INPUT: Mapping[str, str] = {"params": "-n", "tokens": "", "flops": "-c"}
"""End of the name of the laws of runs that have one size only."""

FORMS = ("saturating-m2", "saturating-m4")
"""Those laws: with a floor, and with a ceiling beside it. The members were chosen on splits inside
the fitted halves of twenty public curves; both drift, and the second comes tempered as well."""

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
        The runs; their columns decide which laws can be fitted.

    Returns
    -------
    tuple of Model
        Where there are two sizes, the members without a ceiling and then those with one, in the
        same order; else three that weigh the same. Where runs have several groups, each has a law
        of its own; only the drift, the noise and the coupling are learned together. Exponents
        pooled over groups forecast worse on deep splits, since recipes differ more than the few
        groups can say.
    """
    sizes = [name for name in ONE_INPUT if name in runs]
    if len(sizes) != 1:
        members = tuple(load_model(name) for name in (*PLAIN, *BELOW_CEILING))
    else:
        floor, both = (load_model(f"{name}{ONE_INPUT[sizes[0]]}") for name in FORMS)
        members = (
            floor.with_features(drift=True, id=f"{floor.id}-drift"),
            both.with_features(drift=True, id=f"{both.id}-drift"),
            both.with_features(drift=True, temper=1.0, id=f"{both.id}-drift-tempered"),
        )
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


def _unpooled(model: Model) -> Model:
    """Give every group its own exponents and its own transient."""
    parameters = tuple(
        replace(item, pool=Pool(kind="separate")) if item.name in OWN else item
        for item in model.parameters
    )
    return replace(model, parameters=parameters)
