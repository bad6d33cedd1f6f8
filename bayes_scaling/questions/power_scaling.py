"""Power scaling: how answers of each law move with a little more of the prior, or of the runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.density import own_priors
from bayes_scaling.laws.drift import steps_name
from bayes_scaling.page import Grid, Page, Printed
from bayes_scaling.posterior import Member, Posterior
from bayes_scaling.posterior.diagnostics import CONFLICT
from bayes_scaling.posterior.tree import make_tree
from bayes_scaling.questions.allocate import allocate
from bayes_scaling.questions.forecast import forecast_by_law
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.sizes import Sizes

Array = NDArray[np.float64]

DRAWS = 500
"""Draws of each law that are weighed."""

SENSITIVE = 0.05
"""Sensitivity from which an answer is said to move."""

LOSS, PARAMS = "log loss of a new run", "log best params N*"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PowerScaling(Printed):
    """Sensitivities of the answers of each law.

    Attributes
    ----------
    found : tuple of dict
        Per law and quantity: law, quantity, the sensitivity to prior and likelihood, which is the
        gradient of the cumulative Jensen-Shannon distance when either is raised to a power, and
        ``conflict``: whether the check of the fit says that its prior and its runs disagree.
    """

    found: tuple[dict[str, Any], ...]

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per law and quantity, with a diagnosis."""
        return [row | {"diagnosis": _diagnosis(row)} for row in self.found]

    def page(self) -> Page:
        """Return what is printed: a line for each law and quantity."""
        heading = ("law", "quantity", "prior", "likelihood", "diagnosis")
        rows = [
            [
                row["law"],
                row["quantity"],
                f"{row['prior']:.2f}",
                f"{row['likelihood']:.2f}",
                row["diagnosis"],
            ]
            for row in self.rows()
        ]
        return [[Grid(heading=heading, rows=rows)]]


def _diagnosis(row: dict[str, Any]) -> str:
    if row["prior"] < SENSITIVE:
        return "ok"
    if row["likelihood"] < SENSITIVE:
        return "the prior says it"
    return "prior and runs disagree" if row["conflict"] else "prior and runs both say it"


def power_scaling(
    fit: Posterior,
    sizes: Sizes,
    *,
    flops: float | None = None,
    family: str | None = None,
    limits: Limits | None = None,
) -> PowerScaling:
    """Tell how the loss of a run, and the best params of a budget, move with prior and likelihood.

    Parameters
    ----------
    fit : Fit
        The posterior.
    sizes : mapping, DataFrame or RunTable
        The run, as for a forecast; the first of several.
    flops : float, optional
        A budget whose best params are asked about too [FLOP].
    family : str, optional
        The group, where the fit has several.
    limits : Limits, optional
        What the split of the budget stays within.

    Returns
    -------
    PowerScaling

    References
    ----------
    Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5.
    """
    found = []
    for name, whole in fit.members.items():
        member = whole.thinned(DRAWS)
        draws = {LOSS: np.log(forecast_by_law(member, sizes).draws[:, 0])}
        if flops is not None:
            alone = Posterior.of_one(member)
            split = allocate(alone, flops=flops, family=family, limits=limits)
            draws[PARAMS] = np.log(split.params[:, 0])
        conflict = any(check.name == CONFLICT and check.verdict != "ok" for check in whole.checks)
        about = {"law": name, "conflict": conflict}
        found += [about | row for row in _sensitivities(member, draws)]
    return PowerScaling(found=tuple(found))


def _sensitivities(member: Member, draws: dict[str, Array]) -> list[dict[str, Any]]:
    import warnings

    import arviz_stats
    import xarray as xr

    tree = make_tree(member)
    shape = next(iter(member.draws.values())).shape[:2]
    arrays = {
        name: xr.DataArray(values.reshape(shape), dims=("chain", "draw"))
        for name, values in draws.items()
        if np.isfinite(values).all() and np.ptp(values) > 0
    }
    steps = [steps_name(name) for name in member.steps]  # part of the law, as values of groups are
    priors = {name: values for name, values in tree["log_prior"].items() if name not in steps}
    parts = {"posterior": xr.Dataset(arrays)}
    parts["log_prior"] = xr.Dataset(own_priors(member.model, priors))
    parts["log_likelihood"] = tree["log_likelihood"].to_dataset()
    whole = xr.DataTree.from_dict(parts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few draws: the sensitivity is rough
        found = {group: arviz_stats.psense(whole, group=group) for group in ("prior", "likelihood")}
    return [
        {"quantity": name} | {group: float(each[name]) for group, each in found.items()}
        for name in arrays
    ]
