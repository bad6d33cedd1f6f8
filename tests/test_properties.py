"""Properties that hold for any input, found by hypothesis; oracles are for tests alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from bayes_scaling.formula.derivative import derivative
from bayes_scaling.formula.nodes import evaluate
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.formula.render import to_text
from bayes_scaling.intervals import interval, quantiles
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import surface
from bayes_scaling.runs import count_params, training_flops
from bayes_scaling.runs.cells import read_amount
from bayes_scaling.scores import LEVELS, score, score_quantiles
from tests.synthetic import synthetic_fit

SETTINGS = settings(deadline=None, derandomize=True, database=None)
"""The same examples in every run, and no folder of them."""

LAW = surface(synthetic_fit(spread=0.1))
NAMES = {"x": 1.7, "y": 0.6}
PYTHON = {"exp": math.exp, "log": math.log, "sqrt": math.sqrt, "min": min, "max": max}

atoms = st.one_of(
    st.sampled_from(["x", "y"]),
    st.floats(0.1, 9.0).map(lambda value: f"{value:.3g}"),
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.builds(lambda op, ab: f"({ab[0]} {op} {ab[1]})", st.sampled_from("+-*/"), pair),
        st.builds(lambda a, power: f"({a})**{power}", inner, st.sampled_from(["2", "-0.5", "y"])),
        st.builds(lambda name, a: f"{name}({a})", st.sampled_from(["exp", "log", "sqrt"]), inner),
        st.builds(
            lambda name, ab: f"{name}({ab[0]}, {ab[1]})", st.sampled_from(["min", "max"]), pair
        ),
        st.builds(lambda a: f"-{a}", inner),
    )


formulas = st.recursive(atoms, _larger, max_leaves=8)


def reference(text: str, values: dict[str, float]) -> float:
    """Evaluate a formula as Python does; nan where it is not a finite real number."""
    try:
        found = eval(text, {"__builtins__": {}}, {**PYTHON, **values})
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):  # complex numbers, too
        return math.nan
    return float(found) if isinstance(found, int | float) and abs(found) < 1e100 else math.nan


@settings(SETTINGS, max_examples=200)
@given(formulas)
def test_a_formula_means_what_python_means_by_it(text: str) -> None:
    wanted = reference(text, NAMES)
    assume(math.isfinite(wanted))
    node = parse_formula(text)
    with np.errstate(all="ignore"):
        assert evaluate(node, NAMES) == pytest.approx(wanted, rel=1e-9, abs=1e-12)
        again = parse_formula(to_text(node))
        assert evaluate(again, NAMES) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@settings(SETTINGS, max_examples=200)
@given(formulas)
def test_a_derivative_is_the_limit_of_differences(text: str) -> None:
    def at(x: float) -> float:
        return reference(text, {**NAMES, "x": x})

    slopes = [(at(1.7 + step) - at(1.7 - step)) / (2 * step) for step in (1e-4, 5e-5)]
    assume(all(math.isfinite(slope) for slope in slopes))
    with np.errstate(all="ignore"):
        found = float(evaluate(derivative(parse_formula(text), "x"), NAMES))
    assume(math.isfinite(found))
    # Differences that do not settle are at a kink of min or max.
    assume(abs(slopes[0] - slopes[1]) <= 1e-5 * (1 + abs(slopes[1])))
    assert found == pytest.approx(slopes[1], rel=1e-3, abs=1e-5)


@settings(SETTINGS, max_examples=100)
@given(
    st.integers(1, 9999),
    st.sampled_from([("", 1.0), ("K", 1e3), ("M", 1e6), ("B", 1e9), ("T", 1e12)]),
    st.sampled_from(["", " "]),
    st.sampled_from(["params", "tokens"]),
)
def test_an_amount_is_read_in_its_unit(
    digits: int, unit: tuple[str, float], space: str, column: str
) -> None:
    name, factor = unit
    assert read_amount(f"{digits / 100:g}{space}{name}", column) == pytest.approx(
        digits / 100 * factor
    )


@settings(SETTINGS, max_examples=100)
@given(st.integers(1, 96), st.integers(1, 200), st.integers(1, 64))
def test_parameters_of_a_decoder_are_counted_by_matrix(depth: int, heads: int, per: int) -> None:
    width = heads * per
    found = count_params(width=width, depth=depth, vocabulary=0)
    assert found.params_nonembedding == 12 * depth * width**2
    assert training_flops(float(width), 3.0) == 18.0 * width


@settings(SETTINGS, max_examples=100)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.99), st.integers(2, 400))
def test_an_interval_holds_its_share(seed: int, probability: float, count: int) -> None:
    draws = np.random.default_rng(seed).lognormal(size=count)
    found = interval(draws, probability)
    inside = np.mean((draws >= found.lower) & (draws <= found.upper))
    assert abs(inside - probability) <= 2 / count + 1e-9
    assert found.lower <= found.median <= found.upper
    scaled = quantiles(7 * draws, probability)
    np.testing.assert_allclose(scaled, 7 * quantiles(draws, probability), rtol=1e-12)


@settings(SETTINGS, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5.0), st.floats(0.01, 0.5))
def test_scores_are_those_of_their_definitions(seed: int, observed: float, sd: float) -> None:
    draws = np.random.default_rng(seed).lognormal(0.0, sd, size=(2000, 1))
    found = score(draws, [observed])
    # CRPS = E|X - y| - E|X - X'| / 2, here over the 39 levels that a score is made of.
    q = np.quantile(draws[:, 0], LEVELS)
    wanted = np.abs(q - observed).mean() - np.abs(q[:, None] - q[None, :]).mean() / 2
    assert found["crps"] == pytest.approx(wanted / observed, rel=0.1, abs=0.02 * sd / observed)
    assert found["bias"] == pytest.approx(np.median(draws) / observed - 1)
    assert abs(found["bias"]) == pytest.approx(found["mare"])
    assert found["interval_score90"] >= found["width90"]
    by_scale = score_quantiles(3 * q[:, None], [3 * observed])
    assert by_scale["crps"] == pytest.approx(found["crps"], rel=1e-9)


@settings(SETTINGS, max_examples=12)
@given(st.floats(18.0, 26.0))
def test_no_split_of_a_grid_beats_the_chosen_one(log10_flops: float) -> None:
    flops = 10.0**log10_flops
    chosen = expected_split(LAW, flops)
    params = chosen.params * np.exp(np.linspace(-3, 3, 121))
    sizes = {"params": params, "tokens": flops / LAW.share / 6 / params}
    grid = LAW.at(sizes, LAW.draws[:, None]).mean(axis=0)
    assert chosen.loss.mean() <= grid.min() * (1 + 1e-6)
