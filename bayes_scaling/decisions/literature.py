"""The published laws of the catalogue, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from bayes_scaling.decisions.published_laws import PublishedLaw
from bayes_scaling.errors import InputError
from bayes_scaling.laws import Model, list_models
from bayes_scaling.laws.nodes import Node, names
from bayes_scaling.laws.published import Constants
from bayes_scaling.runs.columns import COLUMNS


def laws_of(model: Model) -> tuple[PublishedLaw, ...]:
    """Return the published laws that a definition holds."""
    if model.published is None:
        return ()
    form = model.published
    formulas = {model.response: form.closed()}
    formulas |= {line.name: form.closed(line.name) for line in form.also}
    return tuple(_law(model, formulas, constants) for constants in form.laws)


def _law(model: Model, formulas: Mapping[str, Node], constants: Constants) -> PublishedLaw:
    return PublishedLaw(
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


def list_published() -> tuple[PublishedLaw, ...]:
    """Return every published law of the catalogue, sorted by id.

    Raises
    ------
    InputError
        A definition cannot be read.
    """
    found = [law for model in list_models() for law in laws_of(model)]
    return tuple(sorted(found, key=lambda law: law.id))


def published(name: str) -> PublishedLaw:
    """Return a published law by its name.

    Parameters
    ----------
    name : str
        Such as ``"hoffmann-2022"`` or ``"kaplan-2020-nd"``; `list_published` has all.

    Returns
    -------
    PublishedLaw

    Raises
    ------
    InputError
        There is none of that name.

    Examples
    --------
    >>> float(published("hoffmann-2022").loss({"params": 7e10, "tokens": 1.4e12}).round(3))
    1.937
    """
    found = {law.id: law for law in list_published()}
    if name in found:
        return found[name]
    near = difflib.get_close_matches(str(name), found, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(f"no published law {name!r}; {hint}known are {', '.join(found)}")
