"""Whether the names of a model fit together: unknown, clashing and unused ones."""

from __future__ import annotations

from bayes_scaling.laws import features
from bayes_scaling.laws import noise as noises
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.nodes import FUNCTIONS, Node, names
from bayes_scaling.laws.parse import check_names
from bayes_scaling.runs.columns import COLUMNS


def check_model(model: Model) -> list[str]:
    """Return every problem in the names of a model: unknown, clashing or unused ones."""
    sampled = {item.name for item in model.parameters}
    columns = {*COLUMNS, *model.extra_inputs}
    references = {f"{name}_ref" for name in columns}
    problems = [
        f"[parameters.{name}] has the name of a column or function; rename it"
        for name in sorted(sampled & (columns | set(FUNCTIONS)))
    ]
    known = sampled | columns | references
    used: set[str] = set()

    def check(node: Node, where: str, allowed: set[str]) -> None:
        problems.extend(check_names(node, allowed, where=where))
        used.update(names(node))

    for line in model.where:
        check(line.node, f"[where] {line.name}", known)
        known.add(line.name)
    check(model.formula, "formula", known)
    for line in model.tuned:
        if line.name not in columns:
            problems.append(f"[tuned] {line.name} is not an input of the law")
        check(line.node, f"[tuned] {line.name}", known - {line.name})
    extra = {item.name for item in noises.PARAMETERS[model.noise]}
    extra |= {item.name for name in model.features for item in features.PARAMETERS[name]}
    for name in sorted(sampled - used - extra):
        problems.append(f"[parameters.{name}] is never used; remove it or use it in the formula")
    lines = {line.name for line in model.where if not names(model.closed(line.node)) & columns}
    reported = sampled | references | lines
    for line in model.derived:
        check(line.node, f"[derived] {line.name}", reported)
        for name, node in line.inverse:
            check(
                node, f"[derived] {line.name} inverse of {name}", sampled | {line.name} | references
            )
    for name in features.PARAMETERS:
        unknown = sorted(set(getattr(model, name).inputs) - set(model.inputs))
        problems += [f"[{name}] {item!r} is not an input of the law" for item in unknown]
    if model.response not in columns:
        problems.append(f"response {model.response!r} is not a column")
    return problems
