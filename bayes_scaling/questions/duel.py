"""Duel: is variant B better than A, by how much compute, and does that hold at the target size.

The compute multiplier of B over A is the compute that A needs for the loss B reaches, over B's: 1.2
says that A wants 20 % more. It is taken draw by draw between the surfaces of two groups of one
posterior, so that whatever both share (exponents, drift, noise) cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, format_kind, quantiles
from bayes_scaling.page import Block, Grid, Page, Printed, cell, told
from bayes_scaling.posterior import Posterior
from bayes_scaling.questions.reach import first_reaching
from bayes_scaling.questions.search import Array, Index
from bayes_scaling.questions.sizes import Numbers, positive
from bayes_scaling.questions.splits import best_split, cheapest
from bayes_scaling.questions.surface import Surface, surface
from bayes_scaling.runs import training_flops

Verdict = Literal["promote", "drop", "undecided"]

ERROR = 0.05
"""Probability of a wrong promotion or drop that a verdict may have, by default."""

TOP = 3
"""Size of the set of best groups that is told of, where there are more variants than that."""

PLACES = 25
"""Scales between the smallest run and the target at which a crossing is looked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Duel(Printed):
    """What groups of runs say of each other at equal compute.

    Attributes
    ----------
    a : str
        The baseline.
    arms : tuple of str
        The variants.
    flops : array (n_scales,)
        Budgets [FLOP], the target last.
    multiplier : mapping of str to array (n_draws, n_scales)
        By variant: compute that the baseline needs for the variant's loss, over the variant's;
        inf where it never reaches it. Times the throughput of the variant where that is given.
    loss : mapping of str to array (n_draws, n_scales)
        By group, the baseline included: noise-free loss of its best split of each budget.
    new_run : mapping of str to array (n_draws, n_scales)
        The same of one new run.
    crossing : mapping of str to array (n_draws,)
        By variant: the largest budget up to the target at which it and the baseline are equally
        good; nan where one leads throughout.
    throughput : mapping of str to float
        Speed of a variant over that of the baseline, in FLOP per hour.
    beyond : array (n_scales,)
        E-folds of each budget beyond the largest fitted run of any of the groups.
    error : float
        Probability of error that a verdict may have.
    member : array of int (n_draws,)
        Law that each draw comes from.
    members : tuple of str
        Names of the laws.
    probability : float
        Probability of the intervals.
    """

    a: str
    arms: tuple[str, ...]
    flops: Array
    multiplier: Mapping[str, Array]
    loss: Mapping[str, Array]
    new_run: Mapping[str, Array]
    crossing: Mapping[str, Array]
    throughput: Mapping[str, float] = field(default_factory=dict)
    beyond: Array
    error: float = ERROR
    member: Index
    members: tuple[str, ...]
    probability: float = PROBABILITY

    def __repr__(self) -> str:
        """Say who wins at the target, by how much, and how surely."""
        return "\n".join(self._line(arm) for arm in self.arms)

    def _line(self, arm: str) -> str:
        middle, low, high = quantiles(self.multiplier[arm][:, -1], self.probability)
        ends = f"{middle:.2f}x [{low:.2f}, {high:.2f}] {self.probability:.0%} {KIND}"
        chance = self.chance(arm)[-1]
        return (
            f"{arm} against {self.a} at {self.flops[-1]:.3g} FLOP: compute multiplier {ends}; "
            f"{arm} is better with probability {chance:.2f}: {self.verdict(arm)}"
        )

    def chance(self, arm: str) -> Array:
        """Probability that a variant is better than the baseline (n_scales,)."""
        return np.asarray((self.multiplier[arm] > 1).mean(axis=0))

    def verdict(self, arm: str) -> Verdict:
        """Return whether to promote a variant at the target, to drop it, or that runs must tell.

        It is promoted, or dropped, where the probability of being wrong is at most `error`. The
        groups are learned together, so of many variants each is drawn to what they share.
        """
        chance = float(self.chance(arm)[-1])
        if chance >= 1 - self.error:
            return "promote"
        return "drop" if chance <= self.error else "undecided"

    @cached_property
    def places(self) -> dict[str, Index]:
        """Place of each group at the target, draw by draw (n_draws,): 0 is the best."""
        names = list(self.loss)
        cost = [self.loss[name][:, -1] for name in names]
        if self.throughput:
            ones = np.ones_like(cost[0])
            cost = [-self.multiplier[name][:, -1] if name != self.a else -ones for name in names]
        places = np.argsort(np.argsort(np.stack(cost), axis=0, kind="stable"), axis=0)
        return dict(zip(names, places, strict=True))

    @property
    def best(self) -> dict[str, float]:
        """Probability of each group, the baseline included, to be the best at the target."""
        return self.top(1)

    def top(self, count: int) -> dict[str, float]:
        """Probability of each group to be among the best at the target.

        Parameters
        ----------
        count : int
            How many are the best.
        """
        return {name: float(np.mean(place < count)) for name, place in self.places.items()}

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per variant and budget, of plain numbers and texts."""
        return [self._row(arm, scale) for arm in self.arms for scale in range(self.flops.size)]

    def _row(self, arm: str, scale: int) -> dict[str, Any]:
        middle, low, high = quantiles(self.multiplier[arm][:, scale], self.probability)
        gap = self.loss[arm][:, scale] - self.loss[self.a][:, scale]
        gaps = quantiles(gap, self.probability)
        lucky = self.new_run[arm][:, scale] < self.new_run[self.a][:, scale]
        crosses = np.isfinite(self.crossing[arm])
        where = float(np.median(self.crossing[arm][crosses])) if crosses.any() else float("nan")
        row = {"a": self.a, "b": arm, "flops": float(self.flops[scale])}
        row |= {"multiplier": middle, "multiplier_lower": low, "multiplier_upper": high}
        row |= {"chance": float(self.chance(arm)[scale])}
        row |= dict(zip(("loss_gap", "loss_gap_lower", "loss_gap_upper"), gaps, strict=True))
        row |= {"chance_in_one_run": float(lucky.mean())}
        row |= {"chance_of_crossing": float(crosses.mean()), "crossing_flops": where}
        row |= {"efolds_flops": float(self.beyond[scale])}
        if scale == self.flops.size - 1:
            row |= {"verdict": self.verdict(arm), "chance_best": self.best[arm]}
        plain = {key: float(v) if isinstance(v, np.floating) else v for key, v in row.items()}
        return plain | {"probability": self.probability, "kind": KIND}

    def page(self) -> Page:
        """Return what is printed: a paragraph for each variant, then who is probably the best."""
        paragraphs: list[Sequence[Block]] = []
        for arm in self.arms:
            rows = [row for row in self.rows() if row["b"] == arm]
            last = rows[-1]
            grid = Grid(
                heading=("compute [FLOP]", f"multiplier, {format_kind(self.probability)}", "better",
                         "in one run", "beyond the runs"),
                rows=[
                    (f"{row['flops']:.4g}", cell(row, "multiplier"), f"{row['chance']:.2f}",
                     f"{row['chance_in_one_run']:.2f}", f"{np.exp(row['efolds_flops']):.3g}x")
                    for row in rows
                ],
            )  # fmt: skip
            lines = {
                "verdict at the target": f"{last['verdict']} (wrong with at most {self.error:.0%})",
                "loss against the baseline": told(last, "loss_gap"),
                "lines cross": f"with probability {last['chance_of_crossing']:.2f}"
                + (
                    f", near {last['crossing_flops']:.2g} FLOP"
                    if np.isfinite(last["crossing_flops"])
                    else ""
                ),
            }
            paragraphs.append([f"{arm} against {self.a}", grid, lines])
        if len(self.arms) > 1:
            sets = [1, *([TOP] if len(self.arms) > TOP else [])]
            said = {
                "best at the target" if count == 1 else f"among the best {count}": ", ".join(
                    f"{name} {chance:.2f}"
                    for name, chance in sorted(self.top(count).items(), key=lambda item: -item[1])
                )
                for count in sets
            }
            paragraphs.append([said])
        return paragraphs


def duel(
    source: Posterior,
    a: str,
    b: str | Sequence[str] | None = None,
    *,
    flops: Numbers,
    inputs: Mapping[str, float] | None = None,
    throughput: Mapping[str, float] | None = None,
    error: float = ERROR,
) -> Duel:
    """Compare groups of runs at equal compute.

    Parameters
    ----------
    source : Fit
        A posterior of several groups, of a law in params and tokens or in one size.
    a : str
        Label of the baseline.
    b : str or sequence of str, optional
        Labels of variants; all other groups by default.
    flops : float or sequence of float
        Budgets [FLOP]; the largest one is the target. Of a law in one size other than compute, that
        size.
    inputs : mapping of str to float, optional
        Other inputs of the law.
    throughput : mapping of str to float, optional
        Speed of a variant over that of the baseline, in FLOP per hour: what counts is then the
        loss in equal time.
    error : float
        Probability of a wrong promotion, or a wrong drop, that a verdict may have.

    Returns
    -------
    Duel

    Raises
    ------
    InputError
        A group is unknown, or there is none to compare with; a budget is not above 0.
    """
    arms, speeds = _arms(source, a, b), dict(throughput or {})
    _check(speeds, arms, error)
    budgets = np.unique(positive("flops", flops))
    laws = {name: surface(source, group=name, inputs=inputs) for name in (a, *arms)}
    base = laws[a]
    loss = {name: _best_losses(law, budgets) for name, law in laws.items()}
    multiplier = {
        name: np.stack(
            [
                _compute_for(base, np.log(loss[name][:, i]), float(budget)) / budget
                for i, budget in enumerate(budgets)
            ],
            axis=1,
        )
        * speeds.get(name, 1.0)
        for name in arms
    }
    beyond = [law.beyond({_axis(law): budgets})[_axis(law)] for law in laws.values()]
    return Duel(
        a=a,
        arms=arms,
        flops=budgets,
        multiplier=multiplier,
        loss=loss,
        new_run={name: _new_runs(source, law, loss[name]) for name, law in laws.items()},
        crossing=_crossings(laws, a, float(budgets[-1])),
        throughput=speeds,
        beyond=np.min(beyond, axis=0),
        error=error,
        member=base.member,
        members=base.members,
    )


def _arms(source: Posterior, a: str, b: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the variants, or say which groups there are."""
    if b is None:
        named = [name for name in source.groups if name != a]
    else:
        named = [b] if isinstance(b, str) else list(b)
    known = ", ".join(source.groups)
    problems = [
        f"{name!r} is no group of these runs; known are {known}"
        for name in dict.fromkeys((a, *named))
        if name not in source.groups
    ]
    if not named or a in named:
        problems.append(f"name a baseline and at least one other group; known are {known}")
    if problems:
        raise InputError(problems, source="duel")
    return tuple(dict.fromkeys(named))


def _check(speeds: Mapping[str, float], arms: Sequence[str], error: float) -> None:
    problems = [
        f"throughput of {name!r}, which is no variant here; variants are {', '.join(arms)}"
        for name in speeds
        if name not in arms
    ]
    problems += [
        f"throughput of {name!r} must be above 0, got {speed!r}"
        for name, speed in speeds.items()
        if not (np.isfinite(speed) and speed > 0)
    ]
    if not 0 < error < 0.5:
        problems.append(f"error is a probability between 0 and .5, got {error!r}")
    if problems:
        raise InputError(problems, source="duel")


def _axis(law: Surface) -> str:
    """Return what budgets are of: compute, or the one size that the law reads."""
    return "flops" if law.traded == ("params", "tokens") else law.traded[0]


def _best_losses(law: Surface, budgets: Array) -> Array:
    """Noise-free loss of the best split of each budget (n_draws, n_budgets)."""
    if law.traded != ("params", "tokens"):
        return law.at({law.traded[0]: budgets}, law.draws[:, None])
    loss, found = law.split_loss(), []
    for budget in budgets:
        u, v, _ = best_split(loss, float(np.log(budget / law.share)), law.draws)
        found.append(loss(u, v, law.draws))
    return np.stack(found, axis=1)


def _compute_for(law: Surface, log_loss: Array, near: float) -> Array:
    """Compute (n_draws,) at which the best split reaches a loss of each draw; inf where none."""
    if law.traded != ("params", "tokens"):
        return np.exp(first_reaching(law, law.traded[0], {}, log_loss))
    start = float(np.log(near / law.share))
    u, v = cheapest(law.split_loss(), log_loss, law.draws, start)
    return np.asarray(law.share * training_flops(np.exp(u), np.exp(v)))


def _new_runs(source: Posterior, law: Surface, losses: Array) -> Array:
    """Loss of one new run (n_draws, n_scales): the law and the noise of a run, draw by draw."""
    return law.with_noise(losses, source.generator(f"duel {law.group}"))


def _crossings(laws: Mapping[str, Surface], a: str, target: float) -> dict[str, Array]:
    """Largest scale up to the target at which each variant equals the baseline (n_draws,)."""
    base = laws[a]
    fitted = [part.law.fitted_sizes.get(_axis(base)) for part in base.parts]
    low = min(float(np.nanmin(values)) for values in fitted if values is not None)
    places = np.geomspace(min(low, target), target, PLACES)
    logs = {name: np.log(_best_losses(law, places)) for name, law in laws.items()}
    return {name: _last_zero(logs[name] - logs[a], places) for name in laws if name != a}


def _last_zero(gap: Array, places: Array) -> Array:
    """Largest place at which a gap (n_draws, n_places) is zero (n_draws,); nan where none is."""
    changes = np.sign(gap[:, 1:]) != np.sign(gap[:, :-1])
    last = places.size - 2 - np.argmax(changes[:, ::-1], axis=1)
    rows = np.arange(gap.shape[0])
    before, after = gap[rows, last], gap[rows, last + 1]
    crosses = changes.any(axis=1)
    share = np.divide(before, before - after, out=np.zeros_like(before), where=crosses)
    at = np.log(places[last]) + share * np.log(places[last + 1] / places[last])
    return np.where(crosses, np.exp(at), np.nan)
