"""Whether a model fits together: unknown, clashing and unused names; features that can act."""

from __future__ import annotations

from itertools import combinations

from bayes_scaling.formula.nodes import FUNCTIONS, Node, names
from bayes_scaling.formula.parse import check_names
from bayes_scaling.laws import noise as noises
from bayes_scaling.laws.definition import Definition
from bayes_scaling.laws.features import FEATURES, NOISES, SIZES
from bayes_scaling.runs.columns import COLUMNS

ORDERABLE = ("Normal", "LogNormal")
"""Priors that parameters which ascend may have."""


def check_model(model: Definition) -> list[str]:
    """Return every problem of a model: in its names, and in its features."""
    sampled = {item.name for item in model.parameters}
    columns = {*COLUMNS, *model.extra_inputs}
    columns |= {name for name, _ in model.arguments}
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
    check(model.ceiling.floor, "[ceiling] floor", known)
    if model.ceiling.value is not None:
        check(model.ceiling.value, "[ceiling] value", known)
    for item in model.likelihoods:
        check(item.node, f"[[likelihood]] {item.response}", known)
    for line in model.tuned:
        if line.name not in columns:
            problems.append(f"[tuned] {line.name} is not an input of the law")
        check(line.node, f"[tuned] {line.name}", known - {line.name})
    problems += _circles(model)
    extra = {item.name for item in noises.PARAMETERS[model.noise]}
    problems += [
        f"{name} is a parameter of the noise, and the law reads it; rename that of the law"
        for name in sorted(used & extra)
    ]
    extra |= {item.sigma_name for item in model.likelihoods}
    of_features = {item.name: key for key, entry in FEATURES.items() for item in entry.parameters}
    problems += [
        f"[parameters.{name}] has the name of a parameter of [{of_features[name]}]; rename it"
        for name in sorted(used & set(of_features))
        if of_features[name] not in model.features  # those of features that are on may be read
    ]
    problems += [
        f"[{of_features[name]}] {name} has a prior and {of_features[name]} is off; set on = true"
        for name in sorted(sampled & set(of_features) - used)
        if of_features[name] not in model.features
    ]
    if "saturation" in sampled and model.ceiling.value is not None and model.ceiling.on:
        problems.append("[ceiling] saturation has a prior, and the level is known; leave out one")
    problems += [
        f"[arguments] {name} is never used; remove it or use it in the formula"
        for name, _ in model.arguments
        if name not in used
    ]
    for name in sorted(sampled - used - extra - set(of_features)):
        problems.append(f"[parameters.{name}] is never used; remove it or use it in the formula")
    lines = {line.name for line in model.where if not names(model.closed(line.node)) & columns}
    reported = sampled | references | lines
    for line in model.derived:
        check(line.node, f"[derived] {line.name}", reported)
        for name, node in line.inverse:
            check(
                node, f"[derived] {line.name} inverse of {name}", sampled | {line.name} | references
            )
    problems += check_features(model)
    problems += _check_responses(model, columns)
    return problems + _check_ordered(model)


def _circles(model: Definition) -> list[str]:
    """Return a problem where tuned inputs follow each other in a circle."""
    reads = {line.name: names(line.node) for line in model.tuned}
    while ready := [name for name, read in reads.items() if read.isdisjoint(reads)]:
        for name in ready:
            del reads[name]
    circle = ", ".join(reads)
    return [f"[tuned] inputs follow each other in a circle: {circle}"] if reads else []


def _check_responses(model: Definition, columns: set[str]) -> list[str]:
    """Return problems of what is explained: no column, or the same one twice."""
    problems = [
        f"response {name!r} is not a column" for name in model.responses if name not in columns
    ]
    twice = {name for name in model.responses if model.responses.count(name) > 1}
    problems += [f"response {name!r} is explained twice" for name in sorted(twice)]
    if model.kind == "query" and model.base is None:
        problems.append("a query asks a fitted law: name it as 'base'")
    return problems


def _check_ordered(model: Definition) -> list[str]:
    """Return problems of parameters that ascend: they must be alike."""
    found = {item.name: item for item in model.parameters}
    problems = []
    for names_ in model.ordered:
        shown = ", ".join(names_)
        unknown = [name for name in names_ if name not in found]
        problems += [f"ordered: {name!r} is not a sampled parameter" for name in unknown]
        alike = {(found[name].prior, found[name].pool) for name in names_ if name in found}
        if len(names_) < 2 or len(set(names_)) < len(names_):
            problems.append(f"ordered: name two parameters or more, each once; got {shown}")
        elif not unknown and len(alike) > 1:
            problems.append(f"ordered: {shown} must have the same prior and pooling")
        elif not unknown:
            ((prior, pool),) = alike
            if prior.dist not in ORDERABLE:
                problems.append(f"ordered: {shown} need a prior of {' or '.join(ORDERABLE)}")
            if pool.kind == "partial":
                problems.append(f"ordered: {shown} cannot be pooled partially; share or separate")
    return problems


def check_features(model: Definition) -> list[str]:
    """Return every problem of the features of a model: inputs it does not have, or none to use."""
    columns = {*COLUMNS, *model.extra_inputs}
    read = names(model.closed(model.formula))
    problems = [
        f"[drift] {name!r} is not an input of the law"
        for name in model.drift.inputs
        if name not in read & columns
    ]
    tuned = {line.name for line in model.tuned}
    problems += [
        f"[drift] {name!r} has a tuned value, which follows the sizes that drift; leave it out"
        for name in model.drift.inputs
        if name in tuned
    ]
    problems += [
        f"[transient] {name!r} is not a column"
        for name in model.transient.inputs
        if name not in columns
    ]
    known = {line.name for line in model.where} | {item.name for item in model.parameters}
    problems += [
        f"[{name}] level {level!r} is not a parameter"
        for name in ("transient", "ceiling")
        if (level := getattr(model, name).level) and level not in known
    ]
    if not model.scale_inputs:
        acting = [
            name
            for name in model.features
            if FEATURES[name].acts_on_sizes and not model.switches[name].inputs
        ]
        acting += ["tempering"] if model.temper is not None else []
        sizes = ", ".join(SIZES)
        problems += [
            f"{name} needs a size, and {model.id} reads none of {sizes}" for name in acting
        ]
    problems += [
        f"[{one}] and [{other}] cannot be had together: switch one of them off"
        for one, other in combinations(NOISES, 2)
        if {one, other} <= set(model.features)
    ]
    return problems
