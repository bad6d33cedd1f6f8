"""Formula nodes as JavaScript, for pages that compute a law by themselves."""

from __future__ import annotations

from collections.abc import Mapping

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Call, Name, Node, Number, Solve, Text

HELPERS = (
    "const sigmoid = x => x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)); "
    "const logaddexp = (a, b) => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));"
)
"""Functions that JavaScript lacks; `to_javascript` calls them."""

_CALLS: Mapping[str, str] = {
    **{name: f"Math.{name}" for name in ("exp", "log", "log10", "sqrt", "min", "max")},
    **{"**": "Math.pow", "sigmoid": "sigmoid", "logaddexp": "logaddexp"},
}
_BETWEEN: Mapping[str, str] = {
    **{name: name for name in ("+", "-", "*", "/", "<", "<=", ">", ">=")},
    **{"==": "===", "!=": "!==", "and": "&&", "or": "||"},
}


def to_javascript(node: Node, values: str = "v") -> str:
    """Write a node as a JavaScript expression.

    Parameters
    ----------
    node : Node
        The formula.
    values : str
        Name of the object that holds the values of the names.

    Returns
    -------
    str

    Raises
    ------
    InputError
        The formula holds a root of an equation, which has no JavaScript.
    """
    match node:
        case Number(value):
            return repr(float(value))
        case Text(value):
            return repr(value)
        case Name(id):
            return f"{values}.{id}"
        case Call("neg" | "not" as op, (arg,)):
            return f"({'-' if op == 'neg' else '!'}{to_javascript(arg, values)})"
        case Call("where", (condition, left, right)):
            parts = [to_javascript(each, values) for each in (condition, left, right)]
            return f"({parts[0]} ? {parts[1]} : {parts[2]})"
        case Call(op, args) if op in _CALLS:
            return f"{_CALLS[op]}({', '.join(to_javascript(arg, values) for arg in args)})"
        case Call(op, (left, right)) if op in _BETWEEN:
            first, second = to_javascript(left, values), to_javascript(right, values)
            return f"({first} {_BETWEEN[op]} {second})"
        case Solve():
            raise InputError("a formula with [solve] cannot be computed in a page")
    raise InputError(f"{node!r} has no JavaScript")
