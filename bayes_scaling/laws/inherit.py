"""What a definition takes from the model it is built on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Name, Node, substitute
from bayes_scaling.laws.definition import Likelihood
from bayes_scaling.laws.features import OFF, Feature
from bayes_scaling.laws.lines import BASE, Line, override, reading, whole_formula
from bayes_scaling.laws.model import Model


def reading_instead(base: Model, exchange: Mapping[str, str]) -> Model:
    """Return a law that reads other inputs: the same formula in params, say, and not in tokens.

    Parameters
    ----------
    base : Model
        The law.
    exchange : mapping of str to str
        Input to the one that is read instead; reference sizes follow.

    Raises
    ------
    InputError
        The law has no such input.
    """
    problems = [
        f"reads: {base.id} reads {', '.join(base.inputs)}, and not {name!r}"
        for name in exchange
        if name not in base.inputs
    ]
    if problems:
        raise InputError(problems)
    nodes: dict[str, Node] = {}
    for old, new in exchange.items():
        nodes[old] = Name(new)
        nodes |= {f"{old}_{end}": Name(f"{new}_{end}") for end in ("ref", "low", "high")}

    def lines(given: tuple[Line, ...]) -> tuple[Line, ...]:
        return tuple(reading(line, nodes) for line in given)

    def feature(given: Feature) -> Feature:
        return replace(
            given,
            inputs=tuple(exchange.get(name, name) for name in given.inputs),
            floor=substitute(given.floor, nodes),
            value=None if given.value is None else substitute(given.value, nodes),
        )

    return replace(
        base,
        formula=substitute(base.formula, nodes),
        where=lines(base.where),
        derived=lines(base.derived),
        tuned=lines(base.tuned),
        likelihoods=tuple(
            replace(item, node=substitute(item.node, nodes)) for item in base.likelihoods
        ),
        columns=tuple(pair for pair in base.columns if pair[0] not in exchange),
        drift=feature(base.drift),
        transient=feature(base.transient),
        ceiling=feature(base.ceiling),
        published=None,
    )


def inherited_where(base: Model, own: tuple[Line, ...], *, as_base: bool) -> tuple[Line, ...]:
    """Join the lines of a base and of a definition on it; `as_base` names its formula ``base``."""
    whole = Line(name=BASE, node=whole_formula(base.formula, base.where))
    return override((*base.where, *((whole,) if as_base else ())), own)


def as_queried(base: Model) -> Model:
    """Return a base as a query reads it: derived quantities by their names, without features."""
    known = {line.name for line in base.where}
    further = tuple(
        Line(name=line.name, node=line.node) for line in base.derived if line.name not in known
    )
    return replace(
        base,
        where=(*base.where, *further),
        derived=(),
        tuned=(),
        likelihoods=(),
        drift=OFF,
        transient=OFF,
        run_effect=OFF,
        correlated=OFF,
        mistuned=OFF,
        ceiling=OFF,
        temper=None,
        form_error=None,
        published=None,
    ).with_features()


def joined_likelihoods(base: Model | None, own: tuple[Likelihood, ...]) -> tuple[Likelihood, ...]:
    """Join the further observed quantities of a base and of a definition on it."""
    found = {item.response: item for item in (*(base.likelihoods if base else ()), *own)}
    return tuple(found.values())
