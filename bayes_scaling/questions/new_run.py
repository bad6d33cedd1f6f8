"""Noise of runs to come: dealt evenly over the draws, and for each run by itself.

Where noise is drawn at random, the ends of an interval move with the seed and with whatever else is
asked. Here the distribution function of the noise is dealt out: the draws, sorted by the loss of
the law, are taken a block at a time, and every block gets quantiles of the noise that are spread
evenly over its probability, in random order. What a run is dealt depends on the run alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.items import COLUMN
from bayes_scaling.laws.noise import noise_quantile, sample_excess
from bayes_scaling.posterior import Member
from bayes_scaling.questions.sizes import Plan

Array = NDArray[np.float64]


def noise_of_runs(
    fit: Member, plan: Plan, parameters: Mapping[str, Array], noise_free: Array, *, typical: bool
) -> Array:
    """Deal out the noise of runs to come.

    Parameters
    ----------
    fit : Member
        The posterior.
    plan : Plan
        The runs.
    parameters : mapping of str to array (n_draws, 1) or (n_draws, n_runs)
        Draws of the parameters of the law.
    noise_free : array (n_draws, n_runs)
        Loss of the law.
    typical : bool
        Whether a run may lie above the law, as some of the fitted ones do.

    Returns
    -------
    array (n_draws, n_runs)
        On the scale on which noise acts.
    """
    found = np.empty_like(noise_free)
    items = plan.columns.get(COLUMN)
    parameters = {**parameters, **fit.noise_of_items(noise_free, plan.group, items)}
    for index, name in enumerate(_names(plan)):
        rng = fit.generator(f"forecast {name}")
        own = {
            key: values[:, min(index, values.shape[1] - 1)] for key, values in parameters.items()
        }
        shares = dealt(noise_free[:, index], rng)
        found[:, index] = noise_quantile(fit.model.noise, shares, own, rng)
        if typical:
            found[:, index] += sample_excess(own, shares.shape, rng)
    return found


def dealt(values: Array, rng: np.random.Generator) -> Array:
    """Deal probabilities to draws: even over all of them, and over draws of about the same value.

    Parameters
    ----------
    values : array (n_draws,)
        What the draws are sorted by.
    rng : numpy.random.Generator
        Orders each block.

    Returns
    -------
    array (n_draws,)
        Strictly between 0 and 1.
    """
    size = int(np.ceil(np.sqrt(values.size)))
    blocks = -(-values.size // size)
    order = rng.random((blocks, size)).argsort(axis=1)
    even = (order + rng.uniform(0.01, 0.99, order.shape)) / size
    found = np.empty(values.size)
    found[np.argsort(values, kind="stable")] = even.ravel()[: values.size]
    return found


def _names(plan: Plan) -> list[str]:
    """Name every run by what is asked of it; a run that is asked twice has two names."""
    seen: Counter[str] = Counter()
    names = []
    for index, label in enumerate(plan.labels):
        sizes = [f"{name}={float(plan.columns[name][index])!r}" for name in sorted(plan.columns)]
        text = " ".join([label, *sizes])
        names.append(hashlib.sha256(f"{text} {seen[text]}".encode()).hexdigest()[:16])
        seen[text] += 1
    return names
