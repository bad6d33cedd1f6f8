"""`Model`: a law with its priors, pooling and noise; its variants, its TOML form and its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bayes_scaling.formula.nodes import Solve
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws import variants
from bayes_scaling.laws.definition import Definition
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.features import FEATURES, OFF, Entry, Feature
from bayes_scaling.laws.lines import Line, solve_to_dict
from bayes_scaling.laws.published import published_to_dict
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    import pymc as pm

ALWAYS_WRITTEN = ("drift", "transient", "run_effect")
"""Features that a definition lists when they are off too: its hash counts them."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Model(Definition):
    """A scaling law with everything that is needed to fit it.

    Its attributes are those of `bayes_scaling.laws.definition.Definition`.
    """

    # ---- variants ----------------------------------------------------------------------------

    def of(self, response: str) -> Model:
        """Return the model of another observed quantity; see `bayes_scaling.laws.variants.of`."""
        return variants.of(self, response)

    def with_priors(self, priors: Mapping[str, Any]) -> Model:
        """Return the model with other priors; see `bayes_scaling.laws.variants.with_priors`."""
        return variants.with_priors(self, priors)

    def with_features(
        self,
        *,
        drift: bool | None = None,
        transient: bool | None = None,
        run_effect: bool | None = None,
        correlated: bool | None = None,
        mistuned: bool | None = None,
        ceiling: bool | float | str | None = None,
        temper: float | None = None,
        id: str | None = None,
    ) -> Model:
        """Switch features on or off; see `bayes_scaling.laws.variants.with_features`."""
        switches = {
            "drift": drift,
            "transient": transient,
            "run_effect": run_effect,
            "correlated": correlated,
            "mistuned": mistuned,
            "ceiling": ceiling,
        }
        return variants.with_features(self, switches, temper=temper, id=id)

    def pooled_by(self, *columns: str) -> Model:
        """Return the model with its groups given by another column, or by two nested ones."""
        return variants.pooled_by(self, columns)

    # ---- identity ----------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as `read_model` takes it: flat, without a base."""
        roots = {line.name for line in self.where if isinstance(line.node, Solve)}
        return {
            "id": self.id,
            "title": self.title,
            "kind": self.kind,
            "formula": to_text(self.formula),
            "response": self.response,
            "likelihood": [
                {"response": item.response, "formula": to_text(item.node)}
                for item in self.likelihoods
            ],
            "group": self.group,
            "built_on": self.base,
            "references": list(self.references),
            "columns": dict(self.columns),
            "extra_inputs": list(self.extra_inputs),
            "arguments": dict(self.arguments),
            "rows": {"select": self.select},
            "where": {
                line.name: to_text(line.node) for line in self.where if line.name not in roots
            },
            "solve": {line.name: solve_to_dict(line) for line in self.where if line.name in roots},
            "parameters": {item.name: item.to_dict() for item in self.parameters},
            "ordered": [list(names) for names in self.ordered],
            "tuned": {line.name: to_text(line.node) for line in self.tuned},
            "derived": {line.name: _derived(line) for line in self.derived},
            "noise": {
                "family": self.noise,
                "temper": self.temper or 0,
                **({"scale": self.scale} if self.scale != "log" else {}),
            },
            **{
                name: _feature(FEATURES[name], feature)
                for name, feature in self.switches.items()
                if feature != OFF or name in ALWAYS_WRITTEN
            },
            "form_error": self.form_error.to_dict() if self.form_error else {},
            "valid": {"about": self.valid},
            **({"published": published_to_dict(self.published)} if self.published else {}),
        }

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of all that changes an answer; titles and explanations do not count."""
        content = self.to_dict()
        for key in ("title", "references", "valid", "built_on", "published"):
            content.pop(key, None)
        if not self.ceiling.on:
            content.pop("ceiling", None)
        for parameter in content["parameters"].values():
            del parameter["about"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    # ---- PyMC --------------------------------------------------------------------------------

    def build(self, runs: RunTable) -> pm.Model:
        """Return the `pymc.Model` of this law on a table of runs, for a user of PyMC to take over.

        Raises
        ------
        InputError
            The table lacks what the law reads.
        """
        from bayes_scaling.laws.build import build_model  # and with it PyMC

        return build_model(self, make_design(self, self.rows_of(runs)))


def _feature(entry: Entry, feature: Feature) -> dict[str, Any]:
    found: dict[str, Any] = {
        "inputs": list(feature.inputs),
        "level": feature.level,
        "floor": to_text(feature.floor),
        "value": None if feature.value is None else to_text(feature.value),
    }
    kept = {key: found[key] for key in found if key in entry.keys and found[key] is not None}
    return {"on": feature.on, **kept}


def _derived(line: Line) -> dict[str, Any]:
    inverse = {name: to_text(node) for name, node in line.inverse}
    return {"formula": to_text(line.node), "inverse": inverse}
