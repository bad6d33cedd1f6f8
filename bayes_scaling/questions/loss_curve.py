"""Loss along the compute-optimal path of a law, and which axes and groups that path can have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import quantiles
from bayes_scaling.laws.design import source_column
from bayes_scaling.posterior import Posterior
from bayes_scaling.questions.allocate import Allocation, allocate
from bayes_scaling.questions.forecast import Forecast, forecast
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.new_budget import BUDGET
from bayes_scaling.questions.sizes import FACTOR, Values
from bayes_scaling.runs import RunTable, split_columns, training_flops

POINTS = 16
"""Places along a curve; the curves are close to straight on log axes."""

FIGURE_DRAWS = 1000
"""Draws behind a figure of the allocation, at most; tables and forecasts use all of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LossCurve:
    """Loss along the compute-optimal path, or along the only input of a law.

    Attributes
    ----------
    along : str
        What is on the x axis: ``"flops"``, ``"params"``, ``"tokens"`` or the input of the law.
    x : array (n,)
        Places, ascending, in the unit of that column.
    forecast : Forecast
        Draws of both losses at each place, and of tuned inputs.
    allocation : Allocation or None
        The path, where the law splits budgets.
    """

    along: str
    x: NDArray[np.float64]
    forecast: Forecast
    allocation: Allocation | None = None


def can_allocate(fit: Posterior) -> bool:
    """Tell whether a law trades params against tokens and needs nothing else, or states a split."""
    return set(fit.leading.model.sizes) == {"params", "tokens"} or all(
        item.states_split for item in fit.members.values()
    )


def several_groups(fit: Posterior) -> bool:
    """Tell whether answers differ between groups of runs."""
    grouped = any(
        values.ndim == 3 for item in fit.members.values() for values in item.draws.values()
    )
    return grouped and len(fit.groups) > 1 and not _only_budgets(fit)


def _only_budgets(fit: Posterior) -> bool:
    """Tell whether groups are budgets of one family; what is asked of is then a budget to come."""
    columns = split_columns(fit.leading.model.group)
    others = "/".join(name for name in columns if name != BUDGET)
    return BUDGET in columns and len(fit.runs.groups(others)) == 1


def runs_of(fit: Posterior, family: str | None) -> RunTable:
    """Return the runs of one group; all of them for None."""
    if family is None:
        return fit.runs
    return fit.runs.take(fit.runs.labels(fit.leading.model.group) == family)


def observed(fit: Posterior, runs: RunTable, along: str) -> NDArray[np.float64]:
    """Return where the runs lie on an axis (n_runs,), counted as the law counts.

    A law in non-embedding params has its budgets in them as well, so its runs are placed by
    6 x params_nonembedding x tokens.
    """
    model = fit.leading.model
    params = source_column(model, runs, "params")
    if along == "flops" and "flops" not in model.inputs:
        if params != "params" or "flops" not in runs:
            return training_flops(runs[params], runs["tokens"])
    return np.asarray(runs[source_column(model, runs, along)], float)


def default_axis(fit: Posterior) -> str:
    """Return what a forecast of a law is asked along: flops, or its only input.

    Raises
    ------
    InputError
        The law has several inputs that nothing ties together.
    """
    if can_allocate(fit):
        return "flops"
    model = fit.leading.model
    if len(model.sizes) == 1:
        return model.sizes[0]
    raise InputError(
        f"{model.id} reads {', '.join(model.sizes)}, and only params and tokens are tied "
        "by a budget: ask fit.forecast for the sizes you mean"
    )


def farthest(fit: Posterior, along: str) -> float:
    """Return the largest value of the runs on an axis."""
    return float(np.nanmax(observed(fit, fit.runs, along)))


def loss_curve(
    fit: Posterior,
    *,
    along: str | None = None,
    to: float | None = None,
    family: str | None = None,
    limits: Limits | None = None,
) -> LossCurve:
    """Compute both losses along the best path of a law.

    Parameters
    ----------
    fit : Fit
        The posterior.
    along : str, optional
        Axis: ``flops``, ``params`` or ``tokens`` for a law that splits budgets; else its input.
    to : float, optional
        Where the path ends: a budget [FLOP] for a law that splits budgets, else a value of its
        input. By default 100 times the largest of the runs.
    family : str, optional
        The group, where the fit has several.
    limits : Limits, optional
        What splits of budgets stay within; where they allow none, a budget has no place.

    Returns
    -------
    LossCurve

    Raises
    ------
    InputError
        The law has no such axis, or the range is empty.
    """
    base = default_axis(fit)
    along = base if along is None else along
    allowed = ("flops", "params", "tokens") if base == "flops" and can_allocate(fit) else (base,)
    if along not in allowed:
        raise InputError(
            f"{fit.leading.model.id} can be shown along {', '.join(allowed)}; got {along!r}"
        )
    seen = observed(fit, runs_of(fit, family), base)
    low = float(np.nanmin(seen))
    high = FACTOR * float(np.nanmax(seen)) if to is None else float(to)
    if not high > 0:
        raise InputError(f"a path must end at a positive {base}, got {to!r}")
    places = np.geomspace(low, max(high, float(np.nanmax(seen))), POINTS)
    path = None
    sizes: dict[str, Values] = {base: places}
    if can_allocate(fit):
        within = limits or Limits()
        places = np.array([each for each in places if _allows(within, each)])
        path = allocate(thin(fit), flops=places.tolist(), family=family, limits=within)
        sizes = {base: places, "params": quantiles(path.params)[0]}
        if within.inference_tokens:
            sizes = {"params": sizes["params"], "tokens": quantiles(path.tokens)[0]}
    if family is not None:
        sizes[fit.leading.model.group] = family
    found = forecast(fit, sizes)
    # One deviation per draw all along the path: the same bands, without the jitter of fresh ones.
    deviation = found.draws[:, :1] / found.noise_free[:, :1]
    found = replace(found, draws=found.noise_free * deviation)
    return LossCurve(
        along=along, x=np.asarray(found.plan.columns[along]), forecast=found, allocation=path
    )


def _allows(limits: Limits, flops: float) -> bool:
    """Tell whether limits leave a budget any split."""
    try:
        find = limits.menu_tokens if limits.menu else limits.ends
        find(float(np.log(flops)))
    except InputError:
        return False
    return True


def thin[Draws: Posterior](fit: Draws, draws: int = FIGURE_DRAWS) -> Draws:
    """Return the fit with about as many draws as a figure needs, evenly taken from every chain."""
    return fit.thinned(-(-draws // len(fit.members)))
