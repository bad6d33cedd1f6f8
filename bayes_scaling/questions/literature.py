"""The published laws of the catalogue, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.files import read_toml
from bayes_scaling.formula.nodes import Node, names
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.catalogue import model_files
from bayes_scaling.laws.published import Constants
from bayes_scaling.questions.answer import Answer
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.sizes import Sizes, read_plan, run_names
from bayes_scaling.runs.columns import COLUMNS


def laws_of(model: Model) -> tuple[PublishedConstants, ...]:
    """Return the published laws that a definition holds."""
    if model.published is None:
        return ()
    form = model.published
    formulas = {model.response: form.closed()}
    formulas |= {line.name: form.closed(line.name) for line in form.also}
    return tuple(_law(model, formulas, constants) for constants in form.laws)


def _law(model: Model, formulas: Mapping[str, Node], constants: Constants) -> PublishedConstants:
    return PublishedConstants(
        id=constants.id,
        model=model.id,
        kind=model.kind,
        title=constants.title or model.title,
        formulas=formulas,
        constants=dict(constants.values),
        intervals=dict(constants.intervals),
        units=constants.units,
        source=constants.source or "; ".join(model.references),
        columns=dict(model.columns),
        defaults={
            line.name: line.node
            for line in model.tuned
            if names(line.node) <= {*COLUMNS, *dict(constants.values)}
        },
    )


def published_names() -> dict[str, str]:
    """Return the definition that holds each published law, by the name of the law, sorted.

    Nothing but the names is read, so this is quick.
    """
    found: dict[str, str] = {}
    for model, path in model_files().items():
        try:
            table = read_toml(path).get("published", {})
        except InputError:
            continue  # whoever loads the model is told
        laws = table.get("laws", {}) if isinstance(table, Mapping) else {}
        found |= dict.fromkeys(laws, model)
    return dict(sorted(found.items()))


def list_published() -> tuple[PublishedConstants, ...]:
    """Return every published law of the catalogue, sorted by id.

    Raises
    ------
    InputError
        A definition cannot be read.
    """
    models = dict.fromkeys(published_names().values())
    found = [law for model in models for law in laws_of(load_model(model))]
    return tuple(sorted(found, key=lambda law: law.id))


def published(name: str) -> PublishedConstants:
    """Return a published law by its name.

    Parameters
    ----------
    name : str
        Such as ``"hoffmann-2022"`` or ``"kaplan-2020-nd"``; `list_published` has all.

    Returns
    -------
    PublishedConstants

    Raises
    ------
    InputError
        There is none of that name, or its definition cannot be read.
    """
    homes = published_names()
    if name in homes:
        return next(law for law in laws_of(load_model(homes[name])) if law.id == name)
    near = difflib.get_close_matches(str(name), homes, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(f"no published law {name!r}; {hint}known are {', '.join(homes)}")


def at_sizes(law: PublishedConstants, sizes: Sizes) -> Answer:
    """Compute all that a published law gives at some sizes; see `PublishedLaw.at`."""
    columns = read_plan(law, sizes).columns
    inputs = {name: columns[name] for name in law.inputs if name in columns}
    shown = {name: values for name, values in columns.items() if name not in law.formulas}
    count = next(iter(columns.values())).size
    return Answer(
        asked={**run_names(sizes), **shown},
        draws={
            name: np.broadcast_to(law.compute(name, inputs), (1, count)) for name in law.formulas
        },
        member=np.zeros(1, dtype=np.int64),
        members=(law.id,),
        notes=law.notes,
    )
