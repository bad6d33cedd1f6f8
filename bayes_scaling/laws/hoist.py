"""Splitting laws into what depends on data alone, computed once in numpy, and the rest.

A gradient then costs a few multiplications a run, and a compiled model can be refitted with other
runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bayes_scaling.formula.nodes import Call, Name, Node, Number, Solve, names
from bayes_scaling.laws.features import SCALE_LOW, SCALE_REF
from bayes_scaling.runs.columns import COLUMNS


@dataclass(frozen=True, kw_only=True)
class Hoisted:
    """Laws split into what depends on data alone and the rest.

    Attributes
    ----------
    laws : mapping of str to Node
        The laws over parameters and the names of `data`, by response.
    data : mapping of str to Node
        The parts to compute once per table, over inputs and reference sizes.
    """

    laws: Mapping[str, Node]
    data: Mapping[str, Node]


def hoist(laws: Mapping[str, Node], constants: Collection[str]) -> Hoisted:
    """Split laws; powers of positive data become exponentials of logs.

    Parameters
    ----------
    laws : mapping of str to Node
        By response.
    constants : collection of str
        Names that are data: inputs and reference sizes.
    """
    found: dict[Node, str] = {}

    def lift(node: Node) -> Node:
        return Name(found.setdefault(node, f"data_{len(found)}"))

    def visit(node: Node, constants: frozenset[str]) -> Node:
        if isinstance(node, Number):
            return node
        if names(node) and names(node) <= constants:
            return lift(node)
        match node:
            case Call("**", (base, exponent)) if names(base) <= constants and _positive(base):
                return Call(
                    "exp", (Call("*", (visit(exponent, constants), lift(Call("log", (base,))))),)
                )
            case Call(op, args):
                return Call(op, tuple(visit(arg, constants) for arg in args))
            case Solve(variable, residual, lo, hi):
                # The variable is no data, whatever else has its name.
                inner = visit(residual, constants - {variable})
                return Solve(variable, inner, visit(lo, constants), visit(hi, constants))
            case _:
                return node

    split = {response: visit(law, frozenset(constants)) for response, law in laws.items()}
    return Hoisted(laws=split, data={name: node for node, name in found.items()})


def is_positive_data(name: str) -> bool:
    """Whether an input or a reference size is positive by what it is."""
    column = COLUMNS.get(name.removesuffix("_ref"))
    known = column is not None and column.kind in ("count", "positive")
    return known or name in (SCALE_LOW, SCALE_REF)


def _positive(node: Node) -> bool:
    """Whether a data-only formula is positive by its form: products and powers of sizes."""
    match node:
        case Number(value):
            return value > 0
        case Name(id):
            return is_positive_data(id)
        case Call("*" | "/" | "+", args):
            return all(_positive(arg) for arg in args)
        case Call("**", (base, _)):
            return _positive(base)
        case _:
            return False
