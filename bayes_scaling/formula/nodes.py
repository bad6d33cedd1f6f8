"""Formula nodes: the frozen tree that every reading of a formula shares.

A formula is parsed once (`parse.py`) into these nodes. Numbers come out of them by `evaluate`,
which needs only a table of operations: numpy here, PyTensor in `pytensor_operations.py`. Text and
LaTeX come out of them in `render.py`.

A line of a law that is read twice is one node with two parents: what is asked of a node is kept
with it, and a formula is gone through node by node, never path by path (2^lines of them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
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


class _Parent:
    """What a node with others below it keeps of itself."""

    @cached_property
    def below(self) -> tuple[Node, ...]:
        """The nodes right below it."""
        match self:
            case Call(_, args):
                return args
            case Solve(_, residual, lo, hi):
                return residual, lo, hi
        raise TypeError(type(self).__name__)

    @property
    def label(self) -> str:
        """What it does to them: its operation, or the variable it solves for."""
        match self:
            case Call(op, _):
                return op
            case Solve(variable, _, _, _):
                return variable
        raise TypeError(type(self).__name__)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that is read."""
        match self:
            case Solve(variable, residual, lo, hi):
                return (names(residual) - {variable}) | names(lo) | names(hi)
        return frozenset[str]().union(*map(names, self.below))

    @cached_property
    def depth(self) -> int:
        """Operations within operations."""
        return 1 + max((depth(item) for item in self.below), default=0)

    @cached_property
    def shared(self) -> frozenset[int]:
        """Identities of the operations below that have several parents."""
        seen: set[int] = set()
        twice: set[int] = set()
        waiting: list[Node] = list(self.below)
        while waiting:
            node = waiting.pop()
            if not isinstance(node, _Parent):
                continue
            if id(node) in seen:
                twice.add(id(node))
                continue
            seen.add(id(node))
            waiting += node.below
        return frozenset(twice)

    @cached_property
    def _hash(self) -> int:
        return hash((type(self).__name__, self.label, self.below))

    def __hash__(self) -> int:
        """Return the hash, which is computed once."""
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Whether two formulas are the same; most that are not differ in their hashes."""
        if self is other:
            return True
        if type(self) is not type(other) or hash(self) != hash(other):
            return False
        return _same(self, other, set())

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: hashes of texts and identities hold in one process."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}  # type: ignore[attr-defined]


@dataclass(frozen=True, eq=False)
class Call(_Parent):
    """An operation or a function applied to nodes: ``+``, ``**``, ``<=``, ``exp``, ..."""

    op: str
    args: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Solve(_Parent):
    """The root of a residual between two bounds, which the variable names inside the residual."""

    variable: str
    residual: Node
    lo: Node
    hi: Node


Node = Number | Text | Name | Call | Solve


def _same(one: Any, other: Any, known: set[tuple[int, int]]) -> bool:
    """Compare two nodes, every pair of them once."""
    if one is other or (id(one), id(other)) in known:
        return True
    if type(one) is not type(other):
        return False
    if not isinstance(one, _Parent):
        return bool(one == other)
    same = (
        one.label == other.label
        and len(one.below) == len(other.below)
        and all(_same(a, b, known) for a, b in zip(one.below, other.below, strict=True))
    )
    if same:
        known.add((id(one), id(other)))
    return same


def depth(node: Node) -> int:
    """Return how many operations stand within each other."""
    return node.depth if isinstance(node, _Parent) else 0


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
        shared = node.shared if isinstance(node, _Parent) else frozenset[int]()
        return _evaluate(node, values, operations, shared, {})


def _evaluate(
    node: Node,
    values: Mapping[str, Any],
    operations: Operations,
    shared: frozenset[int],
    found: dict[int, Any],
) -> Any:
    """Compute a node; what several others read is computed once."""
    if id(node) in found:
        return found[id(node)]
    match node:
        case Number(value):
            return np.float64(value)
        case Text(value):
            return value
        case Name(id_):
            return values[id_]
        case Call(op, args):
            given = [_evaluate(arg, values, operations, shared, found) for arg in args]
            value = operations[op](*given)
        case Solve():
            value = operations["solve"](node, values)
    if id(node) in shared:
        found[id(node)] = value
    return value


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and everything below it; what has several parents once."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, _Parent):
            waiting += reversed(item.below)


def names(node: Node) -> frozenset[str]:
    """Return every name a formula reads; the variable of a `Solve` is none of them."""
    match node:
        case Name(id):
            return frozenset((id,))
        case Call() | Solve():
            return node.names
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
    return _substitute(node, replacements, {})


def _substitute(node: Node, replacements: Mapping[str, Node], done: dict[int, Node]) -> Node:
    """Do it; what reads none of the names stays as it is, and what is shared stays shared."""
    if isinstance(node, Name):
        return replacements.get(node.id, node)
    if not isinstance(node, _Parent) or (
        isinstance(node, Call) and node.names.isdisjoint(replacements)
    ):
        return node
    if id(node) in done:
        return done[id(node)]
    found: Node
    match node:
        case Call(op, args):
            found = Call(op, tuple([_substitute(arg, replacements, done) for arg in args]))
        case Solve(variable, residual, lo, hi):
            read = names(residual)
            free = {name: new for name, new in replacements.items() if name in read - {variable}}
            caught = frozenset[str]().union(*(names(new) for new in free.values()))
            own = _fresh(variable, caught | read) if variable in caught else variable
            found = Solve(
                own,
                _substitute(residual, {**free, variable: Name(own)}, {}),
                _substitute(lo, replacements, done),
                _substitute(hi, replacements, done),
            )
    done[id(node)] = found
    return found


def _fresh(name: str, taken: frozenset[str]) -> str:
    """Return a name that is not taken, made from another."""
    return next(new for index in count(1) if (new := f"{name}_{index}") not in taken)
