"""What each formula operation is in PyTensor; imported where a model is built, nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise

from bayes_scaling.errors import InputError
from bayes_scaling.laws.nodes import Node, Operations, Solve, evaluate
from bayes_scaling.laws.roots import MOST_STEPS, Search, State, advance, polished, prepare, start


def _fold(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda *args: reduce(operation, args)


def _logaddexp(softplus: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the operation: smooth, and unlike that of PyTensor no graph of its own to compile."""
    return lambda first, second: first + softplus(second - first)


def _solve(node: Solve, values: Mapping[str, Any]) -> Any:
    """Find roots by a search without gradient, then one Newton step that has the exact one.

    Second derivatives of the result are not those of the root.
    """
    search = prepare(node)

    def real(item: Node) -> Any:
        return pt.cast(pt.as_tensor(evaluate(item, values, PYTENSOR)), "float64")

    fixed = {name: real(part) for name, part in search.parts.items()}
    x, slope = _search(search, node.variable, real(node.lo), real(node.hi), fixed)
    return polished(x, evaluate(search.residual, {**values, node.variable: x}, PYTENSOR), slope)


def _search(
    search: Search, variable: str, lo: Any, hi: Any, fixed: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Search all roots, one by one in a compiled loop; return them and the slopes there."""

    def sign_at(end: Any) -> Any:
        return pt.sign(evaluate(search.lean_residual, {**fixed, variable: end}, PYTENSOR))

    at_lo, at_hi = sign_at(lo), sign_at(hi)
    begun = start(lo, hi, at_lo, at_hi, pt.where)
    sign = pt.where(pt.neq(at_hi, 0), at_hi, -at_lo)
    constant = (sign, pt.minimum(hi - lo, 1), *fixed.values())
    loop = Elemwise(_loop(search, variable))
    x, *_, slope, done = loop(np.int64(MOST_STEPS), *vars(begun).values(), np.nan, *constant)
    return pt.where(done, x, np.nan), slope


class SearchLoop(ScalarLoop):
    """A loop over scalars of which a gradient sees nothing.

    `pytensor.gradient.disconnected_grad` would not do: PyMC simplifies a graph before it takes
    gradients, and that leaves it out.
    """

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Say that no output depends on any input."""
        return [[False] * len(node.outputs)] * len(node.inputs)


def _loop(search: Search, variable: str) -> SearchLoop:
    """Build the search of one root: its state is carried, all else is constant."""
    state = State(**{key: ps.float64(key) for key in ("x", "lo", "hi", "last", "before")})
    sign, scale = ps.float64("sign"), ps.float64("scale")
    fixed = {name: ps.float64(name) for name in search.parts}
    values = {**fixed, variable: state.x}
    residual = evaluate(search.lean_residual, values, SCALAR)
    slope = ps.as_scalar(evaluate(search.lean_slope, values, SCALAR))
    moved, done = advance(state, residual, slope, sign, scale, ps.switch)
    return SearchLoop(
        init=[*vars(state).values(), ps.float64("slope")],
        update=[ps.identity(item) for item in (*vars(moved).values(), slope)],
        constant=[sign, scale, *fixed.values()],
        until=done,
        name="solve",
    )


PYTENSOR: Operations = {
    "+": pt.add, "-": pt.sub, "*": pt.mul, "/": pt.true_div, "**": pt.pow, "neg": pt.neg,
    "<": pt.lt, "<=": pt.le, ">": pt.gt, ">=": pt.ge, "==": pt.eq, "!=": pt.neq,
    "exp": pt.exp, "log": pt.log, "log10": pt.log10, "sqrt": pt.sqrt, "sigmoid": pt.sigmoid,
    "logaddexp": _logaddexp(pt.softplus), "where": pt.where,
    "min": _fold(pt.minimum), "max": _fold(pt.maximum), "solve": _solve,
}  # fmt: skip
"""What each operation does to tensors."""


def _refuse(node: Solve, values: Mapping[str, Any]) -> Any:
    raise InputError(
        f"the root {node.variable!r} depends on what another root is sought for; "
        "write the two equations as one"
    )


SCALAR: Operations = {
    "+": ps.add, "-": ps.sub, "*": ps.mul, "/": ps.true_div, "**": ps.pow, "neg": ps.neg,
    "<": ps.lt, "<=": ps.le, ">": ps.gt, ">=": ps.ge, "==": ps.eq, "!=": ps.neq,
    "exp": ps.exp, "log": ps.log, "log10": ps.log10, "sqrt": ps.sqrt, "sigmoid": ps.sigmoid,
    "logaddexp": _logaddexp(ps.softplus), "where": ps.switch,
    "min": _fold(ps.minimum), "max": _fold(ps.maximum), "solve": _refuse,
}  # fmt: skip
"""What each operation does to the scalars inside a search."""
