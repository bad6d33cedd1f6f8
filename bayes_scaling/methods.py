"""Questions about recipes as methods: shapes, settings, variants and where to pre-train.

`bayes_scaling.facade.Questions` has these and all others.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.questions.answer import Answer
from bayes_scaling.questions.duel import ERROR, Duel, Side, duel
from bayes_scaling.questions.expert_split import (
    SHARE as EXPERT_SHARE,
    ExpertSplit,
    expert_split,
)
from bayes_scaling.questions.layouts import PLAIN, Layout
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.rank_shapes import COUNT, ShapeRanking, rank_shapes
from bayes_scaling.questions.setting_rules import HARMLESS, TOLERANCE, setting_rules
from bayes_scaling.questions.settle import Settling, settle
from bayes_scaling.questions.sizes import Numbers, Sizes
from bayes_scaling.questions.transfer import transfer
from bayes_scaling.questions.transfer_answer import TIMES, Transfer
from bayes_scaling.questions.tune import Tuning, tune
from bayes_scaling.questions.valley_map import PLACES, ValleyMap, valley_map
from bayes_scaling.runs.counting import BALANCED

TOLD = """probability : float
    Probability of the equal-tailed intervals.
"""


def documented[Method: Callable[..., Any]](
    question: Callable[..., Any],
) -> Callable[[Method], Method]:
    """Give a method the documentation of its question, without the source that it is bound to."""

    def take(method: Method) -> Method:
        doc = inspect.cleandoc(question.__doc__ or "")
        doc = re.sub(r"^(source|fit) : .*\n(?:    .*\n)+", "", doc, count=1, flags=re.M)
        if "probability :" not in doc:
            doc = doc.replace("\n\nReturns\n", f"\n{TOLD}\nReturns\n", 1)
        method.__doc__ = doc
        return method

    return take


if TYPE_CHECKING:
    from bayes_scaling.questions.surface import Source as _Source
else:
    _Source = object


class RecipeQuestions(_Source):
    """Questions about recipes, of whatever has laws with weights."""

    def require_converged(self) -> None:
        """Raise `UnconvergedError` where a decision would rest on draws that did not converge."""

    @documented(rank_shapes)
    def rank_shapes(
        self,
        shapes: Sizes | None = None,
        *,
        params: float | None = None,
        tokens: float | None = None,
        flops: float | None = None,
        layout: Layout = PLAIN,
        count: int = COUNT,
        deep: float = BALANCED,
        family: str | None = None,
        inputs: Mapping[str, float] | None = None,
        probability: float = PROBABILITY,
    ) -> ShapeRanking:
        self.require_converged()
        found = rank_shapes(
            self,
            shapes,
            params=params,
            tokens=tokens,
            flops=flops,
            layout=layout,
            count=count,
            deep=deep,
            family=family,
            inputs=inputs,
        )
        return found.with_probability(probability)

    @documented(tune)
    def tune(
        self,
        params: Numbers,
        tokens: Numbers,
        *,
        batch_size: Numbers | None = None,
        family: str | None = None,
        probability: float = PROBABILITY,
    ) -> Tuning:
        self.require_converged()
        check_probability(probability)
        return tune(
            self._fitted("tune"),
            params,
            tokens,
            batch_size=batch_size,
            family=family,
            probability=probability,
        )

    @documented(setting_rules)
    def setting_rules(
        self,
        setting: str,
        *,
        small: Mapping[str, float] | None = None,
        target: Mapping[str, float] | None = None,
        exponents: Mapping[str, float] | None = None,
        tolerance: float = TOLERANCE,
        harmless: float = HARMLESS,
        family: str | None = None,
        probability: float = PROBABILITY,
    ) -> Answer:
        self.require_converged()
        found = setting_rules(
            self,
            setting,
            small=small,
            target=target,
            exponents=exponents,
            tolerance=tolerance,
            harmless=harmless,
            family=family,
        )
        return found.with_probability(probability)

    @documented(valley_map)
    def valley_map(
        self,
        x: str = "learning_rate",
        y: str = "batch_size",
        *,
        held: Mapping[str, float] | None = None,
        places: int = PLACES,
        family: str | None = None,
        probability: float = PROBABILITY,
    ) -> ValleyMap:
        self.require_converged()
        found = valley_map(self, x, y, held=held, places=places, family=family)
        return found.with_probability(probability)

    @documented(expert_split)
    def expert_split(
        self,
        flops: float,
        *,
        experts: Numbers | None = None,
        expert_share: float = EXPERT_SHARE,
        limits: Limits | None = None,
        family: str | None = None,
        inputs: Mapping[str, float] | None = None,
        probability: float = PROBABILITY,
    ) -> ExpertSplit:
        self.require_converged()
        found = expert_split(
            self,
            flops,
            experts=experts,
            expert_share=expert_share,
            limits=limits,
            family=family,
            inputs=inputs,
        )
        return found.with_probability(probability)

    @documented(settle)
    def settle(
        self,
        a: str,
        b: str,
        *,
        flops: float,
        budget: float,
        candidates: Sizes | None = None,
        inputs: Mapping[str, float] | None = None,
        throughput: Mapping[str, float] | None = None,
        error: float = ERROR,
    ) -> Settling:
        self.require_converged()
        return settle(
            self._fitted("settle"),
            a,
            b,
            flops=flops,
            budget=budget,
            candidates=candidates,
            inputs=inputs,
            throughput=throughput,
            error=error,
        )

    @documented(duel)
    def duel(
        self,
        a: Side,
        b: Side | Sequence[Side] | None = None,
        *,
        flops: Numbers,
        inputs: Mapping[str, float] | None = None,
        throughput: Mapping[str, float] | None = None,
        error: float = ERROR,
        probability: float = PROBABILITY,
    ) -> Duel:
        self.require_converged()
        found = duel(
            self,
            a,
            b,
            flops=flops,
            inputs=inputs,
            throughput=throughput,
            error=error,
        )
        return found.with_probability(probability)

    @documented(transfer)
    def transfer(
        self,
        *,
        params: Numbers,
        finetune_tokens: Numbers,
        pretrained_on: str | Sequence[str] | None = None,
        times: float = TIMES,
        pretrain_tokens: float | None = None,
        order: Sequence[str] | None = None,
        family: str | None = None,
        probability: float = PROBABILITY,
    ) -> Transfer:
        self.require_converged()
        found = transfer(
            self,
            params=params,
            finetune_tokens=finetune_tokens,
            pretrained_on=pretrained_on,
            times=times,
            pretrain_tokens=pretrain_tokens,
            order=order,
            family=family,
        )
        return found.with_probability(probability)

    def _fitted(self, question: str) -> Any:
        """Return what was fitted, or say that this question needs runs and a posterior."""
        return self
