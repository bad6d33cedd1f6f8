"""Forecast: the noise-free loss of the law, and the loss of a new run, at any size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.laws.density import per_run
from bayes_scaling.laws.inputs import needs_positive, source_column
from bayes_scaling.laws.link import link_of
from bayes_scaling.posterior.beyond import draw_walks, form_variance
from bayes_scaling.posterior.ensemble import AnyFit, members_of
from bayes_scaling.posterior.posterior import Fit
from bayes_scaling.questions.new_budget import forecast_at
from bayes_scaling.questions.new_run import noise_of_runs
from bayes_scaling.questions.published_laws import PublishedLaw
from bayes_scaling.questions.routed import active_share
from bayes_scaling.questions.sizes import Member, Plan, Sizes, read_plan
from bayes_scaling.questions.spread import spread_shares
from bayes_scaling.questions.tabulate import Draws, interval_rows, member_rows
from bayes_scaling.questions.typical import Tuned, check_tuned, typical_inputs
from bayes_scaling.runs.complete import complete

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """Forecast losses of runs to come.

    Attributes
    ----------
    plan : Plan
        The runs, completed.
    noise_free : array (n_draws, n_runs)
        Loss of the law: what runs of this size reach on average (nats per token).
    draws : array (n_draws, n_runs)
        Loss of one new run: the law and the noise of a run.
    tuned : mapping of str to array (n_draws, n_runs)
        Inputs that were not given, such as the learning rate: their best value, or one as far
        from it as in the fitted runs.
    extrapolation : mapping of str to array (n_runs,)
        E-folds beyond the fitted runs of the group, by input and in flops; 0 inside their range.
    probability : float
        Probability of the intervals in `table`.
    tuning : {"tuned", "typical"}
        Whether the runs are tuned to their best, or as the fitted ones were.
    member : array of int (n_draws,)
        Member that each draw comes from; all 0 for a single fit.
    members : tuple of str
        Ids of the models.
    weights : tuple of float
        Of the members; they sum to 1.
    redrawn : array (n_draws, n_runs), optional
        `noise_free` with the same parameters and other drift beyond the runs, draw by draw; None
        where nothing drifts. For `spread` alone.
    form_variance : array (n_runs,) or float
        Variance of the log of `noise_free` that is the error of the form beyond the runs.
    """

    plan: Plan
    noise_free: Draws
    draws: Draws
    tuned: Mapping[str, Draws] = field(default_factory=dict)
    extrapolation: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    probability: float = PROBABILITY
    tuning: Tuned = "tuned"
    member: NDArray[np.int64]
    members: tuple[str, ...]
    weights: tuple[float, ...] = (1.0,)
    redrawn: Draws | None = None
    form_variance: NDArray[np.float64] | float = 0.0

    def __repr__(self) -> str:
        """Say how much there is; `table` has the numbers."""
        return f"Forecast({len(self.plan)} runs, {len(self.draws)} draws; see .table)"

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per run, of plain numbers and texts."""
        rows = interval_rows(self._quantities, self.extrapolation, self.probability)
        return [
            self._asked(index)
            | row
            | {f"spread_{part}": float(share[index]) for part, share in self.spread.items()}
            for index, row in enumerate(rows)
        ]

    def member_rows(self) -> list[dict[str, Any]]:
        """Return what each member says of each run by itself, with its weight."""
        rows = member_rows(
            self._quantities,
            member=self.member,
            members=self.members,
            weights=self.weights,
            probability=self.probability,
        )
        return [self._asked(index) | row for index, row in rows]

    @cached_property
    def spread(self) -> Mapping[str, NDArray[np.float64]]:
        """Shares (n_runs,) of form, drift, parameters and noise in the variance of the log loss.

        They sum to 1; see `bayes_scaling.questions.spread.spread_shares`. None of one draw.
        """
        if len(self.member) == 1:
            return {}
        return spread_shares(
            self.noise_free,
            member=self.member,
            weights=self.weights,
            redrawn=self.redrawn,
            new_run=self.draws,
            form_variance=self.form_variance,
        )

    @property
    def _quantities(self) -> Mapping[str, Draws]:
        return {"noise_free": self.noise_free, "new_run": self.draws, **self.tuned}

    def _asked(self, index: int) -> dict[str, Any]:
        sizes = {name: float(values[index]) for name, values in self.plan.columns.items()}
        named = {"run": self.plan.names[index]} if self.plan.names else {}
        own = {self.plan.group_column: self.plan.labels[index], "tuning": self.tuning}
        return named | sizes | own

    @property
    def table(self) -> pd.DataFrame:
        """One row per run: sizes, median and interval of both losses, e-folds beyond the data."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    @property
    def by_member(self) -> pd.DataFrame:
        """One row per run and member: its weight, its own median and interval of both losses."""
        import pandas as pd

        return pd.DataFrame(self.member_rows())


def forecast(
    fit: Member,
    sizes: Sizes,
    *,
    tuning: Tuned = "tuned",
    probability: float = PROBABILITY,
    allow_unconverged: bool = False,
) -> Forecast:
    """Forecast the loss of runs from the posterior, or by a published law.

    Parameters
    ----------
    fit : Fit or PublishedLaw
        The posterior; or a published law, whose forecast has one draw and no noise.
    sizes : mapping, DataFrame or RunTable
        The runs: two of params, tokens and flops, and what else the law reads. Where the law has
        a tuned input (the learning rate) that is not given, its best value is used draw by draw.
    tuning : {"tuned", "typical"}
        Whether the runs are tuned to their best, or as the fitted ones typically were: with a
        learning rate as far from the best one, and above the law with the same probability.
    probability : float
        Probability of the equal-tailed intervals.
    allow_unconverged : bool
        Whether to go on with a fit that did not converge.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        The sizes cannot be used, or the law knows no way in which runs are mistuned.
    UnconvergedError
        The fit did not converge.

    Examples
    --------
    >>> fit.forecast({"params": 7e10, "tokens": 1.4e12}).table  # doctest: +SKIP
    """
    check_probability(probability)
    if isinstance(fit, PublishedLaw):
        return _published(fit, sizes, tuning, probability)
    check_tuned(tuning, fit.model)
    fit.require_converged(allow_unconverged=allow_unconverged)
    fit, sizes = forecast_at(fit, sizes)
    plan = read_plan(fit, sizes)
    parameters = per_run(fit.model, fit.flat, plan.group)
    inputs = {name: plan.columns[name] for name in fit.model.inputs if name in plan.columns}
    typical = tuning == "typical"
    own = typical_inputs(fit, inputs, plan.group) if typical else inputs
    noise_free = fit.predict(own, group=plan.group)
    noise = noise_of_runs(fit, plan, parameters, noise_free, typical=typical)
    found = {**fit.tuned(inputs, group=plan.group), **own}
    tuned = {
        line.name: np.broadcast_to(found[line.name], noise_free.shape)
        for line in fit.model.tuned
        if line.name not in inputs
    }
    return Forecast(
        plan=plan,
        noise_free=noise_free,
        draws=link_of(fit.model).shifted(noise_free, noise),
        redrawn=_redrawn(fit, own, plan.group),
        form_variance=form_variance(fit, inputs, plan.group),
        tuned=tuned,
        extrapolation=extrapolation(fit, plan.columns, plan.labels),
        probability=probability,
        tuning=tuning,
        member=np.zeros(len(noise_free), dtype=np.int64),
        members=(fit.model.id,),
    )


def _published(law: PublishedLaw, sizes: Sizes, tuning: Tuned, probability: float) -> Forecast:
    """Forecast by a published law: a run is what the law says."""
    if tuning != "tuned":
        raise InputError(f"{law.id} is a published law: it knows of no mistuned runs")
    plan = read_plan(law, sizes)
    loss = law.loss({name: plan.columns[name] for name in law.inputs if name in plan.columns})
    return Forecast(
        plan=plan,
        noise_free=loss[None, :],
        draws=loss[None, :],
        probability=probability,
        member=np.zeros(1, dtype=np.int64),
        members=(law.id,),
    )


def _redrawn(
    fit: Fit, inputs: Mapping[str, NDArray[np.float64]], group: NDArray[np.int64]
) -> Draws | None:
    """Forecast again with other drift beyond the runs; None where nothing drifts."""
    if not fit.steps:
        return None
    return fit.predict(inputs, group=group, walks=draw_walks(fit, "redrawn drift"))


def extrapolation(
    fit: AnyFit | PublishedLaw, columns: Mapping[str, NDArray[np.float64]], labels: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """E-folds by which runs lie beyond the fitted ones (n_runs,), by input and in flops.

    Where answers differ between groups, the fitted runs are those of each run's own group. Of
    several members the farthest counts: they may read different sizes, and differ in groups. A
    published law has no runs to lie beyond.
    """
    if isinstance(fit, PublishedLaw):
        return {}
    return farthest(_of_member(member, columns, labels) for member in members_of(fit).values())


def farthest(
    parts: Iterable[Mapping[str, NDArray[np.float64]]],
) -> dict[str, NDArray[np.float64]]:
    """Return the largest of several distances beyond the runs (n_runs,), by size."""
    beyond: dict[str, NDArray[np.float64]] = {}
    for part in parts:
        for name, values in part.items():
            beyond[name] = np.maximum(values, beyond.get(name, values))
    return dict(sorted(beyond.items()))


def _of_member(
    fit: Fit, columns: Mapping[str, NDArray[np.float64]], labels: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """E-folds beyond the runs of one fit (n_runs,)."""
    groups = fit.runs.labels(fit.model.group)
    grouped = any(values.ndim == 3 for values in fit.draws.values())
    known = set(groups.tolist())
    own = {label: (groups == label) | (not grouped or label not in known) for label in set(labels)}
    beyond = {}
    for name, values in fitted_sizes(fit).items():
        if name in columns and needs_positive(name):
            fitted, asked = np.log(values), np.log(columns[name])
            ends = {label: _ends(fitted[rows]) for label, rows in own.items()}
            low, high = np.array([ends[label] for label in labels]).T
            beyond[name] = np.maximum(0.0, np.maximum(asked - high, low - asked))
    return beyond


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the smallest and the largest of the values that are known (n,); nan without any."""
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)


def fitted_sizes(fit: Fit) -> dict[str, NDArray[np.float64]]:
    """Return inputs and compute of the fitted runs (n_runs,), in the counts the law means."""
    sizes = {
        name: np.asarray(fit.runs[source_column(fit.model, fit.runs, name)], float)
        for name in fit.model.inputs
    }
    if "flops" not in sizes and not {"params", "tokens"} <= set(sizes) and "flops" in fit.runs:
        sizes["flops"] = np.asarray(fit.runs["flops"], float)
    if active_share(fit) != 1.0 and "flops" in fit.runs:
        sizes["flops"] = np.asarray(fit.runs["flops"], float)
    return dict(sorted(complete(sizes).columns.items()))
