"""`Fit`: a posterior whose methods are the questions. A published law answers the same ones.

Whether the sampler converged is checked here, once, for every question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

from bayes_scaling import posterior as sampling
from bayes_scaling.errors import UnconvergedError
from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.methods import RecipeQuestions, documented
from bayes_scaling.posterior import Posterior
from bayes_scaling.posterior.posterior import failed_sampling
from bayes_scaling.questions.advise import Advice, advise
from bayes_scaling.questions.allocate import Allocation, allocate
from bayes_scaling.questions.answer import Answer
from bayes_scaling.questions.drifting_exponents import Exponents, exponents
from bayes_scaling.questions.emergence import Emergence, emergence
from bayes_scaling.questions.forecast import Forecast, forecast
from bayes_scaling.questions.judge_split import judge_split
from bayes_scaling.questions.limits import WITHOUT, Limits
from bayes_scaling.questions.loss_curve import LossCurve, loss_curve
from bayes_scaling.questions.mistuned_runs import OffLaw, off_law as find_off_law
from bayes_scaling.questions.monitor import FALSE_ALARMS, Monitor, monitor
from bayes_scaling.questions.next_runs import Aim, NextRuns, next_runs
from bayes_scaling.questions.positions import positions
from bayes_scaling.questions.power_scaling import PowerScaling, power_scaling
from bayes_scaling.questions.query import AnyDefinition, query
from bayes_scaling.questions.reach import reach
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.risk import SURE, Risk, risk
from bayes_scaling.questions.saturation import GAIN, saturation
from bayes_scaling.questions.sensitivity import Sensitivity, sensitivity
from bayes_scaling.questions.shift import BAND, shift
from bayes_scaling.questions.sizes import Numbers, Sizes, Values, check_read
from bayes_scaling.questions.stage_gate import SHARE, StageGate, stage_gate
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.questions.typical import Tuned
from bayes_scaling.questions.valleys import Valley, valleys
from bayes_scaling.runs import RunTable


class Questions(RecipeQuestions):
    """The questions, of whatever has laws with weights."""

    # ---- what a run reaches --------------------------------------------------------------------

    @documented(surface)
    def surface(
        self, *, group: str | None = None, inputs: Mapping[str, float] | None = None
    ) -> Surface:
        self.require_converged()
        return surface(self, group=group, inputs=inputs)

    @documented(forecast)
    def forecast(
        self, sizes: Sizes, *, tuning: Tuned = "tuned", probability: float = PROBABILITY
    ) -> Forecast:
        self.require_converged()
        check_read(self.members.values(), sizes)
        return forecast(self, sizes, tuning=tuning).with_probability(probability)

    @documented(saturation)
    def saturation(
        self,
        gain: float = GAIN,
        *,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
        family: str | None = None,
        inputs: Mapping[str, float] | None = None,
        probability: float = PROBABILITY,
    ) -> Answer:
        self.require_converged()
        found = saturation(self, gain, params=params, tokens=tokens, family=family, inputs=inputs)
        return found.with_probability(probability)

    @documented(reach)
    def reach(
        self,
        loss: Numbers | None = None,
        *,
        score: Numbers | None = None,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
        runs: Sizes | None = None,
        batch_size: float | None = None,
        inference_tokens: float = 0.0,
        family: str | None = None,
        inputs: Mapping[str, float] | None = None,
        probability: float = PROBABILITY,
    ) -> Answer:
        self.require_converged()
        found = reach(
            self,
            loss,
            score=score,
            params=params,
            tokens=tokens,
            runs=runs,
            batch_size=batch_size,
            inference_tokens=inference_tokens,
            family=family,
            inputs=inputs,
        )
        return found.with_probability(probability)

    @documented(query)
    def query(
        self,
        definition: AnyDefinition,
        values: Mapping[str, Values] | None = None,
        *,
        family: str | None = None,
        probability: float = PROBABILITY,
    ) -> Answer:
        self.require_converged()
        return query(self, definition, values, family=family).with_probability(probability)

    @documented(loss_curve)
    def loss_curve(
        self,
        *,
        along: str | None = None,
        to: float | None = None,
        family: str | None = None,
        limits: Limits | None = None,
    ) -> LossCurve:
        self.require_converged()
        source = self._fitted("loss_curve")
        return loss_curve(source, along=along, to=to, family=family, limits=limits)

    # ---- scores, and losses elsewhere ----------------------------------------------------------

    @documented(emergence)
    def emergence(
        self,
        flops: Numbers,
        *,
        family: str | None = None,
        without: str | None = None,
        beside: Fit | None = None,
        probability: float = PROBABILITY,
    ) -> Emergence:
        self.require_converged()
        if beside is not None:
            beside.require_converged()
        found = emergence(self, flops, family=family, without=without, beside=beside)
        return found.with_probability(probability)

    @documented(positions)
    def positions(
        self,
        params: Numbers,
        *,
        position: float,
        context: float,
        against_position: float,
        against_context: float,
        family: str | None = None,
        probability: float = PROBABILITY,
    ) -> Answer:
        self.require_converged()
        found = positions(
            self,
            params,
            position=position,
            context=context,
            against_position=against_position,
            against_context=against_context,
            family=family,
        )
        return found.with_probability(probability)

    @documented(shift)
    def shift(
        self,
        *,
        band: float = BAND,
        family: str | None = None,
        probability: float = PROBABILITY,
    ) -> Answer:
        self.require_converged()
        return shift(self, band=band, family=family).with_probability(probability)

    # ---- how to spend compute ------------------------------------------------------------------

    @documented(allocate)
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
    ) -> Allocation:
        self.require_converged()
        found = allocate(
            self,
            flops=flops,
            params=params,
            tokens=tokens,
            family=family,
            inputs=inputs,
            limits=limits,
        )
        return found.with_probability(probability)

    @documented(valleys)
    def valleys(
        self,
        flops: Sequence[float],
        *,
        family: str | None = None,
        limits: Limits | None = None,
    ) -> tuple[Valley, ...]:
        self.require_converged()
        return valleys(self._fitted("valleys"), flops, family=family, limits=limits)

    @documented(judge_split)
    def judge_split(
        self, runs: Sizes, *, family: str | None = None, probability: float = PROBABILITY
    ) -> Answer:
        self.require_converged()
        return judge_split(self, runs, family=family).with_probability(probability)

    # ---- what can go wrong ---------------------------------------------------------------------

    @documented(risk)
    def risk(
        self,
        *,
        flops: Numbers | None = None,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
        target_loss: float | None = None,
        target_score: float | None = None,
        sure: float = SURE,
        family: str | None = None,
        inputs: Mapping[str, float] | None = None,
        limits: Limits | None = None,
        rig: Rig | None = None,
        value: float | None = None,
        probability: float = PROBABILITY,
    ) -> Risk:
        self.require_converged()
        found = risk(
            self,
            flops=flops,
            params=params,
            tokens=tokens,
            target_loss=target_loss,
            target_score=target_score,
            sure=sure,
            family=family,
            inputs=inputs,
            limits=limits,
            rig=rig,
            value=value,
        )
        return found.with_probability(probability)

    @documented(stage_gate)
    def stage_gate(
        self,
        flops: float,
        target_loss: float | None = None,
        *,
        target_score: float | None = None,
        share: float = SHARE,
        family: str | None = None,
        limits: Limits = WITHOUT,
        rig: Rig | None = None,
        value: float | None = None,
        probability: float = PROBABILITY,
    ) -> StageGate:
        self.require_converged()
        check_probability(probability)
        return stage_gate(
            self,
            flops,
            target_loss,
            target_score=target_score,
            share=share,
            family=family,
            limits=limits,
            rig=rig,
            value=value,
            probability=probability,
        )

    @documented(sensitivity)
    def sensitivity(
        self,
        sizes: Sizes,
        *,
        target_loss: float | None = None,
        target_score: float | None = None,
        probability: float = PROBABILITY,
    ) -> Sensitivity:
        self.require_converged()
        check_read(self.members.values(), sizes)
        found = sensitivity(
            self._fitted("sensitivity"), sizes, target_loss=target_loss, target_score=target_score
        )
        return found.with_probability(probability)

    @documented(power_scaling)
    def power_scaling(
        self,
        sizes: Sizes,
        *,
        flops: float | None = None,
        family: str | None = None,
        limits: Limits | None = None,
    ) -> PowerScaling:
        self.require_converged()
        check_read(self.members.values(), sizes)
        source = self._fitted("power_scaling")
        return power_scaling(source, sizes, flops=flops, family=family, limits=limits)

    @documented(exponents)
    def exponents(
        self, sizes: Sizes | None = None, *, probability: float = PROBABILITY
    ) -> Exponents:
        self.require_converged()
        check_read(self.members.values(), sizes)
        return exponents(self._fitted("exponents"), sizes).with_probability(probability)

    # ---- what to do next -----------------------------------------------------------------------

    @documented(next_runs)
    def next_runs(
        self,
        budget: float,
        *,
        candidates: Sizes | None = None,
        target: Mapping[str, float] | None = None,
        aim: Aim = "loss",
        family: str | None = None,
        probability: float = PROBABILITY,
    ) -> NextRuns:
        self.require_converged()
        found = next_runs(
            self._fitted("next_runs"),
            budget,
            candidates=candidates,
            target=target,
            aim=aim,
            family=family,
        )
        return found.with_probability(probability)

    @documented(advise)
    def advise(
        self,
        flops: float,
        tokens: float,
        *,
        target_loss: float | None = None,
        target_score: float | None = None,
        sure: float = SURE,
        family: str | None = None,
        limits: Limits | None = None,
        pretrained: Source | None = None,
        pretrained_on: str | None = None,
        characters_per_token: float | None = None,
        probability: float = PROBABILITY,
    ) -> Advice:
        self.require_converged()
        found = advise(
            self,
            flops,
            tokens,
            target_loss=target_loss,
            target_score=target_score,
            sure=sure,
            family=family,
            limits=limits,
            pretrained=pretrained,
            pretrained_on=pretrained_on,
            characters_per_token=characters_per_token,
        )
        return found.with_probability(probability)

    @documented(monitor)
    def monitor(
        self,
        curve: RunTable,
        plan: Sizes,
        *,
        finished: RunTable | None = None,
        false_alarms: float = FALSE_ALARMS,
        probability: float = PROBABILITY,
    ) -> Monitor:
        self.require_converged()
        found = monitor(
            self._fitted("monitor"), curve, plan, finished=finished, false_alarms=false_alarms
        )
        return found.with_probability(probability)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Fit(Posterior, Questions):
    """A posterior whose methods are the questions.

    Attributes
    ----------
    accepted : bool
        Whether questions are answered though the sampler did not converge; see
        `accept_unconverged`.
    """

    accepted: bool = False

    @classmethod
    def of_posterior(cls, posterior: Posterior) -> Self:
        """Return a posterior with the questions."""
        return cls(**{field.name: getattr(posterior, field.name) for field in fields(Posterior)})

    def accept_unconverged(self) -> Self:
        """Return the fit, to be asked although its draws may not be those of the posterior."""
        return replace(self, accepted=True)

    def require_converged(self) -> None:
        """Raise `UnconvergedError` where a decision would rest on draws that did not converge."""
        if self.status == "converged" or self.accepted:
            return
        failed = "; ".join(
            f"{name}: {failed_sampling(each)}" for name, each in self.members.items()
        )
        who = "no law that was averaged converged" if self.averages else "the fit did not converge"
        raise UnconvergedError(
            f"{who}: {failed}. Sample for longer (draws=, tune=), or ask "
            "fit.accept_unconverged() to decide on it all the same"
        )

    def alone(self, name: str) -> Fit:
        """Return the fit of one of the laws that were averaged.

        Parameters
        ----------
        name : str
            Id of the law.
        """
        return replace(Fit.of_one(self.members[name]), accepted=self.accepted)

    @documented(find_off_law)
    def off_law(self, *, material: float = 0.0, probability: float = PROBABILITY) -> OffLaw:
        self.require_converged()
        return find_off_law(self, material=material).with_probability(probability)

    def save(self, path: str | Path) -> Path:
        """Save to one netCDF file; see `bayes_scaling.posterior.storage.save`."""
        return sampling.save(self, path)
