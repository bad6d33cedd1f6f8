"""Risk of a planned run: does it reach its target, what does its split lose, is it worth it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY, significant
from bayes_scaling.page import Block, Grid, Page, Printed, beyond, called, told
from bayes_scaling.questions.allocate import allocate
from bayes_scaling.questions.answer import draw_rows
from bayes_scaling.questions.enough import Enough, enough_for, wasted_compute
from bayes_scaling.questions.forecast import Forecast, forecast, most_pessimistic
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.score_targets import (
    ERROR,
    error_to_reach,
    level_of,
    shown_name,
    with_scores,
)
from bayes_scaling.questions.sizes import Numbers, given_sizes
from bayes_scaling.questions.splits import refuse_limits, regret, sizes_of_budgets
from bayes_scaling.questions.stage_gate import StageGate, stage_gate
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.questions.tested_distance import (
    IF_IT_HOLDS,
    factor_beyond,
    held_at,
    said_of_distance,
)
from bayes_scaling.runs.columns import SIZES

Array = NDArray[np.float64]

GO = "go"
"""What is decided where a run is worth its cost under every law."""

SURE = 0.9
"""Probability with which the smallest sufficient budget reaches the target, by default."""


THIRDS, HALVES = 11 / 30, 9 / 20
"""Chances between which one is told as 2 in 5, the nearest of a third, that and a half."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Risk(Printed):
    """What can go wrong with planned runs.

    Attributes
    ----------
    forecast : Forecast
        Of the runs.
    flops : array (n_runs,)
        Compute of their training [FLOP]; nan of a law in one size, of which none follows.
    target : float, optional
        Loss that should be reached.
    best : array (n_draws, n_runs)
        Noise-free loss of each draw's own best split of the same compute, of training and serving,
        within the limits; (n_draws, 0) of a law in one size, which splits none.
    wasted_share : array (n_fewer, n_runs)
        Share of the compute, of training and serving, that the best split within the limits would
        not have needed for the same loss, 0 to 1; (n_draws, 0) of such a law.
    beats : array (n_runs, n_runs)
        Probability that the noise-free loss of one run is below that of another.
    sure : float
        Probability that the sufficient budget is for.
    needed : Enough, optional
        Least compute, or of the one size of the law, that reaches the target with that probability;
        None without a target.
    lifetime : array (n_runs,), optional
        Compute of training and of what the models serve [FLOP]; None where they serve nothing.
    rig : Rig, optional
        What compute costs.
    value : float, optional
        What reaching the target is worth, in the currency of the rig.
    gate : StageGate, optional
        What a smaller run, made first, would tell; of one budget with a price and a value.
    probability : float
        Probability of the intervals.
    """

    forecast: Forecast
    flops: Array
    target: float | None
    best: Array
    wasted_share: Array
    beats: Array
    sure: float = SURE
    needed: Enough | None = None
    lifetime: Array | None = None
    rig: Rig | None = None
    value: float | None = None
    gate: StageGate | None = None
    probability: float = PROBABILITY

    @property
    def splits(self) -> bool:
        """Whether the law splits budgets, so that a split can lose something."""
        return bool(self.best.size)

    @property
    def regret(self) -> Array:
        """Noise-free loss beyond that of the best split (n_draws, n_runs)."""
        return regret(self.forecast.noise_free[:, : self.best.shape[1]], self.best)

    @property
    def enough(self) -> float | None:
        """Least compute of training, or least size, that is needed; inf where none does."""
        return None if self.needed is None else self.needed.size

    @property
    def chance(self) -> Array:
        """Probability that a new run reaches the target (n_runs,); nan without one."""
        target = np.nan if self.target is None else self.target
        hit = (self.forecast.draws <= target).mean(axis=0)
        return np.where(np.isnan(target), np.nan, hit)

    @property
    def member_chances(self) -> dict[str, Array]:
        """The same by member."""
        target = np.nan if self.target is None else self.target
        return {
            name: (self.forecast.draws[self.forecast.member == index] <= target).mean(axis=0)
            for index, name in enumerate(self.forecast.members)
        }

    def _rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per run, of plain numbers and texts."""
        quantities = {"noise_free": self.forecast.noise_free, "new_run": self.forecast.draws}
        quantities |= {"regret": self.regret} if self.splits else {}
        if self.target is not None:
            quantities["overshoot"] = self.forecast.draws - self.target
        quantities = with_scores(quantities, self.forecast.response)
        rows = draw_rows(quantities, self.forecast.extrapolation, self.probability)
        wasted: list[dict[str, Any]] = [{} for _ in rows]
        if self.splits:
            wasted = draw_rows({"wasted_share": self.wasted_share}, {}, self.probability)
        return [
            self._asked(index) | row | more | self._judged(index, row) | self._held(row)
            for index, (row, more) in enumerate(zip(rows, wasted, strict=True))
        ]

    @property
    def _scored(self) -> bool:
        """Whether the law explains an error rate, which is told as a score."""
        return self.forecast.response == ERROR

    def _asked(self, index: int) -> dict[str, Any]:
        plan = self.forecast.plan
        sizes = {name: float(values[index]) for name, values in plan.columns.items()}
        if np.isfinite(self.flops[index]):
            sizes["flops"] = float(self.flops[index])
        if self.lifetime is not None:
            sizes["lifetime_flops"] = float(self.lifetime[index])
        return sizes | {plan.group_column: plan.labels[index]}

    def _judged(self, index: int, row: Mapping[str, Any]) -> dict[str, Any]:
        """Tell chances, costs and the decision."""
        found: dict[str, Any] = {}
        if self.splits:
            found["expected_regret"] = float(self.regret[:, index].mean())
            found["expected_wasted_share"] = float(self.wasted_share[:, index].mean())
        if self.target is not None:
            chances = {name: float(each[index]) for name, each in self.member_chances.items()}
            worst = most_pessimistic(self.forecast, self.target, index)
            found |= {"target": self.target, "chance": float(self.chance[index])}
            found |= {"in_words": self._in_words(float(self.chance[index]), self.target)}
            found |= {"most_pessimistic": worst, "chance_of_it": chances[worst]}
        if self.needed is not None:
            found |= {"sure": self.sure, f"enough_{self.needed.axis}": self.needed.size}
            found |= {"enough_efolds": self.needed.efolds, "enough_untested": self.needed.untested}
            if self.needed.lifetime is not None:
                found["enough_lifetime_flops"] = self.needed.lifetime
        flops = float(self.flops[index])
        if self.rig is not None and np.isfinite(flops):
            found |= {"hours": self.rig.hours(flops), "money": self.rig.money(flops)}
            if (energy := self.rig.energy(flops)) is not None:
                found["energy_kwh"] = energy
            price = found["money"]
            if price is not None and "expected_wasted_share" in found:
                spent = flops if self.lifetime is None else float(self.lifetime[index])
                whole = self.rig.money(spent) or 0.0
                found |= {} if self.lifetime is None else {"lifetime_money": whole}
                found["regret_money"] = found["expected_wasted_share"] * whole
            if price is not None and self.value is not None and self.target is not None:
                gains = [chance * self.value - price for chance in chances.values()]
                found["expected_gain"] = float(self.chance[index]) * self.value - price
                found["decision"] = _tempered(decision(gains), row)
        return found

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows: which of several runs beats which."""
        return {"beats": self.beats.tolist() if self.flops.size > 1 else []}

    def page(self) -> Page:
        """Return what is printed: each run, and which of several beats which."""
        found: list[list[Block]] = [[self._lines(row)] for row in self.rows()]
        count = self.flops.size
        if count > 1:
            better = "a higher score" if self._scored else "a lower loss"
            names = [f"run {place + 1}" for place in range(count)]
            cells = [
                [names[i], *("" if i == j else f"{self.beats[i, j]:.2f}" for j in range(count))]
                for i in range(count)
            ]
            found += [[Grid(heading=(f"chance of {better} than", *names), rows=cells)]]
        return found

    def _lines(self, row: dict[str, Any]) -> dict[str, str]:
        """Write one run."""
        known = "kind" in row  # else it is the one number of a published law
        sizes = (*SIZES, "lifetime_flops")
        lines = {called(name): told(row, name) for name in sizes if name in row}
        if "chance" in row:
            chance = f"{row['chance']:.3g} ({row['in_words']})"
            if len(self.forecast.members) > 1:
                worst = row["most_pessimistic"]
                chance += f"; {row['chance_of_it']:.3g} by {worst}, the most pessimistic"
            lines |= {"chance of target": chance} if known else {"target": row["in_words"]}
            lines["score below target" if self._scored else "loss over target"] = told(
                row, "overshoot"
            )
            lines[f"{row['sure']:.0%} sure takes" if known else "target takes"] = str(self.needed)
        expected = {
            name: f", {row[f'expected_{name}']:.2g} expected" if known else ""
            for name in ("regret", "wasted_share")
            if name in row
        }
        run = shown_name("new_run", self.forecast.response)
        law = shown_name("noise_free", self.forecast.response)
        lines[called(run if known else law)] = told(row, run)
        if "regret" in row:
            lines["regret of the split"] = told(row, "regret") + expected["regret"]
            lines["compute it wastes"] = (
                f"{told(row, 'wasted_share')} of what it spends" + expected["wasted_share"]
            )
        if row.get("hours") is not None:
            lines["accelerator-hours"] = f"{significant(row['hours'], 3)}"
        if "energy_kwh" in row:
            lines["energy"] = f"{significant(row['energy_kwh'], 3)} kWh"
        if row.get("money") is not None:
            lines["cost"] = significant(row["money"], 3)
        if row.get("regret_money") is not None:
            life = row.get("lifetime_money")
            served = "" if life is None else f" to train, {significant(life, 3)} with serving"
            lines["cost"] += f"{served}, of it wasted {significant(row['regret_money'], 2)}"
        if "decision" in row:
            lines["decision"] = (
                f"{row['decision']} (expected gain {significant(row['expected_gain'], 3)})"
            )
        if self.gate is not None:
            lines["a smaller run first"] = self.gate.verdict
        if not known:
            return lines
        lines["extrapolation"] = beyond(row)
        return lines | ({"how far it held": row["held"]} if row.get("held") else {})

    def _held(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Tell how forecasts of losses held that lay as far beyond the runs; "" inside them."""
        tested = "kind" in row and not self._scored
        return {"held": said_of_distance(row)} if tested else {}

    def _in_words(self, chance: float, target: float) -> str:
        level = level_of(target, self.forecast.response)
        if len(self.forecast.draws) == 1:
            return f"{'reaches' if chance else 'misses'} {level}"
        return in_words(chance, level)


def in_words(chance: float, target: str) -> str:
    """Say a chance as a person would: "1 in 8 chance of missing 2.00"."""
    which, share = ("missing", 1 - chance) if chance >= 0.5 else ("reaching", chance)
    if share < 0.005:
        return f"less than 1 in 200 chance of {which} {target}"
    odds = (1, round(1 / share)) if share <= THIRDS else (2, 5) if share < HALVES else (1, 2)
    return f"{odds[0]} in {odds[1]} chance of {which} {target}"


def decision(gains: list[float]) -> str:
    """Say whether to go, from the expected gain under each law that was averaged."""
    if min(gains) > 0:
        return GO
    return "no go" if max(gains) <= 0 else "we cannot tell: the laws disagree"


def _tempered(decided: str, row: Mapping[str, Any]) -> str:
    """Make a go depend on the law where no forecast as far beyond the runs was tested."""
    far = held_at(factor_beyond(row)) is None
    return f"{decided}, {IF_IT_HOLDS}" if decided == GO and far else decided


def risk(
    source: Source,
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
) -> Risk:
    """Tell what can go wrong with planned runs.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A law in params and tokens, or in one size (compute, params or tokens), which is asked
        nothing about splits.
    flops : float or sequence of float, optional
        Budgets [FLOP], each at its split of least expected loss.
    params, tokens : float or sequence of float, optional
        Plans of their own, in place of budgets. A law in one of them takes that alone, or both,
        from which compute and cost follow.
    target_loss : float, optional
        Loss that a run should reach.
    target_score : float, optional
        Score that it should reach in its place, between 0 and 1, by a law of scores.
    sure : float
        Probability with which the smallest sufficient budget should reach it.
    family : str, optional
        The group, where the fit has several.
    inputs : mapping of str to float, optional
        Other inputs of the law, such as unique_tokens.
    limits : Limits, optional
        What splits of budgets stay within, and plans. Where the models serve, a budget is one of
        training and serving; cost, and what the target takes, are told of training.
    rig : Rig, optional
        What compute costs.
    value : float, optional
        What reaching the target is worth, in the currency of the rig, for a decision.

    Returns
    -------
    Risk

    Raises
    ------
    InputError
        Not exactly one of budgets and plans is given, a plan breaks the limits, or a number cannot
        be used.
    """
    target_loss = error_to_reach(source, target_score, target_loss, name="target_score")
    law, within = surface(source, group=family, inputs=inputs), limits or Limits()
    splits = len(law.traded) > 1
    sizes: dict[str, Any] = {"flops": flops, "params": params, "tokens": tokens}
    sizes = {name: values for name, values in sizes.items() if values is not None}
    _check(law, sizes, target_loss, sure, value)
    if not splits:
        refuse_limits(law, within)
    if flops is not None:
        budgets = np.atleast_1d(np.asarray(flops, float))
        sizes = {**sizes_of_budgets(law, budgets.tolist(), within)}
    if family is not None:
        sizes[law.group_column] = family
    asked = forecast(source, {**(inputs or {}), **sizes})
    losses, columns = asked.noise_free, asked.plan.columns
    spent = np.asarray(columns.get("flops", np.full(losses.shape[1], np.nan)))
    _check_costs(law, spent, rig)
    best = wasted = np.empty((len(asked.draws), 0))
    life = spent
    if splits:
        own = columns["params"], columns["tokens"]
        within.check_plan(*own)
        life = law.share * within.lifetime(*own)
        whole = life if flops is None else budgets
        best = allocate(source, flops=whole, family=family, inputs=inputs, limits=within).loss
        wasted = wasted_compute(law, *own, within)
    needed = None
    if target_loss is not None:
        start = {name: float(values[0]) for name, values in columns.items() if name in SIZES}
        noise = np.log(asked.draws[:, 0] / losses[:, 0])
        start["flops"] = float(life[0])
        needed = enough_for(law, target_loss, sure, start, noise, within)
    gate = None
    if flops is not None and len(budgets) == 1 and target_loss is not None and value is not None:
        priced = rig is not None and rig.price is not None
        if priced and not inputs and len(asked.draws) > 1:
            scored = law.response == ERROR
            gate = stage_gate(
                source,
                float(budgets[0]),
                None if scored else target_loss,
                target_score=1 - target_loss if scored else None,
                family=family,
                limits=within,
                rig=rig,
                value=value,
            )
    return Risk(
        forecast=asked,
        flops=spent,
        target=target_loss,
        best=best,
        wasted_share=wasted,
        beats=(losses[:, :, None] < losses[:, None, :]).mean(axis=0),
        sure=sure,
        needed=needed,
        lifetime=life if within.inference_tokens else None,
        rig=rig,
        value=value,
        gate=gate,
    )


def _check(
    law: Surface,
    sizes: Mapping[str, Numbers],
    target: float | None,
    sure: float,
    value: float | None,
) -> None:
    problems = _wrong_sizes(law, list(sizes))
    try:
        given_sizes(sizes)
    except InputError as error:
        problems += error.problems
    if target is not None and not (np.isfinite(target) and target > 0):
        problems.append(f"target_loss is above 0, got {target!r}")
    if not 0 < sure < 1:
        problems.append(f"sure is a probability between 0 and 1, got {sure!r}")
    if value is not None and target is None:
        problems.append("value is what reaching a target is worth: give target_loss too")
    if problems:
        raise InputError(problems, source="risk")


def _wrong_sizes(law: Surface, given: list[str]) -> list[str]:
    """Say which sizes a law takes, where others were given."""
    plan, axis = ["params", "tokens"], law.traded[0]
    if len(law.traded) > 1 or axis not in plan:
        if given in (["flops"], plan):
            return []
        got = " and ".join(given) or "none"
        return [f"give either budgets (flops), or plans (params and tokens); got {got}"]
    if given in ([axis], plan):
        return []
    other = plan[1 - plan.index(axis)]
    return [
        f"{law.id} reads {axis} alone, so a budget says nothing of a run: give {axis} "
        f"(--{axis} 1e9), or params and tokens, from which compute follows; got "
        + (" and ".join(given) or f"none; {other} alone say nothing")
    ]


def _check_costs(law: Surface, spent: Array, rig: Rig | None) -> None:
    """Raise an `InputError` where a price is given of runs whose compute does not follow."""
    if rig is not None and rig.price is not None and not np.isfinite(spent).all():
        raise InputError(
            f"{law.id} reads {law.traded[0]} alone, of which no compute follows, and no cost: give "
            "params and tokens (--params 1e9 --tokens 2e10), or leave out the price",
            source="risk",
        )
