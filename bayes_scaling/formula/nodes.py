"""Formula nodes: the frozen tree that every reading of a formula shares.

A formula is parsed once (`parse.py`) into these nodes. Numbers come out of them by `evaluate`,
which needs only a table of operations: numpy here, PyTensor in `pytensor_operations.py`. Text and
LaTeX come out of them in `render.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True)
class Text:
    """A literal text; only row conditions have one (``family == "c4"``)."""

    value: str


@dataclass(frozen=True)
class Name:
    """A parameter, an input column, a reference size or a ``[where]`` line."""

    id: str


@dataclass(frozen=True)
class Call:
    """An operation or a function applied to nodes: ``+``, ``**``, ``<=``, ``exp``, ..."""

    op: str
    args: tuple[Node, ...]


@dataclass(frozen=True)
class Solve:
    """The root of a residual between two bounds, which the variable names inside the residual."""

    variable: str
    residual: Node
    lo: Node
    hi: Node


Node = Number | Text | Name | Call | Solve
Operations = Mapping[str, Callable[..., Any]]

FUNCTIONS: Mapping[str, tuple[int, int | None]] = {
    "exp": (1, 1),
    "log": (1, 1),
    "log10": (1, 1),
    "sqrt": (1, 1),
    "sigmoid": (1, 1),
    "logaddexp": (2, 2),
    "min": (2, None),
    "max": (2, None),
    "where": (3, 3),
}
"""Functions a formula may call, with the fewest and the most arguments (None: any number)."""


def _sigmoid(x: Any) -> Any:
    return np.exp(-np.logaddexp(0.0, -x))


def _solve(node: Solve, values: Mapping[str, Any]) -> Any:
    from bayes_scaling.formula.roots import find_root  # which evaluates nodes itself

    return find_root(node, values)


def _fold(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def folded(first: Any, *rest: Any) -> Any:
        for value in rest:
            first = operation(first, value)
        return first

    return folded


NUMPY: Operations = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "neg": np.negative,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sigmoid": _sigmoid,
    "logaddexp": np.logaddexp,
    "min": _fold(np.minimum),
    "max": _fold(np.maximum),
    "where": np.where,
    "solve": _solve,
}
"""What each operation does in numpy; ``solve`` takes the node and the values of its names."""


def evaluate(node: Node, values: Mapping[str, Any], operations: Operations = NUMPY) -> Any:
    """Compute a node.

    Parameters
    ----------
    node : Node
        The formula.
    values : mapping of str to array
        Value of each name; the arrays broadcast against each other.
    operations : mapping of str to callable, optional
        What each operation does; numpy by default.

    Returns
    -------
    array
        In the arithmetic of `operations`. Overflow and division by zero give inf and nan,
        silently: the caller knows whether they matter.
    """
    with np.errstate(all="ignore"):
        return _evaluate(node, values, operations)


def _evaluate(node: Node, values: Mapping[str, Any], operations: Operations) -> Any:
    match node:
        case Number(value):
            return np.float64(value)
        case Text(value):
            return value
        case Name(id):
            return values[id]
        case Call(op, args):
            return operations[op](*[_evaluate(arg, values, operations) for arg in args])
        case Solve():
            return operations["solve"](node, values)


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and everything below it."""
    yield node
    match node:
        case Call(_, args):
            below = args
        case Solve(_, residual, lo, hi):
            below = (residual, lo, hi)
        case _:
            below = ()
    for item in below:
        yield from walk(item)


def names(node: Node) -> frozenset[str]:
    """Return every name a formula reads; the variable of a `Solve` is none of them."""
    match node:
        case Name(id):
            return frozenset((id,))
        case Call(_, args):
            return frozenset[str]().union(*(names(arg) for arg in args))
        case Solve(variable, residual, lo, hi):
            return (names(residual) - {variable}) | names(lo) | names(hi)
        case _:
            return frozenset()


def is_positive(node: Node, known: Callable[[str], bool]) -> bool:
    """Whether a formula is positive by its form; `known` says which names are."""
    match node:
        case Number(value):
            return value > 0
        case Name(id):
            return known(id)
        case Call("exp" | "sigmoid", _):
            return True
        case Call("*" | "/" | "+", args):
            return all(is_positive(arg, known) for arg in args)
        case Call("**", (base, _)):
            return is_positive(base, known)
        case _:
            return False


def substitute(node: Node, replacements: Mapping[str, Node]) -> Node:
    """Replace names by nodes; a variable that would catch a name of theirs is renamed."""
    match node:
        case Name(id):
            return replacements.get(id, node)
        case Call(op, args):
            return Call(op, tuple(substitute(arg, replacements) for arg in args))
        case Solve(variable, residual, lo, hi):
            read = names(residual)
            free = {name: new for name, new in replacements.items() if name in read - {variable}}
            caught = frozenset[str]().union(*(names(new) for new in free.values()))
            own = _fresh(variable, caught | read) if variable in caught else variable
            return Solve(
                own,
                substitute(residual, {**free, variable: Name(own)}),
                substitute(lo, replacements),
                substitute(hi, replacements),
            )
        case _:
            return node


def _fresh(name: str, taken: frozenset[str]) -> str:
    """Return a name that is not taken, made from another."""
    return next(new for index in count(1) if (new := f"{name}_{index}") not in taken)
