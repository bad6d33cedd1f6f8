"""Forecast: the noise-free loss of the law, and the loss of a new run, at any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.laws.density import per_run
from bayes_scaling.laws.link import link_of
from bayes_scaling.page import (
    Block,
    Page,
    beyond,
    called,
    shares,
    told,
)
from bayes_scaling.posterior.beyond import draw_walks, form_variance
from bayes_scaling.posterior.member import Member
from bayes_scaling.posterior.two_steps import TwoSteps
from bayes_scaling.posterior.weights import mixed, stratify
from bayes_scaling.questions.answer import Array as Draws, Drawn
from bayes_scaling.questions.distance import efolds_beyond_runs, farthest
from bayes_scaling.questions.new_budget import forecast_at
from bayes_scaling.questions.new_run import noise_of_runs
from bayes_scaling.questions.published_laws import Law, PublishedConstants
from bayes_scaling.questions.sizes import Plan, Sizes, read_plan
from bayes_scaling.questions.spread import spread_shares
from bayes_scaling.questions.surface import Source
from bayes_scaling.questions.typical import Tuned, check_tuned, knows_mistuned, typical_inputs


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Forecast(Drawn):
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
    response : str
        What is forecast in place of a loss, such as an error rate.
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
    response: str = "loss"

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

    def page(self) -> Page:
        """Return what is printed: sizes and losses of each run, and what each member says."""
        run = self._shown("new_run")
        members = self._member_blocks({run: called(run)})
        found: list[list[Block]] = []
        for row, by_member in zip(self.rows(), members, strict=True):
            found += [[self._lines(row)]]
            if by_member:
                found += [[*by_member, shares(row, "the log loss of a new run")]]
        return found

    def _lines(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Write one run."""
        known = "kind" in row  # else it is the one number of a published law, which has no noise
        group = self.plan.group_column
        lines = {name: str(row[name]) for name in ("run", group) if name in row}
        if self.tuning == "typical":
            lines["tuning"] = "as in the fitted runs"
        lines |= {called(name): told(row, name) for name in self.plan.columns}
        law, run = self._shown("noise_free"), self._shown("new_run")
        lines[called(law)] = told(row, law)
        if known:
            lines[called(run)] = told(row, run)
        for name in self.tuned:
            label = called(name) if self.tuning == "typical" else f"best {called(name)}"
            lines[label] = told(row, name)
        return lines | ({"extrapolation": beyond(row)} if known else {})

    @property
    def quantities(self) -> Mapping[str, Draws]:
        """What is told of each run."""
        return {"noise_free": self.noise_free, "new_run": self.draws, **self.tuned}

    def _asked(self, index: int) -> dict[str, Any]:
        sizes = {name: float(values[index]) for name, values in self.plan.columns.items()}
        named = {"run": self.plan.names[index]} if self.plan.names else {}
        own = {self.plan.group_column: self.plan.labels[index], "tuning": self.tuning}
        return named | sizes | own

    def _beside(self, index: int) -> dict[str, Any]:
        return {f"spread_{part}": float(share[index]) for part, share in self.spread.items()}


def forecast(source: Source, sizes: Sizes, *, tuning: Tuned = "tuned") -> Forecast:
    """Forecast the loss of runs from a posterior, or by a published law.

    Parameters
    ----------
    source : Fit or PublishedLaw
        The posterior; or a published law, whose forecast has one draw and no noise.
    sizes : mapping, DataFrame or RunTable
        The runs: two of params, tokens and flops, and what else the law reads. Where the law has
        a tuned input (the learning rate) that is not given, its best value is used draw by draw.
    tuning : {"tuned", "typical"}
        Whether the runs are tuned to their best, or as the fitted ones typically were: with a
        learning rate as far from the best one, and above the law with the same probability.
        Of several laws those that know of no mistuned runs forecast tuned ones.

    Returns
    -------
    Forecast
        Of several laws its draws are theirs, as many of each as its weight says, evenly taken.

    Raises
    ------
    InputError
        The sizes cannot be used, or no law knows a way in which runs are mistuned.

    Examples
    --------
    >>> fit.forecast({"params": 7e10, "tokens": 1.4e12}).table  # doctest: +SKIP
    """
    check_tuned(tuning, *source.members.values())
    parts = {name: forecast_by_law(law, sizes, tuning) for name, law in source.members.items()}
    return mix_forecasts(parts, source.weights)


def forecast_by_law(law: Law, sizes: Sizes, tuning: Tuned = "tuned") -> Forecast:
    """Forecast by one law, with all its draws; arguments as in `forecast`."""
    if isinstance(law, PublishedConstants):
        return _published(law, sizes)
    if isinstance(law, TwoSteps):
        return _through_loss(law, sizes, tuning)
    fit, sizes = forecast_at(law, sizes)
    plan = read_plan(fit, sizes)
    parameters = per_run(fit.model, fit.flat, plan.group)
    inputs = {name: plan.columns[name] for name in fit.model.inputs if name in plan.columns}
    typical = tuning == "typical" and knows_mistuned(fit)
    own = typical_inputs(fit, inputs, plan.group) if typical else inputs
    noise_free = fit.predict(own, group=plan.group)
    noise = noise_of_runs(fit, plan, parameters, noise_free, typical=typical)
    found = {**fit.tuned(inputs, group=plan.group), **own}
    return Forecast(
        plan=plan,
        noise_free=noise_free,
        draws=link_of(fit.model).shifted(noise_free, noise),
        redrawn=_redrawn(fit, own, plan.group),
        form_variance=form_variance(fit, inputs, noise_free),
        tuned={
            name: np.broadcast_to(found[name], noise_free.shape)
            for name in fit.tunes
            if name not in inputs
        },
        extrapolation=efolds_beyond_runs([fit], plan.columns, plan.labels),
        tuning="typical" if typical else "tuned",
        member=np.zeros(len(noise_free), dtype=np.int64),
        members=(fit.id,),
        response=fit.response,
    )


def _published(law: PublishedConstants, sizes: Sizes) -> Forecast:
    """Forecast by a published law: a run is what the law says."""
    plan = read_plan(law, sizes)
    inputs = {name: plan.columns[name] for name in law.inputs if name in plan.columns}
    loss = np.broadcast_to(law.loss(inputs), (1, len(plan)))
    return Forecast(
        plan=plan,
        noise_free=loss,
        draws=loss,
        member=np.zeros(1, dtype=np.int64),
        members=(law.id,),
    )


def _through_loss(law: TwoSteps, sizes: Sizes, tuning: Tuned) -> Forecast:
    """Forecast the loss, and the error rate at it: a run errs in both."""
    plan = read_plan(law, sizes)
    asked = {name: values for name, values in plan.columns.items() if name in law.reads.wanted}
    loss = forecast_by_law(law.loss, {**asked, law.loss.reads.group: law.family}, tuning)
    loss = _some(loss, law.loss_draws)

    def error(losses: Draws) -> Draws:
        return law.error({**plan.columns, **loss.tuned, "loss": losses}, group=plan.group)

    rows = law.score_draws[:, None]
    parameters = per_run(law.score.model, law.score.flat, plan.group, rows)
    seen = error(loss.draws)
    noise = noise_of_runs(law.score, plan, parameters, seen, typical=False)
    middle, noise_free = np.median(loss.noise_free, axis=0), error(loss.noise_free)
    return replace(
        loss,
        plan=plan,
        noise_free=noise_free,
        draws=link_of(law.score.model).shifted(seen, noise),
        redrawn=None if loss.redrawn is None else error(loss.redrawn),
        form_variance=form_variance(law.score, {"loss": middle}, noise_free),
        members=(law.id,),
        extrapolation=efolds_beyond_runs([law], plan.columns, plan.labels),
        response=law.response,
    )


def _some(found: Forecast, rows: NDArray[np.int64]) -> Forecast:
    """Return the forecast of one law with some of its draws."""
    return replace(
        found,
        noise_free=found.noise_free[rows],
        draws=found.draws[rows],
        redrawn=None if found.redrawn is None else found.redrawn[rows],
        tuned={name: values[rows] for name, values in found.tuned.items()},
        member=found.member[rows],
    )


def _redrawn(
    fit: Member, inputs: Mapping[str, NDArray[np.float64]], group: NDArray[np.int64]
) -> Draws | None:
    """Forecast again with other drift beyond the runs; None where nothing drifts."""
    if not fit.steps:
        return None
    return fit.predict(inputs, group=group, walks=draw_walks(fit, "redrawn drift"))


def most_pessimistic(forecast: Forecast, target: float | None = None, run: int = 0) -> str:
    """Return the law that expects the least of a run.

    Parameters
    ----------
    forecast : Forecast
        By one law or by several.
    target : float, optional
        Loss that the run should reach: the law that gives it the least chance. Without one, and of
        laws that give it the same chance, that with the highest median loss of a new run.
    run : int
        Row of the plan.
    """

    def hope(index: int) -> tuple[float, float]:
        own = forecast.draws[forecast.member == index, run]
        chance = 0.0 if target is None else float(np.mean(own <= target))
        return chance, -float(np.median(own))

    drawn = np.unique(forecast.member).tolist()
    return forecast.members[min(drawn, key=hope)]


def mix_forecasts(forecasts: Mapping[str, Forecast], weights: Mapping[str, float]) -> Forecast:
    """Mix forecasts of the same runs by several laws.

    Parameters
    ----------
    forecasts : mapping of str to Forecast
        By the id of the law, with all its draws; the laws may read different inputs.
    weights : mapping of str to float
        Of each; they sum to 1.

    Returns
    -------
    Forecast
        With as many draws of each law as its weight says, evenly taken; the tuned inputs that all
        of them have; and as far beyond the runs as the farthest.
    """
    parts, shares = list(forecasts.values()), [weights[name] for name in forecasts]
    rows = stratify(shares, [len(part.draws) for part in parts])

    drifts = any(part.redrawn is not None for part in parts)
    redrawn = [part.noise_free if part.redrawn is None else part.redrawn for part in parts]
    return Forecast(
        plan=parts[0].plan,
        noise_free=mixed([part.noise_free for part in parts], rows),
        draws=mixed([part.draws for part in parts], rows),
        tuned={
            name: mixed([part.tuned[name] for part in parts], rows)
            for name in parts[0].tuned
            if all(name in part.tuned for part in parts)
        },
        extrapolation=farthest(part.extrapolation for part in parts),
        probability=parts[0].probability,
        tuning="typical" if any(part.tuning == "typical" for part in parts) else "tuned",
        member=np.repeat(np.arange(len(rows)), [len(own) for own in rows]),
        members=tuple(forecasts),
        weights=tuple(shares),
        redrawn=mixed(redrawn, rows) if drifts else None,
        form_variance=sum(
            share * part.form_variance for share, part in zip(shares, parts, strict=True)
        ),
        response=parts[0].response,
    )
