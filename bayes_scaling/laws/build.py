"""The one place that turns a `Model` and a `Design` into a `pymc.Model`.

Everything in the law that depends on data alone is computed once in numpy and handed over as
`pm.Data` ("hoisted"), so a gradient costs a few multiplications a run, and a compiled model can be
refitted with other runs. No quantity per run is stored in the trace.

What runs add to the density depends on the noise:

- With a run effect, the deviations of the rows of a run from the law, on the log scale, are jointly
  Student-t (or normal): each row has noise of scale sigma, and all share a deviation of scale
  sigma_run. That deviation is integrated out in closed form, so a run with a hundred checkpoints
  adds no dimension to the posterior; what is robust against outliers is the run, as a whole.
- Where rows are correlated, each remembers the one before it.
- Mistuned: with probability ``p_off`` a run exceeds the law by a half-Cauchy of scale ``off_scale``
  (on the log scale): most are a little off, and some diverge. Which runs do is summed out; the
  share and the excess are told by the skew of the deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import (
    Call,
    Name,
    Node,
    Number,
    Solve,
    evaluate,
    is_positive,
    names,
)
from bayes_scaling.formula.pytensor_operations import PYTENSOR
from bayes_scaling.laws.definition import Definition, Likelihood
from bayes_scaling.laws.design import Design, is_positive_data
from bayes_scaling.laws.drift import CENTRING, KNOTS, effective_name, layout, steps_name
from bayes_scaling.laws.groups import is_grouped
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.noise import ITEM_SD, NODES, OFF_NU, OFF_SCALE, P_OFF, RUN_EFFECT, STEP
from bayes_scaling.laws.transient import SCALE_LOW, SCALE_REF
from bayes_scaling.laws.variables import dimension, level_data, sampled_values
from bayes_scaling.laws.variants import of

Values = Mapping[str, Any]

NOISE = ("sigma", "nu")


def _hoisted(model: Definition) -> tuple[dict[str, Node], dict[str, Node]]:
    """Split the laws of a model."""
    constants = {*model.inputs, *model.reference_names, SCALE_LOW, SCALE_REF}
    return hoist(model.evaluated_laws, constants)


def model_data(model: Definition, design: Design) -> dict[str, NDArray[Any]]:
    """Return the arrays a built model holds as `pm.Data`, for `design`."""
    values = {**design.references, **design.inputs}
    shape = design.response.shape
    data: dict[str, NDArray[Any]] = {
        name: np.ascontiguousarray(np.broadcast_to(evaluate(node, values), shape), dtype=float)
        for name, node in _hoisted(model)[1].items()
    }
    data["log_response"] = link_of(model).forward(design.response)
    if model.counts_items:
        few = np.isfinite(design.counts[:, 0])
        data |= {ITEM_SD: design.item_sd, "few": np.flatnonzero(few)}
        data |= {"not_few": np.flatnonzero(~few), "answers": design.counts[few]}
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
        data |= _run_data(design)
    if model.correlated.on:
        data |= {"row_before": design.before, "gap": design.gap}
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


def _run_data(design: Design) -> dict[str, NDArray[Any]]:
    """Return what tells rows and runs apart: the run of each row, and size and first row of each.

    The weight of a run under tempering is the mean of that of its rows.
    """
    sizes = np.bincount(design.run).astype(float)
    return {
        "run_number": design.run,
        "run_size": sizes,
        "run_first": np.unique(design.run, return_index=True)[1],
        "run_weight": np.bincount(design.run, weights=design.weights) / sizes,
    }


# ---- the model -----------------------------------------------------------------------------------


def build_model(model: Definition, design: Design) -> pm.Model:
    """Build the `pymc.Model` of a law on a design.

    Its parameters have the names of the definition; partially pooled ones come with ``_population``
    and ``_sd``. Observed is the response on the scale of its noise.
    """
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
        links = {name: link_of(of(model, name)) for name in model.responses}
        means = {
            name: evaluate(links[name].forward_node(law), values, PYTENSOR)
            for name, law in _hoisted(model)[0].items()
        }
        _observer(model)(model, means.pop(model.response), values, data)
        for item in model.likelihoods:
            _observe_further(model, item, means[item.response], values, data)
    return built


def _effective_size(name: str, tau: Any, data: Values) -> Any:
    """Create the walk of an input and return its effective sizes over the reference."""
    steps = pm.Normal(steps_name(name), 0.0, tau**CENTRING, shape=KNOTS - 1)
    walked = data[f"{name}_root_spacing"] * tau ** (1 - CENTRING) * pt.cumsum(steps)
    log_slope = pt.concatenate([pt.zeros(1), walked])
    log_slope = log_slope - pt.sum(log_slope * data[f"{name}_anchor"])
    return pt.exp(pt.dot(data[f"{name}_integrals"], pt.exp(log_slope)))


def _observer(model: Definition) -> Callable[[Definition, Any, Values, Values], None]:
    """Return what adds the likelihood of the log response."""
    if model.run_effect.on:
        return _observe_runs
    return _observe_correlated if model.correlated.on else _observe


def _observe(model: Definition, mean: Any, values: Values, data: Values) -> None:
    """Add the likelihood of the log response: plain, mixed or tempered run by run."""
    observed, sigma = data["log_response"], values["sigma"]
    weight = 1.0 if model.temper is None else data["weight"]
    if model.counts_items:
        rows = {name: values[name] + pt.zeros_like(mean) for name in NOISE if name in values}
        rows |= {"mean": mean, "weight": weight + pt.zeros_like(mean)}
        _observe_answers(model, {name: each[data["few"]] for name, each in rows.items()}, data)
        rows |= {"observed": observed, ITEM_SD: data[ITEM_SD]}
        values = {name: each[data["not_few"]] for name, each in rows.items()}
        mean, observed, weight = (values[name] for name in ("mean", "observed", "weight"))
        sigma = pt.sqrt(values["sigma"] ** 2 + values[ITEM_SD] ** 2)
    noise, arguments = _noise(model, mean, sigma, values)
    if model.temper is None and not model.mistuned.on:
        noise("log_loss", **arguments, observed=observed)
        return
    density = pm.logp(noise.dist(**arguments), observed)
    if model.mistuned.on:
        density = _mixed_density(density, observed - mean, values["sigma"], values)
    pm.Potential("log_loss_of_rows", pt.sum(weight * density))


def _observe_answers(model: Definition, rows: Values, data: Values) -> None:
    """Add the likelihood of rows of few answers of a kind, as `noise.counted_logpdf` computes it.

    Parameters
    ----------
    model : Definition
        Which noise runs have.
    rows : mapping of str to tensor (n_few,)
        Their mean, weight, and parameters of the noise.
    data : mapping of str to tensor
        Has the answers of each.
    """
    wrong, right, unit = (data["answers"][:, [column]] for column in range(3))
    own = {name: each[:, None] for name, each in rows.items()}
    noise, arguments = _noise(model, 0.0, 1.0, own)
    odds = own["mean"] + own["sigma"] * NODES
    answers = -wrong * pt.softplus(-odds) - right * pt.softplus(odds)
    density = pt.logsumexp(answers + pm.logp(noise.dist(**arguments), NODES), axis=1)
    density = density + unit[:, 0] + np.log(STEP)
    pm.Potential("log_answers", pt.sum(rows["weight"] * density))


def _observe_further(
    model: Definition,
    item: Likelihood,
    mean: Any,
    values: Values,
    data: Values,
) -> None:
    """Add the likelihood of the log of a further quantity, in the runs where it was observed."""
    noise, arguments = _noise(model, mean, values[item.sigma_name], values)
    density = pm.logp(noise.dist(**arguments), data[f"log_{item.response}"])
    seen = data[f"seen_{item.response}"]
    if model.temper is not None:
        seen = seen * data["weight"]
    pm.Potential(f"log_{item.response}_seen", pt.sum(seen * density))


def _noise(model: Definition, mean: Any, sigma: Any, values: Values) -> tuple[Any, dict[str, Any]]:
    """Return the distribution of noise and its arguments."""
    if model.noise == "normal":
        return pm.Normal, {"mu": mean, "sigma": sigma}
    return pm.StudentT, {"mu": mean, "sigma": sigma, "nu": values["nu"]}


# ---- noise of rows that are not independent, or not all on the law -------------------------------


def _observe_runs(model: Definition, mean: Any, values: Values, data: Values) -> None:
    """Add the likelihood of the log response to the model in context, run by run.

    References
    ----------
    Kotz and Nadarajah 2004, Multivariate t Distributions and Their Applications, section 1.1; the
    inverse and the determinant of sigma**2 I + sigma_run**2 1 1' are those of Sherman and Morrison.
    """
    sigma = values["sigma"] + pt.zeros_like(mean)
    standard = (data["log_response"] - mean) / sigma
    sum_of_squares = _by_run(standard**2, data)
    total = _by_run(standard, data)
    size, own_sigma = data["run_size"], sigma[data["run_first"]]
    ratio = (values[RUN_EFFECT] / own_sigma) ** 2
    distance = sum_of_squares - ratio / (1 + size * ratio) * total**2
    log_determinant = 2 * size * pt.log(own_sigma) + pt.log1p(size * ratio)
    if model.noise == "normal":
        density = -0.5 * (size * np.log(2 * np.pi) + log_determinant + distance)
    else:
        nu = values["nu"]
        density = (
            pt.gammaln((nu + size) / 2)
            - pt.gammaln(nu / 2)
            - 0.5 * (size * pt.log(nu * np.pi) + log_determinant)
            - (nu + size) / 2 * pt.log1p(distance / nu)
        )
    pm.Potential("log_loss_of_runs", pt.sum(data["run_weight"] * density))


def _observe_correlated(model: Definition, mean: Any, values: Values, data: Values) -> None:
    """Add the likelihood of the log response to the model in context, row after row of a run.

    A row deviates by what is left of the deviation of the row before it, and by noise that keeps
    the scale of deviations at sigma: an Ornstein-Uhlenbeck process in the log of the steps, whose
    innovations are those of the noise of the model.
    """
    sigma = values["sigma"] + pt.zeros_like(mean)
    standard = (data["log_response"] - mean) / sigma
    kept = pt.exp(-data["gap"] / values["memory"])
    new = pt.sqrt(1 - kept**2)
    innovation = (standard - kept * standard[data["row_before"]]) / new
    if model.noise == "normal":
        density = pm.logp(pm.Normal.dist(), innovation)
    else:
        density = pm.logp(pm.StudentT.dist(nu=values["nu"]), innovation)
    weight = 1.0 if model.temper is None else data["weight"]
    pm.Potential("log_loss_of_curves", pt.sum(weight * (density - pt.log(sigma * new))))


def _by_run(rows: Any, data: Values) -> Any:
    """Sum rows by run (n_runs,)."""
    return pt.inc_subtensor(pt.zeros_like(data["run_size"])[data["run_number"]], rows)


def _mixed_density(on: Any, deviation: Any, sigma: Any, values: Values) -> Any:
    """Log density of runs that lie on the law or above it, as a graph (n_runs,).

    Parameters
    ----------
    on : tensor (n_runs,)
        Log density of runs on the law.
    deviation : tensor (n_runs,)
        Log response less log law.
    sigma : tensor
        Scale of the noise.
    values : mapping of str to tensor
        Has the share and the scale of the excess.
    """
    share = values[P_OFF]
    off = _off_density(deviation, sigma, values[OFF_SCALE])
    return pm.math.logaddexp(pt.log1p(-share) + on, pt.log(share) + off)


def _off_density(deviation: Any, sigma: Any, scale: Any) -> Any:
    """Return a Student-t cut off below by the noise, as `noise.off_logpdf` computes it."""
    whole = pm.logp(pm.StudentT.dist(nu=OFF_NU, mu=0.0, sigma=scale), deviation)
    standard = deviation / sigma
    low, high = pt.minimum(standard, 0.0), pt.maximum(standard, 0.0)
    near = pt.log(pt.erfcx(-low / np.sqrt(2)) / 2) - 0.5 * low**2
    far = pt.log1p(-0.5 * pt.erfc(high / np.sqrt(2)))
    return np.log(2) + whole + pt.switch(standard < 0, near, far)


# ---- what depends on data alone ------------------------------------------------------------------


def hoist(
    laws: Mapping[str, Node], constants: Collection[str]
) -> tuple[dict[str, Node], dict[str, Node]]:
    """Split laws; powers of positive data become exponentials of logs.

    Parameters
    ----------
    laws : mapping of str to Node
        By response.
    constants : collection of str
        Names that are data: inputs and reference sizes.

    Returns
    -------
    laws : dict of str to Node
        The laws over parameters and the names of `data`, by response.
    data : dict of str to Node
        The parts to compute once per table, over inputs and reference sizes.
    """
    found: dict[Node, str] = {}

    def lift(node: Node) -> Node:
        return Name(found.setdefault(node, f"data_{len(found)}"))

    def visit(node: Node, constants: frozenset[str]) -> Node:
        if isinstance(node, Number):
            return node
        if names(node) and names(node) <= constants:
            return lift(node)
        match node:
            case Call("**", (base, exponent)) if names(base) <= constants and is_positive(
                base, is_positive_data
            ):
                return Call(
                    "exp", (Call("*", (visit(exponent, constants), lift(Call("log", (base,))))),)
                )
            case Call(op, args):
                return Call(op, tuple(visit(arg, constants) for arg in args))
            case Solve(variable, residual, lo, hi):
                # The variable is no data, whatever else has its name.
                inner = visit(residual, constants - {variable})
                return Solve(variable, inner, visit(lo, constants), visit(hi, constants))
            case _:
                return node

    split = {response: visit(law, frozenset(constants)) for response, law in laws.items()}
    return split, {name: node for node, name in found.items()}
