"""`Answer`: what a query says of every case, draw by draw, with intervals and probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import KIND, PROBABILITY, check_probability
from bayes_scaling.posterior.ensemble import Ensemble, leading, members_of
from bayes_scaling.questions.asked_law import Answerer, first_of, parts_of
from bayes_scaling.questions.forecast import extrapolation, fitted_sizes
from bayes_scaling.questions.published_laws import PublishedLaw
from bayes_scaling.questions.sizes import Member, reads

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
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

    def __repr__(self) -> str:
        """Say how much there is; `table` has the numbers."""
        n_draws, n_cases = next(iter(self.draws.values())).shape
        return f"Answer({', '.join(self.draws)}: {n_cases} cases, {n_draws} draws; see .table)"

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
    def table(self) -> pd.DataFrame:
        """One row per case: what was given, and what was found with its interval."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    @property
    def by_member(self) -> pd.DataFrame:
        """One row per case and member: its weight, and its own answer."""
        import pandas as pd

        return pd.DataFrame(self.member_rows())


def cases(
    given: Mapping[str, Array], settings: Mapping[str, float], labels: Mapping[str, str]
) -> dict[str, NDArray[Any]]:
    """Return what was asked, case by case: sizes, settings that all cases share, and labels."""
    count = next((values.size for values in given.values()), 1)
    shared: Mapping[str, float | str] = {**labels, **settings}
    return {**given, **{name: np.full(count, value) for name, value in shared.items()}}


def group_named(source: Answerer, family: str | None) -> dict[str, str]:
    """Return the group, by the column that names it; nothing where none is named."""
    return {} if family is None else {reads(first_of(source)).group: family}


def ask(
    source: Answerer,
    question: Callable[[Member], Found],
    *,
    asked: Mapping[str, NDArray[Any]],
    probability: float = PROBABILITY,
    allow_unconverged: bool = False,
    notes: tuple[str, ...] = (),
) -> Answer:
    """Put a question to whatever answers, to every member of an ensemble, and mix what they say.

    Parameters
    ----------
    source : Fit, Ensemble or PublishedLaw
        What answers.
    question : callable
        What one law says.
    asked : mapping of str to array (n_cases,)
        What was given; the group by the name of its column.
    probability, allow_unconverged
        As in a forecast.
    notes : tuple of str
        What a reader should know.

    Raises
    ------
    InputError
        The probability is none, or a member cannot answer.
    UnconvergedError
        The fit, or no member, converged.
    """
    check_probability(probability)
    source.require_converged(allow_unconverged=allow_unconverged)
    parts = [question(member) for member in parts_of(source).values()]
    if isinstance(source, Ensemble):
        rows, member = source.rows, source.member
        weights = tuple(source.weights[name] for name in source.members)
    else:
        count = len(next(iter(parts[0].draws.values())))
        rows, member, weights = (np.arange(count),), np.zeros(count, dtype=np.int64), (1.0,)
    names = [name for name in parts[0].draws if all(name in part.draws for part in parts)]
    draws = {name: _mix(rows, [part.draws[name] for part in parts]) for name in names}
    return Answer(
        asked=asked,
        draws=draws,
        flags={name: _mix(rows, [part.flags[name] for part in parts]) for name in parts[0].flags},
        extrapolation=_beyond(source, asked, draws),
        probability=probability,
        member=member,
        members=tuple(parts_of(source)),
        weights=weights,
        notes=(*source.notes, *notes) if isinstance(source, PublishedLaw) else notes,
    )


def _mix[Number: (np.float64, np.bool_)](
    rows: tuple[NDArray[np.int64], ...], parts: list[NDArray[Number]]
) -> NDArray[Number]:
    """Take from every member the draws that stand for it."""
    return np.concatenate([part[taken] for part, taken in zip(parts, rows, strict=True)], axis=0)


def _beyond(
    source: Answerer, asked: Mapping[str, NDArray[Any]], draws: Mapping[str, Array]
) -> dict[str, Array]:
    """E-folds of what was given, and of medians of what was found, beyond the fitted runs."""
    if isinstance(source, PublishedLaw):
        return {}
    fitted = {name for fit in members_of(source).values() for name in fitted_sizes(fit)}
    sizes = {name: values for name, values in asked.items() if name in fitted}
    for name, values in draws.items():
        median = quantiles(values, PROBABILITY)[0]
        if name not in sizes and np.isfinite(median).all():
            sizes[name] = median
    count = next(iter(draws.values())).shape[1]
    labels = asked.get(leading(source).model.group, np.full(count, source.groups[0]))
    return extrapolation(source, sizes, tuple(str(label) for label in labels))


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
