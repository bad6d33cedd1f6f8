"""Fits made of a fit: of another observed quantity, of fewer draws, with a group to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.density import ascending, bounded, unbounded
from bayes_scaling.laws.groups import Groups, make_groups
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.posterior.diagnostics import Mixing
from bayes_scaling.runs import split_columns

if TYPE_CHECKING:
    from bayes_scaling.posterior.member import Member

Array = NDArray[np.float64]

UNMIXED = Mixing(r_hat=float("nan"), ess=float("nan"), ess_tail=float("nan"))
"""Mixing of what was not sampled."""


def of(fit: Member, response: str) -> Member:
    """Return the fit of another observed quantity; see `bayes_scaling.laws.variants.of`."""
    if response == fit.model.response:
        return fit
    model = fit.model.of(response)
    name = f"sigma_{response}"
    draws = {key: values for key, values in fit.draws.items() if key != "sigma"}
    renamed = {f"sigma{key.removeprefix(name)}" if key.startswith(name) else key: values
               for key, values in draws.items()}  # fmt: skip
    return replace(fit, model=model, draws=renamed)


def thinned(fit: Member, draws: int) -> Member:
    """Return the fit with about that many draws, evenly taken from every chain."""
    chains, each = next(iter(fit.draws.values())).shape[:2]
    every = max(1, (chains * each) // draws)
    return replace(
        fit,
        draws={name: values[:, ::every] for name, values in fit.draws.items()},
        steps={name: values[:, ::every] for name, values in fit.steps.items()},
        stats={name: values[:, ::every] for name, values in fit.stats.items()},
        every=fit.every * every,
    )


def with_new_group(fit: Member, label: str | Mapping[str, str]) -> Member:
    """Return a fit with one more group, of which no run is known: drawn from the population.

    Parameters
    ----------
    fit : Member
        A fit of several groups.
    label : str or mapping of str to str
        The name of the group; where groups are named by two columns, both, as
        ``{"corpus": "c4", "family": "new"}`` or ``"c4/new"``. A corpus that is known lends its
        level; all else comes from the population.

    Returns
    -------
    Member
        What groups share is as it was. What is pooled partially is drawn around the population,
        draw by draw; what each group has for itself, from its prior: expect a loss as uncertain as
        that prior says, and ratios of losses that are not.

    Raises
    ------
    InputError
        The fit has one group, so nothing is known of a population; or the group is not new.
    """
    columns = split_columns(fit.model.group)
    parts = _parts(label, columns)
    name = "/".join(parts)
    problems = []
    if len(fit.groups) < 2:
        problems.append(
            f"the fit has one {fit.model.group}: a population needs several; fit runs of several, "
            f"and name the column {fit.model.group}"
        )
    if name in fit.groups:
        problems.append(f"{fit.model.group} {name!r} is in the fit: ask for it by its name")
    if problems:
        raise InputError(problems, source="new group")
    groups = make_groups(fit.model, fit.runs)
    rng = fit.generator(f"new group {name}")
    found: dict[str, Array] = {}
    for parameter in fit.model.parameters:
        twin = _twin(parameter, groups, fit, dict(zip(columns, parts, strict=True)))
        if twin is None and parameter.pool.by and fit.draws[parameter.name].ndim == 2:
            problems.append(
                f"{parameter.name} has one {'/'.join(parameter.pool.by[:1])} in the fit"
            )
            continue
        found |= _new_values(fit, parameter, twin, rng)
    if problems:
        raise InputError([f"{text}: no population of it is known" for text in problems])
    found |= ascending(fit.model, found)
    found |= fit.model.derive(found, fit.references)
    return _appended(fit, name, found)


def _parts(label: str | Mapping[str, str], columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the name of a new group by column."""
    given = label if isinstance(label, Mapping) else None
    if given is not None and set(given) == set(columns):
        return tuple(str(given[column]) for column in columns)
    if isinstance(label, str) and len(columns) == 1 and label:
        return (label,)
    if isinstance(label, str) and label.count("/") == len(columns) - 1 and all(label.split("/")):
        return tuple(label.split("/"))
    shown = ", ".join(columns)
    form = f", written {'/'.join(columns)} (--new-group)" if len(columns) > 1 else ""
    raise InputError(f"a new group is named by {shown}{form}; got {label!r}", source="new group")


def _twin(
    parameter: Parameter, groups: Groups, fit: Member, parts: Mapping[str, str]
) -> int | None:
    """Return a known group that shares the outer level of a parameter with the new one."""
    by = parameter.pool.by
    shared = by[:1] if parameter.pool.outer else by
    if not shared:
        return None
    wanted = "/".join(parts[column] for column in shared)
    rows = np.flatnonzero(fit.runs.labels("/".join(shared)) == wanted)
    return int(groups.of_run[rows[0]]) if rows.size else None


def _new_values(
    fit: Member, parameter: Parameter, twin: int | None, rng: np.random.Generator
) -> dict[str, Array]:
    """Draw the values of a parameter in the new group (n_chains, n_draws)."""
    values = fit.draws[parameter.name]
    if values.ndim == 2:
        return {parameter.name: values}
    if twin is not None and not parameter.pool.outer:
        return {parameter.name: values[..., twin]}
    if parameter.population_name not in fit.draws:
        return {parameter.name: parameter.prior.sample(values.shape[:2], rng)}
    scale = parameter.prior.scale
    centre = unbounded(fit.draws[parameter.population_name], scale)
    found = {}
    if parameter.outer_name in fit.draws:
        outer = fit.draws[parameter.outer_name]
        if twin is None:
            spread = fit.draws[parameter.outer_sd_name]
            centre = centre + spread * rng.standard_normal(centre.shape)
        else:
            centre = unbounded(outer[..., twin], scale)
        found[parameter.outer_name] = bounded(centre, scale)
    spread = fit.draws[parameter.sd_name]
    value = bounded(centre + spread * rng.standard_normal(centre.shape), scale)
    return {**found, parameter.name: value}


def _appended(fit: Member, name: str, found: Mapping[str, Array]) -> Member:
    """Put the values of a new group beside those of the others."""
    draws = {
        key: np.concatenate([values, found[key][..., None]], axis=-1)
        if values.ndim == 3 and key in found
        else np.concatenate([values, values[..., :1]], axis=-1)
        if values.ndim == 3
        else values
        for key, values in fit.draws.items()
    }
    new = {f"{key}[{name}]": UNMIXED for key, values in draws.items() if values.ndim == 3}
    return replace(fit, draws=draws, groups=(*fit.groups, name), mixing={**fit.mixing, **new})
