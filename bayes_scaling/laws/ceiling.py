"""A ceiling: an untrained model has a loss too, and near it a law falls slowly.

Let ``R`` be the reducible part of a law, which is the law less its floor, ``R_0`` the same at the
reference size, and ``u = R / R_0``. A law with a ceiling has in the place of R

    R_0 ((1 - s) u**-q + s)**(-1 / q),

which is R_0 at the reference, follows a power in u far beyond it, and ends at ``R_0 s**(-1 / q)``
above the floor far below it. Sampled are the share of saturation ``s`` at the reference (0 is the
law without ceiling) and the sharpness ``q``. Where the level of the ceiling is known (ln V of V
equally likely tokens, 1 of an error rate), it says what s is: ``s = (R_0 / (level - floor))**q``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bayes_scaling.formula.nodes import Call, Name, Node, Number, substitute
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.laws.priors import Prior

if TYPE_CHECKING:
    from bayes_scaling.laws.features import Feature

Reading = Callable[[Node], Node]

SATURATION = Parameter(
    name="saturation",
    prior=Prior(dist="Beta", args=(("alpha", 1.0), ("beta", 1.0))),
    about="ceiling: share of saturation at the reference size; 0 is the law without it",
)
SHARPNESS = Parameter(
    name="sharpness",
    prior=Prior(dist="LogNormal", args=(("mu", 0.5), ("sigma", 0.4))),
    about="ceiling: how suddenly the law leaves it",
)

LEAST_ABOVE = 1e-3
"""Share of R_0 by which a known level lies above it at least: a draw of the level of a law above
its ceiling has a law that is flat, and not one that is no number."""

ONE, NONE = Number(1.0), Number(0.0)
"""One, and the floor of a law that has none."""


def with_ceiling(
    law: Node, given: Feature, closed: Reading, reading: Reading, references: Mapping[str, Node]
) -> Node:
    """Put a law under a ceiling, as a formula.

    Parameters
    ----------
    law : Node
        The law, closed.
    given : Feature
        Its ceiling.
    closed : callable
        Writes out the lines that a formula reads.
    reading : callable
        Reads the sizes of a run in a closed formula in some way, such as effective ones.
    references : mapping of str to Node
        The reference size of every input.

    Returns
    -------
    Node
        Through logs alone, so that no power overflows.
    """
    floor = closed(given.floor)
    if given.level:
        at_reference = less(closed(Name(given.level)), floor)
    else:
        at_reference = substitute(less(law, floor), references)
    known = None if given.value is None else closed(given.value)
    return _bent(less(reading(law), reading(floor)), at_reference, reading(floor), known)


def _bent(reducible: Node, at_reference: Node, floor: Node, known: Node | None) -> Node:
    """Bend the reducible part of a law and put it on its floor.

    Parameters
    ----------
    reducible, at_reference : Node
        The reducible part of the law: of a run, and at the reference size.
    floor : Node
        The rest of it; 0 where it has no floor.
    known : Node or None
        The level of the ceiling, where it is known.
    """
    log_r0, sharpness = _log(at_reference), Name(SHARPNESS.name)
    if known is None:
        share = Name(SATURATION.name)
        rest, log_share = Call("-", (ONE, share)), _log(share)
    else:
        least = Call("*", (Number(1.0 + LEAST_ABOVE), at_reference))
        height = Call("max", (less(known, floor), least))
        log_share = Call("*", (sharpness, Call("-", (log_r0, _log(height)))))
        rest = Call("-", (ONE, Call("exp", (log_share,))))
    log_u = Call("-", (_log(reducible), log_r0))
    falling = Call("-", (_log(rest), Call("*", (sharpness, log_u))))
    excess = Call("/", (Call("logaddexp", (falling, log_share)), sharpness))
    found = Call("exp", (Call("-", (log_r0, excess)),))
    return found if floor == NONE else Call("+", (floor, found))


def less(law: Node, floor: Node) -> Node:
    """Take a floor off a law: the sum without that term where it is one, else the difference."""
    if floor == NONE:
        return law
    return _without(law, floor) or Call("-", (law, floor))


def _without(law: Node, term: Node) -> Node | None:
    """Return a sum without one of its terms; None where it is no term of it."""
    match law:
        case Call("+", (first, second)) if term in (first, second):
            return second if first == term else first
        case Call("+", (first, second)):
            if (rest := _without(first, term)) is not None:
                return Call("+", (rest, second))
            if (rest := _without(second, term)) is not None:
                return Call("+", (first, rest))
    return None


def _log(node: Node) -> Node:
    """Log of a formula; that of an exponential is what stands in it."""
    match node:
        case Call("exp", (inner,)):
            return inner
        case _:
            return Call("log", (node,))


def read_level(given: float | str) -> Node:
    """Read a floor or the level of a ceiling: a number, or a formula of columns and parameters.

    Raises
    ------
    InputError
        The formula cannot be read.
    """
    return parse_formula(given) if isinstance(given, str) else Number(float(given))
