"""The walk of an exponent: anchored, monotone, smooth, the same in PyTensor, going on beyond."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from bayes_scaling.laws import build, load_model
from bayes_scaling.laws.density import effective_sizes
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import (
    BEYOND,
    CENTRING,
    KNOTS,
    REACH,
    Walk,
    layout,
    steps_logpdf,
    steps_name,
    walk,
)
from tests.laws.tables import table

Array = NDArray[np.float64]

DRAWS = 40
REFERENCES = {"tokens_ref": 3e9, "tokens_low": 2e8, "tokens_high": 7e10}
LOW, HIGH = (float(np.log(REFERENCES[f"tokens_{end}"] / 3e9)) for end in ("low", "high"))
EVERY = np.arange(DRAWS)[:, None]


def make_walk(tau: float = 0.3, seed: int = 0, references: dict[str, float] = REFERENCES) -> Walk:
    rng = np.random.default_rng(seed)
    return walk(
        "tokens",
        references,
        tau * np.exp(0.2 * rng.standard_normal(DRAWS)),
        rng.standard_normal((DRAWS, KNOTS - 1)),
        rng.standard_normal((2, DRAWS, REACH)),
    )


def slopes(found: Walk, x: Array) -> Array:
    """Local slopes (n_draws, n_x)."""
    return np.stack([found.slope_at(float(value)) for value in x], axis=1)


# ---- what it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [0.05, 0.3, 1.0])
def test_at_the_reference_the_size_is_its_own_and_the_slope_one(tau: float) -> None:
    found = make_walk(tau)
    np.testing.assert_allclose(found.at(np.zeros(1), EVERY), 0.0, atol=1e-6)
    step = 1e-6
    rise = (found.at(np.array([step]), EVERY) - found.at(np.array([-step]), EVERY)) / (2 * step)
    # The anchor interpolates the log of the slope, the walk the slope: equal at a knot, and within
    # the square of a step of the walk between two.
    np.testing.assert_allclose(rise[:, 0], found.slope_at(0.0), rtol=1e-6)
    spacing = layout("tokens", REFERENCES).spacing
    assert np.all(np.abs(np.log(found.slope_at(0.0))) < (3 * tau) ** 2 * spacing)


def test_the_slope_is_exactly_one_where_the_reference_is_a_knot() -> None:
    middle = {**REFERENCES, "tokens_ref": float(np.sqrt(2e8 * 7e10))}
    np.testing.assert_allclose(make_walk(1.0, references=middle).slope_at(0.0), 1.0, rtol=1e-12)


@pytest.mark.parametrize("tau", [0.05, 0.3, 1.0])
def test_bigger_is_never_worse(tau: float) -> None:
    x = np.linspace(LOW - 60, HIGH + 60, 3001)
    found = make_walk(tau).at(x, EVERY)
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=1) > 0).all()


def test_it_is_the_integral_of_its_slope() -> None:
    found = make_walk()
    for end in (LOW - 55, LOW - 3.3, LOW / 2, HIGH / 3, HIGH, HIGH + 4.7, HIGH + 55):
        x = np.linspace(0, end, 40001)
        for draw in (0, 7, DRAWS - 1):
            interpolated = np.interp(x, found.knots, found.slope[draw])
            wanted = np.trapezoid(interpolated, x)
            assert found.at(np.array([end]), np.array([draw])) == pytest.approx(wanted, rel=1e-6)
            assert found.slope_at(end)[draw] == pytest.approx(interpolated[-1], rel=1e-9)


def test_it_is_continuous_with_a_continuous_slope() -> None:
    found = make_walk()
    for knot in found.knots[1:-1]:
        sides = np.array([knot - 1e-9, knot + 1e-9])
        values = found.at(sides, EVERY)
        np.testing.assert_allclose(values[:, 0], values[:, 1], atol=1e-6)
        steep = slopes(found, sides)
        np.testing.assert_allclose(steep[:, 0], steep[:, 1], rtol=1e-6)


def test_without_drift_a_size_is_its_own_effective_size() -> None:
    x = np.linspace(LOW - 20, HIGH + 20, 200)
    np.testing.assert_allclose(make_walk(1e-9).at(x, EVERY), np.tile(x, (DRAWS, 1)), atol=1e-6)


def test_each_size_may_be_asked_under_its_own_draw() -> None:
    found, x = make_walk(), np.linspace(LOW, HIGH + 9, DRAWS)
    together = found.at(x, np.arange(DRAWS))
    np.testing.assert_array_equal(together, np.diagonal(found.at(x, EVERY)))


def test_steps_are_independent_standard_normals() -> None:
    steps = np.random.default_rng(5).standard_normal((3, KNOTS - 1))
    wanted = norm.logpdf(steps).sum(axis=1)
    np.testing.assert_allclose(steps_logpdf(steps), wanted, rtol=1e-12)


# ---- the same in PyTensor ------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [pytest.param("all sizes", marks=pytest.mark.slow), "one size"])
def test_pytensor_reads_the_same_effective_sizes(inside: str) -> None:
    model = load_model("kaplan-d").with_features(drift=True)
    design = make_design(model, table())
    if inside == "one size":
        same = {name: 4e9 for name in ("tokens_ref", "tokens_low", "tokens_high")}
        tokens = np.full_like(design.inputs["tokens"], 4e9)
        design = replace(design, inputs={"tokens": tokens}, references=same)
    tau, steps = np.array([0.4]), np.random.default_rng(3).standard_normal((1, KNOTS - 1))
    with pm.Model() as built:
        ratio = build._effective_size("tokens", tau[0], build.model_data(model, design))
    found = ratio.eval({built[steps_name("tokens")]: steps[0] * tau**CENTRING})
    walks = {"tokens": walk("tokens", design.references, tau, steps, np.zeros((2, 1, REACH)))}
    wanted = effective_sizes(walks, design.inputs, design.references, np.zeros((1, 1), np.int64))
    reference = design.references["tokens_ref"]
    np.testing.assert_allclose(reference * found, wanted["tokens_effective"][0], rtol=1e-10)


# ---- beyond the runs -----------------------------------------------------------------------------


def test_steps_inside_and_beyond_belong_to_their_places() -> None:
    """Other fresh steps change nothing inside, and everything beyond either end."""
    rng = np.random.default_rng(1)
    tau, steps = np.full(DRAWS, 0.3), rng.standard_normal((DRAWS, KNOTS - 1))
    one, other = (
        walk("tokens", REFERENCES, tau, steps, rng.standard_normal((2, DRAWS, REACH)))
        for _ in range(2)
    )
    inside = np.linspace(LOW, HIGH, 50)
    np.testing.assert_allclose(one.at(inside, EVERY), other.at(inside, EVERY), rtol=1e-12)
    for far in (LOW - 5, HIGH + 5):
        assert (one.slope_at(far) != other.slope_at(far)).all()


def test_the_slope_wanders_by_tau_per_root_efold_beyond_the_runs() -> None:
    rng = np.random.default_rng(2)
    count, tau = 4000, 0.2
    found = walk(
        "tokens",
        REFERENCES,
        np.full(count, tau),
        np.zeros((count, KNOTS - 1)),
        rng.standard_normal((2, count, REACH)),
    )
    for efolds in (1, 4, 16):
        place = efolds * BEYOND
        wanted = tau * np.sqrt(place)
        for far in (HIGH + place, LOW - place):
            assert np.std(np.log(found.slope_at(far))) == pytest.approx(wanted, rel=0.05)
    widths = [np.std(found.at(np.array([HIGH + far]), np.arange(count))) for far in (1, 2, 4, 8)]
    assert (np.diff(np.log(widths)) > np.log(2)).all(), "wider, and faster than the distance"


def test_at_the_end_of_the_walk_the_slope_stays_what_it_is() -> None:
    found = make_walk()
    end = HIGH + REACH * BEYOND
    np.testing.assert_array_equal(found.slope_at(end), found.slope_at(end + 30))
    rise = found.at(np.array([end + 30.0]), EVERY) - found.at(np.array([end]), EVERY)
    np.testing.assert_allclose(rise[:, 0], 30 * found.slope_at(end), rtol=1e-9)


# ---- odd tables ----------------------------------------------------------------------------------


def test_an_input_that_never_varies_does_not_blow_up() -> None:
    """Its knots lie on top of each other: nothing drifts inside, and beyond all is as ever."""
    constant = {f"tokens_{end}": 3e9 for end in ("ref", "low", "high")}
    found = make_walk(0.5, references=constant)
    np.testing.assert_allclose(found.at(np.zeros(1), EVERY), 0.0, atol=1e-5)
    np.testing.assert_allclose(found.slope_at(0.0), 1.0, rtol=0.01)
    far = found.at(np.array([-8.0, 8.0]), EVERY)
    assert np.isfinite(far).all()
    assert 0.5 < np.median(far[:, 1] / 8) < 2
    placed = layout("tokens", constant)
    assert np.isfinite(placed.integrals(np.linspace(-1, 1, 5))).all()
    assert placed.anchor.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("at", [2e8, 7e10, 5e9])
def test_the_anchor_takes_what_a_line_is_at_the_reference(at: float) -> None:
    placed = layout("tokens", {**REFERENCES, "tokens_ref": at})
    assert placed.anchor.sum() == pytest.approx(1.0)
    assert placed.anchor @ (3.0 + 2.0 * placed.knots) == pytest.approx(3.0)


def test_very_large_tau_gives_numbers() -> None:
    found = make_walk(4.0)
    assert np.isfinite(found.at(np.array([LOW - 30, HIGH + 30]), EVERY)).all()
