"""From formula text to nodes, by a whitelist: nothing is ever executed.

Python's own `ast` does the reading, so precedence is what a Python user expects; every construct
that is not listed here is an error that says what is allowed.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Iterable

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import (
    FUNCTIONS,
    Call,
    Name,
    Node,
    Number,
    Solve,
    Text,
    depth,
    names,
)

MAX_LENGTH = 4000
"""Longest formula accepted [characters]; a law on paper has a hundred."""

MAX_DEPTH = 120
"""Operations within operations of a formula, its lines put in their places; laws on paper have ten
or twenty."""

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_LOGIC = {ast.And: "and", ast.Or: "or"}
_ALLOWED = "numbers, names, + - * / **, comparisons, and " + ", ".join(
    f"{name}()" for name in FUNCTIONS
)


def parse_formula(text: str) -> Node:
    """Read the formula of a law.

    Parameters
    ----------
    text : str
        For example ``"E + a * (params / params_ref)**-alpha"``.

    Returns
    -------
    Node
        The frozen tree.

    Raises
    ------
    InputError
        The text is not a formula, or uses something outside the whitelist.
    """
    return _Reader(text, conditions=False).read()


def parse_condition(text: str) -> Node:
    """Read a condition on rows, such as ``flops <= 1e19 and family == "c4"``.

    Parameters
    ----------
    text : str
        A formula that may also say ``and``, ``or``, ``not`` and compare a column with quoted text.

    Returns
    -------
    Node
        The frozen tree; it evaluates to a boolean per row.

    Raises
    ------
    InputError
        The text is not a condition.
    """
    node = _Reader(text, conditions=True).read()
    if not (isinstance(node, Call) and node.op in {*_COMPARE.values(), *_LOGIC.values(), "not"}):
        raise InputError(f"condition {text!r} compares nothing; write for example 'flops <= 1e19'")
    return node


def check_names(node: Node, known: Iterable[str], *, where: str) -> list[str]:
    """Return a problem for every name of `node` that is not in `known`, with the nearest one."""
    known = sorted(set(known))
    problems = []
    for unknown in sorted(names(node) - set(known)):
        near = difflib.get_close_matches(unknown, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known names are {', '.join(known)}"
        problems.append(f"{where}: unknown name {unknown!r}; {hint}")
    return problems


class _Reader:
    """One formula being read; keeps the text for messages."""

    def __init__(self, text: str, *, conditions: bool) -> None:
        self.text = text
        self.conditions = conditions

    def read(self) -> Node:
        if not isinstance(self.text, str) or not self.text.strip():
            raise InputError(f"formula must be a non-empty text, got {self.text!r}")
        if len(self.text) > MAX_LENGTH:
            raise InputError(
                f"formula has {len(self.text)} characters, at most {MAX_LENGTH} are read"
            )
        try:
            found = self.node(ast.parse(self.text.strip(), mode="eval").body)
            if depth(found) > MAX_DEPTH:
                raise RecursionError
            return found
        except SyntaxError as error:
            place = f" at character {error.offset}" if error.offset else ""
            raise InputError(f"formula {self.text!r} cannot be read{place}: {error.msg}") from None
        except (RecursionError, MemoryError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"formula {self.text[:60]!r}... is nested too deeply or not text"
            ) from None

    def refuse(self, item: ast.AST, what: str) -> InputError:
        source = ast.get_source_segment(self.text.strip(), item) or type(item).__name__
        return InputError(
            f"formula {self.text!r}: {what} {source!r} is not allowed; a formula holds {_ALLOWED}"
        )

    def node(self, item: ast.expr) -> Node:
        match item:
            case ast.Constant(value=bool()):
                raise self.refuse(item, "constant")
            case ast.Constant(value=int() | float() as value):
                return self.number(item, value)
            case ast.Constant(value=str() as value) if self.conditions:
                return Text(value)
            case ast.Name(id=name):
                return Name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Call("neg", (self.node(operand),))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand) if self.conditions:
                return Call("not", (self.node(operand),))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return Call(_BINARY[type(op)], (self.node(left), self.node(right)))
            case ast.BoolOp(op=op, values=values) if self.conditions:
                return self.logic(_LOGIC[type(op)], [self.node(value) for value in values])
            case ast.Compare():
                return self.compare(item)
            case ast.Call():
                return self.call(item)
            case _:
                raise self.refuse(item, "expression")

    def number(self, item: ast.expr, value: float) -> Node:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.refuse(item, "number")
        return Number(number)

    def logic(self, op: str, nodes: list[Node]) -> Node:
        result = nodes[0]
        for node in nodes[1:]:
            result = Call(op, (result, node))
        return result

    def compare(self, item: ast.Compare) -> Node:
        if len(item.ops) != 1:
            raise self.refuse(item, "chained comparison (join two by 'and')")
        if type(item.ops[0]) not in _COMPARE:
            raise self.refuse(item, "comparison")
        return Call(
            _COMPARE[type(item.ops[0])], (self.node(item.left), self.node(item.comparators[0]))
        )

    def call(self, item: ast.Call) -> Node:
        if not isinstance(item.func, ast.Name) or item.keywords:
            raise self.refuse(item, "call")
        name = item.func.id
        if name == "solve":
            return self.solve(item)
        if name not in FUNCTIONS:
            raise self.refuse(item, "function")
        fewest, most = FUNCTIONS[name]
        count = len(item.args)
        if count < fewest or (most is not None and count > most):
            wanted = f"{fewest}" if most == fewest else f"{fewest} or more"
            raise InputError(
                f"formula {self.text!r}: {name}() takes {wanted} arguments, got {count}"
            )
        return Call(name, tuple(self.node(arg) for arg in item.args))

    def solve(self, item: ast.Call) -> Node:
        """Read what `to_text` writes for a root; a definition has a table for it, ``[solve.z]``."""
        match item.args:
            case [ast.Name(id=variable), residual, lo, hi]:
                return Solve(variable, self.node(residual), self.node(lo), self.node(hi))
            case _:
                raise InputError(
                    f"formula {self.text!r}: solve() takes a name, the residual that is zero at "
                    "it, and the two ends of its bracket: solve(z, exp(z) - a, -9, 9)"
                )
