"""Formulas: parsing by whitelist, evaluation, text and LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import (
    FUNCTIONS,
    NUMPY,
    Call,
    Name,
    Number,
    evaluate,
    names,
    substitute,
)
from bayes_scaling.formula.parse import check_names, parse_condition, parse_formula
from bayes_scaling.formula.render import latex_name, to_latex, to_text

VALUES = {"x": np.array([0.5, 2.0, 3.0]), "a": 1.5, "b": -0.25}

FORMULAS = [
    ("a + b * x", lambda x, a, b: a + b * x),
    ("-a**2", lambda x, a, b: -(a**2)),
    ("(-a)**2", lambda x, a, b: a**2),
    ("2**3**2 - x", lambda x, a, b: 512 - x),
    ("a - (b - x)", lambda x, a, b: a - b + x),
    ("a / (b * x)", lambda x, a, b: a / (b * x)),
    ("x**-a", lambda x, a, b: x**-a),
    ("a * -b", lambda x, a, b: a * -b),
    ("exp(-x) + log(x)", lambda x, a, b: np.exp(-x) + np.log(x)),
    ("log10(x) + sqrt(x)", lambda x, a, b: np.log10(x) + np.sqrt(x)),
    ("sigmoid(b * x)", lambda x, a, b: 1 / (1 + np.exp(-b * x))),
    ("logaddexp(a, x)", lambda x, a, b: np.log(np.exp(a) + np.exp(x))),
    ("min(a, x, 1)", lambda x, a, b: np.minimum(np.minimum(a, x), 1)),
    ("max(a, x, 1)", lambda x, a, b: np.maximum(np.maximum(a, x), 1)),
    ("where(x > a, x, a)", lambda x, a, b: np.maximum(x, a)),
    ("+x - 1e-3", lambda x, a, b: x - 0.001),
]  # fmt: skip


@pytest.mark.parametrize(("text", "by_hand"), FORMULAS)
def test_value_is_that_of_the_formula_by_hand(text: str, by_hand: Callable[..., Any]) -> None:
    found = evaluate(parse_formula(text), VALUES)
    np.testing.assert_allclose(found, by_hand(**VALUES), rtol=1e-14)


@pytest.mark.parametrize(("text", "by_hand"), FORMULAS)
def test_text_parses_back_to_the_same_nodes(text: str, by_hand: Callable[..., Any]) -> None:
    node = parse_formula(text)
    assert parse_formula(to_text(node)) == node


def test_a_negative_number_has_the_brackets_it_needs() -> None:
    node = Call("**", (Number(-2.0), Name("x")))
    assert to_text(node) == "(-2)**x"
    assert to_text(Call("+", (Name("x"), Number(-2.0)))) == "x + -2"


def test_every_function_has_a_numpy_operation() -> None:
    assert set(FUNCTIONS) <= set(NUMPY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('x')", "not allowed"),
        ("a.b", "not allowed"),
        ("a[0]", "not allowed"),
        ("lambda: 1", "not allowed"),
        ("a if b else c", "not allowed"),
        ("[1, 2]", "not allowed"),
        ("f'{a}'", "not allowed"),
        ("True", "not allowed"),
        ("'text'", "not allowed"),
        ("1j", "not allowed"),
        ("a and b", "not allowed"),
        ("a % b", "not allowed"),
        ("1e999", "not allowed"),
        ("eval(a)", "function"),
        ("exp(x=1)", "not allowed"),
        ("exp(1, 2)", "takes 1 argument"),
        ("max(1)", "2 or more"),
        ("a < b < c", "chained"),
        ("a = b", "cannot be read"),
        ("a +", "cannot be read"),
        ("", "non-empty"),
        ("x" * 5000, "at most 4000"),
        ("(" * 900 + "1" + ")" * 900, "formula"),
        ("a\0b", "formula"),
    ],
)
def test_what_is_outside_the_whitelist_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_formula(text)


def test_condition_joins_comparisons_and_text() -> None:
    node = parse_condition('flops <= 1e19 and not family == "c4" or flops > 1e21')
    found = evaluate(
        node, {"flops": np.array([1e18, 1e18, 1e22]), "family": np.array(["c4", "rw", "c4"])}
    )
    np.testing.assert_array_equal(found, [False, True, True])


def test_condition_must_compare_something() -> None:
    with pytest.raises(InputError, match="compares nothing"):
        parse_condition("flops + 1")


def test_unknown_name_suggests_the_nearest() -> None:
    (problem,) = check_names(parse_formula("alpa * x"), {"alpha", "x"}, where="formula")
    assert "'alpa'" in problem
    assert "'alpha'" in problem


def test_names_and_substitution() -> None:
    node = parse_formula("a * x + b")
    assert names(node) == {"a", "b", "x"}
    assert to_text(substitute(node, {"b": parse_formula("a - 1")})) == "a * x + (a - 1)"


def test_latex_of_the_chinchilla_law() -> None:
    node = parse_formula("E + a * (params / params_ref)**-alpha")
    assert to_latex(node) == r"E + a \, \left(\frac{N}{N_0}\right)^{-\alpha}"


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("alpha_N", r"\alpha_{N}"),
        ("N_c", "N_{c}"),
        ("tokens_ref", "D_0"),
        ("lr_best", r"\mathrm{lr}_{\mathrm{best}}"),
    ],
)
def test_latex_names(name: str, latex: str) -> None:
    assert latex_name(name) == latex
