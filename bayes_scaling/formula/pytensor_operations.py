"""What each formula operation is in PyTensor; imported where a model is built, nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, reduce
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.link.utils import fgraph_to_python
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Operations, Solve, evaluate, names
from bayes_scaling.formula.roots import MOST_STEPS, Search, State, advance, polished, prepare, start


def _fold(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda *args: reduce(operation, args)


def _logaddexp(softplus: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the operation: smooth, and unlike that of PyTensor no graph of its own to compile."""
    return lambda first, second: first + softplus(second - first)


# ---- roots ---------------------------------------------------------------------------------------


def _solve(node: Solve, values: Mapping[str, Any]) -> Any:
    """Find roots by a search without gradient, then one Newton step that has the exact one.

    Second derivatives of the result are not those of the root.
    """
    search, variable = prepare(node), node.variable
    ends = {"lo": node.lo, "hi": node.hi}
    given = {
        name: pt.cast(pt.as_tensor(evaluate(item, values, PYTENSOR)), "float64")
        for name, item in {**ends, **search.parts}.items()
    }
    x = _held(given, lambda scalars: _search(search, variable, scalars))
    known = {**given, variable: x}
    read = {name: known[name] for name in sorted(names(search.lean_slope))}
    slope = _held(read, lambda scalars: evaluate(search.lean_slope, scalars, SCALAR))
    found = polished(x, evaluate(search.residual, {**values, variable: x}, PYTENSOR), slope)
    return pt.where(pt.isnan(x), np.nan, found)  # algebra may have cancelled x in what is found


class Held(ps.Composite):
    """A formula of scalars that a gradient takes for a constant.

    `pytensor.gradient.disconnected_grad` would not do: PyMC simplifies a graph before it takes
    gradients, and that leaves it out.
    """

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Say that the output depends on no input."""
        return [[False]] * len(node.inputs)

    @cached_property
    def py_perform_fn(self) -> Callable[..., Any]:
        """Compute in plain Python, where PyTensor would mix up what a loop inside gives."""

        def performer(op: Any, node: Any, **_: Any) -> Callable[..., Any]:
            def perform(*inputs: Any) -> Any:
                outputs = [[None] for _ in node.outputs]
                op.perform(node, inputs, outputs)
                found = tuple(item for (item,) in outputs)
                return found if len(found) > 1 else found[0]

            return perform

        return cast(Callable[..., Any], fgraph_to_python(self.fgraph, performer))


def _held(inputs: Mapping[str, Any], formula: Callable[[Mapping[str, Any]], Any]) -> Any:
    """Compute a formula of scalars for every element, held constant under a gradient."""
    if not inputs:
        return formula({})
    scalars = {name: ps.float64(name) for name in inputs}
    held = Held(list(scalars.values()), [ps.identity(formula(scalars))])
    return Elemwise(held)(*inputs.values())


def _refuse(node: Solve, values: Mapping[str, Any]) -> Any:
    raise InputError(
        f"the root {node.variable!r} depends on what another root is sought for; "
        "write the two equations as one"
    )


def _search(search: Search, variable: str, given: Mapping[str, Any]) -> Any:
    """Search one root between the scalars ``lo`` and ``hi``."""
    fixed = {name: given[name] for name in search.parts}
    lo, hi = given["lo"], given["hi"]
    at_lo, at_hi = (
        ps.sign(evaluate(search.lean_residual, {**fixed, variable: end}, SCALAR))
        for end in (lo, hi)
    )
    begun = start(lo, hi, at_lo, at_hi, ps.switch)
    sign = ps.switch(ps.eq(at_hi, 0), -at_lo, at_hi)
    loop, steps = _loop(search, variable), ps.constant(MOST_STEPS, dtype="int64")
    constant = (sign, ps.minimum(hi - lo, 1.0), *fixed.values())
    x, *_, done = loop(steps, *begun, *constant)
    return ps.switch(done, x, np.nan)


def _loop(search: Search, variable: str) -> ScalarLoop:
    """Build the loop of a search: its state is carried, all else is constant."""
    state = State(**{key: ps.float64(key) for key in ("x", "lo", "hi", "last", "before")})
    sign, scale = ps.float64("sign"), ps.float64("scale")
    fixed = {name: ps.float64(name) for name in search.parts}
    values = {**fixed, variable: state.x}
    residual = evaluate(search.lean_residual, values, SCALAR)
    slope = evaluate(search.lean_slope, values, SCALAR)
    moved, done = advance(state, residual, slope, sign, scale, ps.switch)
    return ScalarLoop(
        init=list(state),
        update=[ps.identity(item) for item in moved],
        constant=[sign, scale, *fixed.values()],
        until=done,
        name="solve",
    )


# ---- tables --------------------------------------------------------------------------------------

_NAMES = {
    **{"+": "add", "-": "sub", "*": "mul", "/": "true_div", "**": "pow", "neg": "neg"},
    **{"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "neq"},
    **{name: name for name in ("exp", "log", "log10", "sqrt", "sigmoid")},
}


def _operations(module: ModuleType, where: Any, solve: Callable[..., Any]) -> Operations:
    return {
        **{op: getattr(module, name) for op, name in _NAMES.items()},
        "logaddexp": _logaddexp(module.softplus),
        "where": where,
        "min": _fold(module.minimum),
        "max": _fold(module.maximum),
        "solve": solve,
    }


PYTENSOR = _operations(pt, pt.where, _solve)
"""What each operation does to tensors."""

SCALAR = _operations(ps, ps.switch, _refuse)
"""What each operation does to the scalars inside a search."""
