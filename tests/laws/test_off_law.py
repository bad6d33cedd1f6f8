"""Runs above the law: the density of their deviations, in numpy and in PyMC, and its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayes_scaling.errors import InputError
from bayes_scaling.laws import Model, features, load_model, noise
from bayes_scaling.laws.density import log_law, log_likelihood
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.noise import noise_logpdf, off_logpdf, sample_excess
from bayes_scaling.laws.variants import with_features
from bayes_scaling.runs import RunTable
from tests.laws.tables import table

Array = NDArray[np.float64]
OWN = {
    "sigma": np.array(0.004),
    "nu": np.array(5.0),
    "p_off": np.array(0.3),
    "off_scale": np.array(0.03),
}


def potentials_at(model: Model, runs: RunTable, *, gradient: bool = False) -> tuple[Any, Any]:
    """Return the sum of the potentials (or its gradient) at a point, and the point as draws."""
    built = model.build(runs)
    rng = np.random.default_rng(0)
    point = {
        name: value + 0.3 * rng.standard_normal(value.shape)
        for name, value in built.initial_point().items()
    }
    variables = built.unobserved_value_vars
    density = (
        built.dlogp(jacobian=False)
        if gradient
        else built.logp(vars=built.potentials, jacobian=False)
    )
    found, *values = built.compile_fn([density, *variables], mode="FAST_COMPILE")(point)
    draws = {
        variable.name: np.asarray(value)[None]
        for variable, value in zip(variables, values, strict=True)
    }
    return found, draws


@pytest.mark.parametrize("scale", [0.001, 0.03, 1.0])
def test_the_density_is_one_whole(scale: float) -> None:
    own = {**OWN, "off_scale": np.array(scale)}
    places = np.sinh(np.linspace(-20, 20, 400_001)) * 1e-4
    density = np.exp(noise_logpdf("student_t", places, own))
    assert np.trapezoid(density, places) == pytest.approx(1, abs=1e-3)


def test_a_run_off_the_law_lies_above_it() -> None:
    below, above = off_logpdf(np.array([-0.03, 0.03]), OWN)
    assert above - below > 20
    upper = off_logpdf(np.array([0.1, 2.0]), OWN)
    half = np.log(2) + stats.cauchy.logpdf([0.1, 2.0], scale=0.03)
    np.testing.assert_allclose(upper, half, rtol=1e-12)


def test_excesses_are_drawn_as_often_and_as_large_as_they_are() -> None:
    found = sample_excess(OWN, (200_000,), np.random.default_rng(1))
    assert found.min() == 0.0
    assert np.mean(found > 0) == pytest.approx(0.3, abs=0.005)
    assert np.median(found[found > 0]) == pytest.approx(0.03, rel=0.03)
    none = sample_excess({"sigma": OWN["sigma"]}, (3,), np.random.default_rng(1))
    np.testing.assert_array_equal(none, 0)


@pytest.mark.slow
@pytest.mark.parametrize("temper", [0.0, 0.5])
def test_what_is_sampled_is_what_is_told(temper: float) -> None:
    model = load_model("chinchilla").with_features(mistuned=True, temper=temper)
    runs = table()
    above = runs["loss"] * np.geomspace(1, 9, len(runs))
    lifted = RunTable(columns={**runs.columns, "loss": above})
    for each in (runs, lifted):
        found, draws = potentials_at(model, each)
        design = make_design(model, each)
        wanted = (design.weights * log_likelihood(model, design, draws)).sum()
        assert float(found) == pytest.approx(wanted, rel=1e-7)
        slope, _ = potentials_at(model, each, gradient=True)
        assert np.isfinite(slope).all()


def test_deviations_along_a_run_are_those_of_a_process_that_forgets() -> None:
    model = load_model("chinchilla").with_features(correlated=True)
    tokens = np.array([1e8, 8e8, 2e8, 4e8, 3e8, 1.5e8])
    columns: dict[str, Any] = {
        "run": ["a", "a", "b", "a", "b", "c"],
        "params": tokens / 20,
        "tokens": tokens,
        "loss": 2 + (tokens / 1e8) ** -0.3,
    }
    runs = RunTable.from_columns(columns)
    found, draws = potentials_at(model, runs)
    design = make_design(model, runs)
    deviation = (np.log(design.response) - log_law(model, design, draws))[0]
    sigma, memory, nu = (float(draws[name][0]) for name in ("sigma", "memory", "nu"))
    wanted = 0.0
    for rows in ([0, 3, 1], [2, 4], [5]):
        standard, time = deviation[rows] / sigma, np.log(tokens[rows])
        wanted += stats.t.logpdf(standard[0], nu) - np.log(sigma)
        kept = np.exp(-np.diff(time) / memory)
        new = np.sqrt(1 - kept**2)
        innovation = (standard[1:] - kept * standard[:-1]) / new
        wanted += (stats.t.logpdf(innovation, nu) - np.log(sigma * new)).sum()
    assert float(found) == pytest.approx(wanted, rel=1e-9)


def test_rows_of_a_run_at_one_time_are_refused() -> None:
    tokens = np.array([1e8, 1e8, 2e8])
    named = {"run": np.array(["a", "a", "b"]), "family": np.array(["x"] * 3)}
    runs = RunTable(columns={**named, "params": tokens, "tokens": tokens, "loss": tokens / 1e8 + 1})
    model = load_model("chinchilla").with_features(correlated=True)
    with pytest.raises(InputError, match="several of run 'a' at tokens 1e\\+08"):
        make_design(model, runs)


@pytest.mark.parametrize(
    ("one", "other"),
    [("run_effect", "correlated"), ("run_effect", "mistuned"), ("correlated", "mistuned")],
)
def test_two_likelihoods_cannot_be_had_together(one: str, other: str) -> None:
    with pytest.raises(InputError, match=f"\\[{one}\\] and \\[{other}\\] cannot be had together"):
        with_features(load_model("chinchilla"), {one: True, other: True})


def test_the_scale_of_the_excess_is_its_median_as_the_parameter_says() -> None:
    every = {**OWN, "p_off": np.array(1.0)}
    found = sample_excess(every, (200_000,), np.random.default_rng(3))
    assert np.median(found) == pytest.approx(OWN["off_scale"], rel=0.02)
    assert "median excess" in noise.EXCESS_OFF.about
    assert "half-Cauchy" in (features.__doc__ or "")


def test_the_share_of_runs_off_the_law_weighs_their_density() -> None:
    given = {"sigma": 0.01, "nu": 5.0, noise.P_OFF: 0.1, noise.OFF_SCALE: 0.2}
    parameters = {name: np.array(value) for name, value in given.items()}
    for deviation in (np.array(0.0), np.array(0.3)):
        on = noise.on_logpdf("student_t", deviation, parameters)
        off = noise.off_logpdf(deviation, parameters)
        wanted = np.log(0.9 * np.exp(on) + 0.1 * np.exp(off))
        np.testing.assert_allclose(noise.noise_logpdf("student_t", deviation, parameters), wanted)
