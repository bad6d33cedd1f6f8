"""Reading the parameters of a definition: sampled ones, constants, and those of noise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bayes_scaling.formula.nodes import Number
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.laws import features, noise as noises
from bayes_scaling.laws.definition import Likelihood
from bayes_scaling.laws.features import Feature
from bayes_scaling.laws.lines import Line
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.parameters import Parameter, read_parameter
from bayes_scaling.laws.tables import Tables, is_number


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The parameters of a definition.

    Attributes
    ----------
    sampled : tuple of Parameter
        Those of the noise last.
    fixed : tuple of Line
        Constants and ties, as lines.
    exchanged : mapping
        Priors on quantities that are derived in the base.
    group : str
        The column that names the groups, or several joined by a slash.
    """

    sampled: tuple[Parameter, ...]
    fixed: tuple[Line, ...]
    exchanged: Mapping[str, Any]
    group: str


def noise_parameters(
    family: noises.NoiseFamily, likelihoods: Iterable[Likelihood]
) -> dict[str, Parameter]:
    """Return the parameters of noise by name: a scale for every observed quantity."""
    found = {item.name: item for item in noises.PARAMETERS[family]}
    further = {
        item.sigma_name: replace(
            noises.SIGMA, name=item.sigma_name, about=f"scale of the noise of {item.response}"
        )
        for item in likelihoods
    }
    return {**found, **further}


def read_parameters(
    tables: Tables,
    base: Model | None,
    noise: Mapping[str, Parameter],
    switches: Mapping[str, Feature],
) -> Parameters:
    """Read the parameters of a definition on top of those of its base."""
    inherited = _named(base, stated="group" in tables.given)
    found = {item.name: item for item in features.parameters(inherited, switches)}
    found = {**noise, **found}
    given, exchanged = _given(tables, base, noise)
    fixed = []
    for name, table in given.items():
        if isinstance(table, Mapping) and "value" in table:
            line = _fixed(tables, name, table)
            found.pop(name, None)
            fixed += [line] if line else []
            continue
        read = tables.attempt(partial(read_parameter, name, table, default=found.get(name)))
        if read is not None:
            found[name] = read
    group = _group(tables, base, found.values())
    sampled = tuple(_unnamed(item, group) for item in found.values())
    law = tuple(item for item in sampled if item.name not in noise)
    return Parameters(
        sampled=(*law, *(item for item in sampled if item.name in noise)),
        fixed=tuple(fixed),
        exchanged=exchanged,
        group="/".join(group),
    )


def _unnamed(parameter: Parameter, group: tuple[str, ...]) -> Parameter:
    """Return a parameter that is pooled by the groups of the model without their names."""
    if parameter.pool.by != group or len(group) > 1:
        return parameter
    return replace(parameter, pool=replace(parameter.pool, by=()))


def _fixed(tables: Tables, name: str, table: Mapping[str, Any]) -> Line | None:
    """Read a constant, or a formula of other parameters that ties this one to them."""
    value, where = table["value"], f"[parameters.{name}]"
    tables.check_keys(table, ("value", "about"), where=f"{where}: with 'value', ")
    if is_number(value):
        return Line(name=name, node=Number(float(value)))
    if isinstance(value, str):
        node = tables.attempt(partial(parse_formula, value))
        return Line(name=name, node=node) if node else None
    tables.problems.append(f"{where}: value is a number or a formula in quotes, got {value!r}")
    return None


def _given(
    tables: Tables, base: Model | None, noise: Mapping[str, Parameter]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return tables of parameters, and priors on what is derived in the base."""
    table = dict(tables.table("noise"))
    for key in ("family", "temper", "scale"):
        table.pop(key, None)
    tables.problems += [
        f"[noise] unknown key {key!r}; allowed are family, temper, scale, {', '.join(noise)}"
        for key in table
        if key not in noise
    ]
    for feature, items in features.PARAMETERS.items():
        own = tables.table(feature)
        table |= {item.name: own[item.name] for item in items if item.name in own}
    given = {**tables.table("parameters"), **table}
    invertible = {line.name for line in base.derived if line.inverse} if base else set()
    exchanged = {name: given.pop(name) for name in list(given) if name in invertible}
    priors = {
        name: table.get("prior") if isinstance(table, Mapping) else table
        for name, table in exchanged.items()
    }
    return given, priors


def _named(base: Model | None, *, stated: bool) -> tuple[Parameter, ...]:
    """Return inherited parameters; where no group is stated, pooled ones name their columns."""
    if base is None or stated:
        return base.parameters if base else ()
    columns = tuple(base.group.split("/"))
    return tuple(
        replace(item, pool=replace(item.pool, by=columns))
        if item.pool.kind == "partial" and not item.pool.by
        else item
        for item in base.parameters
    )


def _group(tables: Tables, base: Model | None, parameters: Iterable[Parameter]) -> tuple[str, ...]:
    """Return the columns that name the groups: those stated, or those that parameters name."""
    named = [item.pool.by for item in parameters if item.pool.by]
    found = dict.fromkeys(
        column for columns in sorted(named, key=len, reverse=True) for column in columns
    )
    stated = tables.given.get("group")
    if stated is None:
        return tuple(found) or tuple(base.group.split("/") if base else ("family",))
    if not isinstance(stated, str) or not stated:
        tables.problems.append(f"'group' names a column, or several as 'one/other'; got {stated!r}")
        return ("family",)
    columns = tuple(stated.split("/"))
    tables.problems += [
        f"a parameter is pooled by {name!r}, which is not in group {stated!r}; join the two by "
        "a slash"
        for name in found
        if name not in columns
    ]
    return columns
