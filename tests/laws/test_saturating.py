"""The saturating law of one input, for losses, error rates and perplexities."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.diagnostics import PRIOR_TAIL
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.runs import RunTable
from tests.synthetic import synthetic_fit

READS = {"saturating-m2": "tokens", "saturating-m2-n": "params", "saturating-m2-c": "flops"}


def curve(level: float, *, along: str = "tokens", runs: int = 14, seed: int = 0) -> RunTable:
    """Simulate one curve over three decades: f .4, alpha .3, noise .3 %."""
    sizes = np.geomspace(1e7, 1e10, runs)
    law = level * (0.4 + 0.6 * (sizes / np.sqrt(1e17)) ** -0.3)
    noise = 0.003 * np.random.default_rng(seed).standard_normal(runs)
    return RunTable.from_columns({along: sizes, "loss": law * np.exp(noise)})


@pytest.mark.parametrize(("name", "along"), READS.items())
def test_it_is_e_plus_a_power_of_one_input(name: str, along: str) -> None:
    model = load_model(name)
    assert model.inputs == (along,)
    references = {f"{along}_ref": 3e8}
    point = {"c": np.array(2.5), "f": np.array(0.6), "alpha": np.array(0.3)}
    derived = model.derive(point, references)
    assert derived["E"] == pytest.approx(1.5)
    for size in (1e6, 3e8, 1e12):
        found = model.predict(point, {along: np.array(size)}, references)
        assert found == pytest.approx(derived["E"] + derived["A"] * size**-0.3, rel=1e-12)
        assert found == pytest.approx(2.5 * (0.6 + 0.4 * (size / 3e8) ** -0.3), rel=1e-12)


def test_the_three_differ_only_in_what_they_read() -> None:
    first, *others = (load_model(name) for name in READS)
    for other in others:
        assert other.parameters == first.parameters
        assert other.base == "saturating-m2"


@pytest.mark.parametrize(("name", "along"), READS.items())
def test_a_table_of_one_size_and_losses_is_enough(name: str, along: str) -> None:
    design = make_design(load_model(name), curve(2.0, along=along))
    assert set(design.inputs) == {along}
    assert design.references == {f"{along}_ref": pytest.approx(np.sqrt(1e17))}
    assert design.warnings == ()


@pytest.mark.parametrize("level", [0.01, 0.3, 2.0, 40.0, 500.0])
def test_no_level_of_loss_is_at_odds_with_the_prior(level: float) -> None:
    below = float(load_model("saturating-m2").parameter("c").prior.cdf(level))
    assert 2 * min(below, 1 - below) > PRIOR_TAIL[1]


@pytest.mark.parametrize(("name", "along"), READS.items())
def test_how_far_a_forecast_lies_beyond_the_curve_is_known(name: str, along: str) -> None:
    fit = synthetic_fit(name)
    asked = np.e**2 * float(np.max(fit.runs[along]))
    forecast = fit.forecast({along: asked})
    assert forecast.extrapolation[along] == pytest.approx([2.0])
    assert forecast.rows()[0][f"efolds_{along}"] == pytest.approx(2.0)


@pytest.mark.slow
def test_error_rates_losses_and_perplexities_are_forecast_with_the_same_priors() -> None:
    for level in (0.02, 2.0, 200.0):
        fit = bs.fit("saturating-m2", curve(level), draws=500, tune=500, chains=2, random_seed=2)
        assert fit.trustworthy, fit.checks
        (row,) = fit.forecast({"tokens": 3e11}).rows()
        truth = level * (0.4 + 0.6 * (3e11 / np.sqrt(1e17)) ** -0.3)
        assert row["noise_free_lower"] < truth < row["noise_free_upper"]
        assert row["noise_free_upper"] / row["noise_free_lower"] < 1.3
