"""The derivative of a formula by one of its names, as a formula."""

from __future__ import annotations

import math

from bayes_scaling.formula.nodes import Call, Name, Node, Number, Solve, names, substitute

ZERO, ONE = Number(0.0), Number(1.0)


def derivative(node: Node, name: str) -> Node:
    """Differentiate a formula.

    Parameters
    ----------
    node : Node
        The formula.
    name : str
        The name to differentiate by.

    Returns
    -------
    Node
        Comparisons are flat; at a kink (``min``, ``max``, ``where``) it is the slope of the branch
        that is taken. A root moves as the implicit function theorem says.

    Examples
    --------
    >>> from bayes_scaling.formula.parse import parse_formula
    >>> from bayes_scaling.formula.render import to_text
    >>> to_text(derivative(parse_formula("a * exp(-x)"), "x"))
    'a * (exp(-x) * -1)'
    """
    if name not in names(node):
        return ZERO
    match node:
        case Name():
            return ONE
        case Solve():
            return _of_root(node, name)
        case Call(op, args):
            return _of_call(op, args, name)
        case _:
            return ZERO


def _of_call(op: str, args: tuple[Node, ...], name: str) -> Node:
    slopes = tuple(derivative(arg, name) for arg in args)
    match op, args, slopes:
        case "+", _, (first, second):
            return add(first, second)
        case "-", _, (first, second):
            return _subtract(first, second)
        case "*", (first, second), (d_first, d_second):
            return add(multiply(d_first, second), multiply(first, d_second))
        case "/", (top, bottom), (d_top, d_bottom):
            ratio = Call("/", (top, bottom))
            return _divide(_subtract(d_top, multiply(ratio, d_bottom)), bottom)
        case "**", (base, exponent), (d_base, d_exponent):
            return _of_power(base, exponent, d_base, d_exponent)
        case "neg", _, (slope,):
            return _negate(slope)
        case (("exp" | "log" | "log10" | "sqrt" | "sigmoid"), (arg,), (slope,)):
            return multiply(_of_function(op, arg), slope)
        case "logaddexp", (first, second), (d_first, d_second):
            share = Call("sigmoid", (Call("-", (first, second)),))
            rest = Call("sigmoid", (Call("-", (second, first)),))
            return add(multiply(share, d_first), multiply(rest, d_second))
        case (("min" | "max"), (first, *others), (d_first, *d_others)):
            return _of_extreme(op, first, d_first, list(zip(others, d_others, strict=True)))
        case "where", (condition, _, _), (_, yes, no):
            return _choose(condition, yes, no)
        case _:
            return ZERO  # comparisons


def _of_function(op: str, arg: Node) -> Node:
    """Differentiate a function of one argument by that argument."""
    match op:
        case "exp":
            return Call("exp", (arg,))
        case "log":
            return Call("/", (ONE, arg))
        case "log10":
            return Call("/", (ONE, Call("*", (arg, Number(math.log(10.0))))))
        case "sqrt":
            return Call("/", (Number(0.5), Call("sqrt", (arg,))))
        case _:
            both = (Call("sigmoid", (arg,)), Call("sigmoid", (Call("neg", (arg,)),)))
            return Call("*", both)


def _of_power(base: Node, exponent: Node, d_base: Node, d_exponent: Node) -> Node:
    less = Number(exponent.value - 1) if isinstance(exponent, Number) else None
    lower = _power(base, less or Call("-", (exponent, ONE)))
    by_base = multiply(multiply(exponent, lower), d_base)
    if d_exponent == ZERO:
        return by_base
    by_exponent = multiply(
        Call("*", (Call("**", (base, exponent)), Call("log", (base,)))), d_exponent
    )
    return add(by_base, by_exponent)


def _of_extreme(op: str, first: Node, slope: Node, others: list[tuple[Node, Node]]) -> Node:
    """Differentiate ``min`` or ``max``: the slope of the argument that is taken."""
    compare = "<=" if op == "min" else ">="
    for other, d_other in others:
        slope = _choose(Call(compare, (first, other)), slope, d_other)
        first = Call(op, (first, other))
    return slope


def _of_root(node: Solve, name: str) -> Node:
    """Differentiate a root: minus the slope of the residual by the name over that by the root."""
    if name == node.variable:
        return ZERO  # then only the bounds read it
    ratio = _divide(derivative(node.residual, name), derivative(node.residual, node.variable))
    return _negate(substitute(ratio, {node.variable: node}))


# ---- operations that leave out what adds nothing -------------------------------------------------


def add(first: Node, second: Node) -> Node:
    """Return a sum."""
    if first == ZERO:
        return second
    return first if second == ZERO else Call("+", (first, second))


def _subtract(first: Node, second: Node) -> Node:
    if first == ZERO:
        return _negate(second)
    return first if second == ZERO else Call("-", (first, second))


def multiply(first: Node, second: Node) -> Node:
    """Return a product."""
    if ZERO in (first, second):
        return ZERO
    if first == ONE:
        return second
    return first if second == ONE else Call("*", (first, second))


def _divide(top: Node, bottom: Node) -> Node:
    return top if top == ZERO or bottom == ONE else Call("/", (top, bottom))


def _power(base: Node, exponent: Node) -> Node:
    if exponent == ZERO:
        return ONE
    return base if exponent == ONE else Call("**", (base, exponent))


def _negate(node: Node) -> Node:
    return Number(-node.value) if isinstance(node, Number) else Call("neg", (node,))


def _choose(condition: Node, yes: Node, no: Node) -> Node:
    return yes if yes == no else Call("where", (condition, yes, no))
