"""Duel: is variant B better than A, by how much compute, and does that hold at the target size.

The compute multiplier of B over A is the compute that A needs for the loss B reaches, over B's: 1.2
says that A wants 20 % more. It is taken draw by draw between the surfaces of two groups of one
posterior, so that whatever both share (exponents, drift, noise) cancels, and along the splits of
compute that would be chosen for each. A published law may stand on either side, or on both: it has
one draw, which stands beside every draw of the runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, format_kind, quantiles
from bayes_scaling.page import Block, Grid, Page, Printed, cell, times, told
from bayes_scaling.posterior import Posterior
from bayes_scaling.questions.expected_path import ExpectedPath, axis_of, expected_path
from bayes_scaling.questions.literature import published, published_names
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.search import Array, Index
from bayes_scaling.questions.sizes import Numbers, positive
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.runs.columns import canonical_name

Verdict = Literal["promote", "drop", "undecided"]

Side = str | PublishedConstants
"""A group of runs by its label, or a published law, by its name too."""

ERROR = 0.05
"""Probability of a wrong promotion or drop that a verdict may have, by default."""

TOP = 3
"""Size of the set of best groups that is told of, where there are more variants than that."""

PLACES = 25
"""Scales between the smallest run and the target at which a crossing is looked for."""

BEYOND_TARGET = 10.0
"""Up to how many times the target splits are searched, for a baseline that needs more."""

WITHOUT_RUNS = 1e-4
"""Share of the target from which it is looked for where published laws alone are compared."""


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
        By group, the baseline included: noise-free loss at the split of each budget that would be
        chosen, that of least expected loss.
    new_run : mapping of str to array (n_draws, n_scales)
        The same of one new run.
    crossing : mapping of str to array (n_draws,)
        By variant: the largest budget up to the target at which it and the baseline are equally
        good; nan where one leads throughout.
    throughput : mapping of str to float
        Speed of a variant over that of the baseline, in FLOP per hour.
    beyond : array (n_scales,)
        E-folds of each budget beyond the largest fitted run of any of the groups; nan of published
        laws alone.
    error : float
        Probability of error that a verdict may have.
    member : array of int (n_draws,)
        Law that each draw comes from.
    members : tuple of str
        Names of the laws.
    notes : tuple of str
        What a reader should know of published laws in it.
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
    notes: tuple[str, ...] = ()
    probability: float = PROBABILITY

    def __repr__(self) -> str:
        """Say who wins at the target, by how much, and how surely."""
        return "\n".join(self._line(arm) for arm in self.arms)

    def _line(self, arm: str) -> str:
        middle, low, high = quantiles(self.multiplier[arm][:, -1], self.probability)
        said = f"{arm} against {self.a} at {self.flops[-1]:.3g} FLOP: compute multiplier "
        if self.is_point:
            return f"{said}{middle:.2f}x: {self.verdict(arm)}, if both laws hold there"
        ends = f"{middle:.2f}x [{low:.2f}, {high:.2f}] {self.probability:.0%} {KIND}"
        return (
            f"{said}{ends}; {arm} is better with probability {self.chance(arm)[-1]:.2f}: "
            f"{self.verdict(arm)}"
        )

    @property
    def is_point(self) -> bool:
        """Whether it is of published laws alone: numbers without intervals."""
        return self.member.size == 1

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
        if self.is_point:
            return {key: v for key, v in plain.items() if not key.endswith(("_lower", "_upper"))}
        return plain | {"probability": self.probability, "kind": KIND}

    def page(self) -> Page:
        """Return what is printed: a paragraph for each variant, then who is probably the best."""
        paragraphs: list[Sequence[Block]] = []
        for arm in self.arms:
            rows = [row for row in self.rows() if row["b"] == arm]
            last = rows[-1]
            kind = "" if self.is_point else f", {format_kind(self.probability)}"
            grid = Grid(
                heading=("compute [FLOP]", f"multiplier{kind}", "better", "in one run",
                         "beyond the runs"),
                rows=[
                    (f"{row['flops']:.4g}", self._cell(row), f"{row['chance']:.2f}",
                     f"{row['chance_in_one_run']:.2f}", _far(row["efolds_flops"]))
                    for row in rows
                ],
            )  # fmt: skip
            lines = {
                "verdict at the target": last["verdict"]
                + (
                    ", if both laws hold there"
                    if self.is_point
                    else f" (wrong with at most {self.error:.0%})"
                ),
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
        return [*paragraphs, *([[*self.notes]] if self.notes else [])]

    def _cell(self, row: Mapping[str, Any]) -> str:
        return told(row, "multiplier") if self.is_point else cell(row, "multiplier")


def _far(efolds: float) -> str:
    return times(float(np.exp(efolds))) if np.isfinite(efolds) else ""


def duel(
    source: Source,
    a: Side,
    b: Side | Sequence[Side] | None = None,
    *,
    flops: Numbers,
    inputs: Mapping[str, float] | None = None,
    throughput: Mapping[str, float] | None = None,
    error: float = ERROR,
) -> Duel:
    """Compare groups of runs, or published laws, at equal compute.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A posterior of one or more groups, of a law in params and tokens or in one size; or a
        published law, for others to be compared with.
    a : str or PublishedLaw
        The baseline: the label of a group, or a published law or its name.
    b : str, PublishedLaw or sequence of these, optional
        The variants; all other groups by default.
    flops : float or sequence of float
        Budgets [FLOP]; the largest one is the target. Of laws in one size other than compute, that
        size.
    inputs : mapping of str to float, optional
        Other inputs of the laws.
    throughput : mapping of str to float, optional
        Speed of a variant over that of the baseline, in FLOP per hour: what counts is then the
        loss in equal time.
    error : float
        Probability of a wrong promotion, or a wrong drop, that a verdict may have.

    Returns
    -------
    Duel
        A published law knows no noise and no uncertainty, so those are of the runs alone.

    Raises
    ------
    InputError
        A group is unknown, or there is none to compare with; losses or sizes do not compare; a
        budget is not above 0.
    """
    sides, speeds = _sides(source, a, b), dict(throughput or {})
    a, *arms = sides
    _check(speeds, arms, error)
    budgets = np.unique(positive("flops", flops))
    laws = _surfaces(source, sides, inputs or {})
    low = _lowest(laws.values(), budgets)
    paths = {
        name: expected_path(law, low, BEYOND_TARGET * float(budgets[-1]))
        for name, law in laws.items()
    }
    loss = {name: path.losses(budgets) for name, path in paths.items()}
    multiplier = {
        name: np.stack(
            [
                paths[a].reaching(np.log(loss[name][:, i]), float(budget)) / budget
                for i, budget in enumerate(budgets)
            ],
            axis=1,
        )
        * speeds.get(name, 1.0)
        for name in arms
    }
    return Duel(
        a=a,
        arms=tuple(arms),
        flops=budgets,
        multiplier=multiplier,
        loss=loss,
        new_run={name: _new_runs(source, law, loss[name]) for name, law in laws.items()},
        crossing=_crossings(paths, a, np.geomspace(low, budgets[-1], PLACES)),
        throughput=speeds,
        beyond=_beyond(laws.values(), budgets),
        error=error,
        member=source.member,
        members=tuple(source.members),
        notes=_notes(source, sides.values()),
    )


def _sides(
    source: Source, a: Side, b: Side | Sequence[Side] | None
) -> dict[str, PublishedConstants | None]:
    """Return the baseline and the variants by name, with the law of those that are published."""
    groups = () if isinstance(source, PublishedConstants) else source.groups
    if b is None:
        named: list[Side] = [name for name in groups if name != a]
    else:
        named = [b] if isinstance(b, str | PublishedConstants) else list(b)
    own = {source.id: source} if isinstance(source, PublishedConstants) else {}
    sides: dict[str, PublishedConstants | None] = {}
    problems = []
    known = f"known are {', '.join(groups)}" if groups else "there are no runs"
    for side in (a, *named):
        if isinstance(side, PublishedConstants):
            sides[side.id] = side
        elif side in groups:
            sides[side] = None
        elif side in own or side in published_names():
            sides[side] = own.get(side) or published(side)
        else:
            problems.append(
                f"{side!r} is no group of these runs, and no published law; {known}, and "
                "'bayes-scaling published' lists the laws"
            )
    if not problems and (len(sides) < 2 or a in named):
        problems.append(f"name a baseline and at least one other group or published law; {known}")
    if problems:
        raise InputError(problems, source="duel")
    return sides


def _surfaces(
    source: Source, sides: Mapping[str, PublishedConstants | None], inputs: Mapping[str, float]
) -> dict[str, Surface]:
    """Return the surface of each side, all of as many draws, or say what does not compare."""
    laws = {
        name: surface(source, group=name, inputs=inputs)
        if law is None
        else surface(law, inputs=_read_by(law, inputs)).repeated(source.member.size)
        for name, law in sides.items()
    }
    problems = [
        f"{name} gives {law.response if law.predicts else 'no loss'}: a duel compares losses"
        for name, law in laws.items()
        if law.response != "loss"
    ]
    if not problems and len({axis_of(law) for law in laws.values()}) > 1:
        said = ", ".join(f"{name} along {axis_of(law)}" for name, law in laws.items())
        problems.append(f"nothing is equal for all, to compare at: {said}")
    if problems:
        raise InputError(problems, source="duel")
    return laws


def _read_by(law: PublishedConstants, inputs: Mapping[str, float]) -> dict[str, float]:
    """Return the inputs that a published law reads; others are for the runs."""
    return {n: v for n, v in inputs.items() if (canonical_name(n) or n) in law.inputs}


def _notes(source: Source, laws: Iterable[PublishedConstants | None]) -> tuple[str, ...]:
    """Return what a reader should know of published laws in a duel."""
    found = [law for law in laws if law is not None]
    if not found:
        return ()
    return (
        *(f"{law.id}: {text}" for law in found for text in law.notes),
        "equal losses mean equal quality only on one text and tokenizer: what differs there, and "
        "how params are counted, is in the multiplier",
        *(
            ["a published law is taken at its word: probabilities are of the runs alone"]
            if not isinstance(source, PublishedConstants)
            else ["published laws are taken at their word: there are no intervals"]
        ),
    )


def _beyond(laws: Iterable[Surface], budgets: Array) -> Array:
    """E-folds of budgets (n,) beyond the runs of the group where that is least; nan without any."""
    found = [law.beyond({axis_of(law): budgets}).get(axis_of(law)) for law in laws]
    known = [each for each in found if each is not None]
    return np.min(known, axis=0) if known else np.full(budgets.size, np.nan)


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


def _new_runs(source: Source, law: Surface, losses: Array) -> Array:
    """Loss of one new run (n_draws, n_scales): the law and the noise of a run, draw by draw."""
    if not isinstance(source, Posterior):
        return losses
    return law.with_noise(losses, source.generator(f"duel {law.group}"))


def _lowest(laws: Iterable[Surface], budgets: Array) -> float:
    """Return the smallest budget of the runs and of those asked for."""
    fitted = [
        part.law.fitted_sizes[axis_of(law)]
        for law in laws
        for part in law.parts
        if axis_of(law) in part.law.fitted_sizes
    ]
    lowest = [float(np.nanmin(values)) for values in fitted] or [WITHOUT_RUNS * budgets[-1]]
    return min([float(budgets[0]), *lowest])


def _crossings(paths: Mapping[str, ExpectedPath], a: str, places: Array) -> dict[str, Array]:
    """Largest place at which each variant equals the baseline (n_draws,)."""
    logs = {name: np.log(path.losses(places)) for name, path in paths.items()}
    return {name: _last_zero(logs[name] - logs[a], places) for name in paths if name != a}


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
