"""The exponent of an input is found in the formula of every law that has one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.laws.definition import exponent_of

PRIOR = {"dist": "LogNormal", "mu": 0.0, "sigma": 1.0}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("chinchilla", {"params": "alpha", "tokens": "beta"}),
        ("chinchilla-lr", {"params": "alpha", "tokens": "beta", "learning_rate": None}),
        ("coupled", {"params": "alpha", "tokens": "beta"}),
        ("coupled-drift", {"params": "alpha", "tokens": "beta"}),
        ("kaplan-n", {"params": "alpha_N"}),
        ("kaplan-d", {"tokens": "alpha_D"}),
        ("kaplan-c", {"flops": "alpha_C"}),
        ("kaplan-nd", {"params": "alpha_N", "tokens": None}),
        ("saturating-m2", {"tokens": "alpha"}),
        ("saturating-m2-n", {"params": "alpha"}),
        ("saturating-m2-c", {"flops": "alpha"}),
    ],
)
def test_shipped_laws(name: str, wanted: dict[str, str | None]) -> None:
    model = load_model(name)
    assert {key: exponent_of(model, key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("a * tokens**-g", "g"),
        ("a * (tokens / 1e9)**(0 - g)", "g"),
        ("a * exp(-g * log(tokens))", "g"),
        ("a * exp((log(tokens) - log(tokens_ref)) * g)", "g"),
        ("a + g * log10(tokens)", "g"),
        ("a * tokens**-0.5 + g", None),
        ("a * tokens**-g + tokens**-a", None),
        ("(a * tokens)**-g", None),
        ("a * (g + log(tokens))", None),
        ("a * tokens * g", None),
        ("a / (tokens + g)", None),
    ],
)
def test_where_an_exponent_may_stand(formula: str, wanted: str | None) -> None:
    definition: dict[str, Any] = {
        "id": "own",
        "formula": formula,
        "parameters": {name: {"prior": PRIOR} for name in ("a", "g")},
    }
    assert exponent_of(load_model(definition), "tokens") == wanted


def test_an_input_that_the_law_does_not_read_has_none() -> None:
    assert exponent_of(load_model("kaplan-n"), "tokens") is None


@pytest.mark.parametrize("name", ["chinchilla", "coupled", "saturating-m2", "kaplan-n"])
def test_it_is_the_slope_of_the_reducible_loss_when_all_else_is_endless(name: str) -> None:
    model = load_model(name)
    rng = np.random.default_rng(0)
    values = {item.name: item.prior.sample(20, rng) for item in model.parameters}
    references = {f"{key}_ref": 1e9 for key in ("params", "tokens")}
    for key in model.inputs:
        exponent = exponent_of(model, key)
        assert exponent is not None
        endless = {other: np.array(1e300) for other in model.inputs}

        def reducible(size: float, key: str = key, endless: Any = endless) -> Any:
            floor = model.predict(values, endless, references)
            return model.predict(values, {**endless, key: np.array(size)}, references) - floor

        slope = np.log(reducible(1e7) / reducible(1e8)) / np.log(10)
        np.testing.assert_allclose(slope, values[exponent], rtol=1e-4)
