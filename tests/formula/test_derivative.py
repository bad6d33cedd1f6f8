"""Derivatives of formulas: every operation against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.formula.derivative import derivative
from bayes_scaling.formula.nodes import FUNCTIONS, Call, Number, evaluate, names, walk
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.formula.render import to_text

X = np.array([0.3, 0.8, 1.7, 4.0])
OTHERS = {"a": 1.5, "b": 0.4}

FORMULAS = [
    "a + x - b",
    "b - x * x",
    "a * x / (b + x)",
    "-x**3 + x**0.5",
    "x**-b",
    "a**(b * x)",
    "x**(a * x)",
    "exp(-b * x) - log(a * x)",
    "log10(x + a) * sqrt(x)",
    "sigmoid(a * x - b)",
    "logaddexp(a * x, -x)",
    "min(a, x, x * x)",
    "max(a, x, x * x)",
    "where(x > a, x * x, b * x)",
    "where(x > a, x, x) * (x > b)",
    "solve(y, exp(y) + y - a * x, -20, 20)",
    "x * solve(y, y**3 + x * y - a, 0, 1 + a)",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_it_is_the_slope_of_the_formula(text: str) -> None:
    node = parse_formula(text)
    found = evaluate(derivative(node, "x"), {**OTHERS, "x": X})
    step = 1e-6 * X
    above, below = (evaluate(node, {**OTHERS, "x": X + sign * step}) for sign in (1, -1))
    np.testing.assert_allclose(found, (above - below) / (2 * step), rtol=1e-7, atol=1e-8)


def test_no_function_of_the_language_is_left_out() -> None:
    nodes = (item for text in FORMULAS for item in walk(parse_formula(text)))
    used = {item.op for item in nodes if isinstance(item, Call)}
    assert set(FUNCTIONS) | {"+", "-", "*", "/", "**", "neg"} <= used


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a * b", "0"),
        ("x", "1"),
        ("a * x + b", "a"),
        ("x - exp(b)", "1"),
        ("b - x", "-1"),
        ("x**2", "2 * x"),
        ("solve(x, x - a, 0, 9)", "0"),
        ("solve(y, y - a, x, 9)", "0"),
        ("solve(x, x - a, x, 9)", "0"),
    ],
)
def test_what_does_not_move_is_left_out(text: str, wanted: str) -> None:
    assert to_text(derivative(parse_formula(text), "x")) == wanted


def test_it_reads_no_name_that_the_formula_does_not_read() -> None:
    for text in FORMULAS:
        node = parse_formula(text)
        assert names(derivative(node, "x")) <= names(node)
    assert derivative(Number(3.0), "x") == Number(0.0)
