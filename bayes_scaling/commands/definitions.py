"""Models as lines of text and as plain data, for the command line."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_scaling.commands.console import print_table
from bayes_scaling.laws import Model
from bayes_scaling.laws.features import SCALE_LOW, SCALE_REF
from bayes_scaling.laws.priors import Prior
from bayes_scaling.laws.render import to_text
from bayes_scaling.laws.variants import features_in_words

NOMINAL = {"params_ref": 1e8, "tokens_ref": 2e9, "flops_ref": 1.2e18}
"""Reference sizes at which priors of derived quantities are shown, 1 for others; a fit takes those
of its runs."""

NOMINAL_REACH = 1e3
"""Factor in compute from the smallest run to the reference at which they are shown."""


def print_model(model: Model) -> None:
    """Print a model: formula, priors with their 90 % range, references."""
    print(f"{model.id}: {model.title}")
    print(f"\n{model.response} = {to_text(model.formula)}")
    for line in model.where:
        print(f"  where {line.name} = {to_text(line.node)}")
    for line in model.tuned:
        print(f"  tuned: {line.name} = {to_text(line.node)}")
    for name, meant in model.columns:
        print(f"  {name} means {meant}")
    if features_in_words(model):
        print(f"  features: {features_in_words(model)}")
    print()
    rows = [
        [item.name, str(item.prior), _prior_range(item.prior), item.pool.kind, item.about]
        for item in model.parameters
    ]
    print_table(rows, ("parameter", "prior", "90 % range", "groups", "about"))
    if model.derived:
        print()
        implied = implied_ranges(model)
        rows = [
            [line.name, to_text(line.node), "{:.3g} to {:.3g}".format(*implied[line.name])]
            for line in model.derived
        ]
        print_table(rows, ("derived", "formula", "90 % range of its prior *"))
        sizes = ", ".join(f"{name} = {value:g}" for name, value in _nominal(model).items())
        print(f"* at {sizes}")
    print(f"\nvalid for: {model.valid or 'not stated'}")
    print(f"references: {'; '.join(model.references) or 'none'}")


def _prior_range(prior: Prior) -> str:
    low, high = prior.quantile([0.05, 0.95])
    return f"{low:.3g} to {high:.3g}"


def model_dict(model: Model) -> dict[str, Any]:
    """Return a model as plain data, with prior ranges."""
    content = model.to_dict()
    for item in model.parameters:
        low, high = (float(value) for value in item.prior.quantile([0.05, 0.95]))
        content["parameters"][item.name]["range90"] = [low, high]
    return content | {
        "inputs": list(model.inputs),
        "content_hash": model.content_hash,
        "implied_prior": {
            "range90": {name: list(ends) for name, ends in implied_ranges(model).items()},
            "at": _nominal(model),
        },
    }


def implied_ranges(model: Model) -> dict[str, tuple[float, float]]:
    """Return the 90 % range of what the priors say of each derived quantity, at `NOMINAL` sizes."""
    rng = np.random.default_rng(0)
    draws = {item.name: item.prior.sample(20_000, rng) for item in model.parameters}
    derived = model.derive(draws, _nominal(model))
    ends = {name: np.quantile(values, [0.05, 0.95]) for name, values in derived.items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def _nominal(model: Model) -> dict[str, float]:
    names = (name for name in model.reference_names if name.endswith("_ref"))
    sizes = {name: NOMINAL.get(name, 1.0) for name in names}
    if not model.transient.on:
        return sizes
    middle = float(np.prod([sizes.get(f"{name}_ref", 1.0) for name in model.scale_inputs]))
    return sizes | {SCALE_LOW: middle / NOMINAL_REACH, SCALE_REF: middle}
