"""Which laws are the same but for names: what is slow need be done for one of them only."""

from __future__ import annotations

from collections.abc import Iterable

from bayes_scaling.formula.nodes import Name, substitute
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws import Model

SIZES = ("params", "tokens", "flops", "steps")


def shapes(models: Iterable[Model]) -> dict[str, str]:
    """Group laws by what is sampled: of those that differ in the size they read, the first.

    Returns
    -------
    dict of str to str
        From every id to the id of the law that stands for it.
    """
    first: dict[str, str] = {}
    return {item.id: first.setdefault(_shape(item), item.id) for item in models}


def _shape(model: Model) -> str:
    """Write a law without the names of its only size, and without its priors."""
    node = model.evaluated_law
    only = [name for name in model.inputs if name in SIZES]
    if len(model.inputs) == 1 and only:
        ends = {f"{only[0]}{end}": Name(f"x{end}") for end in ("", "_ref", "_effective")}
        node = substitute(node, ends)
    order = {item.name: Name(f"p{index}") for index, item in enumerate(model.parameters)}
    further = [to_text(item.node) for item in model.likelihoods]
    return " | ".join([to_text(substitute(node, order)), model.group, *further])
