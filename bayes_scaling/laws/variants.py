"""Variants of a model: other priors, and features switched on or off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.laws import features
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

    Raises
    ------
    InputError
        `temper` is negative or not finite.
    """
    if temper is not None and not 0 <= temper < np.inf:
        raise InputError(f"temper is a length above 0, or 0 for none; got {temper!r}")
    variant = replace(
        model,
        id=id or model.id,
        drift=model.drift if drift is None else replace(model.drift, on=drift),
        transient=model.transient if transient is None else replace(model.transient, on=transient),
        temper=model.temper if temper is None else temper or None,
    )
    return replace(variant, parameters=features.parameters(variant.parameters, variant.features))
