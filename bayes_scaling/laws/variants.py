"""Variants of a model: other priors, features switched on or off, and what they are in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.laws import features
from bayes_scaling.laws.check import check_features
from bayes_scaling.laws.lines import Line
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.priors import read_prior


def with_priors(model: Model, priors: Mapping[str, Any]) -> Model:
    """Return the model with other priors.

    Parameters
    ----------
    priors : mapping of str to mapping
        Name to prior, e.g. ``{"alpha": {"dist": "LogNormal", "mu": -1, "sigma": 0.3}}``.
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


def _exchange(model: Model, line: Line, given: object) -> Model:
    """Sample a derived quantity in place of the parameter that its inverse gives."""
    ((replaced, inverse),) = line.inverse
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


def with_features(
    model: Model,
    *,
    drift: bool | None = None,
    transient: bool | None = None,
    temper: float | None = None,
    id: str | None = None,
) -> Model:
    """Return the model with drift, a transient or tempering switched on or off.

    Parameters
    ----------
    drift, transient : bool, optional
        Whether the model has them; as it is where absent.
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
    problems = [
        f"{name} is True or False, or None to leave it as it is; got {value!r}"
        for name, value in (("drift", drift), ("transient", transient))
        if not (value is None or isinstance(value, bool))
    ]
    if temper is not None and not _is_length(temper):
        problems.append(f"temper is a length above 0, or 0 for none; got {temper!r}")
    if problems:
        raise InputError(problems, source=f"model {model.id!r}")
    variant = replace(
        model,
        id=id or model.id,
        drift=model.drift if drift is None else replace(model.drift, on=drift),
        transient=model.transient if transient is None else replace(model.transient, on=transient),
        temper=model.temper if temper is None else float(temper) or None,
    )
    problems = check_features(variant)
    if problems:
        raise InputError(problems, source=f"model {model.id!r}")
    return replace(variant, parameters=features.parameters(variant.parameters, variant.features))


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
    if model.form_error is not None:
        parts.append(f"error of the form {model.form_error} per e-fold beyond the runs")
    return "; ".join(parts)


def tempering_in_words(models: Iterable[Model]) -> str:
    """Name the models whose posterior is tempered, in one line; empty where none is."""
    named = ", ".join(
        f"{model.id} (length {model.temper:g})" for model in models if model.temper is not None
    )
    said = f"tempered posterior, not a plain one; the largest runs weigh most: {named}"
    return said if named else ""
