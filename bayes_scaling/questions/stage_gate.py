"""A stage gate: what a smaller run, made first, would tell about the big one, and is it worth it.

What the smaller run will show is drawn from the forecast of it; each such outcome weighs the draws
anew, and with them what is believed of the big run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY, check_probability, quantiles, significant
from bayes_scaling.page import Page, Printed, told
from bayes_scaling.questions.forecast import Forecast, forecast
from bayes_scaling.questions.limits import WITHOUT, Limits
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.score_targets import error_to_reach, level_of
from bayes_scaling.questions.sizes import wrong_numbers
from bayes_scaling.questions.splits import sizes_of_budgets
from bayes_scaling.questions.surface import Source, Surface, surface

Array = NDArray[np.float64]

SHARE = 0.1
"""Compute of the smaller run over that of the big one, by default."""

OUTCOMES = 200
"""Outcomes of the smaller run that are weighed."""

SETTLED = 0.05
"""Probability of changing the decision below which the smaller run is not needed."""

EVEN = 0.5
"""Chance from which a run is made, where nothing is said of its worth."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StageGate(Printed):
    """What a smaller run would tell.

    Attributes
    ----------
    forecast : Forecast
        Of the smaller run and of the big one.
    target : float
        Loss that the big run should reach.
    chance : float
        That it does, as far as is known now.
    chances : array (n_outcomes,)
        The same after each outcome of the smaller run, all equally likely.
    widths : array (n_outcomes,)
        Width of the interval of the big run's loss after each.
    go_from : float
        Chance from which the big run is made.
    rig : Rig, optional
        What compute costs.
    value : float, optional
        What reaching the target is worth.
    probability : float
        Probability of the intervals.
    """

    one_probability: ClassVar[str] = "widths"

    forecast: Forecast
    target: float
    chance: float
    chances: Array
    widths: Array
    go_from: float = EVEN
    rig: Rig | None = None
    value: float | None = None
    probability: float = PROBABILITY

    @property
    def changes(self) -> float:
        """Probability that the smaller run changes what is decided now."""
        return float(np.mean((self.chances >= self.go_from) != (self.before >= self.go_from)))

    @property
    def before(self) -> float:
        """Chance of the target before the smaller run: the mean over its outcomes.

        It differs from `chance` by what a finite number of draws leaves of one. What is told is
        weighed against this one, or that difference would pass for a worth.
        """
        return float(np.mean(self.chances))

    @property
    def verdict(self) -> str:
        """Whether the smaller run is worth making first, in words."""
        worth = self._worth()
        if "gain_of_first" in worth:
            value, cost = (significant(worth[n], 3) for n in ("value_of_first", "first_money"))
            said = f"what it tells is worth {value}"
            if worth["gain_of_first"] > 0:
                return f"worth it: {said}, its cost {cost}"
            return f"not worth it: {said}, less than its cost of {cost}"
        if self.changes < SETTLED:
            return f"not needed: it changes what is decided now with probability {self.changes:.2f}"
        return (
            f"it may change what is decided now, with probability {self.changes:.2f}: make it first"
        )

    @property
    def flops(self) -> Array:
        """Compute of the smaller run and of the big one (2,) [FLOP]."""
        return self.forecast.plan.columns["flops"]

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict of plain numbers."""
        small, big = ({name: float(values[run]) for name, values in
                       self.forecast.plan.columns.items()} for run in (0, 1))  # fmt: skip
        before = quantiles(self.forecast.draws[:, 1], self.probability)
        middle, low, high = quantiles(self.chances, self.probability)
        row = {f"first_{name}": value for name, value in small.items()} | big
        row |= {"target": self.target, "chance": self.chance, "go_from": self.go_from}
        row |= {"chance_after": float(middle), "width": float(before[2] - before[1])}
        row |= {"width_after": float(self.widths.mean()), "changes_decision": self.changes}
        if len(self.forecast.draws) > 1:  # a published law has one, and no intervals
            row |= {"chance_after_lower": float(low), "chance_after_upper": float(high)}
            row |= {"probability": self.probability}
        return [row | self._worth() | {"verdict": self.verdict}]

    def page(self) -> Page:
        """Return what is printed: both runs, the chance before and after, and its worth."""
        (row,) = self.rows()

        def size(of: str) -> str:
            compute = f"{row[f'{of}flops']:.3g} FLOP"
            if "params" not in row:
                return compute
            return f"N {row[f'{of}params']:.3g}, D {row[f'{of}tokens']:.3g}, {compute}"

        level = level_of(row["target"], self.forecast.response)
        lines = {
            "verdict": self.verdict,
            "first run": size("first_"),
            "big run": size(""),
            "chance of target now": f"{row['chance']:.3g} of reaching {level}",
            "chance after the first run": told(row, "chance_after"),
            "width of the interval": f"{row['width']:.3g} now, {row['width_after']:.3g} expected "
            "after",
            "changes the decision": f"with probability {row['changes_decision']:.2f} (the big run "
            f"is made from a chance of {row['go_from']:.2f})",
        }
        names = ("first_money", "money", "value_of_first", "gain_of_first")
        first, whole, value, gain = (significant(row.get(name, np.nan), 3) for name in names)
        if "first_money" in row:
            lines["cost"] = f"{first} first, {whole} the big run"
        if "value_of_first" in row:
            lines["what it tells is worth"] = f"{value}, less its cost {gain}"
        return [[lines]]

    def _worth(self) -> dict[str, float]:
        """Return what the smaller run costs, and the value of what it is expected to tell."""
        if self.rig is None or self.rig.price is None:
            return {}
        first, whole = (self.rig.money(float(each)) or 0.0 for each in self.flops)
        found = {"first_money": first, "money": whole}
        if self.value is None:
            return found
        gains = self.chances * self.value - whole
        go = self.before * self.value > whole
        # an outcome is worth what another decision than the one made now gains under it
        told = float(np.mean(np.maximum(0.0, -gains if go else gains)))
        return found | {"value_of_first": told, "gain_of_first": told - first}


def stage_gate(
    source: Source,
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
    """Tell what a smaller run would tell, and whether it is worth making first.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A law in params and tokens, or in compute alone; a published one has nothing to learn from
        a smaller run.
    flops : float
        Budget of the big run [FLOP], at its split of least expected loss if the law has splits.
    target_loss : float
        Loss that it should reach.
    target_score : float
        Score that it should reach in its place, between 0 and 1, by a law of scores.
    share : float
        Compute of the smaller run over that of the big one, of training: it serves nothing.
    family, limits, rig
        As in `bayes_scaling.questions.risk.risk`.
    value : float, optional
        What reaching the target is worth, in the currency of the rig.
    probability : float
        Probability of the intervals whose widths are told.

    Returns
    -------
    StageGate

    Raises
    ------
    InputError
        A number cannot be used.
    """
    check_probability(probability)
    target_loss = error_to_reach(source, target_score, target_loss, name="target_score")
    if target_loss is None:
        raise InputError("say what to reach: target_loss, or target_score by a law of scores")
    problems = wrong_numbers({"flops": flops, "target_loss": target_loss})
    if not 0 < share < 1:
        problems.append(f"share is between 0 and 1, got {share!r}")
    if value is not None and (rig is None or rig.price is None):
        problems.append("value is weighed against a cost: give a rig with the price of an hour")
    if problems:
        raise InputError(problems, source="stage gate")
    law = surface(source, group=family)
    sizes: dict[str, Any] = {**_two_runs(law, share, flops, limits)}
    if family is not None:
        sizes[law.group_column] = family
    asked = forecast(source, sizes)
    hit = (asked.draws[:, 1] <= target_loss).astype(float)
    weights = _weights(law, asked)
    money = None if rig is None else rig.money(float(asked.plan.columns["flops"][1]))
    known = value is not None and money is not None
    return StageGate(
        forecast=asked,
        target=target_loss,
        chance=float(hit.mean()),
        chances=weights @ hit,
        widths=_widths(asked.draws[:, 1], weights, probability),
        go_from=min(1.0, (money or 0.0) / value) if known and value else EVEN,
        rig=rig,
        value=value,
        probability=probability,
    )


def _two_runs(law: Surface, share: float, flops: float, limits: Limits) -> dict[str, list[float]]:
    """Return the sizes of the smaller run, which serves nothing, and of the big one."""
    big = sizes_of_budgets(law, [flops], limits)
    if limits.inference_tokens:
        flops = law.share * float(limits.while_training.lifetime(*map(np.array, big.values()))[0])
    small = sizes_of_budgets(law, [share * flops], limits.while_training)
    return {name: small[name] + big[name] for name in big}


def _weights(law: Surface, asked: Forecast) -> Array:
    """Weights of the draws (n_outcomes, n_draws) after each outcome of the smaller run."""
    outcomes = np.quantile(asked.draws[:, 0], (np.arange(OUTCOMES) + 0.5) / OUTCOMES)
    logs = law.new_run_logpdf(outcomes[:, None], asked.noise_free[:, 0], law.draws)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _widths(losses: Array, weights: Array, probability: float) -> Array:
    """Width of the central interval of losses (n_draws,) under each row of weights."""
    order = np.argsort(losses)
    reached = np.cumsum(weights[:, order], axis=1)
    tail = (1 - probability) / 2
    low, high = ((reached < each).sum(axis=1) for each in (tail, 1 - tail))
    places = np.minimum(np.stack([low, high]), losses.size - 1)
    ends = losses[order][places]
    return np.asarray(ends[1] - ends[0])
