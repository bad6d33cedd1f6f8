"""The random variables of the parameters of a model, in PyMC: shared, separate, pooled, ordered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pymc.distributions.transforms import ordered
from pymc.logprob.transforms import Transform

from bayes_scaling.laws.definition import Definition
from bayes_scaling.laws.groups import Columns, Groups, is_grouped, level_columns
from bayes_scaling.laws.parameters import Parameter, ordered_name
from bayes_scaling.laws.priors import SOFTNESS, Prior


def level_data(groups: Groups) -> dict[str, NDArray[np.int64]]:
    """Return the arrays that lay values per level out over groups, and over finer levels.

    Of a level with one group nothing is laid out, and a sampler knows no data that nothing reads.
    """
    data = {}
    for columns, index in groups.levels.items():
        if groups.count(columns) > 1:
            data[_spread_name(columns)] = index
        outer = columns[:1]
        if len(columns) > 1 and outer in groups.levels and groups.count(outer) > 1:
            data[_parent_name(columns)] = groups.level(outer)[groups.first(columns)]
    return data


def _spread_name(columns: Columns) -> str:
    return f"{'_'.join(columns)}_of_group"


def _parent_name(columns: Columns) -> str:
    return f"{columns[0]}_of_{'_'.join(columns)}"


def dimension(model: Definition) -> str:
    """Name of the dimension of the groups; trees of arrays allow no slashes."""
    return model.group.replace("/", "_")


def sampled_values(
    model: Definition, groups: Groups, data: Mapping[str, Any], *, centred: bool
) -> dict[str, Any]:
    """Create the random variables of a model.

    Parameters
    ----------
    model : Definition
        The law.
    groups : Groups
        Of the runs; the model in context has them as coordinates where there are several.
    data : mapping of str to pm.Data
        With the arrays of `level_data`.
    centred : bool
        Whether partially pooled parameters are sampled in the centred form.

    Returns
    -------
    dict of str to tensor
        Value of every parameter: single, or (n_groups,) where groups differ.
    """
    values: dict[str, Any] = {}
    dim = dimension(model)
    for names in model.ordered:
        values |= _ascending([model.parameter(name) for name in names], groups, dim, data)
    for parameter in model.parameters:
        if parameter.name not in values:
            values[parameter.name] = _sampled(parameter, groups, dim, data, centred)
    return values


def _sampled(
    parameter: Parameter, groups: Groups, group: str, data: Mapping[str, Any], centred: bool
) -> Any:
    """Create one parameter and return its value, per group or single."""
    if not is_grouped(parameter, groups):
        return _random(parameter.name, parameter.prior)
    levels = level_columns(parameter)
    if parameter.pool.kind == "separate":
        if not levels:
            return _random(parameter.name, parameter.prior, dims=group)
        own = _random(parameter.level_name, parameter.prior, shape=groups.count(levels[-1]))
        return _laid_out(parameter.name, own, levels[-1], group, data)
    population = _random(parameter.population_name, parameter.prior)
    location = _UNBOUNDED[parameter.prior.scale](population)
    if parameter.pool.outer and groups.count(levels[0]) > 1:
        spread = _random(parameter.outer_sd_name, parameter.pool.outer_sd)
        offset = pm.Normal(parameter.outer_offset_name, 0.0, 1.0, shape=groups.count(levels[0]))
        outer = location + spread * offset
        value = _BOUNDED[parameter.prior.scale](outer)
        _laid_out(parameter.outer_name, value, levels[0], group, data)
        location = outer[data[_parent_name(levels[1])]]
    return _around(parameter, location, groups, group, data, centred)


def _around(
    parameter: Parameter,
    location: Any,
    groups: Groups,
    group: str,
    data: Mapping[str, Any],
    centred: bool,
) -> Any:
    """Create values around a location, of the finest level, laid out over groups."""
    spread = _random(parameter.sd_name, parameter.pool.sd)
    levels = level_columns(parameter)
    scale = parameter.prior.scale
    if not levels and centred:
        return _CENTRED[scale](parameter.name, mu=location, sigma=spread, dims=group)
    size: dict[str, Any] = {"shape": groups.count(levels[-1])} if levels else {"dims": group}
    offset = pm.Normal(parameter.offset_name, 0.0, 1.0, **size)
    value = _BOUNDED[scale](location + spread * offset)
    if levels:
        return _laid_out(parameter.name, value, levels[-1], group, data)
    return pm.Deterministic(parameter.name, value, dims=group)


def _laid_out(name: str, value: Any, columns: Columns, group: str, data: Mapping[str, Any]) -> Any:
    """Keep a value per level as one per group."""
    return pm.Deterministic(name, value[data[_spread_name(columns)]], dims=group)


def _ascending(
    parameters: list[Parameter], groups: Groups, group: str, data: Mapping[str, Any]
) -> dict[str, Any]:
    """Create parameters that ascend: one vector on the unbounded scale, kept by their names."""
    first = parameters[0]
    levels = level_columns(first)
    count = groups.count(levels[-1] if levels else ()) if is_grouped(first, groups) else 0
    arguments = dict(first.prior.args)
    start = np.linspace(-1.0, 1.0, len(parameters)) * arguments["sigma"] + arguments["mu"]
    shape = (count, len(parameters)) if count else (len(parameters),)
    vector = pm.Normal(
        ordered_name(parameters),
        **arguments,
        shape=shape,
        transform=ordered,
        initval=np.broadcast_to(start, shape).copy(),
    )
    found = {}
    for index, parameter in enumerate(parameters):
        value = _BOUNDED[parameter.prior.scale](vector[..., index])
        if count and levels:
            found[parameter.name] = _laid_out(parameter.name, value, levels[-1], group, data)
        else:
            dims = group if count else None
            found[parameter.name] = pm.Deterministic(parameter.name, value, dims=dims)
    return found


def helper_names(model: Definition) -> set[str]:
    """Return names of random variables that stand behind parameters, and are not kept."""
    names = {item.offset_name for item in model.parameters}
    names |= {item.outer_offset_name for item in model.parameters if item.pool.outer}
    names |= {item.level_name for item in model.parameters}
    return names | {
        ordered_name([model.parameter(name) for name in names_]) for names_ in model.ordered
    }


def _random(name: str, prior: Prior, dims: str | None = None, shape: int | None = None) -> Any:
    size: dict[str, Any] = {"shape": shape} if shape is not None else {"dims": dims}
    arguments = dict(prior.args)
    if prior.dist == "HalfNormal":
        size["default_transform"] = _Softplus(SOFTNESS * arguments["sigma"])
    return getattr(pm, prior.dist)(name, **arguments, **size)


class _Softplus(Transform):
    """The scale on which a half-normal variable is sampled: x = width log(1 + exp(z))."""

    name = "softplus"

    def __init__(self, width: float) -> None:
        self.width = width

    def backward(self, value: Any, *_: Any) -> Any:
        """Return the variable from where it is sampled."""
        return self.width * pt.softplus(value)

    def forward(self, value: Any, *_: Any) -> Any:
        """Return where the variable is sampled."""
        return pt.log(pt.expm1(value / self.width))

    def log_jac_det(self, value: Any, *_: Any) -> Any:
        """Return the log slope of `backward`."""
        return np.log(self.width) - pt.softplus(-value)


_UNBOUNDED: Mapping[str, Any] = {
    "log": pt.log,
    "logit": lambda value: pt.log(value) - pt.log1p(-value),
    "identity": lambda value: value,
}
_BOUNDED: Mapping[str, Any] = {
    "log": pt.exp,
    "logit": pt.sigmoid,
    "identity": lambda value: value,
}
_CENTRED: Mapping[str, Any] = {"log": pm.LogNormal, "logit": pm.LogitNormal, "identity": pm.Normal}
