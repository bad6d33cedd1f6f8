"""What a report asks of a fit, and the answers: each asked once, of the questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.figures.words import write_number
from bayes_scaling.intervals import PROBABILITY, check_probability, interval
from bayes_scaling.laws import Model
from bayes_scaling.questions import Allocation, Forecast, Risk
from bayes_scaling.questions.drifting_exponents import Exponents
from bayes_scaling.questions.limits import WITHOUT, Limits
from bayes_scaling.questions.loss_curve import (
    LossCurve,
    can_allocate,
    default_axis,
    farthest,
    observed,
    runs_of,
    several_groups,
)
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.run_plan import RunPlan
from bayes_scaling.questions.score_targets import ERROR
from bayes_scaling.questions.sizes import FACTOR, Values
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.doubts_of_fit import splits_take

STEPS = (0.01, 0.1, 1.0, 10.0)
"""Budgets of the tables, as multiples of the one that is asked about."""

MOST_FAMILIES = 4
"""Families whose figures are shown; the others have their row in the verdict."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked.

    Attributes
    ----------
    axis : str or None
        ``"flops"``, or the only input of a law that cannot split a budget; None where a law has
        several inputs that nothing ties together.
    at : float
        The budget [FLOP], or the value of that input; nan without an axis.
    sizes : mapping of str to float
        Params and tokens of a plan of its own; else empty, and the budget is split.
    target_loss : float or None
        The loss to reach.
    limits : Limits
        What splits of budgets stay within.
    rig : Rig
        What compute costs.
    value : float or None
        What reaching the target is worth, in the currency of the rig.
    family : str or None
        The group that a plan names.
    unmatched : tuple of str
        What differs between the small runs and the big one, or was not looked at, by the plan.
    probability : float
        Probability of every interval.
    unanswered : tuple of str
        What was asked and cannot be answered by the law.
    """

    axis: str | None
    at: float
    sizes: Mapping[str, float] = field(default_factory=dict)
    target_loss: float | None = None
    limits: Limits = WITHOUT
    rig: Rig = field(default_factory=Rig)
    value: float | None = None
    family: str | None = None
    unmatched: tuple[str, ...] = ()
    probability: float = PROBABILITY
    unanswered: tuple[str, ...] = ()


def ask(
    fit: Fit,
    *,
    flops: float | None = None,
    target_loss: float | None = None,
    limits: Limits = WITHOUT,
    rig: Rig | None = None,
    value: float | None = None,
    plan: RunPlan | None = None,
    probability: float = PROBABILITY,
) -> Question:
    """Check what is asked, and say what the law cannot answer.

    Raises
    ------
    InputError
        A number is not positive, the probability is out of range, a value comes without a target
        and a price, or a plan beside what it says.
    """
    check_probability(probability)
    sizes: dict[str, float] = {}
    if plan is not None:
        given = (flops, target_loss, rig, value)
        if any(each is not None for each in given) or limits:
            raise InputError("a plan says what is asked: leave out the rest", source="report")
        said = plan.asked
        sizes = {name: float(said[name]) for name in ("params", "tokens") if name in said}
        target_loss, value = said.get("target_loss"), said.get("value")
        limits, rig = plan.limits, plan.rig
        flops = said.get("flops")
        if sizes:
            own = [np.array(sizes[name]) for name in ("params", "tokens")]
            limits.check_plan(*own)
            flops = float(limits.lifetime(*own))
    _check(flops, target_loss, value, rig)
    if target_loss is not None and fit.leading.response == ERROR:
        raise InputError(
            f"{fit.id} answers in scores, and a report of scores takes no target: leave out "
            "target_loss, and ask risk with target_score (bayes-scaling risk --target-score 0.6)",
            source="report",
        )
    asked = Question(
        axis=None,
        at=np.nan,
        sizes=sizes,
        target_loss=target_loss,
        limits=limits,
        rig=rig or Rig(),
        value=value,
        family=None if plan is None else plan.asked.get("family"),
        unmatched=() if plan is None else plan.unmatched,
        probability=probability,
    )
    law = fit.leading.model.id
    try:
        axis = default_axis(fit)
    except InputError as error:
        return replace(asked, unanswered=error.problems)
    unanswered = []
    if not can_allocate(fit):
        unanswered.append(
            f"How to split a budget: {law} reads {axis} alone. A law in params and tokens, such "
            f"as chinchilla, can; to fit one {splits_take(fit.runs)}."
        )
    if flops is not None and axis != "flops":
        unanswered.append(
            f"The loss at {write_number(flops)} FLOP: {law} does not read compute. "
            f"The forecast is for {FACTOR:g} times the largest {axis} of the runs instead."
        )
        flops = None
    at = FACTOR * farthest(fit, axis) if flops is None else float(flops)
    return replace(asked, axis=axis, at=at, unanswered=tuple(unanswered))


def _check(
    flops: float | None, target_loss: float | None, value: float | None, rig: Rig | None
) -> None:
    named = {"flops": flops, "target_loss": target_loss, "value": value}
    problems = [
        f"{name} must be a positive number, got {given!r}"
        for name, given in named.items()
        if given is not None
        and (not isinstance(given, int | float) or not np.isfinite(given) or given <= 0)
    ]
    if value is not None and (target_loss is None or rig is None or rig.price is None):
        problems.append(
            "value is what reaching the target is worth beside what the run costs: give "
            "target_loss, and the price of an accelerator-hour"
        )
    if problems:
        raise InputError(problems, source="report")


def families(fit: Fit, family: str | None = None) -> tuple[str | None, ...]:
    """Return the groups to answer for, the one with the largest runs first.

    None stands for a fit whose answers are the same in every group.

    Raises
    ------
    InputError
        The fit has no such group.
    """
    if family is not None and family not in fit.groups:
        group, known = fit.leading.model.group, ", ".join(fit.groups)
        raise InputError(f"{group} {family!r} is not in the fit; known are {known}")
    if not several_groups(fit):
        return (None,)
    if family is not None:
        return (family,)
    size = "flops" if "flops" in fit.runs else fit.leading.model.inputs[0]

    def largest(label: str) -> float:
        return float(np.nanmax(observed(fit, runs_of(fit, label), size)))

    return tuple(sorted(fit.groups, key=largest, reverse=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """The answers for one group of runs; what is not asked for is not computed.

    Attributes
    ----------
    fit : Fit
        The posterior.
    question : Question
        What is asked.
    family : str or None
        The group; None where there is only one.
    place : int
        Position among the groups of the page, the first is 0.
    """

    fit: Fit
    question: Question
    family: str | None = None
    place: int = 0

    @property
    def model(self) -> Model:
        """A model that stands for what all members share: response, inputs and groups."""
        return self.fit.leading.model

    @property
    def runs(self) -> RunTable:
        """The fitted runs of the group."""
        return runs_of(self.fit, self.family)

    @property
    def places(self) -> NDArray[np.float64]:
        """Budgets of the tables, or values of the only input (n_places,)."""
        return self.question.at * np.array(STEPS)

    @property
    def planned_place(self) -> int:
        """Which of the places is that of the planned run."""
        return STEPS.index(1.0)

    @property
    def trades(self) -> bool:
        """Whether the law trades params against tokens, so that a split can be judged."""
        stated = all(member.states_split for member in self.fit.members.values())
        return can_allocate(self.fit) and not stated

    @property
    def weighs(self) -> bool:
        """Whether a budget can be weighed: the chance of the target, cost and worth."""
        return self.trades or self.model.sizes == ("flops",)

    @cached_property
    def asked(self) -> Fit:
        """The fit, to be asked: whether it converged was checked when the report was begun."""
        return self.fit.accept_unconverged()

    @cached_property
    def allocation(self) -> Allocation | None:
        """The best splits of the budgets of the tables, from all draws."""
        if not can_allocate(self.fit):
            return None
        limits = self.question.limits if self.trades else None
        return self.asked.allocate(
            flops=self.places.tolist(),
            family=self.family,
            limits=limits,
            probability=self.question.probability,
        )

    @cached_property
    def risk(self) -> Risk:
        """What can go wrong with the planned run, of a law that trades."""
        question = self.question
        own: dict[str, Any] = dict(question.sizes) or {"flops": question.at}
        return self.asked.risk(
            **own,
            target_loss=question.target_loss,
            family=self.family,
            limits=question.limits,
            rig=question.rig,
            value=question.value,
            probability=question.probability,
        )

    @property
    def risk_flops(self) -> float:
        """Budget of the planned run, as limits count it: with what the model serves [FLOP]."""
        risk = self.risk if self.question.sizes else None
        if risk is None:
            return self.question.at
        return float((risk.flops if risk.lifetime is None else risk.lifetime)[0])

    @cached_property
    def forecasts(self) -> tuple[Forecast, ...]:
        """Forecasts of one run at each place: at the split to choose of that budget."""
        return tuple(self._forecast(index) for index in range(len(STEPS)))

    @cached_property
    def planned(self) -> Forecast:
        """The forecast of the planned run: the plan's own sizes, or the split to choose."""
        if self.question.axis is not None and self.trades:
            return self.risk.forecast
        return self.forecasts[self.planned_place]

    @cached_property
    def exponents(self) -> Exponents:
        """Local exponents under drift, at the run that is asked about too; often none."""
        found = self.asked.exponents(self.planned_sizes, probability=self.question.probability)
        own = (part for part in found.parts if part.label in ("", self.family))
        return replace(found, parts=tuple(own))

    @property
    def planned_sizes(self) -> dict[str, Values]:
        """The planned run, as a question takes it: the sizes that the law reads, and the group."""
        columns = self.planned.plan.columns
        sizes: dict[str, Values] = {name: float(columns[name][0]) for name in self.model.sizes}
        return sizes | self.named

    @property
    def named(self) -> dict[str, Values]:
        """The group, as a question takes it; empty where there is only one."""
        return {} if self.family is None else {self.model.group: self.family}

    @cached_property
    def curve(self) -> LossCurve:
        """Loss along the path, up to the largest place of the tables."""
        limits = self.question.limits if self.trades else None
        return self.asked.loss_curve(to=float(self.places[-1]), family=self.family, limits=limits)

    def _forecast(self, index: int) -> Forecast:
        if self.question.axis is None:
            raise InputError(self.question.unanswered)
        sizes: dict[str, Values] = {self.question.axis: float(self.places[index])}
        split = self.allocation
        if split is not None and split.choices:
            choice = split.choices[index]
            sizes = {"params": choice.params, "tokens": choice.tokens}
        elif split is not None:
            sizes["params"] = interval(split.params[:, index]).median
        return self.asked.forecast(sizes | self.named, probability=self.question.probability)
