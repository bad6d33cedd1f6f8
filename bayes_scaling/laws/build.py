"""The one place that turns a `Model` and a `Design` into a `pymc.Model`.

Everything in the law that depends on data alone is computed once in numpy and handed over as
`pm.Data` ("hoisted"), so a gradient costs a few multiplications a run, and a compiled model can be
refitted with other runs. No quantity per run is stored in the trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayes_scaling.laws.design import Design
from bayes_scaling.laws.drift import KNOTS, effective_name, layout, steps_name
from bayes_scaling.laws.features import SCALE_LOW, SCALE_REF
from bayes_scaling.laws.hoist import Hoisted, hoist
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.nodes import evaluate
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.laws.priors import Prior

PYTENSOR: Mapping[str, Any] = {
    "+": pt.add, "-": pt.sub, "*": pt.mul, "/": pt.true_div, "**": pt.pow, "neg": pt.neg,
    "<": pt.lt, "<=": pt.le, ">": pt.gt, ">=": pt.ge, "==": pt.eq, "!=": pt.neq,
    "exp": pt.exp, "log": pt.log, "log10": pt.log10, "sqrt": pt.sqrt, "sigmoid": pt.sigmoid,
    "logaddexp": pt.logaddexp, "where": pt.where,
    "min": lambda *args: _fold(pt.minimum, args),
    "max": lambda *args: _fold(pt.maximum, args),
}  # fmt: skip
"""What each formula operation is in PyTensor."""


def _fold(operation: Any, args: tuple[Any, ...]) -> Any:
    result = args[0]
    for arg in args[1:]:
        result = operation(result, arg)
    return result


def hoisted_laws(model: Model) -> Hoisted:
    """Split the laws of a model."""
    constants = {*model.inputs, *model.reference_names, SCALE_LOW, SCALE_REF}
    return hoist({model.response: model.evaluated_law}, constants)


def model_data(model: Model, design: Design) -> dict[str, NDArray[Any]]:
    """Return the arrays a built model holds as `pm.Data`, for `design`."""
    values = {**design.references, **design.inputs}
    shape = design.response.shape
    hoisted = hoisted_laws(model)
    data: dict[str, NDArray[Any]] = {
        name: np.ascontiguousarray(np.broadcast_to(evaluate(node, values), shape), dtype=float)
        for name, node in hoisted.data.items()
    }
    data["log_response"] = np.log(design.response)
    if model.temper is not None:
        data["weight"] = design.weights
    for name in model.drifting:
        data |= _drift_data(name, design)
    if len(design.groups) > 1:
        data["group_index"] = design.group
    return data


def _drift_data(name: str, design: Design) -> dict[str, NDArray[Any]]:
    """Return what turns the walk of an input into effective sizes: linear maps of its slopes."""
    placed = layout(name, design.references)
    x = np.log(design.inputs[name] / design.references[f"{name}_ref"])
    return {
        f"{name}_integrals": placed.integrals(x),
        f"{name}_anchor": placed.anchor,
        f"{name}_root_spacing": np.asarray(np.sqrt(placed.spacing)),
        f"{name}_reference": np.asarray(design.references[f"{name}_ref"]),
    }


# ---- the model -----------------------------------------------------------------------------------


def build_model(model: Model, design: Design) -> pm.Model:
    """Build the `pymc.Model` of a law on a design.

    Parameters
    ----------
    model : Model
        The law.
    design : Design
        Its data.

    Returns
    -------
    pymc.Model
        Its parameters have the names of the definition; partially pooled ones come with
        ``_population`` and ``_sd``. Observed is the log response.
    """
    hoisted = hoisted_laws(model)
    grouped = len(design.groups) > 1
    with pm.Model(coords={model.group: list(design.groups)} if grouped else {}) as built:
        data = {name: pm.Data(name, value) for name, value in model_data(model, design).items()}
        values: dict[str, Any] = dict(data)
        for parameter in model.parameters:
            value = _sampled(parameter, model.group if grouped else None, centred=design.centred)
            per_run = grouped and parameter.pool.kind != "shared"
            values[parameter.name] = value[data["group_index"]] if per_run else value
        for name in model.drifting:
            effective = _effective_size(name, values["tau"], data)
            values[effective_name(name)] = data[f"{name}_reference"] * effective
        _observe(
            model, pt.log(evaluate(hoisted.laws[model.response], values, PYTENSOR)), values, data
        )
    return built


def _effective_size(name: str, tau: Any, data: Mapping[str, Any]) -> Any:
    """Create the walk of an input and return its effective sizes over the reference."""
    steps = pm.Normal(steps_name(name), 0.0, 1.0, shape=KNOTS - 1)
    walked = data[f"{name}_root_spacing"] * tau * pt.cumsum(steps)
    log_slope = pt.concatenate([pt.zeros(1), walked])
    log_slope = log_slope - pt.sum(log_slope * data[f"{name}_anchor"])
    return pt.exp(pt.dot(data[f"{name}_integrals"], pt.exp(log_slope)))


def _observe(model: Model, mean: Any, values: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Add the likelihood of the log response: plain, or tempered run by run."""
    observed = data["log_response"]
    arguments = {"mu": mean, "sigma": values["sigma"]}
    if model.noise == "student_t":
        arguments["nu"] = values["nu"]
    noise = pm.Normal if model.noise == "normal" else pm.StudentT
    if model.temper is None:
        noise("log_loss", **arguments, observed=observed)
    else:
        density = pm.logp(noise.dist(**arguments), observed)
        pm.Potential("log_loss_tempered", pt.sum(data["weight"] * density))


def _sampled(parameter: Parameter, group: str | None, *, centred: bool) -> Any:
    """Create the random variables of one parameter and return its value, per group or single."""
    if group is None or parameter.pool.kind == "shared":
        return _random(parameter.name, parameter.prior)
    if parameter.pool.kind == "separate":
        return _random(parameter.name, parameter.prior, dims=group)
    population = _random(parameter.population_name, parameter.prior)
    spread = _random(parameter.sd_name, parameter.pool.sd)
    location = _UNBOUNDED[parameter.prior.scale](population)
    if centred:
        return _CENTRED[parameter.prior.scale](
            parameter.name, mu=location, sigma=spread, dims=group
        )
    offset = pm.Normal(parameter.offset_name, 0.0, 1.0, dims=group)
    value = _BOUNDED[parameter.prior.scale](location + spread * offset)
    return pm.Deterministic(parameter.name, value, dims=group)


def _random(name: str, prior: Prior, dims: str | None = None) -> Any:
    return getattr(pm, prior.dist)(name, **dict(prior.args), dims=dims)


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
