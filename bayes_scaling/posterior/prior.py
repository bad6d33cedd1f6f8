"""A prior laid out as a `Member`, so that every question can be asked what the prior expects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.density import draw_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import KNOTS
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.nominal import ALL, unobserved
from bayes_scaling.posterior.member import Member
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.slopes import slopes
from bayes_scaling.runs import RunTable

Draws = Mapping[str, NDArray[np.float64]]


def prior_member(model: Model, runs: RunTable, *, draws: int, random_seed: int) -> Member:
    """Draw from the prior of a law.

    Parameters
    ----------
    model : Model
        The law.
    runs : RunTable
        Runs whose sizes give the reference sizes and the range beyond which exponents drift on;
        their losses and groups are not read.
    draws : int
        Independent draws.
    random_seed : int
        Seed of them.

    Returns
    -------
    Member
        With draws of the prior where a fit has those of the posterior: of one group of runs, in one
        chain, unchecked.

    Raises
    ------
    InputError
        The runs lack what the law reads.
    """
    sizes = unobserved(model, runs)
    references = _references(model, sizes)
    settings = Settings(draws=draws, tune=0, chains=1, random_seed=random_seed)
    parameters = draw_prior(model, (1, draws), settings.generator("prior"))
    rng = settings.generator("prior drift")
    drawn = Member(
        model=model,
        runs=sizes,
        draws={**parameters, **_derived(model, parameters, references)},
        steps={name: rng.standard_normal((1, draws, KNOTS - 1)) for name in model.drifting},
        stats={},
        references=references,
        groups=(ALL,),
        mixing={},
        checks=(),
        settings=settings,
        provenance={},
    )
    return replace(drawn, draws={**drawn.draws, **slopes(drawn)})


def _references(model: Model, runs: RunTable) -> dict[str, float]:
    """Return the reference sizes of a law, a rule or a query."""
    if not (model.reference_names or model.transient.on or model.form_error):
        return {}
    return dict(make_design(replace(model, kind="law"), runs).references)


def _derived(model: Model, parameters: Draws, references: dict[str, float]) -> Draws:
    """Compute derived quantities; a constant has the same value in every draw."""
    like = next(iter(parameters.values()))
    derived = model.derive(parameters, references)
    return {name: np.broadcast_to(value, like.shape) for name, value in derived.items()}
