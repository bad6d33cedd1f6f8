"""Reading and writing ``[solve.x]``: a quantity defined as the root of an equation.

It is for laws that are implicit in the loss, or in a transform of it that has a bracket::

    [solve.z]
    residual = "z + s * exp(z) - log(tokens / tokens_ref)"
    lo = "min(0, log(tokens / tokens_ref)) - s"
    hi = "max(0, log(tokens / tokens_ref))"

Formula and derived lines then read ``z``. The bracket should hold one root for every value of the
parameters: without a change of sign of the residual between its ends the law is nan there, and a
sampler turns away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Name, Node, Solve, names, substitute
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws.lines import Line

KEYS = ("residual", "lo", "hi")


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
        raise InputError(f"{where}: expected a table with {', '.join(KEYS)}, got {given!r}")
    problems = [
        f"{where}: unknown key {key!r}; allowed are {', '.join(KEYS)}"
        for key in given
        if key not in KEYS
    ]
    nodes: dict[str, Node] = {}
    for key in KEYS:
        if not isinstance(given.get(key), str):
            problems.append(f"{where}: {key} must be a formula in quotes, got {given.get(key)!r}")
            continue
        try:
            nodes[key] = parse_formula(given[key])
        except InputError as error:
            problems += [f"{where}: {problem}" for problem in error.problems]
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
    """Return the TOML form of a root."""
    node = line.node
    if not isinstance(node, Solve):
        raise TypeError(f"{line.name} is no root of an equation")
    residual = substitute(node.residual, {node.variable: Name(line.name)})
    return {"residual": to_text(residual), "lo": to_text(node.lo), "hi": to_text(node.hi)}
