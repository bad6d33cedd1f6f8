"""Laws for variants of one recipe: what groups of runs have in common, and how little they differ.

Corpora differ in everything; variants of a recipe are the same model and data but for one change,
read on one text. What no model could foresee of that text is nearly the same for all of them, so a
variant is better by what it takes off the rest of the loss: its *gain*. Exponents, and which of
params and tokens does more, differ by a few percent, which runs can overrule. What ails small runs
alone (a warm-up that is long for them, rates that were tuned for larger ones) may differ by any
factor, and in how soon it ends: the transient keeps its own pool.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from bayes_scaling.formula.nodes import Name
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.laws.lines import Line
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.parameters import Parameter, Pool
from bayes_scaling.laws.priors import Prior
from bayes_scaling.laws.transient import DECAY, EXCESS

LEVEL, SHARE = "c", "f_shift"
"""Loss at the reference size, and log odds of its irreducible share, where a law has both."""


def _spread(middle: float, factor: float) -> Prior:
    """Return a prior of a spread: its middle, and the factor by which it may well be off."""
    return Prior(dist="LogNormal", args=(("mu", math.log(middle)), ("sigma", math.log(factor))))


def _half_normal(scale: float) -> Prior:
    return Prior(dist="HalfNormal", args=(("sigma", scale),))


SPREAD: Mapping[str, Prior] = {
    LEVEL: _half_normal(0.05),
    "m": _half_normal(0.1),
    "alpha": _spread(0.02, math.e),
    "beta": _spread(0.02, math.e),
    DECAY.name: _spread(0.4, 2.0),
}
"""Prior of the spread between variants, on the unbounded scale of each parameter. An exponent that
differs by 2 % moves the compute multiplier by a tenth over two decades of compute; spreads of a
tenth are in the tails, for variants whose lead grows. The level is pooled of laws without an
irreducible loss alone."""

GAIN, FLOOR = "gain", "floor_shift"
"""Log of the factor by which a variant lowers what can be foreseen of the loss, and log of its
irreducible loss over that of all."""

SPREADS: Mapping[str, Prior] = {GAIN: _spread(0.06, 2.0), FLOOR: _spread(0.002, 3.0)}
"""Prior of the spread of each between variants. With an exponent of compute of .15, as of language
models, a gain of 6 % is a compute multiplier of 1.5."""


def pooled_as_variants(model: Model) -> Model:
    """Return a law whose groups are variants of one recipe.

    Parameters
    ----------
    model : Model
        Any law. Where it has a level and an irreducible share of it, both are shared, and each
        variant has a gain and a shift of the floor; parameters that are not in `SPREAD`, drift and
        noise among them, are shared, but for the excess of small runs.
    """
    pooled = replace(model, parameters=tuple(_pooled(item) for item in model.parameters))
    if not {LEVEL, SHARE} <= {item.name for item in model.parameters}:
        return pooled
    of_all = {LEVEL: f"{LEVEL}_recipe", SHARE: f"{SHARE}_recipe"}
    share = f"sigmoid({of_all[SHARE]})"
    lines = {
        **{name: f"{_sd(name)} * {_place(name)}" for name in SPREADS},
        LEVEL: f"{of_all[LEVEL]} * ({share} * exp({FLOOR}) + (1 - {share}) * exp(-{GAIN}))",
        SHARE: f"{of_all[SHARE]} + {FLOOR} + {GAIN}",
    }
    where = tuple(Line(name=name, node=parse_formula(text)) for name, text in lines.items())
    shared = tuple(
        replace(item, name=of_all[item.name], pool=Pool()) if item.name in lines else item
        for item in pooled.parameters
    )
    own = tuple(Line(name=name, node=Name(name)) for name in SPREADS)
    return replace(
        pooled,
        parameters=(*_contrasts(), *shared),
        where=(*where, *pooled.where),
        derived=(*own, *(replace(line, inverse=()) for line in pooled.derived)),
        transient=replace(pooled.transient, level=""),
    )


def _sd(name: str) -> str:
    return f"{name}_sd"


def _place(name: str) -> str:
    return f"{name}_place"


def _contrasts() -> Iterator[Parameter]:
    """Yield the spreads, and where each variant stands, in units of them."""
    standard = Prior(dist="Normal", args=(("mu", 0.0), ("sigma", 1.0)))
    for name, spread in SPREADS.items():
        yield Parameter(name=_sd(name), prior=spread, about=f"spread of {name} between variants")
        yield Parameter(
            name=_place(name),
            prior=standard,
            pool=Pool(kind="separate"),
            about=f"{name} of a variant, in units of that spread",
        )


def _pooled(item: Parameter) -> Parameter:
    if item.name == EXCESS.name:
        return item
    if item.name not in SPREAD:
        return replace(item, pool=Pool())
    return replace(item, pool=Pool(kind="partial", sd=SPREAD[item.name]))
