"""One piece of a backtest: fit the small runs of a split and forecast its targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.facade import Fit
from bayes_scaling.laws.density import per_run
from bayes_scaling.laws.items import COLUMN
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import as_read, noise_logpdf
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.members import default_members
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.forecast import Forecast, forecast_by_law, mix_forecasts
from bayes_scaling.scores import log_density, pit, quantiles_at_levels
from bayes_scaling.validation.keeping import Kept, folder_to_keep
from bayes_scaling.validation.split import Split
from bayes_scaling.validation.tasks import fit_quietly

Array = NDArray[np.float64]

ARRAYS = ("quantiles", "pit", "log_density")
"""Names of the arrays of `HeldOut`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """One fit with its forecasts, as a worker takes it.

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
class HeldOut:
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


def forecast_targets(task: Task) -> HeldOut:
    """Fit and forecast; the losses of the targets are looked at only then."""
    models = task.models[0] if task.models and len(task.models) == 1 else task.models
    found = fit_quietly(task.split.fitted, models, task.settings)
    observed = task.split.observed
    forecasts = {
        name: forecast_by_law(law, task.split.sizes) for name, law in found.members.items()
    }
    draws = mix_forecasts(forecasts, found.weights).draws
    densities = [
        np.log(found.weights[name]) + member_log_density(law, forecasts[name], observed)
        for name, law in found.members.items()
    ]
    return HeldOut(
        quantiles=quantiles_at_levels(draws),
        pit=pit(draws, observed),
        log_density=np.logaddexp.reduce(densities, axis=0),
        status=found.status,
        members=_member_rows(found),
    )


def member_log_density(law: Member, forecast: Forecast, observed: Array) -> Array:
    """Log predictive density at observed losses (n_targets,), per unit of loss."""
    parameters = per_run(law.model, law.flat, forecast.plan.group)
    plan = forecast.plan
    parameters |= law.noise_of_items(forecast.noise_free, plan.group, plan.columns.get(COLUMN))
    observed = as_read(observed, parameters)
    link = link_of(law.model)
    deviation = link.forward(observed) - link.forward(forecast.noise_free)
    density = noise_logpdf(law.model.noise, deviation, parameters)
    return log_density(density + link.log_slope(observed))


def _member_rows(found: Fit) -> tuple[dict[str, Any], ...]:
    rows: list[dict[str, Any]] = [
        {
            "model": name,
            "weight": float(found.weights[name]),
            "status": law.status,
            "divergent": float(np.mean(law.stats["diverging"])),
            "compile_seconds": float(law.provenance["compile_seconds"]),
            "sample_seconds": float(law.provenance["sample_seconds"]),
        }
        for name, law in found.members.items()
    ]
    rows += [
        {"model": name, "weight": 0.0, "status": f"left out: {reason}"}
        for name, reason in found.left_out.items()
    ]
    return tuple(rows)


# ---- kept between calls --------------------------------------------------------------------------


def keeping(folder: str | Path, random_seed: int | None) -> Kept[Task, HeldOut]:
    """Return where the forecasts of splits are kept.

    Raises
    ------
    InputError
        The folder cannot be written to, or there is no seed.
    """
    return Kept(
        folder=folder_to_keep(folder, random_seed), asked=_asked, plain=_plain, whole=_held_out
    )


def _asked(task: Task) -> dict[str, Any]:
    """Return all that the forecasts of a split depend on."""
    split = task.split
    return {
        "backtest": [split.fitted.content_hash, split.targets.content_hash],
        "columns": [split.response, split.group_column],
        "models": [model.content_hash for model in task.models or default_members(split.fitted)],
        "settings": asdict(task.settings),
    }


def _plain(found: HeldOut) -> dict[str, Any]:
    arrays = {name: getattr(found, name).tolist() for name in ARRAYS}
    return {**arrays, "status": found.status, "members": [dict(row) for row in found.members]}


def _held_out(plain: Mapping[str, Any]) -> HeldOut:
    return HeldOut(
        **{name: np.array(plain[name]) for name in ARRAYS},
        status=plain["status"],
        members=tuple(plain["members"]),
    )
