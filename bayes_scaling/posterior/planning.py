"""What a big run needs to know: the part of `Queries` that plans and follows one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from bayes_scaling.intervals import PROBABILITY

if TYPE_CHECKING:
    from bayes_scaling.posterior.ensemble import AnyFit
    from bayes_scaling.questions.advise import Advice
    from bayes_scaling.questions.asked_law import Numbers
    from bayes_scaling.questions.limits import Limits
    from bayes_scaling.questions.monitor import Monitor
    from bayes_scaling.questions.next_runs import Aim, NextRuns
    from bayes_scaling.questions.rig import Rig
    from bayes_scaling.questions.risk import Risk
    from bayes_scaling.questions.sensitivity import Sensitivity
    from bayes_scaling.questions.sizes import Sizes
    from bayes_scaling.questions.stage_gate import StageGate
    from bayes_scaling.runs import RunTable


class Planning:
    """Methods without data, for `Fit` and `Ensemble`."""

    def risk(
        self,
        *,
        flops: Numbers | None = None,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
        target_loss: float | None = None,
        sure: float = 0.9,
        family: str | None = None,
        inputs: Mapping[str, float] | None = None,
        limits: Limits | None = None,
        rig: Rig | None = None,
        value: float | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Risk:
        """Tell what can go wrong with planned runs; see `bayes_scaling.questions.risk.risk`."""
        from bayes_scaling.questions.risk import risk

        return risk(
            cast("AnyFit", self),
            flops=flops,
            params=params,
            tokens=tokens,
            target_loss=target_loss,
            sure=sure,
            family=family,
            inputs=inputs,
            limits=limits,
            rig=rig,
            value=value,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def next_runs(
        self,
        budget: float,
        *,
        candidates: Sizes | None = None,
        target: Mapping[str, float] | None = None,
        aim: Aim = "loss",
        family: str | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> NextRuns:
        """Choose runs to make next; see `bayes_scaling.questions.next_runs.next_runs`."""
        from bayes_scaling.questions.next_runs import next_runs

        return next_runs(
            cast("AnyFit", self),
            budget,
            candidates=candidates,
            target=target,
            aim=aim,
            family=family,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def stage_gate(
        self,
        flops: float,
        target_loss: float,
        *,
        share: float = 0.1,
        family: str | None = None,
        rig: Rig | None = None,
        value: float | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> StageGate:
        """Tell what a smaller run would tell; see `bayes_scaling.questions.stage_gate`."""
        from bayes_scaling.questions.stage_gate import stage_gate

        return stage_gate(
            cast("AnyFit", self),
            flops,
            target_loss,
            share=share,
            family=family,
            rig=rig,
            value=value,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def sensitivity(
        self,
        sizes: Sizes,
        *,
        target_loss: float | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Sensitivity:
        """Tell how a forecast moves; see `bayes_scaling.questions.sensitivity.sensitivity`."""
        from bayes_scaling.questions.sensitivity import sensitivity

        return sensitivity(
            cast("AnyFit", self),
            sizes,
            target_loss=target_loss,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def advise(
        self,
        flops: float,
        tokens: float,
        *,
        target_loss: float | None = None,
        sure: float = 0.9,
        family: str | None = None,
        limits: Limits | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Advice:
        """Advise on a budget and the data on hand; see `bayes_scaling.questions.advise`."""
        from bayes_scaling.questions.advise import advise

        return advise(
            cast("AnyFit", self),
            flops,
            tokens,
            target_loss=target_loss,
            sure=sure,
            family=family,
            limits=limits,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def monitor(
        self,
        curve: RunTable,
        plan: Sizes,
        *,
        finished: RunTable | None = None,
        false_alarms: float = 0.05,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Monitor:
        """Follow a run in flight; see `bayes_scaling.questions.monitor.monitor`."""
        from bayes_scaling.questions.monitor import monitor

        return monitor(
            cast("AnyFit", self),
            curve,
            plan,
            finished=finished,
            false_alarms=false_alarms,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )
