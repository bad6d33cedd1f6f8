"""Laws for variants of one recipe: what groups of runs have in common, and how little they differ.

Corpora differ in everything; variants of a recipe are the same model and data but for one change.
So every parameter is pooled around a population, with priors on the spread that expect a few
percent, which runs can overrule. What ails small runs alone (a warm-up that is long for them, rates
that were tuned for larger ones) may differ by any factor: the transient keeps its own pool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bayes_scaling.laws.model import Model
from bayes_scaling.laws.parameters import Pool
from bayes_scaling.laws.priors import Prior
from bayes_scaling.laws.transient import EXCESS

SPREAD: Mapping[str, float] = {
    "c": 0.05,
    "f_shift": 0.1,
    "m": 0.1,
    "alpha": 0.03,
    "beta": 0.03,
}
"""Scale of the half-normal prior on the spread between variants, on the unbounded scale of each
parameter. An exponent that differs by 3 % moves the compute multiplier by about a seventh over two
decades of compute."""


def pooled_as_variants(model: Model) -> Model:
    """Return a law whose groups are variants of one recipe.

    Parameters
    ----------
    model : Model
        Any law; parameters that are not in `SPREAD`, drift and noise among them, are shared, but
        for the excess of small runs.
    """
    parameters = tuple(
        replace(
            item,
            pool=Pool(kind="partial", sd=_half_normal(SPREAD[item.name]))
            if item.name in SPREAD
            else item.pool
            if item.name == EXCESS.name
            else Pool(kind="shared"),
        )
        for item in model.parameters
    )
    return replace(model, parameters=parameters)


def _half_normal(scale: float) -> Prior:
    return Prior(dist="HalfNormal", args=(("sigma", scale),))
