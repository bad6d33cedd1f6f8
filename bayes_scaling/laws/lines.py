"""Named formulas of a model: ``[where]`` lines, tuned inputs and derived quantities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Node, names, substitute
from bayes_scaling.formula.parse import parse_formula

BASE = "base"
"""Name under which a formula reads the formula of the model it is built on."""


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
        For a derived quantity that may carry a prior: the parameter it stands in for, as a formula
        of the quantity.
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
        return Line(name=name, node=parse_formula(given))
    if key == "derived" and isinstance(given, Mapping) and set(given) <= {"formula", "inverse"}:
        inverse = given.get("inverse", {})
        if isinstance(given.get("formula"), str) and isinstance(inverse, Mapping):
            if len(inverse) > 1:
                raise InputError(
                    f"[{key}] {name}: 'inverse' gives one parameter, not {len(inverse)}"
                )
            nodes = tuple((str(item), parse_formula(text)) for item, text in inverse.items())
            return Line(name=name, node=parse_formula(given["formula"]), inverse=nodes)
    raise InputError(f"[{key}] {name} must be a formula in quotes, got {given!r}")


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
    waiting = {line.name: line for line in lines}
    placed: dict[str, Line] = {}
    while waiting:
        ready = next(
            (line for line in waiting.values() if not names(line.node) & set(waiting)), None
        )
        if ready is None:
            raise InputError(f"[where] lines read each other in a circle: {', '.join(waiting)}")
        placed[ready.name] = waiting.pop(ready.name)
    return tuple(placed.values())


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
