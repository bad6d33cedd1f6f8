"""Priors: reading, densities, quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.laws.density import bounded, unbounded
from bayes_scaling.laws.priors import DISTRIBUTIONS, Scale, read_prior

EXAMPLES = {
    "LogNormal": {"mu": -1.0, "sigma": 0.5},
    "HalfNormal": {"sigma": 0.3},
    "Exponential": {"lam": 2.0},
    "Gamma": {"alpha": 2.0, "beta": 0.5},
    "Beta": {"alpha": 2.0, "beta": 3.0},
    "Normal": {"mu": -0.4, "sigma": 0.4},
    "StudentT": {"nu": 4.0, "mu": 0.1, "sigma": 0.2},
}


@pytest.mark.parametrize("dist", DISTRIBUTIONS)
def test_quantiles_invert_the_distribution_function(dist: str) -> None:
    prior = read_prior({"dist": dist, **EXAMPLES[dist]}, where="test")
    probability = np.array([0.01, 0.3, 0.5, 0.99])
    np.testing.assert_allclose(prior.cdf(prior.quantile(probability)), probability, rtol=1e-9)


@pytest.mark.parametrize("dist", DISTRIBUTIONS)
def test_draws_and_variance_are_those_of_the_distribution(dist: str) -> None:
    prior = read_prior({"dist": dist, **EXAMPLES[dist]}, where="test")
    draws = prior.sample((3, 20_000), np.random.default_rng(4))
    assert draws.shape == (3, 20_000)
    below = [np.mean(draws <= prior.quantile(p)) for p in (0.05, 0.5, 0.95)]
    np.testing.assert_allclose(below, [0.05, 0.5, 0.95], atol=0.01)
    assert prior.variance() == pytest.approx(prior.frozen().var())


@pytest.mark.parametrize("dist", DISTRIBUTIONS)
def test_density_is_that_of_pymc(dist: str) -> None:
    import pymc as pm

    prior = read_prior({"dist": dist, **EXAMPLES[dist]}, where="test")
    value = float(prior.quantile(0.7))
    # Without a type of their own, round numbers such as 2.0 become constants of 32 bits.
    given = {name: np.float64(number) for name, number in EXAMPLES[dist].items()}
    density = pm.logp(getattr(pm, dist).dist(**given), np.float64(value))
    wanted = density.eval(mode="FAST_COMPILE")
    np.testing.assert_allclose(prior.logpdf(value), wanted, rtol=1e-10)


def test_draws_have_the_quantiles_of_the_prior() -> None:
    prior = read_prior({"dist": "LogNormal", "mu": -1.0, "sigma": 0.5}, where="test")
    draws = prior.sample(4000, np.random.default_rng(1))
    assert np.mean(draws < prior.quantile(0.2)) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("scale", ["log", "logit", "identity"])
def test_unbounded_scale_and_back(scale: Scale) -> None:
    value = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(bounded(unbounded(value, scale), scale), value, rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        ("LogNormal", ["table with 'dist'"]),
        ({"mu": 1.0}, ["table with 'dist'"]),
        ({"dist": "LogNorm"}, ["'LogNormal'"]),
        ({"dist": "LogNormal", "mu": 1.0}, ["needs sigma"]),
        ({"dist": "Normal", "sigma": -1, "mean": 2}, ["no argument 'mean'", "needs mu", "above 0"]),
        ({"dist": "Normal", "mu": float("nan"), "sigma": 1}, ["finite"]),
        ({"dist": "Normal", "mu": "a", "sigma": True}, ["needs mu", "needs sigma"]),
    ],
)
def test_every_problem_of_a_prior_is_named(given: Any, messages: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_prior(given, where="here")
    for message in messages:
        assert message in str(caught.value)
