"""From a `Model` back to the form of its TOML, and the hash of what changes an answer."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bayes_scaling.formula.nodes import Solve
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws.features import OFF, Feature
from bayes_scaling.laws.lines import Line
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.published import published_to_dict
from bayes_scaling.laws.solve import solve_to_dict


def definition(model: Model) -> dict[str, Any]:
    """Return the definition of a model as `read_model` takes it: flat, without a base."""
    roots = {line.name for line in model.where if isinstance(line.node, Solve)}
    return {
        "id": model.id,
        "title": model.title,
        "kind": model.kind,
        "formula": to_text(model.formula),
        "response": model.response,
        "likelihood": [
            {"response": item.response, "formula": to_text(item.node)} for item in model.likelihoods
        ],
        "group": model.group,
        "built_on": model.base,
        "references": list(model.references),
        "columns": dict(model.columns),
        "extra_inputs": list(model.extra_inputs),
        "arguments": dict(model.arguments),
        "rows": {"select": model.select},
        "where": {line.name: to_text(line.node) for line in model.where if line.name not in roots},
        "solve": {line.name: solve_to_dict(line) for line in model.where if line.name in roots},
        "parameters": {item.name: item.to_dict() for item in model.parameters},
        "ordered": [list(names) for names in model.ordered],
        "tuned": {line.name: to_text(line.node) for line in model.tuned},
        "derived": {line.name: _derived(line) for line in model.derived},
        "noise": _noise(model),
        "drift": {"on": model.drift.on, "inputs": list(model.drift.inputs)},
        "transient": {
            "on": model.transient.on,
            "inputs": list(model.transient.inputs),
            "level": model.transient.level,
        },
        "run_effect": {"on": model.run_effect.on},
        **{name: {"on": True} for name in ("correlated", "mistuned") if name in model.features},
        **({"ceiling": _ceiling(model.ceiling)} if model.ceiling != OFF else {}),
        "form_error": model.form_error.to_dict() if model.form_error else {},
        "valid": {"about": model.valid},
        **({"published": published_to_dict(model.published)} if model.published else {}),
    }


def _noise(model: Model) -> dict[str, Any]:
    scale = {"scale": model.scale} if model.scale != "log" else {}
    return {"family": model.noise, "temper": model.temper or 0, **scale}


def _ceiling(feature: Feature) -> dict[str, Any]:
    value = {} if feature.value is None else {"value": to_text(feature.value)}
    return {"on": feature.on, "floor": to_text(feature.floor), "level": feature.level, **value}


def _derived(line: Line) -> dict[str, Any]:
    inverse = {name: to_text(node) for name, node in line.inverse}
    return {"formula": to_text(line.node), "inverse": inverse}


def content_hash(model: Model) -> str:
    """SHA-256 of a definition without titles, references and explanations."""
    content = definition(model)
    for key in ("title", "references", "valid", "built_on", "published"):
        content.pop(key, None)
    if not model.ceiling.on:
        content.pop("ceiling", None)
    for parameter in content["parameters"].values():
        del parameter["about"]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
