"""Questions that a `Fit` and an `Ensemble` answer alike; each is one function of `decisions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.posterior.planning import Planning

if TYPE_CHECKING:
    from bayes_scaling.posterior.ensemble import AnyFit
    from bayes_scaling.questions.allocate import Allocation
    from bayes_scaling.questions.answer import Answer
    from bayes_scaling.questions.asked_law import Numbers
    from bayes_scaling.questions.limits import Limits
    from bayes_scaling.questions.query import AnyDefinition
    from bayes_scaling.questions.sizes import Sizes, Values
    from bayes_scaling.questions.tune import Tuning

GAIN = 0.02
"""Share of the loss below which a doubling buys little, unless it is said."""


class Queries(Planning):
    """Methods without data, for `Fit` and `Ensemble`."""

    def allocate(
        self,
        *,
        flops: Numbers | None = None,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
        family: str | None = None,
        inputs: Mapping[str, float] | None = None,
        limits: Limits | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Allocation:
        """Find the best split of compute; see `bayes_scaling.questions.allocate.allocate`."""
        from bayes_scaling.questions.mixture import any_allocation

        return any_allocation(
            cast("AnyFit", self),
            flops=flops,
            params=params,
            tokens=tokens,
            family=family,
            inputs=inputs,
            limits=limits,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def saturation(
        self,
        gain: float = GAIN,
        *,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
        family: str | None = None,
        inputs: Mapping[str, float] | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Answer:
        """Find where doubling stops to pay; see `bayes_scaling.questions.saturation.saturation`."""
        from bayes_scaling.questions.saturation import saturation

        return saturation(
            cast("AnyFit", self),
            gain,
            params=params,
            tokens=tokens,
            family=family,
            inputs=inputs,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def reach(
        self,
        loss: Numbers,
        *,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
        batch_size: float | None = None,
        inference_tokens: float = 0.0,
        family: str | None = None,
        inputs: Mapping[str, float] | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Answer:
        """Find what it takes to reach a loss; see `bayes_scaling.questions.reach.reach`."""
        from bayes_scaling.questions.reach import reach

        return reach(
            cast("AnyFit", self),
            loss,
            params=params,
            tokens=tokens,
            batch_size=batch_size,
            inference_tokens=inference_tokens,
            family=family,
            inputs=inputs,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def judge_split(
        self,
        runs: Sizes,
        *,
        family: str | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Answer:
        """Judge how runs split compute; see `bayes_scaling.questions.judge_split.judge_split`."""
        from bayes_scaling.questions.judge_split import judge_split

        return judge_split(
            cast("AnyFit", self),
            runs,
            family=family,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def query(
        self,
        definition: AnyDefinition,
        values: Mapping[str, Values] | None = None,
        *,
        family: str | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Answer:
        """Evaluate a query on the draws; see `bayes_scaling.questions.query.query`."""
        from bayes_scaling.questions.query import query

        return query(
            cast("AnyFit", self),
            definition,
            values,
            family=family,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def tune(
        self,
        params: Numbers,
        tokens: Numbers,
        *,
        batch_size: Numbers | None = None,
        family: str | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Tuning:
        """Find the best learning rate and batch; see `bayes_scaling.questions.tune.tune`."""
        from bayes_scaling.questions.tune import tune

        return tune(
            cast("AnyFit", self),
            params,
            tokens,
            batch_size=batch_size,
            family=family,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )
