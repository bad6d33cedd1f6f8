"""`Answer`: what a query says of every case, draw by draw, with intervals and probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import PROBABILITY, quantiles
from bayes_scaling.page import Block, Page, beyond, called, told
from bayes_scaling.questions.surface import Surface
from bayes_scaling.questions.tabulate import Drawn, Flags

Array = NDArray[np.float64]

TROUBLE = ("unreachable", "never", "at_edge")
"""Statements that are printed only where they may hold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What one law says.

    Attributes
    ----------
    draws : mapping of str to array (n_draws, n_cases)
        Quantities; inf where there is no such size.
    flags : mapping of str to array of bool (n_draws, n_cases)
        Statements that hold or not, draw by draw.
    """

    draws: Mapping[str, Array]
    flags: Mapping[str, Flags] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Answer(Drawn):
    """What a query says of every case.

    Attributes
    ----------
    asked : mapping of str to array (n_cases,)
        What was given.
    draws : mapping of str to array (n_draws, n_cases)
        What was found; inf where there is no such size.
    flags : mapping of str to array of bool (n_draws, n_cases)
        Statements that hold or not; their share of the draws is their probability.
    extrapolation : mapping of str to array (n_cases,)
        E-folds of the sizes beyond the fitted runs.
    probability : float
        Probability of the intervals in `table`.
    member : array of int (n_draws,)
        Member that each draw comes from.
    members : tuple of str
        Ids of the models.
    weights : tuple of float
        Of the members; they sum to 1.
    notes : tuple of str
        What a reader should know of the law that answers.
    """

    asked: Mapping[str, NDArray[Any]]
    draws: Mapping[str, Array]
    flags: Mapping[str, Flags] = field(default_factory=dict)
    extrapolation: Mapping[str, Array] = field(default_factory=dict)
    probability: float = PROBABILITY
    member: NDArray[np.int64]
    members: tuple[str, ...]
    weights: tuple[float, ...] = (1.0,)
    notes: tuple[str, ...] = ()

    @property
    def quantities(self) -> Mapping[str, Array]:
        """What was found."""
        return self.draws

    @property
    def statements(self) -> Mapping[str, Flags]:
        """What holds or not."""
        return self.flags

    @property
    def shares(self) -> dict[str, Array]:
        """Probability of every statement (n_cases,)."""
        return {name: np.asarray(values.mean(axis=0)) for name, values in self.flags.items()}

    def _asked(self, index: int) -> dict[str, Any]:
        return {name: values[index].item() for name, values in self.asked.items()}

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {"notes": list(self.notes)}

    def page(self) -> Page:
        """Return what is printed: each case, and what each member says of it."""
        members = self._member_blocks({name: called(name) for name in self.draws})
        found: list[list[Block]] = []
        for row, by_member in zip(self.rows(), members, strict=True):
            lines = {called(name): told(row, name) for name in (*self.asked, *self.draws)}
            for name in self.flags:
                if row[name] or name not in TROUBLE:
                    lines[called(name)] = _chance(row[name])
            if not self.is_point:
                lines["extrapolation"] = beyond(row)
            found += [[lines], by_member] if by_member else [[lines]]
        return found


def _chance(value: float | bool) -> str:
    """Say whether a statement holds, or in how many of the draws."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (0, 1):
        return "in every draw" if value else "in no draw"
    if 0.005 <= value <= 0.995:
        return f"with probability {value:.0%}"
    return f"with probability {'below 1' if value < 0.5 else 'above 99'}%"


def cases(
    given: Mapping[str, Array], settings: Mapping[str, float], labels: Mapping[str, str]
) -> dict[str, NDArray[Any]]:
    """Return what was asked, case by case: sizes, settings that all cases share, and labels."""
    count = next((values.size for values in given.values()), 1)
    shared: Mapping[str, float | str] = {**labels, **settings}
    return {**given, **{name: np.full(count, value) for name, value in shared.items()}}


def answer_of(
    law: Surface,
    found: Found,
    *,
    given: Mapping[str, Array],
    settings: Mapping[str, float] | None = None,
    named: bool = False,
) -> Answer:
    """Put an answer together from what was found on a surface.

    Parameters
    ----------
    law : Surface
        What was asked.
    found : Found
        Its answer.
    given : mapping of str to array (n_cases,)
        Sizes that were given.
    settings : mapping of str to float, optional
        Settings that all cases share.
    named : bool
        Whether the group was named, so that it is told.
    """
    labels = {law.group_column: law.group} if named else {}
    asked = cases(given, settings or {}, labels)
    return Answer(
        asked=asked,
        draws=found.draws,
        flags=found.flags,
        extrapolation=law.beyond(located(asked, found.draws)),
        member=law.member,
        members=law.members,
        weights=law.weights,
        notes=law.notes,
    )


def located(asked: Mapping[str, NDArray[Any]], draws: Mapping[str, Array]) -> dict[str, Array]:
    """Return the sizes (n_cases,) of an answer: those given, and medians of those found."""
    sizes = {name: values for name, values in asked.items() if values.dtype.kind == "f"}
    for name, values in draws.items():
        median = quantiles(values, PROBABILITY)[0]
        if name not in sizes and np.isfinite(median).all():
            sizes[name] = median
    return sizes
