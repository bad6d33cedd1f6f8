"""`Answer`: what a query says of every case, draw by draw, with intervals and probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import KIND, PROBABILITY
from bayes_scaling.page import Block, Page, PrintedByMember, beyond, called, of_members, told
from bayes_scaling.questions.surface import Surface

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

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
class Answer(PrintedByMember):
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
    def is_point(self) -> bool:
        """Whether it is that of one draw, as a published law has: numbers without intervals."""
        return self.member.size == 1

    @property
    def shares(self) -> dict[str, Array]:
        """Probability of every statement (n_cases,)."""
        return {name: np.asarray(values.mean(axis=0)) for name, values in self.flags.items()}

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per case, of plain numbers and texts."""
        beyond = {f"efolds_{name}": values for name, values in self.extrapolation.items()}
        found = self._rows(np.ones(len(self.member), dtype=bool))
        return [
            row | {name: float(values[index]) for name, values in beyond.items()}
            for index, row in enumerate(found)
        ]

    def member_rows(self) -> list[dict[str, Any]]:
        """Return what each member says of each case by itself, with its weight."""
        parts = [self._rows(self.member == position) for position in range(len(self.members))]
        return [
            {"member": name, "weight": float(weight)} | rows[index]
            for index in range(len(parts[0]))
            for name, weight, rows in zip(self.members, self.weights, parts, strict=True)
        ]

    def _rows(self, taken: Flags) -> list[dict[str, Any]]:
        """Tabulate some of the draws."""
        columns: dict[str, NDArray[Any]] = dict(self.asked)
        for name, draws in self.draws.items():
            if self.is_point:
                columns[name] = draws[0]
                continue
            ends = quantiles(draws[taken], self.probability)
            columns[name], columns[f"{name}_lower"], columns[f"{name}_upper"] = ends
        for name, values in self.flags.items():
            columns[name] = values[0] if self.is_point else values[taken].mean(axis=0)
        about = {} if self.is_point else {"probability": self.probability, "kind": KIND}
        count = next(iter(self.draws.values())).shape[1]
        return [
            {name: values[index].item() for name, values in columns.items()} | about
            for index in range(count)
        ]

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {"notes": list(self.notes)}

    def page(self) -> Page:
        """Return what is printed: each case, and what each member says of it."""
        members = of_members(
            self.member_rows(), len(self.members), {name: called(name) for name in self.draws}
        )
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


def quantiles(draws: Array, probability: float) -> Array:
    """Median and equal-tailed interval of draws (n_draws, n) that may be infinite: (3, n).

    Where one of the two draws around a quantile is infinite, so is the quantile.
    """
    tail = (1 - probability) / 2
    levels = [0.5, tail, 1 - tail]
    with np.errstate(invalid="ignore"):
        found = np.quantile(draws, levels, axis=0)
    above = np.quantile(draws, levels, axis=0, method="higher")
    return np.asarray(np.where(np.isinf(above) | np.isnan(found), above, found))
