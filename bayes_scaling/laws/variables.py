"""The random variables of the parameters of a model, in PyMC: shared, separate, pooled, ordered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    variables = _Variables(groups=groups, dim=dimension(model), data=data, centred=centred)
    values: dict[str, Any] = {}
    for names in model.ordered:
        values |= variables.ascending([model.parameter(name) for name in names])
    for parameter in model.parameters:
        if parameter.name not in values:
            values[parameter.name] = variables.sampled(parameter)
    return values


@dataclass(frozen=True, kw_only=True)
class _Variables:
    """Creates random variables for the groups of some runs, whose dimension is `dim`."""

    groups: Groups
    dim: str
    data: Mapping[str, Any]
    centred: bool

    def sampled(self, parameter: Parameter) -> Any:
        """Create one parameter and return its value, per group or single."""
        name, prior, pool = parameter.name, parameter.prior, parameter.pool
        if not is_grouped(parameter, self.groups):
            return _random(name, prior)
        levels = level_columns(parameter)
        if pool.kind == "separate":
            if not levels:
                return _random(name, prior, dims=self.dim)
            own = _random(parameter.level_name, prior, shape=self.groups.count(levels[-1]))
            return self.laid_out(name, own, levels[-1])
        location = _UNBOUNDED[prior.scale](_random(parameter.population_name, prior))
        if pool.outer and self.groups.count(levels[0]) > 1:
            spread = _random(parameter.outer_sd_name, pool.outer_sd)
            size = self.groups.count(levels[0])
            outer = location + spread * pm.Normal(parameter.outer_offset_name, 0.0, 1.0, shape=size)
            self.laid_out(parameter.outer_name, _BOUNDED[prior.scale](outer), levels[0])
            location = outer[self.data[_parent_name(levels[1])]]
        spread = _random(parameter.sd_name, pool.sd)
        if not levels and (self.centred or pool.centred):
            return _CENTRED[prior.scale](name, mu=location, sigma=spread, dims=self.dim)
        shape: dict[str, Any] = {"dims": self.dim}
        if levels:
            shape = {"shape": self.groups.count(levels[-1])}
        offset = pm.Normal(parameter.offset_name, 0.0, 1.0, **shape)
        value = _BOUNDED[prior.scale](location + spread * offset)
        return self.laid_out(name, value, levels[-1] if levels else ())

    def laid_out(self, name: str, value: Any, columns: Columns) -> Any:
        """Keep a value per level as one per group."""
        per_group = value[self.data[_spread_name(columns)]] if columns else value
        return pm.Deterministic(name, per_group, dims=self.dim)

    def ascending(self, parameters: list[Parameter]) -> dict[str, Any]:
        """Create parameters that ascend: one vector on the unbounded scale, kept by their names."""
        first = parameters[0]
        columns = (level_columns(first) or ((),))[-1]
        count = self.groups.count(columns) if is_grouped(first, self.groups) else 0
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
            found[parameter.name] = (
                self.laid_out(parameter.name, value, columns)
                if count
                else pm.Deterministic(parameter.name, value)
            )
        return found


def helper_names(model: Definition) -> set[str]:
    """Return names of random variables that parameters follow from, and that are not kept."""
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
