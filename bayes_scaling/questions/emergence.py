"""Emergence: does a score jump below some compute, and how much do answers move if it may.

A jump among the runs is seen; one beyond them is known by the prior of its place alone, less what
the runs rule out. Where laws with a jump or a break are averaged with smooth ones, what the first
hold of the weight moves every forecast; up to where it does not, a smooth law is all one needs.
A metric that wants all of several tokens right stays flat where the share of right tokens rises
already: the same runs measured in both ways stand side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, quantiles
from bayes_scaling.page import Block, Page, Printed, beyond as far_beyond, told
from bayes_scaling.posterior.member import Member
from bayes_scaling.questions.breaks import has_break
from bayes_scaling.questions.search import Array
from bayes_scaling.questions.sizes import Numbers, positive
from bayes_scaling.questions.surface import Source, Surface, surface

PLACE = "C_jump"
"""The derived quantity of a law that is the compute of its jump."""

MIDDLES, SLOPES = (PLACE, "C_mid"), ("steep", "h")
"""Of emergence and of score-c: compute in the middle of a rise [FLOP], and by how much the log odds
between the two levels of a score change per e-fold of compute."""

TENTH = float(np.log(9.0))
"""Log odds between a tenth and the middle of a rise."""

SAME_RUNS = 1e-3
"""Relative difference of compute up to which two runs are the same."""

GRADUAL = float(np.log(100.0))
"""E-folds of compute from a tenth to nine tenths of a rise beyond which it is no jump."""

MOSTLY = 0.9
"""Probability of an earlier rise above which the smoother metric is what to watch."""

SAID = 0.05
"""Probability of a jump beyond the runs from which it is said that they do not speak of it."""

GRID = 60
"""Places between the largest run and the largest budget at which laws are compared."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Emergence(Printed):
    """Where a score jumps, and what that does to forecasts.

    Attributes
    ----------
    flops : array (n_budgets,)
        Compute that is asked about [FLOP].
    jump : array (n_draws,)
        Compute of the middle of the jump [FLOP]; inf under a law that has none.
    error : array (n_draws, n_budgets)
        Noise-free error rate.
    smooth : array (n_smooth, n_budgets)
        The same under the laws without a jump or a break alone; none where there is no such law.
    weight : float
        Of the laws with a jump or a break.
    valid_to : float
        Compute up to which these do not move the median out of the interval of the smooth laws;
        nan where there is only one kind.
    runs_to : float
        Compute of the largest fitted run of the group [FLOP].
    effect : array (n_draws, n_budgets), optional
        Score less that of `without`.
    without : str
        The group without the technique.
    later : array (n_draws,), optional
        Whether the jump of `without` comes later, if ever.
    onset, rise : array (n_draws,)
        Compute at a tenth of what the score rises by [FLOP], and e-folds from there to nine tenths;
        nan under a law that does not say.
    beside : Emergence, optional
        The same runs under a smoother metric.
    beyond : mapping of str to array (n_budgets,)
        E-folds of compute beyond the fitted runs.
    probability : float
        Probability of the intervals.
    """

    flops: Array
    jump: Array
    error: Array
    smooth: Array
    weight: float
    valid_to: float
    runs_to: float
    effect: Array | None = None
    without: str = ""
    later: NDArray[np.bool_] | None = None
    onset: Array
    rise: Array
    beside: Emergence | None = None
    beyond: Mapping[str, Array]
    probability: float = PROBABILITY

    @property
    def chance(self) -> Array:
        """Probability that the jump lies below each budget (n_budgets,)."""
        return self.chance_below(self.flops)

    def chance_below(self, flops: Array) -> Array:
        """Return the probability that the jump lies below any compute (n,) [FLOP]."""
        return np.asarray((self.jump[:, None] <= flops).mean(axis=0))

    def begun_below(self, flops: Array) -> Array:
        """Return the probability that a tenth of the rise is done at any compute (n,) [FLOP]."""
        known = self.onset[~np.isnan(self.onset)]
        return np.asarray((known[:, None] <= flops).mean(axis=0))

    @property
    def chance_among_runs(self) -> float:
        """Probability that it lies among the fitted runs."""
        return float((self.jump <= self.runs_to).mean())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the jump no run speaks of: how likely it is beyond them is that of the prior."""
        begins = np.where(np.isnan(self.onset), self.jump, np.fmin(self.onset, self.jump))
        unseen = float(((begins > self.runs_to) & (self.jump <= self.flops[-1])).mean())
        if unseen < SAID:
            return ()
        return (
            f"of the probability {self.chance[-1]:.2f} of a jump below {self.flops[-1]:.4g} FLOP, "
            f"{unseen:.2f} is of jumps that begin beyond the runs: no run speaks of them, so this "
            "is the prior of their place, and so is the score there; it is no finding",
        )

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {"warnings": list(self.warnings)}

    @property
    def smoother_earlier(self) -> float:
        """Probability that the score begins to rise earlier under the smoother metric."""
        if self.beside is None:
            raise InputError("say which fit is of the smoother metric: emergence(beside=)")
        own, other = (each[~np.isnan(each)] for each in (self.onset, self.beside.onset))
        return float(np.mean(np.searchsorted(np.sort(other), own)) / other.size)

    @property
    def gradual(self) -> float:
        """Probability that the score takes more than 100 times the compute to rise."""
        return float(np.mean(self.rise[~np.isnan(self.rise)] > GRADUAL))

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per budget, of plain numbers and texts."""
        return [self._row(index) for index in range(self.flops.size)]

    def _row(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = {"flops": float(self.flops[index])}
        row |= {"chance_of_jump": float(self.chance[index])}
        row |= {"chance_among_runs": self.chance_among_runs}
        row |= self._place("jump_flops", self.jump)
        row |= self._interval("score", 1 - self.error[:, index])
        if self.smooth.size and self.weight > 0:
            moved = np.median(self.error[:, index]) - np.median(self.smooth[:, index])
            row |= {"moved_score": float(-moved)}
        row |= {"weight_of_breaks": self.weight, "valid_to_flops": self.valid_to}
        row |= {"runs_to_flops": self.runs_to}
        if self.effect is not None and self.later is not None:
            row |= {"without": self.without} | self._interval("effect", self.effect[:, index])
            row |= {"chance_of_effect": float((self.effect[:, index] > 0).mean())}
            row |= {"chance_of_earlier_jump": float(self.later.mean())}
        if not np.isnan(self.onset).all():
            row |= self._place("onset_flops", self.onset[~np.isnan(self.onset)])
        if self.beside is not None:
            other = self.beside.with_probability(self.probability)._row(index)
            both = ("score", "onset_flops")
            told_of = [f"{name}{end}" for name in both for end in ("", "_lower", "_upper")]
            row |= {f"smoother_{name}": other[name] for name in told_of}
            row |= {"smoother_earlier": self.smoother_earlier}
            row |= {"smoother_gradual": self.beside.gradual}
        row |= {f"efolds_{name}": float(values[index]) for name, values in self.beyond.items()}
        return row | {"probability": self.probability, "kind": KIND}

    def _interval(self, name: str, draws: Array) -> dict[str, float]:
        ends = quantiles(draws, self.probability)
        return dict(zip((name, f"{name}_lower", f"{name}_upper"), map(float, ends), strict=True))

    def _place(self, name: str, places: Array) -> dict[str, float]:
        """Return the interval of a compute that may be inf."""
        ends = quantiles(1 / places, self.probability)  # 0 where it never comes
        middle, high, low = (float(1 / each) if each > 0 else np.inf for each in ends)
        return {name: middle, f"{name}_lower": low, f"{name}_upper": high}

    def page(self) -> Page:
        """Return what is printed: a paragraph for each budget, and how far smooth laws hold."""
        found: list[list[Block]] = [[self._lines(row)] for row in self.rows()]
        if np.isfinite(self.valid_to):
            found.append(
                [
                    f"a smooth law is valid only up to {self.valid_to:.3g} FLOP: beyond it, laws "
                    f"with a jump or a break, which hold {self.weight:.2f} of the weight, move the "
                    "answer out of its interval"
                ]
            )
        if self.beside is not None and self.smoother_earlier > MOSTLY:
            found.append([self._of_metric(self.beside)])
        return [*found, *([text] for text in self.warnings)]

    def _of_metric(self, smoother: Emergence) -> str:
        """Say whether a jump is one of the metric: the smoother one rises before, and slowly."""
        if smoother.gradual > MOSTLY:
            return (
                "under the smoother metric the same runs rise already where this one is flat, and "
                "slowly: a jump here would be one of the metric, and the smoother one tells "
                "earlier what comes"
            )
        return (
            "the smoother metric rises earlier, but may jump too: the runs do not say that a jump "
            "here is one of the metric"
        )

    def _lines(self, row: Mapping[str, Any]) -> dict[str, str]:
        among = f"{row['chance_among_runs']:.2f} among the runs, which end at {self.runs_to:.3g}"
        lines = {
            "compute C [FLOP]": f"{row['flops']:.4g}",
            "jump below it": f"with probability {row['chance_of_jump']:.2f} ({among})",
            "jump at [FLOP]": told(row, "jump_flops"),
            "score": told(row, "score"),
        }
        if self.beyond:
            lines["extrapolation"] = far_beyond(row)
        if "onset_flops" in row:
            lines["rises from [FLOP]"] = told(row, "onset_flops")
        if "moved_score" in row:
            lines["jump or break moves it by"] = f"{row['moved_score']:+.3f}"
        if self.effect is not None:
            better = f"; above 0 with probability {row['chance_of_effect']:.2f}"
            lines[f"score over {self.without}"] = told(row, "effect") + better
            lines["its jump is earlier"] = f"probability {row['chance_of_earlier_jump']:.2f}"
        if self.beside is not None:
            lines["smoother metric: score"] = told(row, "smoother_score")
            earlier = f"; earlier with probability {row['smoother_earlier']:.2f}"
            lines["  rises from [FLOP]"] = told(row, "smoother_onset_flops") + earlier
            lines["  takes over 100x"] = f"with probability {row['smoother_gradual']:.2f}"
        return lines


def emergence(
    source: Source,
    flops: Numbers,
    *,
    family: str | None = None,
    without: str | None = None,
    beside: Source | None = None,
) -> Emergence:
    """Tell whether a score jumps below some compute, and what a jump does to forecasts.

    Parameters
    ----------
    source : Fit
        Of a law of scores in compute that may jump, such as emergence, alone or averaged with
        smooth ones, such as score-c.
    flops : float or sequence of float
        Compute that is asked about [FLOP].
    family : str, optional
        The group, where the fit has several.
    without : str, optional
        A group without a technique that `family` has (a prompt with examples, a chain of thought,
        instruction tuning): the difference of the scores is its effect.
    beside : Fit, optional
        Of the same runs under a smoother metric, by the same kinds of laws: the share of right
        tokens beside that of answers that are right as a whole.

    Returns
    -------
    Emergence

    Raises
    ------
    InputError
        No law has a jump, a law does not read compute alone, a group is unknown, or the smoother
        metric was measured on other runs.

    References
    ----------
    Schaeffer et al. (2023), arXiv:2304.15004, on jumps that are those of a metric.
    """
    budgets = np.unique(positive("flops", flops))
    law = surface(source, group=family)
    if law.traded != ("flops",) or law.response != "error" or not any(map(_jumps, law.parts)):
        raise InputError(
            f"{law.id} gives {law.response} from {', '.join(law.reads)}: a jump is asked of a law "
            "of scores in compute that has one, such as emergence, or of an average with it"
        )
    found = _one(law, budgets)
    if without is not None:
        other = _one(surface(source, group=without), budgets)
        found = replace(
            found,
            effect=other.error - found.error,
            without=without,
            later=other.jump > found.jump,
        )
    if beside is not None:
        smoother = surface(beside, group=_group_beside(beside, family))
        _check_beside(law, smoother)
        found = replace(found, beside=_one(smoother, budgets))
    return found


def _one(law: Surface, budgets: Array) -> Emergence:
    """Answer for one group under one metric."""
    error, rise = _error(law, budgets), 2 * TENTH / _drawn(law, SLOPES, np.nan)
    breaks = np.array([_jumps(part) or has_break(part.law.id) for part in law.parts])
    smooth, runs_to = ~breaks[law.member], float(_flops_of(law)[-1])
    return Emergence(
        flops=budgets,
        jump=_drawn(law, (PLACE,), np.inf),
        error=error,
        smooth=error[smooth],
        weight=float(np.array(law.weights)[breaks].sum()),
        valid_to=_valid_to(law, smooth, runs_to, float(budgets[-1])),
        runs_to=runs_to,
        onset=_drawn(law, MIDDLES, np.nan) * np.exp(-rise / 2),
        rise=rise,
        beyond=law.beyond({"flops": budgets}),
    )


def _group_beside(beside: Source, family: str | None) -> str | None:
    """Return the group of the smoother metric: of the same name, or the only one."""
    if len(beside.groups) > 1 and family not in beside.groups:
        raise InputError(
            f"the smoother metric: {beside.id} has the groups {', '.join(beside.groups)}, and none "
            f"is {family!r}: fit its runs alone (--where), or ask of a group that both have"
        )
    return family if family in beside.groups else None


def _flops_of(law: Surface) -> Array:
    """Compute of the fitted runs of the group, in order (n_runs,) [FLOP]; of all for a new one."""
    member = law.parts[0].law
    if not isinstance(member, Member):
        return np.array([])
    own = member.runs.labels(member.reads.group) == law.group
    flops = member.fitted_sizes["flops"]
    return np.sort(flops[own] if member.grouped and own.any() else flops)


def _check_beside(law: Surface, smoother: Surface) -> None:
    """Raise `InputError` where the two are not the same runs under two metrics."""
    problems = []
    if smoother.traded != ("flops",) or smoother.response != "error":
        problems.append(
            f"the smoother metric: {smoother.id} gives {smoother.response} from "
            f"{', '.join(smoother.reads)}; fit it by a law of scores in compute, such as score-c"
        )
    else:
        own, other = _flops_of(law), _flops_of(smoother)
        if own.shape != other.shape or not np.allclose(own, other, rtol=SAME_RUNS):
            problems.append(
                f"the two metrics are not of the same runs: {own.size} of {own[0]:.4g} to "
                f"{own[-1]:.4g} FLOP under the one, {other.size} of {other[0]:.4g} to "
                f"{other[-1]:.4g} under the smoother one"
            )
    if problems:
        raise InputError(problems)


def _jumps(part: Any) -> bool:
    return PLACE in _known(part)


def _known(part: Any) -> Mapping[str, Array]:
    known: Mapping[str, Array] = part.law.known(part.index)
    return known


def _error(law: Surface, flops: Array) -> Array:
    return law.at({"flops": flops}, law.draws[:, None])


def _drawn(law: Surface, names: tuple[str, ...], absent: float) -> Array:
    """Draws of the first of some quantities that each law has (n_draws,)."""
    found = np.full(law.n_draws, absent)
    for index, part in enumerate(law.parts):
        known = _known(part)
        for name in [each for each in names if each in known][:1]:
            own = law.member == index
            found[own] = np.ravel(known[name])[law.rows[own]]
    return found


def _valid_to(law: Surface, smooth: Any, low: float, high: float) -> float:
    """Compute up to which the median of all laws stays in the interval of the smooth ones."""
    if smooth.all() or not smooth.any() or high <= low:
        return float("nan")
    places = np.geomspace(low, high, GRID)
    error = _error(law, places)
    middle = np.median(error, axis=0)
    _, lower, upper = quantiles(error[smooth], PROBABILITY)
    out = (middle < lower) | (middle > upper)
    return float(places[np.argmax(out)]) if out.any() else float("nan")
