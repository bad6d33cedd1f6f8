"""One piece of a backtest: fit the small runs of a split and forecast its targets."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import fit, fit_ensemble
from bayes_scaling.laws.density import per_run
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import noise_logpdf
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.forecast import Forecast, forecast_by_law, mix_forecasts
from bayes_scaling.scores import log_density, pit, quantiles_at_levels
from bayes_scaling.validation.split import Split

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What a worker is asked.

    Attributes
    ----------
    split : Split
        What is fitted and what is forecast.
    models : tuple of Model or None
        One model, several that are averaged, or None for the default ensemble.
    settings : Settings
        How to sample, with the seed of this split.
    """

    split: Split
    models: tuple[Model, ...] | None
    settings: Settings


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What comes back: the forecasts of a split, without the draws.

    Attributes
    ----------
    quantiles : array (39, n_targets)
        Of the loss of a new run, at `bayes_scaling.scores.LEVELS`.
    pit : array (n_targets,)
        Where the observed loss falls among the draws, 0 to 1.
    log_density : array (n_targets,)
        Log predictive density of the observed loss, per unit of loss.
    status : {"converged", "unconverged"}
        Of the fit.
    members : tuple of mapping
        For each fit: model, weight, status, share of divergent draws, seconds.
    """

    quantiles: Array
    pit: Array
    log_density: Array
    status: str
    members: tuple[Mapping[str, Any], ...]


def answer(task: Task) -> Answer:
    """Fit and forecast; the losses of the targets are looked at only then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)  # about each of many fits
        found = _fit(task)
    sizes, observed = task.split.sizes, task.split.observed
    weights = _weights(found)
    forecasts = {name: forecast_by_law(each, sizes) for name, each in found.members.items()}
    draws = mix_forecasts(forecasts, weights).draws
    densities = [
        np.log(weights[name]) + member_log_density(each, forecasts[name], observed)
        for name, each in found.members.items()
    ]
    return Answer(
        quantiles=quantiles_at_levels(draws),
        pit=pit(draws, observed),
        log_density=np.logaddexp.reduce(densities, axis=0),
        status=found.status,
        members=_member_rows(found),
    )


def _fit(task: Task) -> Fit:
    settings = asdict(task.settings)
    if task.models is not None and len(task.models) == 1:
        return fit(task.models[0], task.split.fitted, **settings)
    return fit_ensemble(task.split.fitted, task.models, **settings)


def _weights(found: Fit) -> Mapping[str, float]:
    return found.weights if found.averages else {found.model.id: 1.0}


def member_log_density(found: Member, forecast: Forecast, observed: Array) -> Array:
    """Log predictive density of one fit at observed losses (n_targets,), per unit of loss.

    Parameters
    ----------
    found : Fit
        The posterior.
    forecast : Forecast
        What it says of the runs.
    observed : array (n_targets,)
        What they reached.
    """
    parameters = per_run(found.model, found.flat, forecast.plan.group)
    link = link_of(found.model)
    deviation = link.forward(observed) - link.forward(forecast.noise_free)
    density = noise_logpdf(found.model.noise, deviation, parameters)
    return log_density(density + link.log_slope(observed))


def _member_rows(found: Fit) -> tuple[dict[str, Any], ...]:
    weights = _weights(found)
    rows: list[dict[str, Any]] = [
        {
            "model": name,
            "weight": float(weights[name]),
            "status": each.status,
            "divergent": float(np.mean(each.stats["diverging"])),
            "compile_seconds": float(each.provenance["compile_seconds"]),
            "sample_seconds": float(each.provenance["sample_seconds"]),
        }
        for name, each in found.members.items()
    ]
    if found.averages:
        rows += [
            {"model": name, "weight": 0.0, "status": f"left out: {reason}"}
            for name, reason in found.left_out.items()
        ]
    return tuple(rows)
