"""Roots of residuals: the search that numpy and PyTensor share, and its numpy half.

A root is sought by Newton steps inside a bracket that always holds a change of sign, halved where a
step leaves it or shrinks too slowly, until the bracket is closed; one more Newton step, the only
one that a gradient sees, then makes value and gradient exact.

References
----------
Press et al., Numerical Recipes, 3rd ed., section 9.4, on Newton steps held by a bracket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.derivative import derivative
from bayes_scaling.formula.nodes import Call, Name, Node, Number, Solve, Text, evaluate, names

CLOSED = 1e-12
"""Half the width of a closed bracket, relative to the root."""

FLOOR = 1e-25
"""The same around zero, relative to the first bracket or to one, whichever is smaller."""

JUMP, JUMP_FLOOR = 1e-6, 1e-12
"""Newton step from within a closed bracket beyond which it holds a jump and no root, relative as
`CLOSED` and `FLOOR`; generous, as rounding makes a step of its own."""

MOST_STEPS = 200
"""Steps after which a search has failed; bisection alone needs 37 + log2(bracket / root)."""

_BLOCK = 65536
"""Roots sought together: their arrays stay in the cache."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A root to find, prepared once.

    Attributes
    ----------
    residual, slope : Node
        What vanishes at the root, and its derivative by the variable.
    lean_residual, lean_slope : Node
        The same over the variable and the names of `parts`.
    parts : mapping of str to Node
        What does not depend on the variable, to compute once; no name of a formula has their form.
    """

    residual: Node
    slope: Node
    lean_residual: Node
    lean_slope: Node
    parts: Mapping[str, Node]


class State(NamedTuple):
    """One moment of a search; a tuple, so that compiled code can hold it.

    Attributes
    ----------
    x : array
        Where the residual is to be computed next; nan once there is known to be no root.
    lo, hi : array
        The bracket.
    last, before : array
        Lengths of the last step and of the one before it.
    """

    x: Any
    lo: Any
    hi: Any
    last: Any
    before: Any


@lru_cache(maxsize=256)
def prepare(node: Solve) -> Search:
    """Differentiate a residual and set apart what does not depend on the variable."""
    slope = derivative(node.residual, node.variable)
    found: dict[Node, str] = {}

    def lean(item: Node, own: frozenset[str]) -> Node:
        if isinstance(item, Number | Text):
            return item
        if not names(item) & own:
            return Name(found.setdefault(item, f"part {len(found)}"))
        match item:
            case Call(op, args):
                return Call(op, tuple(lean(arg, own) for arg in args))
            case Solve(variable, residual, lo, hi):
                inner = lean(residual, own | {variable})
                return Solve(variable, inner, lean(lo, own), lean(hi, own))
            case _:
                return item

    own = frozenset((node.variable,))
    lean_residual, lean_slope = lean(node.residual, own), lean(slope, own)
    return Search(
        residual=node.residual,
        slope=slope,
        lean_residual=lean_residual,
        lean_slope=lean_slope,
        parts={name: item for item, name in found.items()},
    )


def advance(
    state: State, residual: Any, slope: Any, sign: Any, scale: Any, where: Callable[..., Any]
) -> tuple[State, Any]:
    """Take one step of a search; works on arrays and on symbols alike.

    Parameters
    ----------
    state : State
    residual, slope : array
        At ``state.x``.
    sign : array
        -1 or 1: the sign of the residual at the upper end of the bracket.
    scale : array
        Width of the first bracket, at most 1.
    where : callable
        ``where(condition, yes, no)``.

    Returns
    -------
    state : State
    done : array of bool
        Where ``state.x`` is final: a root up to `CLOSED`, or nan.
    """
    x, r, d = state.x, sign * residual, sign * slope
    lo, hi = where(r < 0, x, state.lo), where(r > 0, x, state.hi)
    near = CLOSED * abs(x) + FLOOR * scale
    step = -r / d
    length = abs(step)
    # A step ends a little beyond the root, so that the bracket closes from both sides.
    ahead = x + step + where(r < 0, near, -near)
    newton = (lo < ahead) & (ahead < hi) & (2 * length <= state.before)
    x_next = where(newton, ahead, lo + 0.5 * (hi - lo))
    exact, closed = (r <= 0) & (r >= 0), hi - lo <= 4 * near
    crossing = exact | ((d > 0) & (length <= JUMP * abs(x) + JUMP_FLOOR * scale))
    known = (r <= 0) | (r >= 0)
    lost = (closed & ~crossing) | ~known
    final = where(lost, np.nan, x)
    done = exact | closed | ~known
    moved = State(
        x=where(done, final, x_next),
        lo=lo,
        hi=hi,
        last=abs(x_next - x),
        before=state.last,
    )
    return moved, done


def start(lo: Any, hi: Any, at_lo: Any, at_hi: Any, where: Callable[..., Any]) -> State:
    """Begin a search; `at_lo` and `at_hi` are the signs of the residual at the ends, or nan."""
    bracketed = (lo <= hi) & (at_lo * at_hi <= 0)
    x = where(at_lo * at_lo <= 0, lo, where(at_hi * at_hi <= 0, hi, lo + 0.5 * (hi - lo)))
    span = hi - lo
    return State(x=where(bracketed, x, np.nan), lo=lo, hi=hi, last=span, before=span)


def polished(x: Any, residual: Any, slope: Any) -> Any:
    """Return the root beside `x` by the last Newton step; its gradient is that of the residual."""
    return x - residual / slope


def find_root(node: Solve, values: Mapping[str, Any]) -> Any:
    """Find roots in numpy.

    Parameters
    ----------
    node : Solve
        The residual, its variable and the bracket.
    values : mapping of str to array
        Value of each name; the arrays broadcast against each other.

    Returns
    -------
    array
        Roots, exact to rounding; nan where the bracket holds no change of sign, or one that is not
        a root: a pole or a jump. Where it holds several roots it is one of them.
    """
    search = prepare(node)
    read = [
        np.asarray(evaluate(item, values), float)
        for item in (node.lo, node.hi, *search.parts.values())
    ]
    blocks = np.nditer(
        read, flags=["external_loop", "buffered", "zerosize_ok"], order="C", buffersize=_BLOCK
    )
    shape = np.broadcast_shapes(*(item.shape for item in read))
    with np.errstate(all="ignore"):
        found = [_search(search, node.variable, lo, hi, parts) for lo, hi, *parts in blocks]
    return np.concatenate([np.empty(0), *found]).reshape(shape)[()]


def _search(
    search: Search,
    variable: str,
    lo: NDArray[np.float64],
    hi: NDArray[np.float64],
    parts: list[NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Search one block of roots, all arrays (n,); those that are found are taken out."""

    def at(x: NDArray[np.float64], which: Any, item: Node) -> Any:
        own = {name: part[which] for name, part in zip(search.parts, parts, strict=True)}
        return evaluate(item, {**own, variable: x})

    every = np.arange(lo.size)
    at_lo, at_hi = (np.sign(at(x, every, search.lean_residual)) for x in (lo, hi))
    state, sign = start(lo, hi, at_lo, at_hi, np.where), np.where(at_hi != 0, at_hi, -at_lo)
    roots, active, scale = np.full(lo.size, np.nan), every, np.minimum(hi - lo, 1)
    for _ in range(MOST_STEPS):
        residual = at(state.x, active, search.lean_residual)
        slope = at(state.x, active, search.lean_slope)
        state, done = advance(state, residual, slope, sign, scale, np.where)
        roots[active[done]] = polished(state.x, residual, slope)[done]
        left = ~done
        active, sign, scale = active[left], sign[left], scale[left]
        state = State(*(value[left] for value in state))
        if not active.size:
            break
    return roots
