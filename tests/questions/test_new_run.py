"""Noise of runs to come: what one is dealt depends on nothing else that is asked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from bayes_scaling.laws.noise import FARTHEST, noise_quantile
from bayes_scaling.questions.new_run import dealt
from tests.synthetic import synthetic_ensemble, synthetic_fit

ONE = {"params": 7e9, "tokens": 1.4e11}


def test_every_block_of_draws_gets_even_probabilities() -> None:
    values = np.random.default_rng(1).normal(size=1000)
    found = dealt(values, np.random.default_rng(2))
    assert ((found > 0) & (found < 1)).all()
    assert stats.kstest(found, "uniform").statistic < 0.02
    low, high = found[values < -0.5], found[values > 0.5]
    for part in (low, high):
        assert stats.kstest(part, "uniform").statistic < 0.05
    assert dealt(values[:7], np.random.default_rng(2)).size == 7


def test_quantiles_of_noise_are_those_of_its_distribution() -> None:
    shares = np.array([1e-9, 0.05, 0.5, 0.99])
    own = {"sigma": np.array(0.02), "nu": np.array(3.0)}
    rng = np.random.default_rng(1)
    found = noise_quantile("student_t", shares, own, rng)
    np.testing.assert_allclose(found, np.maximum(0.02 * stats.t(3).ppf(shares), -50))
    found = noise_quantile("normal", shares, own, rng)
    np.testing.assert_allclose(found, 0.02 * stats.norm.ppf(shares))
    heavy = noise_quantile("student_t", shares, {"sigma": np.array(1.0), "nu": np.array(0.05)}, rng)
    assert (np.abs(heavy) <= FARTHEST).all()


def test_a_run_is_forecast_the_same_alone_and_among_others() -> None:
    for fit in (synthetic_fit(), synthetic_ensemble("coupled", "chinchilla")):
        alone = fit.forecast(ONE).draws[:, 0]
        sizes = {name: [0.5 * value, value, 2 * value] for name, value in ONE.items()}
        np.testing.assert_array_equal(fit.forecast(sizes).draws[:, 1], alone)
        twice = fit.forecast({name: [value] * 2 for name, value in ONE.items()}).draws
        np.testing.assert_array_equal(twice[:, 0], alone)
        noise = np.log(twice / fit.forecast(ONE).noise_free)
        assert abs(stats.spearmanr(noise[:, 0], noise[:, 1]).statistic) < 0.1


@pytest.mark.parametrize("level", [0.05, 0.5, 0.95])
def test_quantiles_are_near_those_of_the_mixture_of_t_distributions(level: float) -> None:
    fit = synthetic_fit(draws=400)
    found = fit.forecast(ONE)
    law, sigma, nu = (np.log(found.noise_free[:, 0]), fit.flat["sigma"], fit.flat["nu"])

    def beyond(value: float) -> float:
        return float(stats.t.cdf((value - law) / sigma, nu).mean() - level)

    exact = optimize.brentq(beyond, law.min() - 1, law.max() + 1)
    spread = np.log(found.draws[:, 0]).std()
    assert np.log(np.quantile(found.draws[:, 0], level)) == pytest.approx(exact, abs=0.03 * spread)
