"""`Answer`: what is said of every case, draw by draw; intervals are taken when it is looked at.

`Drawn` is what it shares with a forecast and an allocation: rows of all draws, or by member.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import KIND, PROBABILITY, quantiles
from bayes_scaling.page import Block, Page, Printed, beyond, called, cell, of_members, told
from bayes_scaling.questions.breaks import weight_of_breaks, without_breaks
from bayes_scaling.questions.score_targets import shown_name, with_scores
from bayes_scaling.questions.surface import Surface

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

NO_SIZE = "no distance: in half of the draws or more no size does"
"""Said in place of a distance where what was found is without end."""

TROUBLE = ("unreachable", "never", "at_edge")
"""Statements that are printed only where they may hold."""


class Drawn(Printed):
    """An answer whose draws come from members; intervals are taken when it is looked at.

    Attributes
    ----------
    extrapolation : mapping of str to array (n_cases,)
        E-folds beyond the fitted runs.
    probability : float
        Probability of the intervals.
    member : array of int (n_draws,)
        Member that each draw comes from.
    members : tuple of str
        Ids of the models.
    weights : tuple of float
        Of the members; they sum to 1.
    response : str
        What the law explains, such as a loss.
    """

    extrapolation: Mapping[str, Array]
    probability: float
    member: NDArray[np.int64]
    members: tuple[str, ...]
    weights: tuple[float, ...]
    response: str

    @property
    @abstractmethod
    def quantities(self) -> Mapping[str, Array]:
        """What is told of each case with its interval (n_draws, n_cases)."""

    @property
    def statements(self) -> Mapping[str, Flags]:
        """What holds or not (n_draws, n_cases), told by its probability."""
        return {}

    @abstractmethod
    def _asked(self, index: int) -> dict[str, Any]:
        """Return what was asked of one case."""

    def _beside(self, index: int) -> dict[str, Any]:
        """Return what else is told of one case."""
        return {}

    @property
    def is_point(self) -> bool:
        """Whether it is that of one draw, as a published law has: numbers without intervals."""
        return self.member.size == 1

    def _rows(self) -> list[dict[str, Any]]:
        quantities = with_scores(self.quantities, self.response)
        rows = draw_rows(
            quantities, self.extrapolation, self.probability, statements=self.statements
        )
        smooth = without_breaks(self.member, self.members)
        about: dict[str, float] = {}
        if smooth is not None:
            about = {"weight_of_breaks": weight_of_breaks(self.members, self.weights)}
        return [
            {**self._asked(index), **row, **self._beside(index), **about}
            for index, row in enumerate(rows)
        ]

    def member_rows(self, probability: float | None = None) -> list[dict[str, Any]]:
        """Return what each member says of each case by itself, with its weight."""
        own = [self.member == position for position in range(len(self.members))]
        quantities = with_scores(self.quantities, self.response)
        parts = [
            draw_rows(
                {name: draws[mine] for name, draws in quantities.items()},
                {},
                probability or self.probability,
                statements={name: held[mine] for name, held in self.statements.items()},
                alone=self.is_point,
            )
            for mine in own
        ]
        return [
            {"member": name, "weight": float(weight), **self._asked(index), **rows[index]}
            for index in range(len(parts[0]))
            for name, weight, rows in zip(self.members, self.weights, parts, strict=True)
        ]

    @property
    def by_member(self) -> pd.DataFrame:
        """One row per case and member, as of `member_rows`."""
        import pandas as pd

        return pd.DataFrame(self.member_rows())

    def _shown(self, name: str) -> str:
        """Return the name of what is shown of a quantity: a score where the law is one of them."""
        return shown_name(name, self.response)

    def _member_blocks(self, names: Mapping[str, str]) -> Iterator[list[Block]]:
        """Tabulate what each of several members says, case by case, under headings by name.

        Where some have a break or a jump, it is said what is told without them.
        """
        tables = of_members(self.member_rows(), len(self.members), names)
        smooth = without_breaks(self.member, self.members)
        if smooth is None:
            yield from tables
            return
        own = with_scores(self.quantities, self.response)
        kept = {name: own[name][smooth] for name in names if name in own}
        rows = draw_rows(kept, {}, self.probability, alone=False)
        for blocks, row in zip(tables, rows, strict=True):
            told_of = ", ".join(f"{names[name]} {cell(row, name)}" for name in kept)
            share = f"{weight_of_breaks(self.members, self.weights):.2f} of the weight"
            yield [*blocks, f"laws with a break or a jump hold {share}; without them {told_of}"]


def draw_rows(
    quantities: Mapping[str, Array],
    extrapolation: Mapping[str, Array],
    probability: float,
    *,
    statements: Mapping[str, Flags] | None = None,
    alone: bool | None = None,
) -> list[dict[str, Any]]:
    """Tabulate draws.

    Parameters
    ----------
    quantities : mapping of str to array (n_draws, n_rows)
        Array of each quantity.
    extrapolation : mapping of str to array (n_rows,)
        E-folds beyond the fitted runs.
    probability : float
        Probability of the equal-tailed intervals.
    statements : mapping of str to array of bool (n_draws, n_rows), optional
        What holds or not, told by its share of the draws.
    alone : bool, optional
        Whether there are no intervals to tell; by default where there is one draw, as a published
        law has.

    Returns
    -------
    list of dict
        Per row: ``x``, ``x_lower`` and ``x_upper`` of every quantity, ``efolds_x`` of every
        extrapolation, the probability and kind of the intervals.
    """
    if alone is None:
        alone = len(next(iter(quantities.values()))) == 1
    columns: dict[str, NDArray[Any]] = {}
    for name, draws in quantities.items():
        if alone:
            columns[name] = draws[0]
        else:
            ends = quantiles(draws, probability)
            columns |= dict(zip((name, f"{name}_lower", f"{name}_upper"), ends, strict=True))
    for name, held in (statements or {}).items():
        columns[name] = held[0] if alone else held.mean(axis=0)
    columns |= {f"efolds_{name}": beyond for name, beyond in extrapolation.items()}
    about = {} if alone else {"probability": probability, "kind": KIND}
    count = next(iter(quantities.values())).shape[1]
    return [
        {name: np.asarray(values)[index].item() for name, values in columns.items()} | about
        for index in range(count)
    ]


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
    response : str
        What the law explains, such as a loss.
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
    response: str = "loss"
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
        given = {name: values[index].item() for name, values in self.asked.items()}
        numbers = {name: value for name, value in given.items() if isinstance(value, float)}
        named = {name: value for name, value in given.items() if name not in numbers}
        return named | with_scores(numbers, self.response)

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {"notes": list(self.notes)}

    def page(self) -> Page:
        """Return what is printed: each case, and what each member says of it."""
        members = self._member_blocks({self._shown(n): called(self._shown(n)) for n in self.draws})
        found: list[list[Block]] = []
        for row, by_member in zip(self.rows(), members, strict=True):
            shown = [self._shown(name) for name in (*self.asked, *self.draws)]
            lines = {called(name): told(row, name) for name in shown}
            for name in self.flags:
                if row[name] or name not in TROUBLE:
                    lines[called(name)] = _chance(row[name])
            if not self.is_point:
                ends = any(np.isinf(row[self._shown(name)]) for name in self.draws)
                lines["extrapolation"] = NO_SIZE if ends else beyond(row)
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
        response=law.response,
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
