"""A prior laid out as a `Member`, so that every question can be asked what the prior expects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.density import draw_groups, draw_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import KNOTS
from bayes_scaling.laws.groups import make_groups
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.nominal import unobserved
from bayes_scaling.posterior.member import Member
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.slopes import slopes
from bayes_scaling.runs import RunTable

Draws = Mapping[str, NDArray[np.float64]]


def prior_member(
    model: Model, runs: RunTable, *, draws: int, random_seed: int, grouped: bool = False
) -> Member:
    """Draw from the prior of a law.

    Parameters
    ----------
    model : Model
        The law.
    runs : RunTable
        Runs whose sizes give the reference sizes and the range beyond which exponents drift on;
        their losses are not read.
    draws : int
        Independent draws.
    random_seed : int
        Seed of them.
    grouped : bool
        Whether the groups of the runs are drawn around their populations; else all are one group.

    Returns
    -------
    Member
        With draws of the prior where a fit has those of the posterior, in one chain, unchecked.

    Raises
    ------
    InputError
        The runs lack what the law reads.
    """
    sizes = unobserved(model, runs, grouped=grouped)
    groups = make_groups(model, sizes)
    references = _references(model, sizes)
    settings = Settings(draws=draws, tune=0, chains=1, random_seed=random_seed)
    populations = draw_prior(model, (1, draws), settings.generator("prior"))
    parameters = draw_groups(model, groups, populations, settings.generator("prior groups"))
    rng = settings.generator("prior drift")
    drawn = Member(
        model=model,
        runs=sizes,
        draws=_by_draw({**parameters, **_derived(model, parameters, references)}),
        steps={name: rng.standard_normal((1, draws, KNOTS - 1)) for name in model.drifting},
        stats={},
        references=references,
        groups=groups.labels,
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
    shape = next(iter(parameters.values())).shape[-2:]
    derived = model.derive(parameters, references)
    return {
        name: np.broadcast_to(value, (*np.shape(value)[:-2], *shape))
        for name, value in derived.items()
    }


def _by_draw(draws: Draws) -> dict[str, NDArray[np.float64]]:
    """Lay draws (n_groups, n_chains, n_draws) out as a fit does, with the groups last."""
    return {
        name: np.moveaxis(values, 0, -1) if values.ndim == 3 else values
        for name, values in draws.items()
    }
