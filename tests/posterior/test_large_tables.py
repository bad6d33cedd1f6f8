"""Many runs: the space that is sampled is another, the posterior the same."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.target import make_target
from bayes_scaling.posterior import densities
from bayes_scaling.posterior.large_tables import ACCEPT, DRAWS, MANY, TUNE, framed
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.tree import make_tree
from bayes_scaling.runs import RunTable

MODEL = load_model("chinchilla")


def many(count: int) -> RunTable:
    rng = np.random.default_rng(0)
    params = np.exp(rng.uniform(np.log(1e7), np.log(1e10), count))
    tokens = params * np.exp(rng.uniform(1, 5, count))
    loss = 1.8 + 480 / params**0.35 + 2100 / tokens**0.37
    loss = loss * np.exp(0.01 * rng.standard_t(5, count))
    return RunTable.from_columns({"params": params, "tokens": tokens, "loss": loss})


def test_settings_are_shortened_for_many_runs_only() -> None:
    settings = Settings(draws=1000, tune=800, target_accept=0.95)
    assert settings.for_runs(MANY - 1) == settings
    short = settings.for_runs(MANY)
    assert (short.draws, short.tune, short.target_accept) == (DRAWS, TUNE, ACCEPT)
    assert Settings(draws=60, tune=60).for_runs(MANY).draws == 60


def test_the_frame_stands_at_the_mode_and_is_as_wide_as_the_posterior() -> None:
    design = make_design(MODEL, many(4000))
    target = make_target(MODEL, design)
    found = framed(target, design)
    assert found is not None
    origin, axes = found.frame[0], found.frame[1:]
    value, slopes = found.density(np.zeros(origin.size))
    assert value == pytest.approx(target.density(origin)[0], rel=1e-12)
    np.testing.assert_allclose(slopes, 0, atol=1e-3)
    # A standard deviation along any axis costs half a nat.
    for axis in np.eye(origin.size):
        fall = value - (found.density(axis)[0] + found.density(-axis)[0]) / 2
        assert fall == pytest.approx(0.5, rel=0.1)
        moved = target.density(origin + axis @ axes)
        assert found.density(axis)[0] == pytest.approx(moved[0], rel=1e-12)
        np.testing.assert_allclose(found.density(axis)[1], axes @ moved[1], rtol=1e-8, atol=1e-8)


@pytest.mark.slow
def test_the_posterior_is_that_of_ordinary_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = many(3000)
    plain = bs.fit(MODEL, runs, random_seed=1)
    monkeypatch.setattr(densities, "MANY", 1000)
    found = bs.fit(MODEL, runs, random_seed=2)
    for name, draws in plain.draws.items():
        one, other = plain.mixing[name], found.mixing[name]
        error = draws.std() * np.hypot(1 / np.sqrt(one.ess), 1 / np.sqrt(other.ess))
        assert abs(draws.mean() - found.draws[name].mean()) < 4 * error, name
        assert found.draws[name].std() == pytest.approx(draws.std(), rel=0.15), name
    assert found.stats["n_steps"].mean() < plain.stats["n_steps"].mean() + 1


@pytest.mark.slow
def test_a_large_table_is_said_and_its_tree_stays_small() -> None:
    fit = bs.fit(MODEL, many(MANY + 6000), random_seed=1)
    assert fit.status == "converged"
    said = next(check for check in fit.checks if check.name == "many runs")
    assert said.evidence.startswith(f"{MANY + 6000:,} runs, so 4 x {DRAWS} draws")
    assert "log_likelihood" not in make_tree(fit.only).children
    truth = {"alpha": 0.35, "beta": 0.37}
    for name, value in truth.items():
        assert abs(np.median(fit.draws[name]) - value) < 5 * fit.draws[name].std()
