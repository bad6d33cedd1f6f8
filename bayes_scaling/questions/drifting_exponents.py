"""Exponents under drift: what they are at the reference, at the largest run, and at any size.

With drift the local exponent of an input is its exponent in the formula times a factor exp(g) that
wanders with the size: 1 at the reference, known as well as the runs tell it inside their range, and
wider with every e-fold beyond.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import KIND, PROBABILITY, format_kind, interval, quantiles
from bayes_scaling.laws.definition import exponent_of
from bayes_scaling.page import Grid, Page, Printed
from bayes_scaling.posterior import Member, Posterior
from bayes_scaling.posterior.slopes import factor_at
from bayes_scaling.questions.sizes import Sizes, read_plan

Array = NDArray[np.float64]

REFERENCE, LARGEST, ASKED = "reference", "largest run", "asked"
"""Places an exponent is told at: the geometric mean of the runs, the largest of them in that input,
and a size that was asked about."""

MANY = 4
"""Groups up to which each has its line where exponents are printed."""

SAME = 1e-4
"""Range of draws below which they are one number to the reader."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalExponent:
    """The exponent of one input at one size.

    Attributes
    ----------
    member : str
        Id of the model.
    input : str
        The input that drifts.
    at : {"reference", "largest run", "asked"}
        The place.
    size : float
        The size there, in the unit of the run table.
    label : str
        The group, where the exponent differs between groups; empty elsewhere.
    factor : array (n_draws,)
        Local exponent over the one at the reference.
    parameter : str
        The exponent in the formula; empty where the law has no single one.
    exponent : array (n_draws,) or None
        The local exponent itself, where there is such a parameter.
    """

    member: str
    input: str
    at: str
    size: float
    label: str = ""
    factor: Array
    parameter: str = ""
    exponent: Array | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Exponents(Printed):
    """Local exponents of every input that drifts; none where nothing does.

    Attributes
    ----------
    parts : tuple of LocalExponent
        By member, input and place.
    group_column : str
        The column that names the groups.
    probability : float
        Probability of the intervals in `table`.
    """

    parts: tuple[LocalExponent, ...]
    group_column: str = "family"
    probability: float = PROBABILITY

    def _rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per place, of plain numbers and texts."""
        return [self._row(part) for part in self.parts]

    def _row(self, part: LocalExponent) -> dict[str, Any]:
        row: dict[str, Any] = {
            "member": part.member,
            "input": part.input,
            "at": part.at,
            "size": part.size,
            self.group_column: part.label,
            "parameter": part.parameter,
        }
        for name, draws in (("factor", part.factor), ("exponent", part.exponent)):
            found = (np.nan,) * 3 if draws is None else quantiles(draws, self.probability)
            row[name], row[f"{name}_lower"], row[f"{name}_upper"] = (float(x) for x in found)
        return row | {"probability": self.probability, "kind": KIND}

    def only(self, at: str) -> Exponents:
        """Return those of one kind of place."""
        return replace(self, parts=tuple(part for part in self.parts if part.at == at))

    def page(self) -> Page:
        """Return what is printed: a line for each; nothing where nothing drifts.

        Of many groups only what is the same in all of them is told: how far exponents have drifted.
        """
        parts = self.parts
        if len({part.label for part in parts}) > MANY:
            parts = tuple(replace(each, label="", parameter="", exponent=None) for each in parts)
        once = {(part.member, part.label, part.input, part.at, part.size): part for part in parts}
        rows = [
            (
                part.member,
                part.label,
                f"{part.input} ({part.parameter})" if part.parameter else part.input,
                f"{part.size:.3g}" + ("" if part.at == ASKED else f", the {part.at}"),
                "" if part.exponent is None else self._written(part.exponent),
                "1" if part.at == REFERENCE else self._written(part.factor),
            )
            for part in once.values()
        ]
        heading = (
            "member",
            self.group_column,
            "exponent of",
            "at",
            f"local exponent, {format_kind(self.probability)}",
            "over that at the reference",
        )
        several = len({row[0] for row in rows}) > 1
        columns = [
            place
            for place in range(len(heading))
            if any(row[place] for row in rows) and (place or several)
        ]
        grid = Grid(
            heading=[heading[place] for place in columns],
            rows=[[row[place] for place in columns] for row in rows],
        )
        return [[grid]] if rows else []

    def _written(self, draws: Array) -> str:
        """Write an interval without its kind, which the heading names."""
        if np.ptp(draws) < SAME:
            return f"{draws[0]:.4g}"
        kind = format_kind(self.probability)
        return str(interval(draws, self.probability)).removesuffix(f" {kind}")


def exponents(
    fit: Posterior,
    sizes: Sizes | None = None,
) -> Exponents:
    """Return the local exponents of inputs that drift.

    Parameters
    ----------
    fit : Fit
        The posterior.
    sizes : mapping, DataFrame or RunTable, optional
        Sizes to ask about beside the reference and the largest run; as in a forecast.

    Returns
    -------
    Exponents
        Without rows where nothing drifts. Beyond the runs they are those that the forecasts of
        the fit see, draw by draw.

    Raises
    ------
    InputError
        The sizes cannot be used.

    Examples
    --------
    >>> fit.exponents({"params": 7e10, "tokens": 1.4e12}).table  # doctest: +SKIP
    """
    return Exponents(
        parts=tuple(
            part
            for member in fit.members.values()
            for name in member.model.drifting
            for part in _of_input(member, name, sizes)
        ),
        group_column=fit.leading.reads.group,
    )


def _of_input(fit: Member, name: str, sizes: Sizes | None) -> list[LocalExponent]:
    """Return the exponents of one input, place by place."""
    parameter = exponent_of(fit.model, name) or ""
    grouped = bool(parameter) and fit.flat[parameter].ndim == 2
    every = fit.groups if grouped else ("",)
    fixed = ((REFERENCE, f"{name}_ref"), (LARGEST, f"{name}_high"))
    places = [(at, fit.references[reference], label) for at, reference in fixed for label in every]
    if sizes is not None:
        plan = read_plan(fit, sizes)
        labels = plan.labels if grouped else ("",) * len(plan)
        asked = zip(plan.columns[name], labels, strict=True)
        places += [(ASKED, float(size), label) for size, label in asked]
    found = []
    for at, size, label in places:
        factor = factor_at(fit, name, size)
        exponent = None
        if parameter:
            values = fit.flat[parameter]
            own = values[:, fit.groups.index(label)] if grouped else values
            exponent = own * factor
        found.append(
            LocalExponent(
                member=fit.model.id, input=name, at=at, size=size, label=label, factor=factor,
                parameter=parameter, exponent=exponent,
            )
        )  # fmt: skip
    return found
