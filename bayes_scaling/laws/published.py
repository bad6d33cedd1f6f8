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
from bayes_scaling.laws.lines import Line, in_order, read_line, written_out
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


def read_published(given: object, *, inputs: Iterable[str] = ()) -> Published:
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
    if not isinstance(given, Mapping):
        raise InputError(f"[published] must be a table, got {given!r}")
    problems = list(_unknown(given, KEYS, "[published]"))
    parts: dict[str, Any] = {"where": [], "also": []}
    formula: Node | None = None
    try:
        formula = parse_formula(given.get("formula", ""))
    except InputError as error:
        problems += [f"[published] {problem}" for problem in error.problems]
    for key in ("where", "also"):
        for name, text in _table(given, key, problems).items():
            try:
                parts[key].append(read_line(f"published.{key}", str(name), text))
            except InputError as error:
                problems += [f"[published.{key}] {name}: {problem}" for problem in error.problems]
    laws = []
    for name, table in _table(given, "laws", problems).items():
        law, found = _read_constants(str(name), table)
        laws.append(law)
        problems += found
    if not laws and not problems:
        problems.append("[published] has no laws; add [published.laws.name] with constants")
    if formula is None or problems:
        raise InputError(problems)
    where = in_order(parts["where"])
    result = Published(formula=formula, where=where, also=tuple(parts["also"]), laws=tuple(laws))
    problems = list(_check(result, {*COLUMNS, *inputs}))
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


def _unknown(given: Mapping[Any, Any], allowed: tuple[str, ...], where: str) -> Iterator[str]:
    for key in given:
        if key not in allowed:
            near = difflib.get_close_matches(str(key), allowed, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(allowed)}"
            yield f"{where} unknown key {key!r}; {hint}"


def _table(given: Mapping[Any, Any], key: str, problems: list[str]) -> Mapping[Any, Any]:
    """Return a table inside [published]; empty, with a problem, where it is something else."""
    table = given.get(key, {})
    if isinstance(table, Mapping):
        return table
    problems.append(f"[published.{key}] must be a table, got {table!r}")
    return {}


def _read_constants(name: str, given: object) -> tuple[Constants, list[str]]:
    """Read one set of constants, and say what is wrong with it."""
    where = f"[published.laws.{name}]"
    if not isinstance(given, Mapping):
        return Constants(id=name, values=()), [f"{where} must be a table, got {given!r}"]
    problems = list(_unknown(given, LAW_KEYS, where))
    values: dict[str, float] = {}
    for key, value in _mapping(given, "constants", where, problems).items():
        number = _number(value)
        values[str(key)] = number
        if not isfinite(number):
            problems.append(
                f"{where} constant {key} must be a number, or numbers in quotes such as "
                f'"1.6e7 * 8.64e19"; got {value!r}'
            )
    if not values:
        problems.append(f"{where} has no constants; write constants = {{ E = 1.69, ... }}")
    intervals = {}
    for key, ends in _mapping(given, "intervals", where, problems).items():
        low, high = (_number(end) for end in ends) if _is_pair(ends) else (1.0, 0.0)
        intervals[str(key)] = (low, high)
        if key not in values:
            problems.append(f"{where} interval of {key!r}, which is no constant")
        elif not low < high:
            problems.append(f"{where} interval of {key} must be [lower, upper]; got {ends!r}")
    texts = {}
    for key in ("title", "units", "source"):
        texts[key] = given.get(key, "")
        if not isinstance(texts[key], str):
            problems.append(f"{where} {key} must be a text, got {texts[key]!r}")
    law = Constants(
        id=name, values=tuple(values.items()), intervals=tuple(intervals.items()), **texts
    )
    return law, problems


def _mapping(
    given: Mapping[Any, Any], key: str, where: str, problems: list[str]
) -> Mapping[Any, Any]:
    table = given.get(key, {})
    if isinstance(table, Mapping):
        return table
    problems.append(f"{where} {key} must be a table, got {table!r}")
    return {}


def _is_pair(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _number(value: object) -> float:
    """Return a number, or the value of a formula of numbers; nan for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return float("nan")
    try:
        node = parse_formula(value)
    except InputError:
        return float("nan")
    return float("nan") if names(node) else float(evaluate(node, {}))


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
