"""Named formulas of a model: ``[where]`` lines, roots, tuned inputs and derived quantities.

A root, ``[solve.x]``, is for laws that are implicit in the loss, or in a transform of it that has a
bracket::

    [solve.z]
    residual = "z + s * exp(z) - log(tokens / tokens_ref)"
    lo = "min(0, log(tokens / tokens_ref)) - s"
    hi = "max(0, log(tokens / tokens_ref))"

Formula and derived lines then read ``z``. The bracket should hold one root for every value of the
parameters: without a change of sign of the residual between its ends the law is nan there, and a
sampler turns away.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Name, Node, Solve, depth, names, substitute
from bayes_scaling.formula.parse import MAX_DEPTH, parse_formula
from bayes_scaling.formula.render import to_text

BASE = "base"
"""Name under which a formula reads the formula of the model it is built on."""

MAX_LINES = 300
"""Lines of ``[where]`` and roots of a definition."""

SOLVE_KEYS = ("residual", "lo", "hi")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A named formula: a ``[where]`` line, a tuned input or a derived quantity.

    Attributes
    ----------
    name : str
        What it defines.
    node : Node
        The formula.
    inverse : tuple of (str, Node)
        For a derived quantity that may carry a prior: the parameter it replaces, as a formula of
        the quantity.
    """

    name: str
    node: Node
    inverse: tuple[tuple[str, Node], ...] = ()


def read_line(key: str, name: str, given: object) -> Line:
    """Read a line of one of the tables of formulas.

    Parameters
    ----------
    key : str
        The table: ``where``, ``tuned`` or ``derived``.
    name : str
        What the line defines.
    given : str or mapping
        The formula; or, for a derived quantity, ``formula`` and ``inverse``.

    Returns
    -------
    Line

    Raises
    ------
    InputError
        It is no formula, or the formula cannot be read.
    """
    if isinstance(given, str):
        return Line(name=name, node=read_formula(f"[{key}] {name}", given))
    if key == "derived" and isinstance(given, Mapping) and set(given) <= {"formula", "inverse"}:
        inverse = given.get("inverse", {})
        if isinstance(given.get("formula"), str) and isinstance(inverse, Mapping):
            where = f"[{key}] {name}"
            if len(inverse) > 1:
                raise InputError(f"{where}: 'inverse' gives one parameter, not {len(inverse)}")
            return Line(
                name=name,
                node=read_formula(where, given["formula"]),
                inverse=tuple(
                    (str(item), read_formula(f"{where} inverse of {item}", text))
                    for item, text in inverse.items()
                ),
            )
    raise InputError(f"[{key}] {name} must be a formula in quotes, got {given!r}")


def read_formula(where: str, text: str) -> Node:
    """Read a formula, and say in a message where it is."""
    try:
        return parse_formula(text)
    except InputError as error:
        raise InputError([f"{where}: {problem}" for problem in error.problems]) from None


def read_solve(name: str, given: object) -> Line:
    """Read the definition of a root.

    Parameters
    ----------
    name : str
        What is solved for.
    given : mapping
        ``residual``, which the root makes zero, and ``lo`` and ``hi``, which enclose it.

    Returns
    -------
    Line

    Raises
    ------
    InputError
        A formula is missing or cannot be read, a key is unknown, the residual does not read what
        is solved for, or an end of the bracket does; all at once.
    """
    where = f"[solve.{name}]"
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: expected a table with {', '.join(SOLVE_KEYS)}, got {given!r}")
    problems = [
        f"{where}: unknown key {key!r}; allowed are {', '.join(SOLVE_KEYS)}"
        for key in given
        if key not in SOLVE_KEYS
    ]
    nodes: dict[str, Node] = {}
    for key in SOLVE_KEYS:
        if not isinstance(given.get(key), str):
            problems.append(f"{where}: {key} must be a formula in quotes, got {given.get(key)!r}")
            continue
        try:
            nodes[key] = read_formula(where, given[key])
        except InputError as error:
            problems += error.problems
    if "residual" in nodes and name not in names(nodes["residual"]):
        problems.append(f"{where}: residual does not read {name!r}, so nothing is to be solved")
    problems += [
        f"{where}: {key} reads {name!r}, which lies between lo and hi; write it without"
        for key in ("lo", "hi")
        if key in nodes and name in names(nodes[key])
    ]
    if problems:
        raise InputError(problems)
    return Line(name=name, node=Solve(name, nodes["residual"], nodes["lo"], nodes["hi"]))


def solve_to_dict(line: Line) -> dict[str, Any]:
    """Return the TOML form of a line that is a root."""
    node = line.node
    if not isinstance(node, Solve):
        raise TypeError(f"{line.name} is no root of an equation")
    residual = substitute(node.residual, {node.variable: Name(line.name)})
    return {"residual": to_text(residual), "lo": to_text(node.lo), "hi": to_text(node.hi)}


def override(old: Iterable[Line], new: Iterable[Line]) -> tuple[Line, ...]:
    """Join two sets of lines; where both define a name, the new one holds at the old place."""
    merged = {line.name: line for line in old} | {line.name: line for line in new}
    return tuple(merged.values())


def in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Put lines in an order in which each reads only lines before it, else as they come.

    Raises
    ------
    InputError
        Lines read each other in a circle.
    """
    given = list({line.name: line for line in lines}.values())
    if len(given) > MAX_LINES:
        raise InputError(f"[where] has {len(given):,} lines, at most {MAX_LINES} are read")
    place = {line.name: number for number, line in enumerate(given)}
    reads = [names(line.node) & set(place) for line in given]
    missing = [len(read) for read in reads]
    readers: dict[str, list[int]] = {name: [] for name in place}
    for number, read in enumerate(reads):
        for name in read:
            readers[name].append(number)
    ready = [number for number, count in enumerate(missing) if count == 0]
    placed: list[Line] = []
    while ready:
        line = given[heapq.heappop(ready)]
        placed.append(line)
        for number in readers[line.name]:
            missing[number] -= 1
            if missing[number] == 0:
                heapq.heappush(ready, number)
    if len(placed) < len(given):
        circle = ", ".join(line.name for line in given if line not in placed)
        raise InputError(f"[where] lines read each other in a circle: {circle}")
    _check_depth(placed)
    return tuple(placed)


def _check_depth(lines: Iterable[Line]) -> None:
    """Raise where lines that read each other make a formula deeper than one may be written."""
    deep: dict[str, int] = {}
    for line in lines:
        below = max((deep[name] for name in names(line.node) if name in deep), default=0)
        deep[line.name] = depth(line.node) + below
        if deep[line.name] > MAX_DEPTH:
            raise InputError(
                f"[where] {line.name}: with the lines it reads, {deep[line.name]} operations stand "
                f"within each other; at most {MAX_DEPTH} may"
            )


def reading(line: Line, exchange: Mapping[str, Node]) -> Line:
    """Return a line that reads other names."""
    return Line(
        name=line.name,
        node=substitute(line.node, exchange),
        inverse=tuple((name, substitute(node, exchange)) for name, node in line.inverse),
    )


def written_out(node: Node, lines: Iterable[Line]) -> Node:
    """Put lines in the place of their names in a formula; a line may read those before it."""
    nodes: dict[str, Node] = {}
    for line in lines:
        nodes[line.name] = substitute(line.node, nodes)
    return substitute(node, nodes)


def whole_formula(formula: Node, where: Iterable[Line]) -> Node:
    """Return the formula of a model with what it calls its own base written out."""
    return substitute(formula, {line.name: line.node for line in where if line.name == BASE})
