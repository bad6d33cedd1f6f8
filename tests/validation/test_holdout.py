"""Forecasts of one split: draws, densities of a fit and of a mixture, what is kept of fits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayes_scaling import scores
from bayes_scaling.fitting import ensemble_of
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.validation.holdout import Task, forecast_targets, member_log_density
from bayes_scaling.validation.split import Split, make_splits
from tests.synthetic import UNCONVERGED, changed, synthetic_fit
from tests.validation.oracle import Oracle, simulated


@pytest.fixture
def split() -> Split:
    runs = simulated()
    return make_splits(runs, runs["flops"] <= 2e20, runs["flops"] > 2e20, by=None)[0]


def task(split: Split, *names: str) -> Task:
    models = tuple(load_model(name) for name in names) or None
    return Task(split=split, models=models, settings=Settings(random_seed=4))


def test_quantiles_are_those_of_the_forecast(oracle: Oracle, split: Split) -> None:
    found = forecast_targets(task(split, "chinchilla"))
    made = oracle.fit(load_model("chinchilla"), split.fitted, random_seed=4)
    draws = made.forecast(split.sizes).draws
    assert found.quantiles == pytest.approx(np.quantile(draws, scores.LEVELS, axis=0))
    assert found.pit == pytest.approx(np.mean(draws < split.observed, axis=0))
    assert found.status == "converged"


def test_log_density_is_that_of_scipy(split: Split) -> None:
    fit = synthetic_fit()
    found = member_log_density(fit.only, fit.forecast(split.sizes), split.observed)
    law = fit.forecast(split.sizes).noise_free
    density = stats.t.pdf(
        (np.log(split.observed) - np.log(law)) / fit.flat["sigma"][:, None], fit.flat["nu"][:, None]
    )
    density = density / fit.flat["sigma"][:, None] / split.observed
    assert found == pytest.approx(np.log(density.mean(axis=0)))


def test_density_of_an_ensemble_is_the_weighted_mean(
    split: Split, monkeypatch: pytest.MonkeyPatch, oracle: Oracle
) -> None:
    fits = [
        oracle.fit(load_model(name), split.fitted, random_seed=seed)
        for name, seed in (("chinchilla", 1), ("coupled", 2))
    ]
    averaged = ensemble_of(fits, weights={"chinchilla": 3, "coupled": 1})
    monkeypatch.setattr("bayes_scaling.validation.tasks.fit", lambda *_, **__: averaged)
    found = forecast_targets(task(split))
    one, two = (
        member_log_density(fit.only, fit.forecast(split.sizes), split.observed) for fit in fits
    )
    assert found.log_density == pytest.approx(np.log(0.75 * np.exp(one) + 0.25 * np.exp(two)))
    assert [(row["model"], row["weight"]) for row in found.members] == [
        ("chinchilla", 0.75),
        ("coupled", 0.25),
    ]


def test_what_is_kept_of_a_fit(oracle: Oracle, split: Split) -> None:
    (row,) = forecast_targets(task(split, "chinchilla")).members
    assert row == {
        "model": "chinchilla",
        "weight": 1.0,
        "status": "converged",
        "divergent": 0.01,
        "compile_seconds": 2.5,
        "sample_seconds": 0.5,
    }


def test_members_left_out_are_told(
    split: Split, monkeypatch: pytest.MonkeyPatch, oracle: Oracle
) -> None:
    fits = [
        oracle.fit(load_model(name), split.fitted, random_seed=1)
        for name in ("chinchilla", "coupled")
    ]
    averaged = ensemble_of([fits[0], changed(fits[1], checks=UNCONVERGED)])
    monkeypatch.setattr("bayes_scaling.validation.tasks.fit", lambda *_, **__: averaged)
    found = forecast_targets(task(split))
    assert found.status == "converged"
    assert found.members[1]["weight"] == 0
    assert found.members[1]["status"].startswith("left out: it did not converge (R-hat")
