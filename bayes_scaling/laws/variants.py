"""Variants of a model: other priors, features switched on or off, and what they are in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Number, names
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws import features
from bayes_scaling.laws.ceiling import read_level
from bayes_scaling.laws.check import check_features, check_model
from bayes_scaling.laws.features import Feature
from bayes_scaling.laws.lines import Line
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.priors import read_prior
from bayes_scaling.laws.tables import is_number
from bayes_scaling.runs.columns import COLUMNS

Switch = bool | float | str | None
"""What a feature is switched by; see `with_features`."""


def with_priors(model: Model, priors: Mapping[str, Any]) -> Model:
    """Return the model with other priors.

    Parameters
    ----------
    priors : mapping of str to mapping
        Name to prior, e.g. ``{"alpha": {"dist": "LogNormal", "mu": -1, "sigma": 0.3}}``, or to
        ``{"value": 0.34}`` for a parameter that is held fixed.
        A derived quantity that names its inverse (``N_c``) is accepted too: it is then sampled
        instead of the parameter it is computed from, and the parameter becomes derived.

    Raises
    ------
    InputError
        A name is unknown or cannot carry a prior, or a prior cannot be read.
    """
    problems: list[str] = []
    for name, given in priors.items():
        try:
            model = _with_prior(model, name, given)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems, source=f"model {model.id!r}")
    return model


def _with_prior(model: Model, name: str, given: object) -> Model:
    if any(parameter.name == name for parameter in model.parameters):
        if isinstance(given, Mapping) and "value" in given:
            return _fixed(model, name, given)
        prior = read_prior(given, where=f"prior of {name}")
        changed = (
            replace(item, prior=prior) if item.name == name else item for item in model.parameters
        )
        return replace(model, parameters=tuple(changed))
    line = next((line for line in model.derived if line.name == name and line.inverse), None)
    if line is None:
        allowed = [item.name for item in model.parameters]
        allowed += [item.name for item in model.derived if item.inverse]
        raise InputError(f"no prior can be put on {name!r}; allowed are {', '.join(allowed)}")
    return _exchange(model, line, given)


def _fixed(model: Model, name: str, given: Mapping[str, Any]) -> Model:
    """Hold a parameter fixed."""
    value = given["value"]
    if set(given) != {"value"} or not is_number(value):
        raise InputError(
            f"prior of {name}: a fixed value is {{'value': 0.34}}; got {dict(given)!r}"
        )
    line = Line(name=name, node=Number(float(value)))
    parameters = tuple(item for item in model.parameters if item.name != name)
    fixed = replace(model, parameters=parameters, where=(line, *model.where))
    problems = check_model(fixed)
    if problems:
        raise InputError(problems)
    return fixed


def _exchange(model: Model, line: Line, given: object) -> Model:
    """Sample a derived quantity in place of the parameter that its inverse gives."""
    ((replaced, inverse),) = line.inverse
    if isinstance(given, Mapping) and set(given) == {"value"} and is_number(given["value"]):
        return _exchange_fixed(model, line, float(given["value"]))
    prior = read_prior(given, where=f"prior of {line.name}")
    new = replace(
        model.parameter(replaced), name=line.name, prior=prior, about=f"stands in for {replaced}"
    )
    parameters = (new if item.name == replaced else item for item in model.parameters)
    derived = (item for item in model.derived if item.name != line.name)
    back = Line(name=replaced, node=inverse, inverse=((line.name, line.node),))
    return replace(
        model,
        parameters=tuple(parameters),
        where=(Line(name=replaced, node=inverse), *model.where),
        derived=(back, *derived),
    )


def _exchange_fixed(model: Model, line: Line, value: float) -> Model:
    """Hold a derived quantity fixed: the parameter that its inverse gives is then computed."""
    ((replaced, inverse),) = line.inverse
    fixed = replace(
        model,
        parameters=tuple(item for item in model.parameters if item.name != replaced),
        where=(
            Line(name=line.name, node=Number(value)),
            Line(name=replaced, node=inverse),
            *(item for item in model.where if item.name != line.name),
        ),
        derived=tuple(item for item in model.derived if item.name != line.name),
    )
    problems = check_model(fixed)
    if problems:
        raise InputError(problems)
    return fixed


def with_features(
    model: Model,
    switches: Mapping[str, Switch],
    *,
    temper: float | None = None,
    id: str | None = None,
) -> Model:
    """Return the model with features or tempering switched on or off.

    Parameters
    ----------
    switches : mapping of str to bool, float, str or None
        Whether the model has each of `features.PARAMETERS`; as it is where None. A ceiling may be
        given its level too: a number, a formula such as ``"log(50257)"``, or the name of a column.
    temper : float, optional
        Length of tempering as a share of the span of the runs; 0 switches it off.
    id : str, optional
        Name of the variant.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        A switch is no bool, `temper` is negative or not finite, or the law reads no size that a
        feature could act on.
    """
    problems: list[str] = []
    changed: dict[str, Any] = {}
    for name, value in switches.items():
        try:
            if value is not None:
                changed[name] = _switched(name, getattr(model, name), value)
        except InputError as error:
            problems += error.problems
    if temper is not None and not _is_length(temper):
        problems.append(f"temper is a length above 0, or 0 for none; got {temper!r}")
    if problems:
        raise InputError(problems, source=f"model {model.id!r}")
    ceiling = changed.get("ceiling", model.ceiling)
    known = {*COLUMNS, *model.extra_inputs, *(item.name for item in model.parameters)}
    known |= {line.name for line in model.where} | {name for name, _ in model.arguments}
    read = sorted(names(ceiling.value) - known) if ceiling.value is not None else []
    variant = replace(
        model,
        id=id or model.id,
        temper=model.temper if temper is None else float(temper) or None,
        extra_inputs=(*model.extra_inputs, *read),
        **changed,
    )
    problems = check_features(variant)
    if problems:
        raise InputError(problems, source=f"model {model.id!r}")
    return replace(
        variant, parameters=features.parameters(variant.parameters, features.switches(variant))
    )


def _switched(name: str, feature: Feature, value: object) -> Feature:
    """Switch a feature on or off; a ceiling may be told its level instead."""
    if isinstance(value, bool):
        return replace(feature, on=value)
    if name == "ceiling" and (is_number(value) or isinstance(value, str)):
        return replace(feature, on=True, value=read_level(value))
    or_level = ", a level" if name == "ceiling" else ""
    raise InputError(
        f"{name} is True or False{or_level}, or None to leave it as it is; got {value!r}"
    )


def pooled_by(model: Model, columns: tuple[str, ...]) -> Model:
    """Return the model with the groups of every parameter given by one column, or by two nested.

    Raises
    ------
    InputError
        There is no column, or there are more than two.
    """
    if not 1 <= len(columns) <= 2 or not all(isinstance(name, str) for name in columns):
        raise InputError(
            f"groups are named by one column, or by two nested ones, the coarser first; got "
            f"{columns!r}"
        )
    by = columns if len(columns) == 2 else ()
    parameters = tuple(
        replace(item, pool=replace(item.pool, by=by if item.pool.kind == "partial" else ()))
        for item in model.parameters
    )
    return replace(model, group="/".join(columns), parameters=parameters)


def of(model: Model, response: str) -> Model:
    """Return the model whose response is another of the observed quantities.

    Parameters
    ----------
    response : str
        One of `Model.responses`.

    Returns
    -------
    Model
        Without what the main response alone has: the transient, the ceiling, the error of the form,
        and what its noise knows of runs. The noise of another quantity is of its rows.

    Raises
    ------
    InputError
        The model does not explain it.
    """
    if response == model.response:
        return model
    chosen = next((item for item in model.likelihoods if item.response == response), None)
    if chosen is None:
        raise InputError(f"{model.id} explains {', '.join(model.responses)}, and not {response!r}")
    others = {"sigma", *(item.sigma_name for item in model.likelihoods)} - {chosen.sigma_name}
    others |= {item.name for name in features.NOISES for item in features.PARAMETERS[name]}
    parameters = tuple(
        replace(item, name="sigma") if item.name == chosen.sigma_name else item
        for item in model.parameters
        if item.name not in others
    )
    return replace(
        model,
        id=f"{model.id} {response}",
        response=response,
        # Under a transient a level means the one that runs show; written out, it stays that.
        formula=model.closed(chosen.node) if model.transient.on else chosen.node,
        likelihoods=(),
        parameters=parameters,
        scale="log",
        transient=features.OFF,
        ceiling=features.OFF,
        run_effect=features.OFF,
        correlated=features.OFF,
        mistuned=features.OFF,
        form_error=None,
        published=None,
    )


def _is_length(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    return bool(0 <= value < np.inf)


# ---- in words ------------------------------------------------------------------------------------


def features_in_words(model: Model) -> str:
    """Say which features a model has; empty for none."""
    parts = []
    if model.drifting:
        parts.append(f"exponents of {' and '.join(model.drifting)} drift with scale")
    if model.transient.on:
        parts.append(f"a transient in {' x '.join(model.scale_inputs)}")
    if model.temper is not None:
        parts.append(f"tempered (length {model.temper:g})")
    if model.run_effect.on:
        parts.append("rows of one run share a deviation")
    if model.correlated.on:
        parts.append("deviations of rows of one run are correlated")
    if model.mistuned.on:
        parts.append("some runs lie above the law")
    if link_of(model).bounded:
        parts.append("noise on the log odds")
    if model.ceiling.on:
        level = "" if model.ceiling.value is None else f" of {to_text(model.ceiling.value)}"
        parts.append(f"a ceiling{level}")
    if model.form_error is not None:
        parts.append(f"error of the form beyond the runs, {model.form_error} of what still falls")
    return "; ".join(parts)


def tempering_in_words(models: Iterable[Model]) -> str:
    """Name the models whose posterior is tempered, in one line; empty where none is."""
    named = ", ".join(
        f"{model.id} (length {model.temper:g})" for model in models if model.temper is not None
    )
    said = f"tempered posterior, not a plain one; the largest runs weigh most: {named}"
    return said if named else ""
