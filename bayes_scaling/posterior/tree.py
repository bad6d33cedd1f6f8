"""A `Fit` as an `xarray.DataTree`: what ArviZ reads, and what is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from bayes_scaling.laws.density import log_likelihood, log_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import steps_logpdf, steps_name

if TYPE_CHECKING:
    import xarray as xr

    from bayes_scaling.posterior.member import Member

RUN = "run_index"
"""Dimension of the runs."""

STEP = "step"
"""Dimension of the steps of a walk."""

DRIFT = "drift"
"""Group of the steps of the walks, by the input that drifts."""


MOST_DENSITIES = 50_000_000
"""Densities of runs under draws that a tree holds; more would fill memory and disk."""


def stored_name(column: str) -> str:
    """Return the name a column is stored under; netCDF allows no slashes."""
    return quote(column, safe=" ")


def make_tree(fit: Member) -> xr.DataTree:
    """Lay out a fit in the groups that ArviZ knows.

    Parameters
    ----------
    fit : Member
        The fit.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior``, ``sample_stats``, ``log_likelihood`` and ``log_prior`` (by
        chain and draw), ``observed_data``, ``constant_data`` and ``runs`` (the table); ``drift``
        (standardised steps of the walks) where exponents drift. Without ``log_likelihood`` where
        runs times draws are more than `MOST_DENSITIES`.
    """
    import xarray as xr

    chains, draws = next(iter(fit.draws.values())).shape[:2]
    design = make_design(fit.model, fit.runs)
    group = stored_name(fit.model.group)

    def dims(name: str, shape: tuple[int, ...], last: str) -> tuple[str, ...]:
        if len(shape) == 2:
            return ("chain", "draw")
        own = last == group and shape[2] != len(fit.groups)  # the levels of one parameter
        return ("chain", "draw", f"{name}_level" if own else last)

    def unflat(values: np.ndarray) -> np.ndarray:
        return values.reshape(chains, draws, *values.shape[1:])

    likelihood = {}
    if fit.n_draws * design.response.size <= MOST_DENSITIES:
        found = unflat(log_likelihood(fit.model, design, fit.flat, fit.walks))
        likelihood[fit.model.response] = found.astype(np.float32)
    priors = {
        name: unflat(values)
        for name, values in log_prior(fit.model, fit.flat, design.grouping).items()
    }
    priors |= {steps_name(name): steps_logpdf(steps) for name, steps in fit.steps.items()}
    labels = {group: list(fit.groups)} if len(fit.groups) > 1 else {}
    chain_draw = {"chain": np.arange(chains), "draw": np.arange(draws)}

    def dataset(arrays: Mapping[str, np.ndarray], last: str = group) -> xr.Dataset:
        coords = {**chain_draw, **(labels if last == group else {})}
        variables = {
            name: (dims(name, values.shape, last), values) for name, values in arrays.items()
        }
        return xr.Dataset(variables, coords=coords)

    response = fit.model.response
    drift = {DRIFT: dataset(fit.steps, STEP)} if fit.steps else {}
    return xr.DataTree.from_dict(
        {
            "posterior": dataset(fit.draws),
            "sample_stats": dataset(fit.stats),
            **drift,
            **({"log_likelihood": dataset(likelihood, RUN)} if likelihood else {}),
            "log_prior": dataset(priors),
            "observed_data": xr.Dataset({response: ((RUN,), design.response)}),
            "constant_data": xr.Dataset(
                {name: ((RUN,), values) for name, values in design.inputs.items()}
            ),
            "runs": xr.Dataset(
                {stored_name(name): ((RUN,), fit.runs[name]) for name in fit.runs.columns}
            ),
        }
    )
