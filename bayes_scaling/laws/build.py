"""The one place that turns a `Model` and a `Design` into a `pymc.Model`.

Everything in the law that depends on data alone is computed once in numpy and handed over as
`pm.Data` ("hoisted"), so a gradient costs a few multiplications a run, and a compiled model can be
refitted with other runs. No quantity per run is stored in the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import evaluate
from bayes_scaling.formula.pytensor_operations import PYTENSOR
from bayes_scaling.laws.definition import Likelihood
from bayes_scaling.laws.design import Design
from bayes_scaling.laws.drift import CENTRING, KNOTS, effective_name, layout, steps_name
from bayes_scaling.laws.features import SCALE_LOW, SCALE_REF
from bayes_scaling.laws.groups import is_grouped
from bayes_scaling.laws.hoist import Hoisted, hoist
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.off_law import mixed_density
from bayes_scaling.laws.repeated import correlated_data, observe_correlated, observe_runs, run_data
from bayes_scaling.laws.variables import dimension, level_data, sampled_values


def hoisted_laws(model: Model) -> Hoisted:
    """Split the laws of a model."""
    constants = {*model.inputs, *model.reference_names, SCALE_LOW, SCALE_REF}
    return hoist(model.evaluated_laws, constants)


def model_data(model: Model, design: Design) -> dict[str, NDArray[Any]]:
    """Return the arrays a built model holds as `pm.Data`, for `design`."""
    values = {**design.references, **design.inputs}
    shape = design.response.shape
    hoisted = hoisted_laws(model)
    data: dict[str, NDArray[Any]] = {
        name: np.ascontiguousarray(np.broadcast_to(evaluate(node, values), shape), dtype=float)
        for name, node in hoisted.data.items()
    }
    data["log_response"] = link_of(model).forward(design.response)
    for name, observed in design.further.items():
        seen = np.isfinite(observed)
        data[f"log_{name}"] = np.log(np.where(seen, observed, 1.0))
        data[f"seen_{name}"] = seen.astype(float)
    if model.temper is not None:
        data["weight"] = design.weights
    for name in model.drifting:
        data |= _drift_data(name, design)
    if len(design.groups) > 1:
        data["group_index"] = design.group
        data |= level_data(design.grouping)
    if model.run_effect.on:
        data |= run_data(design)
    if model.correlated.on:
        data |= correlated_data(design)
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
    with pm.Model(coords={dimension(model): list(design.groups)} if grouped else {}) as built:
        data = {name: pm.Data(name, value) for name, value in model_data(model, design).items()}
        values: dict[str, Any] = dict(data)
        sampled = sampled_values(model, design.grouping, data, centred=design.centred)
        for parameter in model.parameters:
            value = sampled[parameter.name]
            per_run = is_grouped(parameter, design.grouping)
            values[parameter.name] = value[data["group_index"]] if per_run else value
        for name in model.drifting:
            effective = _effective_size(name, values["tau"], data)
            values[effective_name(name)] = data[f"{name}_reference"] * effective
        links = {name: link_of(model.of(name)) for name in model.responses}
        means = {
            name: evaluate(links[name].forward_node(law), values, PYTENSOR)
            for name, law in hoisted.laws.items()
        }
        observer(model)(model, means.pop(model.response), values, data)
        for item in model.likelihoods:
            _observe_further(model, item, means[item.response], values, data)
    return built


def _effective_size(name: str, tau: Any, data: Mapping[str, Any]) -> Any:
    """Create the walk of an input and return its effective sizes over the reference."""
    steps = pm.Normal(steps_name(name), 0.0, tau**CENTRING, shape=KNOTS - 1)
    walked = data[f"{name}_root_spacing"] * tau ** (1 - CENTRING) * pt.cumsum(steps)
    log_slope = pt.concatenate([pt.zeros(1), walked])
    log_slope = log_slope - pt.sum(log_slope * data[f"{name}_anchor"])
    return pt.exp(pt.dot(data[f"{name}_integrals"], pt.exp(log_slope)))


def observer(model: Model) -> Callable[[Model, Any, Mapping[str, Any], Mapping[str, Any]], None]:
    """Return what adds the likelihood of the log response."""
    if model.run_effect.on:
        return observe_runs
    return observe_correlated if model.correlated.on else _observe


def _observe(model: Model, mean: Any, values: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Add the likelihood of the log response: plain, mixed or tempered run by run."""
    observed = data["log_response"]
    noise, arguments = _noise(model, mean, values["sigma"], values)
    if model.temper is None and not model.mistuned.on:
        noise("log_loss", **arguments, observed=observed)
        return
    density = pm.logp(noise.dist(**arguments), observed)
    if model.mistuned.on:
        density = mixed_density(density, observed - mean, values["sigma"], values)
    weight = 1.0 if model.temper is None else data["weight"]
    pm.Potential("log_loss_of_rows", pt.sum(weight * density))


def _observe_further(
    model: Model,
    item: Likelihood,
    mean: Any,
    values: Mapping[str, Any],
    data: Mapping[str, Any],
) -> None:
    """Add the likelihood of the log of a further quantity, in the runs where it was observed."""
    noise, arguments = _noise(model, mean, values[item.sigma_name], values)
    density = pm.logp(noise.dist(**arguments), data[f"log_{item.response}"])
    seen = data[f"seen_{item.response}"]
    if model.temper is not None:
        seen = seen * data["weight"]
    pm.Potential(f"log_{item.response}_seen", pt.sum(seen * density))


def _noise(
    model: Model, mean: Any, sigma: Any, values: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Return the distribution of noise and its arguments."""
    if model.noise == "normal":
        return pm.Normal, {"mu": mean, "sigma": sigma}
    return pm.StudentT, {"mu": mean, "sigma": sigma, "nu": values["nu"]}
