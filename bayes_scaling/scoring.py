"""`ScoreFit`: a fit of the loss and one of scores in the loss, which answer questions as one.

`forecast`, `allocate`, `risk`, `reach` and the others are then about the error rate of a task, 1
less its score: what is not known of the loss is part of every answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit, Questions
from bayes_scaling.posterior import Check
from bayes_scaling.posterior.two_steps import TwoSteps
from bayes_scaling.posterior.weights import mixed, stratify
from bayes_scaling.questions.score_targets import ERROR

Index = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreFit(Questions):
    """A fit of the loss and one of scores in the loss.

    Attributes
    ----------
    loss, score : Fit
        The two.
    members : mapping of str to TwoSteps
        Every law of the loss with the law of the score.
    weights : mapping of str to float
        Those of the laws of the loss.
    """

    loss: Fit
    score: Fit
    members: Mapping[str, TwoSteps] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say which fits they are."""
        return f"ScoreFit({self.loss!r} then {self.score!r})"

    @property
    def id(self) -> str:
        """Name of both."""
        return f"{self.loss.id}+{self.score.id}"

    @property
    def leading(self) -> TwoSteps:
        """The law of the largest weight."""
        return self.members[max(self.weights, key=lambda name: self.weights[name])]

    @property
    def averages(self) -> bool:
        """Whether several laws of the loss were averaged."""
        return self.loss.averages

    @property
    def left_out(self) -> Mapping[str, str]:
        """Laws of the loss that do not count, with the reason."""
        return self.loss.left_out

    @property
    def groups(self) -> tuple[str, ...]:
        """Labels of the tasks."""
        return self.leading.groups

    @cached_property
    def rows(self) -> tuple[Index, ...]:
        """Draws of each law that stand for it in the mixture."""
        sizes = [each.n_draws for each in self.members.values()]
        return stratify([self.weights[name] for name in self.members], sizes)

    @cached_property
    def member(self) -> Index:
        """Position of the law that each draw of the mixture comes from (n_draws,)."""
        return np.repeat(np.arange(len(self.rows)), [len(rows) for rows in self.rows])

    def mix(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Take from what each law says (n_draws, ...) the draws that stand in the mixture."""
        return mixed(parts, self.rows)

    def generator(self, purpose: str) -> np.random.Generator:
        """Return the random generator of one purpose."""
        return self.score.generator(purpose)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Checks of both fits."""
        return (*self.loss.checks, *self.score.checks)

    @property
    def status(self) -> str:
        """Whether both converged."""
        both = {self.loss.status, self.score.status}
        return "unconverged" if "unconverged" in both else "converged"

    @property
    def trustworthy(self) -> bool:
        """Whether no check of either failed."""
        return self.loss.trustworthy and self.score.trustworthy

    def accept_unconverged(self) -> Self:
        """Return the fits, to be asked although draws may not be those of a posterior."""
        return replace(
            self, loss=self.loss.accept_unconverged(), score=self.score.accept_unconverged()
        )

    def require_converged(self) -> None:
        """Raise `UnconvergedError` where either did not converge."""
        self.loss.require_converged()
        self.score.require_converged()

    def _fitted(self, question: str) -> Any:
        raise InputError(f"{self.id} is made of two fits: ask one of them for {question}")


def two_steps(loss: Fit, score: Fit, *, family: str | None = None) -> ScoreFit:
    """Join a fit of the loss and one of scores in the loss, to be asked as one.

    Parameters
    ----------
    loss : Fit
        Of laws of the loss in sizes.
    score : Fit
        Of a law of the error rate in that loss, such as ``"downstream-sigmoid"``, which may read
        sizes beside it that the first reads too (``+score-shape``); its groups are the tasks.
    family : str, optional
        The group of the first fit, where it has several.

    Returns
    -------
    ScoreFit
        Answers in error rates (1 - score), which fall with size as a loss does.

    Raises
    ------
    InputError
        The second does not explain an error rate by the loss, reads what the first does not, or the
        first has several groups and none is named.

    Examples
    --------
    >>> scores = bs.two_steps(bs.fit(runs), bs.fit("downstream-sigmoid", tasks))  # doctest: +SKIP
    >>> scores.risk(flops=1e21, target_score=0.6, family="hellaswag")  # doctest: +SKIP
    """
    problems = []
    own = score.only.model
    if own.response != ERROR or "loss" not in own.inputs:
        problems.append(
            f"{own.id} gives {own.response} from {', '.join(own.inputs)}: the second fit gives "
            "an error rate from the loss, as downstream-exp and downstream-sigmoid do"
        )
    elif others := [
        name
        for name in own.inputs
        if name != "loss" and not all(name in each.reads.inputs for each in loss.members.values())
    ]:
        problems.append(
            f"{own.id} reads {', '.join(others)} beside the loss: fit the loss by a law that reads "
            "that too, such as coupled+aspect for shapes"
        )
    if loss.leading.response != "loss":
        problems.append(f"the first fit gives {loss.leading.response}, where a loss is wanted")
    known = ", ".join(loss.groups)
    if family is None and len(loss.groups) > 1:
        problems.append(f"the first fit has several groups: say which family, one of {known}")
    elif family is not None and family not in loss.groups:
        problems.append(f"{family!r} is no group of the first fit; known are {known}")
    if problems:
        raise InputError(problems, source="two steps")
    members = {
        name: TwoSteps(loss=each, family=family or loss.groups[0], score=score.only)
        for name, each in loss.members.items()
    }
    weights = {each.id: loss.weights[name] for name, each in members.items()}
    joined = {each.id: each for each in members.values()}
    return ScoreFit(loss=loss, score=score, members=joined, weights=weights)
