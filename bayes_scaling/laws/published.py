"""What papers report of a law: the form in their constants, and every set of constants.

In a definition this is::

    [published]
    formula = "E + A / params**alpha + B / tokens**beta"

    [published.laws.hoffmann-2022]
    title = "Hoffmann et al. 2022, approach 3"
    constants = { E = 1.69, A = 406.4, B = 410.7, alpha = 0.34, beta = 0.28 }
    units = "nats per token; all parameters"
    source = "arXiv:2203.15556 eq. 10"

A constant is a number, or a text such as ``"1.6e7 * 8.64e19"`` that shows how it was brought to the
units of this package. Rows belong to one fit each: two sets are two laws.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Node, evaluate, names
from bayes_scaling.formula.parse import check_names, parse_formula
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws.lines import Line, in_order, read_formula, written_out
from bayes_scaling.laws.toml_tables import Tables, is_number
from bayes_scaling.runs.columns import COLUMNS

KEYS = ("formula", "where", "also", "laws")
LAW_KEYS = ("constants", "intervals", "title", "units", "source")


@dataclass(frozen=True, kw_only=True)
class Constants:
    """One published set of constants, from one fit.

    Attributes
    ----------
    id : str
        Its name among all published laws.
    title : str
        One line for people.
    values : tuple of (str, float)
        The constants, in the units of this package.
    intervals : tuple of (str, (float, float))
        Intervals that the source prints, of its own kind; not all constants have one.
    units : str
        What counts as a parameter, a token, a loss; and what was converted.
    source : str
        Paper, with the equation or table.
    """

    id: str
    title: str = ""
    values: tuple[tuple[str, float], ...]
    intervals: tuple[tuple[str, tuple[float, float]], ...] = ()
    units: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Published:
    """The published form of a law and the constants that go with it.

    Attributes
    ----------
    formula : Node
        The response of the definition, in published constants and inputs.
    where : tuple of Line
        Named sub-expressions of it.
    also : tuple of Line
        Further quantities that the definition gives, by the name of their column.
    laws : tuple of Constants
        The sets of constants.
    """

    formula: Node
    where: tuple[Line, ...] = ()
    also: tuple[Line, ...] = ()
    laws: tuple[Constants, ...] = ()

    def closed(self, response: str | None = None) -> Node:
        """Return a formula with its sub-expressions written out: the main one, or one of `also`."""
        lines = {line.name: line.node for line in self.also}
        return written_out(self.formula if response is None else lines[response], self.where)


def read_published(given: Mapping[str, Any], *, inputs: Iterable[str] = ()) -> Published:
    """Read the table ``[published]`` of a definition.

    Parameters
    ----------
    given : mapping
        The table.
    inputs : iterable of str
        Inputs beyond the vocabulary of `RunTable`, and settings of a query.

    Returns
    -------
    Published

    Raises
    ------
    InputError
        With every problem of the table.
    """
    tables = Tables({"published": given}).below("published")
    problems = tables.problems
    tables.check_keys(KEYS)
    formula = tables.attempt(lambda: read_formula("[published]", tables.given.get("formula", "")))
    where, also, laws = tables.lines("where"), tables.lines("also"), tables.below("laws")
    constants = tuple(_read_constants(str(name), laws) for name in laws.given)
    if not constants and not problems:
        problems.append("[published] has no laws; add [published.laws.name] with constants")
    if formula is None or problems:
        raise InputError(problems)
    result = Published(formula=formula, where=in_order(where), also=also, laws=constants)
    problems += _check(result, {*COLUMNS, *inputs})
    if problems:
        raise InputError(problems)
    return result


def published_to_dict(published: Published | None) -> dict[str, Any]:
    """Return the table as `read_published` takes it; empty where nothing is published."""
    if published is None:
        return {}
    return {
        "formula": to_text(published.formula),
        "where": {line.name: to_text(line.node) for line in published.where},
        "also": {line.name: to_text(line.node) for line in published.also},
        "laws": {
            law.id: {
                "title": law.title,
                "constants": dict(law.values),
                "intervals": {name: list(ends) for name, ends in law.intervals},
                "units": law.units,
                "source": law.source,
            }
            for law in published.laws
        },
    }


def _read_constants(name: str, laws: Tables) -> Constants:
    """Read one set of constants."""
    table = laws.below(name)
    where, problems = table.where, table.problems
    table.check_keys(LAW_KEYS)
    given = table.table("constants")
    values = {str(key): _number(value) for key, value in given.items()}
    problems += [
        f"{where}constant {key} must be a number, or numbers in quotes such as "
        f'"1.6e7 * 8.64e19"; got {given[key]!r}'
        for key, number in values.items()
        if not isfinite(number)
    ]
    if not values:
        problems.append(f"{where}has no constants; write constants = {{ E = 1.69, ... }}")
    intervals = {}
    for key, ends in table.table("intervals").items():
        pair = isinstance(ends, list | tuple) and len(ends) == 2
        low, high = (_number(end) for end in ends) if pair else (1.0, 0.0)
        intervals[str(key)] = (low, high)
        if key not in values:
            problems.append(f"{where}interval of {key!r}, which is no constant")
        elif not low < high:
            problems.append(f"{where}interval of {key} must be [lower, upper]; got {ends!r}")
    return Constants(
        id=name,
        title=table.text("title", ""),
        values=tuple(values.items()),
        intervals=tuple(intervals.items()),
        units=table.text("units", ""),
        source=table.text("source", ""),
    )


def _number(value: object) -> float:
    """Return a number, or the value of a formula of numbers; nan for anything else."""
    if is_number(value):
        return float(value)
    try:
        node = parse_formula(value) if isinstance(value, str) else None
    except InputError:
        node = None
    return float("nan") if node is None or names(node) else float(evaluate(node, {}))


def _check(published: Published, columns: set[str]) -> Iterator[str]:
    """Yield a problem for every name without a meaning, constant without a use, and clash."""
    formulas = {"formula": published.closed()}
    formulas |= {f"also {line.name}": published.closed(line.name) for line in published.also}
    for line in published.also:
        if line.name not in columns:
            yield f"[published.also] {line.name!r} is not a column"
    read = frozenset().union(*(names(node) for node in formulas.values()))
    for law in published.laws:
        own = {name for name, _ in law.values}
        where = f"[published.laws.{law.id}]"
        for name in sorted(own & columns):
            yield f"{where} constant {name} has the name of a column; rename it"
        for key, node in formulas.items():
            yield from check_names(node, own | columns, where=f"{where} {key}")
        for name in sorted(own - read):
            yield f"{where} constant {name} is never used; {_nearest(name, read - own)}"


def _nearest(name: str, unmet: frozenset[str]) -> str:
    near = difflib.get_close_matches(name, sorted(unmet), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else "remove it or use it in the formula"
