"""Queries: quantities of a fitted law by a formula of its parameters, from a definition.

A definition of ``kind = "query"`` names the law it asks as its ``base`` and reads its parameters
and derived quantities by their names, such as the data that keep overfitting within a tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Node, evaluate, names
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.lines import BASE, written_out
from bayes_scaling.questions.answer import Answer, cases, located
from bayes_scaling.questions.distance import efolds_beyond_runs
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.sizes import Values, group_index, longest_of, numbers_of
from bayes_scaling.questions.surface import Source
from bayes_scaling.runs.columns import COLUMNS, canonical_name, nearest

Array = NDArray[np.float64]
AnyDefinition = str | Path | Model | Mapping[str, Any]


def query(
    source: Source,
    definition: AnyDefinition,
    values: Mapping[str, Values] | None = None,
    *,
    family: str | None = None,
) -> Answer:
    """Evaluate a query on the draws of a fit, or with the constants of a published law.

    Parameters
    ----------
    source : Fit or PublishedLaw
        The law that the query asks, or one built on it.
    definition : str, Path, Model or mapping
        The query: an id of the catalogue such as ``"overfitting-bound"``, a TOML file, a model.
    values : mapping of str to float or sequence of float, optional
        Inputs of its formulas and settings such as ``tolerance``; settings have defaults.
    family : str, optional
        The group, where the fit has several.

    Returns
    -------
    Answer
        Every quantity of the query whose inputs are given.

    Raises
    ------
    InputError
        The definition is no query or asks another law, an input is missing or unknown.

    Examples
    --------
    >>> fit.query("overfitting-bound", {"params": 1e9, "tolerance": 0.02}).table  # doctest: +SKIP
    """
    asked_query = load_query(definition)
    given = read_values(asked_query, values or {})
    parts = []
    for law in source.members.values():
        if not (isinstance(law, PublishedConstants) and prints_all_of(asked_query, law)):
            require_base(asked_query, load_model(law.model))
        index, _, problems = group_index(law, family, 1)
        if problems:
            raise InputError(problems)
        parts.append(evaluated(asked_query, law.known(int(index[0])), given))
    first = source.leading
    names_of_all = [name for name in parts[0] if all(name in part for part in parts)]
    draws = {name: source.mix([part[name] for part in parts]) for name in names_of_all}
    label = first.groups[0] if family is None else family
    asked = cases(given, {}, {} if family is None else {first.reads.group: family})
    sizes = located(asked, draws)
    count = next(iter(draws.values())).shape[1]
    return Answer(
        asked=asked,
        draws=draws,
        extrapolation=efolds_beyond_runs(source.members.values(), sizes, (label,) * count),
        member=source.member,
        members=tuple(source.members),
        weights=tuple(source.weights[name] for name in source.members),
        notes=(*first.notes, *notes_on(asked_query, load_model(first.model))),
    )


def prints_all_of(asked: Model, law: PublishedConstants) -> bool:
    """Whether a paper prints every constant that a query reads, whichever form it prints."""
    inputs = {*COLUMNS, *asked.extra_inputs, *dict(asked.arguments)}
    read = set().union(*map(names, formulas(asked, law.constants).values()))
    return read - inputs <= set(law.constants)


def load_query(definition: AnyDefinition) -> Model:
    """Return the definition of a query, or say that it is none."""
    model = load_model(definition)
    if model.kind != "query":
        raise InputError(
            f'{model.id} is a {model.kind}, no query: a query has kind = "query" and a base'
        )
    return model


def read_values(asked: Model, values: Mapping[str, Values]) -> dict[str, Array]:
    """Return inputs and settings of a query, of one length (n_cases,).

    Raises
    ------
    InputError
        A name is unknown, a value is no number or not above 0, or lengths differ.
    """
    settings = dict(asked.arguments)
    wanted = {*asked.inputs, *settings}
    meant = {special: name for name, special in asked.columns}
    given: dict[str, Values] = {}
    problems = []
    for name, value in values.items():
        column = name if name in wanted else canonical_name(name) or name
        column = meant.get(column, column)
        if column in given:
            problems.append(f"{name!r} and another name both mean {column!r}; keep one")
        elif column in wanted:
            given[column] = value
        else:
            near = nearest(name, wanted)
            hint = f"did you mean {near!r}?" if near else f"it reads {', '.join(sorted(wanted))}"
            problems.append(f"{asked.id} reads no {name!r}; {hint}")
    numbers, bad_numbers = numbers_of(given, wanted)
    longest, bad_lengths = longest_of({name: item.size for name, item in numbers.items()})
    problems += [*bad_numbers, *bad_lengths]
    problems += [
        f"{name!r} must be above 0, got {numbers[name][numbers[name] <= 0][0]:g}"
        for name in asked.extra_inputs
        if name in numbers and (numbers[name] <= 0).any()
    ]
    if problems:
        raise InputError(problems)
    defaults = {name: np.asarray(value) for name, value in settings.items()}
    return {
        name: np.broadcast_to(item, max(longest, 1))
        for name, item in {**defaults, **numbers}.items()
    }


def evaluated(
    asked: Model, known: Mapping[str, Array], given: Mapping[str, Array]
) -> dict[str, Array]:
    """Compute every quantity of a query whose inputs are given.

    Parameters
    ----------
    asked : Model
        The query.
    known : mapping of str to array (n_draws, 1)
        What the law has: parameters, derived quantities, references, by name. A name that the
        query could write out by its base is taken from here where it is here.
    given : mapping of str to array (n_cases,)
        Inputs and settings.

    Returns
    -------
    dict of str to array (n_draws, n_cases)
        By response.

    Raises
    ------
    InputError
        Inputs are missing, or the law lacks what the query reads.
    """
    values = {**known, **given}
    for name, node in _defaults(asked, known).items():
        if name not in values and names(node) <= set(values):
            values[name] = evaluate(node, values)
    count = max((len(item) for item in known.values() if np.ndim(item)), default=1)
    shape = (count, max((item.size for item in given.values()), default=1))
    found, lacking = {}, {}
    for response, node in formulas(asked, known).items():
        lacking[response] = names(node) - set(values)
        if not lacking[response]:
            found[response] = np.broadcast_to(evaluate(node, values), shape)
    if not found:
        raise InputError([_lacks(asked, *item) for item in lacking.items()], source=asked.id)
    return found


def formulas(asked: Model, known: Iterable[str]) -> dict[str, Node]:
    """Return the formula of every quantity of a query, in known names and inputs."""
    lines = [line for line in asked.where if line.name not in set(known)]
    nodes = {asked.response: asked.formula}
    nodes |= {item.response: item.node for item in asked.likelihoods}
    return {name: written_out(node, lines) for name, node in nodes.items()}


def _defaults(asked: Model, known: Iterable[str]) -> dict[str, Node]:
    """Return what inputs are where they are not given."""
    lines = [line for line in asked.where if line.name not in set(known)]
    return {line.name: written_out(line.node, lines) for line in asked.tuned}


def _lacks(asked: Model, response: str, lacking: Iterable[str]) -> str:
    inputs = [name for name in sorted(lacking) if name in {*COLUMNS, *asked.extra_inputs}]
    others = [name for name in sorted(lacking) if name not in inputs]
    if others:
        return f"{response} reads {', '.join(others)}, which this law does not have"
    return f"{response} needs {' and '.join(inputs)}"


def require_base(asked: Model, model: Model) -> None:
    """Raise `InputError` where a query asks another law than the one that is to answer."""
    if asked.base not in _bases(model):
        raise InputError(f"{asked.id} asks {asked.base}, and the law here is {model.id}")
    base = load_model(str(asked.base))
    same = written_out(model.formula, model.where) == written_out(base.formula, base.where)
    if not same and BASE not in names(model.formula):
        raise InputError(
            f"{asked.id} asks {asked.base}, and {model.id}, though built on it, has another formula"
        )


def _bases(model: Model) -> list[str]:
    """Return a model and all it is built on, as far as the catalogue knows."""
    chain = [model.id]
    name = model.base
    while name is not None and name not in chain:
        chain.append(name)
        try:
            name = load_model(name).base
        except InputError:
            name = None
    return chain


def notes_on(asked: Model, model: Model) -> tuple[str, ...]:
    """Say where the formula of a query is not the whole law."""
    if not model.drift.on:
        return ()
    return (
        f"exponents of {model.id} drift with scale; {asked.id} takes those at the reference sizes",
    )
