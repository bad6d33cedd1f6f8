"""What a report asks of a fit, and the answers: each computed once, by the decisions room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.figures.curves import (
    LossCurve,
    can_allocate,
    default_axis,
    farthest,
    loss_curve,
    observed,
    runs_of,
    several_groups,
)
from bayes_scaling.figures.numbers import write_number
from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.laws import Model
from bayes_scaling.questions import Allocation, Forecast
from bayes_scaling.questions.drifting_exponents import Exponents
from bayes_scaling.questions.sizes import FACTOR, Values
from bayes_scaling.runs import RunTable

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
    target_loss : float or None
        The loss to reach.
    probability : float
        Probability of every interval.
    unanswered : tuple of str
        What was asked and cannot be answered by the law.
    """

    axis: str | None
    at: float
    target_loss: float | None = None
    probability: float = PROBABILITY
    unanswered: tuple[str, ...] = ()


def ask(
    fit: Fit,
    *,
    flops: float | None = None,
    target_loss: float | None = None,
    probability: float = PROBABILITY,
) -> Question:
    """Check what is asked, and say what the law cannot answer.

    Raises
    ------
    InputError
        The budget or the target is not a positive number, or the probability is out of range.
    """
    check_probability(probability)
    problems = [
        f"{name} must be a positive number, got {value!r}"
        for name, value in (("flops", flops), ("target_loss", target_loss))
        if value is not None
        and (not isinstance(value, int | float) or not np.isfinite(value) or value <= 0)
    ]
    if problems:
        raise InputError(problems, source="report")
    unanswered, law = [], fit.leading.model.id
    try:
        axis = default_axis(fit)
    except InputError as error:
        return Question(
            axis=None, at=np.nan, target_loss=target_loss, probability=probability,
            unanswered=error.problems,
        )  # fmt: skip
    if not can_allocate(fit):
        unanswered.append(
            f"How to split a budget: {law} reads {axis} alone. A law in params and "
            "tokens, such as chinchilla, can."
        )
    if flops is not None and axis != "flops":
        unanswered.append(
            f"The loss at {write_number(flops)} FLOP: {law} does not read compute. "
            f"The forecast is for {FACTOR:g} times the largest {axis} of the runs instead."
        )
        flops = None
    return Question(
        axis=axis,
        at=FACTOR * farthest(fit, axis) if flops is None else float(flops),
        target_loss=target_loss,
        probability=probability,
        unanswered=tuple(unanswered),
    )


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
    """

    fit: Fit
    question: Question
    family: str | None = None

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

    @cached_property
    def allocation(self) -> Allocation | None:
        """The best splits of the budgets of the tables, from all draws."""
        if not can_allocate(self.fit):
            return None
        return self.fit.accept_unconverged().allocate(
            flops=self.places.tolist(), family=self.family,
            probability=self.question.probability
        )  # fmt: skip

    @cached_property
    def forecasts(self) -> tuple[Forecast, ...]:
        """Forecasts of one run at each place: at the median best split of that budget."""
        return tuple(self._forecast(index) for index in range(len(STEPS)))

    @property
    def planned_place(self) -> int:
        """Which of the places is that of the planned run."""
        return STEPS.index(1.0)

    @property
    def planned(self) -> Forecast:
        """The forecast of the planned run."""
        return self.forecasts[self.planned_place]

    @cached_property
    def exponents(self) -> Exponents:
        """Local exponents under drift, at the run that is asked about too; often none."""
        plan = self.planned.plan
        sizes: dict[str, Values] = {name: plan.columns[name] for name in self.model.sizes}
        if self.family is not None:
            sizes[self.model.group] = self.family
        found = self.fit.accept_unconverged().exponents(
            sizes, probability=self.question.probability
        )
        own = (part for part in found.parts if part.label in ("", self.family))
        return replace(found, parts=tuple(own))

    @cached_property
    def curve(self) -> LossCurve:
        """Loss along the path, up to the largest place of the tables."""
        return loss_curve(self.fit, to=float(self.places[-1]), family=self.family)

    def _forecast(self, index: int) -> Forecast:
        if self.question.axis is None:
            raise InputError(self.question.unanswered)
        sizes: dict[str, Values] = {self.question.axis: float(self.places[index])}
        if self.allocation is not None:
            sizes["params"] = float(np.median(self.allocation.params[:, index]))
        if self.family is not None:
            sizes[self.model.group] = self.family
        return self.fit.accept_unconverged().forecast(sizes, probability=self.question.probability)
