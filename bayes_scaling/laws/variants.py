"""Variants of a model: other priors, features switched on or off, other inputs; and their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Name, Node, Number, names, substitute
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws import features
from bayes_scaling.laws.ceiling import read_level
from bayes_scaling.laws.check import check_features, check_model
from bayes_scaling.laws.definition import Definition
from bayes_scaling.laws.features import FEATURES, NOISES, OFF, Feature
from bayes_scaling.laws.lines import Line, reading
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.priors import read_prior
from bayes_scaling.laws.toml_tables import is_number
from bayes_scaling.runs.columns import COLUMNS

ALL_OFF: Mapping[str, Any] = dict.fromkeys(FEATURES, OFF)
"""No feature at all."""

Switch = bool | float | str | None
"""What a feature is switched by; see `with_features`."""


def with_priors[M: Definition](model: M, priors: Mapping[str, Any]) -> M:
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


def _with_prior[M: Definition](model: M, name: str, given: object) -> M:
    if any(parameter.name == name for parameter in model.parameters):
        if isinstance(given, Mapping) and "value" in given:
            return _holding(model, name, Line(name=name, node=_constant(name, given)))
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


def _constant(name: str, given: Mapping[str, Any]) -> Number:
    value = given["value"]
    if set(given) != {"value"} or not is_number(value):
        raise InputError(
            f"prior of {name}: a fixed value is {{'value': 0.34}}; got {dict(given)!r}"
        )
    return Number(float(value))


def _holding[M: Definition](model: M, replaced: str, *lines: Line) -> M:
    """Return the model with lines in place of a parameter, and of what has their names."""
    own = {line.name for line in lines}
    held = replace(
        model,
        parameters=tuple(item for item in model.parameters if item.name != replaced),
        where=(*lines, *(item for item in model.where if item.name not in own)),
        derived=tuple(item for item in model.derived if item.name not in own - {replaced}),
    )
    problems = check_model(held)
    if problems:
        raise InputError(problems)
    return held


def _exchange[M: Definition](model: M, line: Line, given: object) -> M:
    """Sample, or hold fixed, a derived quantity in place of the parameter of its inverse."""
    ((replaced, inverse),) = line.inverse
    computed = Line(name=replaced, node=inverse)
    if isinstance(given, Mapping) and set(given) == {"value"} and is_number(given["value"]):
        fixed = Line(name=line.name, node=_constant(line.name, given))
        return _holding(model, replaced, fixed, computed)
    prior = read_prior(given, where=f"prior of {line.name}")
    new = replace(
        model.parameter(replaced), name=line.name, prior=prior, about=f"stands in for {replaced}"
    )
    back = replace(computed, inverse=((line.name, line.node),))
    return replace(
        model,
        parameters=tuple(new if item.name == replaced else item for item in model.parameters),
        where=(computed, *model.where),
        derived=(back, *(item for item in model.derived if item.name != line.name)),
    )


def with_features[M: Definition](
    model: M,
    switches: Mapping[str, Switch],
    *,
    temper: float | None = None,
    id: str | None = None,
) -> M:
    """Return the model with features or tempering switched on or off.

    Parameters
    ----------
    switches : mapping of str to bool, float, str or None
        Whether the model has each of `features.FEATURES`; as it is where None. A ceiling may be
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
    if temper is not None and not (is_number(temper) and temper >= 0):
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
    return replace(variant, parameters=features.parameters(variant.parameters, variant.switches))


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


def pooled_by[M: Definition](model: M, columns: tuple[str, ...]) -> M:
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


def of[M: Definition](model: M, response: str) -> M:
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
    others |= {item.name for name in NOISES for item in FEATURES[name].parameters}
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
        **{**ALL_OFF, "drift": model.drift},
        form_error=None,
        published=None,
    )


def reading_instead[M: Definition](base: M, exchange: Mapping[str, str]) -> M:
    """Return a law that reads other inputs: the same formula in params, say, and not in tokens.

    Parameters
    ----------
    base : Model
        The law.
    exchange : mapping of str to str
        Input to the one that is read instead; reference sizes follow, or are exchanged by their
        own names, where a line takes the place of an input.

    Raises
    ------
    InputError
        The law has no such input.
    """
    problems = [
        f"reads: {base.id} reads {', '.join(base.inputs)}, and not {name!r}"
        for name in exchange
        if name.removesuffix("_ref") not in base.inputs
    ]
    if problems:
        raise InputError(problems)
    nodes: dict[str, Node] = {}
    for old, new in exchange.items():
        nodes[old] = Name(new)
        for end in ("ref", "low", "high"):
            nodes.setdefault(f"{old}_{end}", Name(f"{new}_{end}"))

    def lines(given: Iterable[Line]) -> tuple[Line, ...]:
        return tuple(reading(line, nodes) for line in given)

    def feature(given: Feature) -> Feature:
        return replace(
            given,
            inputs=tuple(exchange.get(name, name) for name in given.inputs),
            floor=substitute(given.floor, nodes),
            value=None if given.value is None else substitute(given.value, nodes),
        )

    switches: dict[str, Any] = {name: feature(given) for name, given in base.switches.items()}
    return replace(
        base,
        formula=substitute(base.formula, nodes),
        where=lines(base.where),
        derived=lines(base.derived),
        tuned=tuple(
            replace(line, name=exchange.get(line.name, line.name)) for line in lines(base.tuned)
        ),
        likelihoods=tuple(
            replace(item, node=substitute(item.node, nodes)) for item in base.likelihoods
        ),
        columns=tuple(pair for pair in base.columns if pair[0] not in exchange),
        **switches,
        published=None,
    )


def as_queried[M: Definition](base: M) -> M:
    """Return a base as a query reads it: derived quantities by their names, without features."""
    known = {line.name for line in base.where}
    further = tuple(
        Line(name=line.name, node=line.node) for line in base.derived if line.name not in known
    )
    plain = replace(
        base,
        where=(*base.where, *further),
        derived=(),
        tuned=(),
        likelihoods=(),
        **ALL_OFF,
        temper=None,
        form_error=None,
        published=None,
    )
    return with_features(plain, {})


# ---- in words ------------------------------------------------------------------------------------


def features_in_words(model: Definition) -> str:
    """Say which features a model has; empty for none."""
    level = model.ceiling.value
    own = {
        "drifting": " and ".join(model.drifting),
        "scale": " x ".join(model.scale_inputs),
        "ceiling": "" if level is None else f" of {to_text(level)}",
    }
    parts = [FEATURES[name].words.format(**own) for name in model.features]
    if model.temper is not None:
        parts.append(f"tempered (length {model.temper:g})")
    if link_of(model).bounded:
        parts.append("noise on the log odds")
    if model.form_error is not None:
        parts.append(f"error of the form {model.form_error} per e-fold beyond the runs")
    return "; ".join(parts)


def tempering_in_words(models: Iterable[Definition]) -> str:
    """Name the models whose posterior is tempered, in one line; empty where none is."""
    named = ", ".join(
        f"{model.id} (length {model.temper:g})" for model in models if model.temper is not None
    )
    said = f"tempered posterior, not a plain one; the largest runs weigh most: {named}"
    return said if named else ""
