"""The likelihood of runs with several rows: those of one run deviate together.

With a run effect, the deviations of the rows of a run from the law, on the log scale, are jointly
Student-t (or normal): each row has noise of scale sigma, and all share a deviation of scale
sigma_run. That deviation is integrated out in closed form, so a run with a hundred checkpoints adds
no dimension to the posterior; what is robust against outliers is the run, as a whole.

Where they are correlated, each row remembers the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayes_scaling.laws.design import Design
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import RUN_EFFECT


def run_data(design: Design) -> dict[str, NDArray[Any]]:
    """Return what tells rows and runs apart: the run of each row, and size and first row of each.

    The weight of a run under tempering is the mean of that of its rows.
    """
    sizes = np.bincount(design.run).astype(float)
    return {
        "run_number": design.run,
        "run_size": sizes,
        "run_first": np.unique(design.run, return_index=True)[1],
        "run_weight": np.bincount(design.run, weights=design.weights) / sizes,
    }


def observe_runs(
    model: Model, mean: Any, values: Mapping[str, Any], data: Mapping[str, Any]
) -> None:
    """Add the likelihood of the log response to the model in context, run by run.

    References
    ----------
    Kotz and Nadarajah 2004, Multivariate t Distributions and Their Applications, section 1.1; the
    inverse and the determinant of sigma**2 I + sigma_run**2 1 1' are those of Sherman and Morrison.
    """
    sigma = values["sigma"] + pt.zeros_like(mean)
    standard = (data["log_response"] - mean) / sigma
    sum_of_squares = _by_run(standard**2, data)
    total = _by_run(standard, data)
    size, own_sigma = data["run_size"], sigma[data["run_first"]]
    ratio = (values[RUN_EFFECT] / own_sigma) ** 2
    distance = sum_of_squares - ratio / (1 + size * ratio) * total**2
    log_determinant = 2 * size * pt.log(own_sigma) + pt.log1p(size * ratio)
    if model.noise == "normal":
        density = -0.5 * (size * np.log(2 * np.pi) + log_determinant + distance)
    else:
        nu = values["nu"]
        density = (
            pt.gammaln((nu + size) / 2)
            - pt.gammaln(nu / 2)
            - 0.5 * (size * pt.log(nu * np.pi) + log_determinant)
            - (nu + size) / 2 * pt.log1p(distance / nu)
        )
    pm.Potential("log_loss_of_runs", pt.sum(data["run_weight"] * density))


def correlated_data(design: Design) -> dict[str, NDArray[Any]]:
    """Return the row before each one in its run, and how many e-folds of steps lie between."""
    return {"row_before": design.before, "gap": design.gap}


def observe_correlated(
    model: Model, mean: Any, values: Mapping[str, Any], data: Mapping[str, Any]
) -> None:
    """Add the likelihood of the log response to the model in context, row after row of a run.

    A row deviates by what is left of the deviation of the row before it, and by noise that keeps
    the scale of deviations at sigma: an Ornstein-Uhlenbeck process in the log of the steps, whose
    innovations are those of the noise of the model.
    """
    sigma = values["sigma"] + pt.zeros_like(mean)
    standard = (data["log_response"] - mean) / sigma
    kept = pt.exp(-data["gap"] / values["memory"])
    new = pt.sqrt(1 - kept**2)
    innovation = (standard - kept * standard[data["row_before"]]) / new
    if model.noise == "normal":
        density = pm.logp(pm.Normal.dist(), innovation)
    else:
        density = pm.logp(pm.StudentT.dist(nu=values["nu"]), innovation)
    weight = 1.0 if model.temper is None else data["weight"]
    pm.Potential("log_loss_of_curves", pt.sum(weight * (density - pt.log(sigma * new))))


def _by_run(rows: Any, data: Mapping[str, Any]) -> Any:
    """Sum rows by run (n_runs,)."""
    return pt.inc_subtensor(pt.zeros_like(data["run_size"])[data["run_number"]], rows)
