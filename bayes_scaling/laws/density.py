"""Draws of the prior, log prior and log likelihood of draws, in numpy: nothing is compiled."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.definition import Likelihood
from bayes_scaling.laws.design import Design
from bayes_scaling.laws.drift import Walk, effective_name
from bayes_scaling.laws.groups import Columns, Groups, is_grouped, level_columns
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import ITEM_SD, counted_logpdf, noise_logpdf, normal_logpdf
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.laws.priors import Scale

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Draws = Mapping[str, Array]
Walks = Mapping[str, Walk]

FARTHEST = 200.0
"""Effective log size at which a walk far outside the runs stops, before sizes overflow."""

NO_WALKS: Walks = {}
"""What a model without drift has."""


def draw_prior(
    model: Model, shape: int | tuple[int, ...], rng: np.random.Generator
) -> dict[str, Array]:
    """Draw every parameter of a model from its prior.

    Parameters
    ----------
    model : Model
        The law. Of a pooled parameter the population is drawn, which is what a single group has.
    shape : int or tuple of int
        Shape of the draws.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array, shape `shape`
        By name, in the unit of the parameter. Ordered parameters ascend in every draw.
    """
    draws = {item.name: item.prior.sample(shape, rng) for item in model.parameters}
    return draws | ascending(model, draws)


def draw_groups(
    model: Model, groups: Groups, draws: Draws, rng: np.random.Generator
) -> dict[str, Array]:
    """Draw the values of groups from the prior, given draws of their populations.

    Parameters
    ----------
    model : Model
        The law.
    groups : Groups
        Of the runs.
    draws : mapping of str to array (...)
        As `draw_prior` gives them: of a pooled parameter, the population.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array (...) or (n_groups, ...)
        By the names of a fit; populations and spreads are one for all groups.
    """
    found: dict[str, Array] = {}
    for item in model.parameters:
        values = draws[item.name]
        if not is_grouped(item, groups):
            found[item.name] = values
            continue
        *outer, finest = level_columns(item) or ((),)
        shape = (groups.count(finest), *values.shape)
        if item.pool.kind == "separate":
            found[item.name] = item.prior.sample(shape, rng)[groups.level(finest)]
            continue
        scale = item.prior.scale
        around = unbounded(values, scale)
        if outer and groups.count(outer[0]) > 1:
            spread = item.pool.outer_sd.sample(values.shape, rng)
            places = rng.standard_normal((groups.count(outer[0]), *values.shape))
            laid = (around + spread * places)[groups.level(outer[0])]
            found |= {item.outer_sd_name: spread, item.outer_name: bounded(laid, scale)}
            around = laid[groups.first(finest)]
        spread = item.pool.sd.sample(values.shape, rng)
        own = bounded(around + spread * rng.standard_normal(shape), scale)
        found |= {item.population_name: values, item.sd_name: spread}
        found[item.name] = own[groups.level(finest)]
    return found | ascending(model, found)


def ascending(model: Model, draws: Mapping[str, Array]) -> dict[str, Array]:
    """Put ordered parameters that were drawn apart in their order, draw by draw."""
    found: dict[str, Array] = {}
    for names in model.ordered:
        values = np.sort(np.stack([draws[name] for name in names]), axis=0)
        found |= dict(zip(names, values, strict=True))
    return found


def per_run(
    model: Model,
    draws: Draws,
    group: Index | None,
    draw: Index | None = None,
) -> dict[str, Array]:
    """Lay out the draws of the sampled parameters against runs.

    Parameters
    ----------
    model : Model
        Whose parameters are taken.
    draws : mapping of str to array (n_draws,) or (n_draws, n_groups)
        Flat draws.
    group : array of int (n_runs,), optional
        Group of each run; needed where a parameter differs between groups.
    draw : array of int, optional
        Which draws; broadcasts with `group`. All of them, (n_draws, 1), by default.

    Returns
    -------
    dict of str to array (n_draws, 1) or (n_draws, n_runs)
    """
    rows = every_draw(draws) if draw is None else draw
    laid = {}
    for parameter in model.parameters:
        values = draws[parameter.name]
        laid[parameter.name] = values[rows] if values.ndim == 1 else values[rows, group]
    return laid


def every_draw(draws: Draws) -> Index:
    """Return the index of every draw (n_draws, 1)."""
    return np.arange(len(next(iter(draws.values()))))[:, None]


def log_law(model: Model, design: Design, draws: Draws, walks: Walks = NO_WALKS) -> Array:
    """Law at the fitted runs under every draw, on the scale of its noise (n_draws, n_runs)."""
    values = per_run(model, draws, design.group)
    values |= effective_sizes(walks, design.inputs, design.references, every_draw(draws))
    return link_of(model).forward(model.predict(values, design.inputs, design.references))


def log_likelihood(model: Model, design: Design, draws: Draws, walks: Walks = NO_WALKS) -> Array:
    """Log density of every observed response under every draw (n_draws, n_runs).

    Per unit of its log, or of what noise acts on.

    It is the plain one: tempering weighs runs in the posterior, not here.
    """
    law = log_law(model, design, draws, walks)
    deviation = link_of(model).forward(design.response) - law
    parameters = per_run(model, draws, design.group) | {ITEM_SD: design.item_sd}
    found = noise_logpdf(model.noise, deviation, parameters)
    few = np.isfinite(design.counts[:, 0])
    if few.any():
        own = per_run(model, draws, design.group[few])
        found[:, few] = counted_logpdf(model.noise, law[:, few], design.counts[few], own)
    for item in model.likelihoods:
        found = found + _further_logpdf(model.of(item.response), item, design, draws, walks)
    return found


def _further_logpdf(
    model: Model, item: Likelihood, design: Design, draws: Draws, walks: Walks
) -> Array:
    """Log density of a further quantity (n_draws, n_runs); 0 where it was not observed."""
    own = {**draws, "sigma": draws[item.sigma_name]}
    observed = design.further[item.response]
    seen = np.isfinite(observed)
    deviation = np.log(np.where(seen, observed, 1.0)) - log_law(model, design, own, walks)
    density = noise_logpdf(model.noise, deviation, per_run(model, own, design.group))
    return np.where(seen, density, 0.0)


def effective_sizes(
    walks: Walks,
    inputs: Mapping[str, Array],
    references: Mapping[str, float],
    draw: Index,
) -> dict[str, Array]:
    """Return what a law under drift reads in place of its sizes.

    Parameters
    ----------
    walks : mapping of str to Walk
        Of every input that drifts; none where nothing does.
    inputs : mapping of str to array
        Sizes, in the units of the run table.
    references : mapping of str to float
        Reference sizes of the fit.
    draw : array of int
        Which draws; broadcasts with the sizes.

    Returns
    -------
    dict of str to array
        By the name of the effective size.
    """
    found = {}
    for name, walk in walks.items():
        reference = references[f"{name}_ref"]
        x = np.log(np.asarray(inputs[name], float) / reference)
        effective = np.clip(walk.at(x, draw), -FARTHEST, FARTHEST)
        found[effective_name(name)] = reference * np.exp(effective)
    return found


def log_prior(model: Model, draws: Draws, groups: Groups) -> dict[str, Array]:
    """Log prior density of every draw, by the name of the random variable.

    Parameters
    ----------
    model : Model
        The law.
    draws : mapping of str to array (n_draws,) or (n_draws, n_groups)
        Flat draws.
    groups : Groups
        Of the runs; a value that several groups have in common counts once.
    """
    densities: dict[str, Array] = {}
    for parameter in model.parameters:
        values = _once(draws[parameter.name], groups, level_columns(parameter)[-1:])
        if parameter.population_name not in draws:
            densities[parameter.name] = parameter.prior.logpdf(values)
            continue
        population, spread = draws[parameter.population_name], draws[parameter.sd_name]
        densities[parameter.population_name] = parameter.prior.logpdf(population)
        densities[parameter.sd_name] = parameter.pool.sd.logpdf(spread)
        around = population[:, None]
        if parameter.outer_name in draws:
            outer, outer_spread = draws[parameter.outer_name], draws[parameter.outer_sd_name]
            densities[parameter.outer_sd_name] = parameter.pool.outer_sd.logpdf(outer_spread)
            coarse = _once(outer, groups, level_columns(parameter)[:1])
            densities[parameter.outer_name] = _deviation_logpdf(
                parameter, coarse, around, outer_spread
            )
            around = _once(outer, groups, level_columns(parameter)[-1:])
        densities[parameter.name] = _deviation_logpdf(parameter, values, around, spread)
    return densities | _in_order(model, draws, densities)


def own_priors[Density](model: Model, densities: Mapping[str, Density]) -> dict[str, Density]:
    """Leave out of `log_prior` what has no prior of its own: values of groups around others."""
    pooled = [item for item in model.parameters if item.population_name in densities]
    around = {name for item in pooled for name in (item.name, item.outer_name)}
    return {name: values for name, values in densities.items() if name not in around}


def _once(values: Array, groups: Groups, levels: tuple[Columns, ...]) -> Array:
    """Take a value per level from values per group (n_draws, n_groups)."""
    return values[:, groups.first(levels[-1])] if values.ndim == 2 and levels else values


def _in_order(model: Model, draws: Draws, densities: Draws) -> dict[str, Array]:
    """Correct the density of the first of parameters that ascend: the others follow in order."""
    found = {}
    for names in model.ordered:
        stacked = np.stack([draws[name] for name in names])
        ascends = (np.diff(stacked, axis=0) > 0).all(axis=0)
        orders = math.lgamma(len(names) + 1)
        found[names[0]] = np.where(ascends, densities[names[0]] + orders, -np.inf)
    return found


def _deviation_logpdf(
    parameter: Parameter,
    values: Array,
    population: Array,
    spread: Array,
) -> Array:
    """Density of values (n_draws, n_levels) around others, which broadcast with them."""
    scale = parameter.prior.scale
    location = unbounded(population, scale)
    logpdf = normal_logpdf(unbounded(values, scale), location, spread[:, None])
    return np.asarray(logpdf + _log_slope(values, scale))


def unbounded(value: Array, scale: Scale) -> Array:
    """Move a value to the scale on which it is unbounded."""
    match scale:
        case "log":
            return np.log(value)
        case "logit":
            return np.log(value) - np.log1p(-value)
        case _:
            return np.asarray(value)


def bounded(value: Array, scale: Scale) -> Array:
    """Move a value back from the scale on which it is unbounded."""
    match scale:
        case "log":
            return np.exp(value)
        case "logit":
            return np.asarray(1 / (1 + np.exp(-value)))
        case _:
            return np.asarray(value)


def _log_slope(value: Array, scale: Scale) -> Array:
    """Log derivative of `unbounded` at a value."""
    match scale:
        case "log":
            return -np.log(value)
        case "logit":
            return -np.log(value) - np.log1p(-value)
        case _:
            return np.zeros_like(value)
