"""Roots of residuals in numpy: exact where there is one, nan where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.formula.nodes import Node, Solve, evaluate
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.formula.roots import CLOSED, MOST_STEPS, prepare


def root(residual: str, lo: str, hi: str) -> Solve:
    return Solve("z", *(parse_formula(text) for text in (residual, lo, hi)))


def changes_sign_near(residual: Node, found: Any, values: dict[str, Any], within: float) -> Any:
    """Whether the residual has one sign a little below what was found, and the other above."""
    width = within * np.abs(found)
    below, above = (evaluate(residual, {**values, "z": found + end}) for end in (-width, width))
    return below * above <= 0


SHARES = root(
    "a * logaddexp(0, z) - logaddexp(0, -z) - s",
    "min(s, s / a) - 1 - (1 + 1 / a) * max(a, 1)",
    "max(s, s / a) + 1 + (1 + 1 / a) * max(a, 1)",
)
"""log u - a log(1 - u) = s for u = sigmoid(z): the law of two plateaus, with a wide bracket."""


def test_roots_are_exact_for_any_parameters_and_broadcast() -> None:
    rng = np.random.default_rng(0)
    values = {"a": np.exp(rng.normal(0, 2, (800, 1))), "s": rng.normal(0, 30, (800, 15))}
    found = evaluate(SHARES, values)
    assert found.shape == (800, 15)
    assert changes_sign_near(SHARES.residual, found, values, 1e-10).all()


@pytest.mark.parametrize(
    ("residual", "lo", "hi", "wanted"),
    [
        ("z**2 - 2", "0", "9", 2**0.5),
        ("2 - z**2", "0", "9", 2**0.5),
        ("z", "-1", "2", 0.0),
        ("z - 1", "1", "3", 1.0),
        ("z - 3", "1", "3", 3.0),
        ("z - 1e-20", "0", "1", 1e-20),
        ("z - 0.001", "0", "1e12", 1e-3),
        ("1e300 * z - 1e299", "-3", "9", 0.1),
        ("1e-9 * (z - 2)", "-9", "9", 2.0),
        ("log(z) - log(1 - z)", "0", "1", 0.5),
        ("sigmoid(1e6 * z) - 0.3", "-7", "9", np.log(3 / 7) / 1e6),
        ("exp(z) - 1e100", "-400", "700", 100 * np.log(10)),
        ("max(z - 1, -0.001)", "-1000", "9", 1.0),
        ("min(z, 1e-3 * z)", "-4", "9", 0.0),
    ],
)
def test_steep_flat_bent_and_badly_scaled_residuals_are_solved(
    residual: str, lo: str, hi: str, wanted: float
) -> None:
    found = evaluate(root(residual, lo, hi), {})
    assert found == pytest.approx(wanted, rel=1e-10, abs=1e-25)
    assert isinstance(found, float)


def test_a_root_where_the_residual_is_flat_is_found_as_well_as_it_can_be_told() -> None:
    assert evaluate(root("(z - 1)**3", "-2", "7"), {}) == pytest.approx(1.0, rel=1e-10)


@pytest.mark.parametrize(
    ("residual", "lo", "hi"),
    [
        ("z + 5", "0", "1"),  # no change of sign
        ("z**2", "-1", "1"),
        ("1 / z", "-1", "2"),  # a pole
        ("where(z < 1, z - 2, z + 2)", "-3", "4"),  # a jump
        ("where(z < 1, -1, 1)", "0", "3"),
        ("0 * z", "0", "1"),  # every value is a root
        ("log(z)", "-1", "2"),  # not a number at an end
        ("log(z) + sqrt(z - 2) - 9", "1", "1e9"),
        ("z - 1", "2", "0"),  # upside down
        ("log(z) + 46", "1e-300", "1e300"),  # out of reach in so many steps
    ],
)
def test_what_is_no_root_is_nan(residual: str, lo: str, hi: str) -> None:
    assert np.isnan(evaluate(root(residual, lo, hi), {}))


def test_only_those_without_a_root_are_nan_and_none_at_all_is_no_error() -> None:
    node = root("z**2 - a", "1", "3")
    found = evaluate(node, {"a": np.array([[0.5, 1.0, 4.0], [9.0, 10.0, np.nan]])})
    np.testing.assert_allclose(found, [[np.nan, 1, 2], [3, np.nan, np.nan]], rtol=1e-14)
    assert evaluate(node, {"a": np.zeros((0, 4))}).shape == (0, 4)


def test_an_inner_root_may_depend_on_the_outer_one() -> None:
    node = parse_formula("solve(z, z + solve(y, y**3 - z, 0, 9) - 10, 1, 20)")
    assert evaluate(node, {}) == pytest.approx(8.0, rel=1e-12)


def test_what_does_not_depend_on_the_variable_is_computed_once() -> None:
    search = prepare(SHARES)
    assert set(search.parts.values()) == {parse_formula("a"), parse_formula("s")}
    search = prepare(root("exp(a * b) * z - log(z + exp(a * b))", "0", "1"))
    assert set(search.parts.values()) == {parse_formula("exp(a * b)")}


def test_a_search_can_halve_any_ordinary_bracket_until_it_is_closed() -> None:
    assert 2.0**-MOST_STEPS < CLOSED * 1e-40
