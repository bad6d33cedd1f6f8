"""Rules of transfer against the slopes of a known valley."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from tests.synthetic import TRUTH, synthetic_fit

FIT = synthetic_fit("chinchilla-lr", spread=0.005)
"""Its best learning rate falls as params^-.5 tokens^-.1."""

SMALL = {"params": 1e8, "tokens": 2e9, "width": 512.0}
TARGET = {"params": 1.6e9, "tokens": 3.2e10, "width": 2048.0}


def test_the_rule_of_the_law_holds_and_costs_nothing_and_another_costs_what_the_law_says() -> None:
    right = {"params": TRUTH["s_N"], "tokens": TRUTH["s_D"]}
    found = FIT.setting_rules("lr", small=SMALL, target=TARGET, exponents=right)
    assert found.shares["holds"][0] > 0.99
    assert found.shares["harmless"][0] == 1
    assert np.median(found.draws["off_by"]) == pytest.approx(1, rel=0.03)
    wrong = FIT.setting_rules("lr", small=SMALL, target=TARGET)
    assert wrong.shares["holds"][0] < 0.01
    off = np.log(16**0.6)
    flank, h = TRUTH["flank"], TRUTH["h"]
    cost = np.exp(h * flank**2 * (np.sqrt(1 + (off / flank) ** 2) - 1)) - 1
    assert np.median(wrong.draws["cost"][:, 0]) == pytest.approx(cost, rel=0.1)


def test_every_published_rule_whose_columns_are_given_is_asked() -> None:
    rows = FIT.setting_rules("learning_rate", small=SMALL, target=TARGET).rows()
    assert [row["rule"] for row in rows] == ["constant", "muP", "Step Law"]
    chosen = {row["rule"]: row["chosen"] for row in rows}
    assert chosen["muP"] == pytest.approx(chosen["constant"] / 4)
    assert chosen["Step Law"] == pytest.approx(chosen["constant"] * 16 ** (-0.713 + 0.307))


def test_the_distance_is_that_of_the_farther_of_both_runs() -> None:
    seen = FIT.only.fitted_sizes
    inside = {name: float(seen[name].max()) for name in ("params", "tokens")}
    for small, target in (({"params": 2e13}, {}), ({}, {"params": 2e13})):
        found = FIT.setting_rules("lr", small=inside | small, target=inside | target)
        np.testing.assert_allclose(found.extrapolation["params"], np.log(2e13 / inside["params"]))
        assert not found.extrapolation["tokens"].any()
    rows = FIT.setting_rules("lr", small=inside, target=inside).rows()
    assert all(row["efolds_params"] == 0 for row in rows)


@pytest.mark.parametrize(
    ("asked", "pattern"),
    [
        ({"setting": "weight_decay"}, "knows no best weight_decay.*coupled\\+valley:weight_decay"),
        ({"setting": "learnin_rate"}, r"did you mean .*coupled\+valley:learning_rate"),
        ({"small": None}, "say which run is small.*--small params=1e8 --small tokens=2e9"),
        ({"target": {"params": 1e9}}, "the law reads tokens: give it of both runs"),
        ({"target": {**TARGET, "params": -1.0}}, "target: params must be above 0"),
        ({"exponents": {"depth": 1.0}}, "the rule reads depth: give it in small"),
        ({"small": {**SMALL, "foo": 0.01}}, "small: neither the law nor a rule reads foo"),
        ({"target": {**TARGET, "withd": 9.0}}, "target: .* reads withd; did you mean 'width'"),
        ({"small": {**SMALL, "lr": 1e-3}}, "small: learning_rate is what is carried"),
        ({"target": {**TARGET, "params": [1e9, 2e9]}}, "target: params is one number, got 2"),
        ({"exponents": {"params": "a"}}, "the exponent of params must be a finite number"),
        ({"exponents": {"params": float("nan")}}, "the exponent of params must be a finite"),
        ({"tolerance": float("nan")}, "tolerance must be above 0"),
        ({"tolerance": 0.5}, "tolerance is a factor above 1"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: dict[str, Any], pattern: str) -> None:
    given = {"setting": "learning_rate", "small": SMALL, "target": TARGET, **asked}
    with pytest.raises(InputError, match=pattern):
        FIT.setting_rules(given.pop("setting"), **given)
