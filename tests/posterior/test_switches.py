"""Drift, transient and tempering switched on in `fit`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior.sampler import Settings
from tests.posterior.densities import log_posterior
from tests.synthetic import synthetic_runs


def test_switches_go_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def record(model: Model, *_: Any, **__: Any) -> None:
        seen.append(model)
        raise KeyboardInterrupt

    monkeypatch.setattr("bayes_scaling.posterior.fit_model.sample", record)
    runs = synthetic_runs(load_model("chinchilla"))
    switches: tuple[dict[str, Any], ...] = (
        {}, {"drift": True}, {"transient": True}, {"temper": 0.5}, {"temper": 0},
    )  # fmt: skip
    for switch in switches:
        with pytest.raises(KeyboardInterrupt):
            bs.fit("chinchilla", runs, **switch)
    plain = load_model("chinchilla")
    assert seen == [plain.with_features(**switch) for switch in switches]
    with pytest.raises(KeyboardInterrupt):
        bs.fit("coupled-drift-tempered", runs, drift=False, temper=0)
    assert (seen[-1].features, seen[-1].temper) == (("transient",), None)


def test_a_bad_switch_is_refused_before_sampling() -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    with pytest.raises(InputError, match="temper is a length above 0, or 0 for none; got -1"):
        bs.fit("chinchilla", runs, temper=-1)


@pytest.mark.slow
def test_what_was_sampled_with_all_features_is_prior_times_tempered_likelihood() -> None:
    runs = synthetic_runs(load_model("saturating-m2"))
    fit = bs.fit(
        "saturating-m2", runs, drift=True, transient=True, temper=0.7, draws=200, tune=300,
        chains=2, random_seed=3,
    )  # fmt: skip
    np.testing.assert_allclose(fit.stats["logp"].ravel(), log_posterior(fit), atol=1e-4)
    assert fit.steps["tokens"].shape == (2, 200, 6)
    assert "slope_tokens" in fit.mixing
    assert {check.name for check in fit.checks} >= {"tempering"}
    again = bs.fit(fit.model, runs, draws=200, tune=300, chains=2, random_seed=3)
    np.testing.assert_array_equal(again.steps["tokens"], fit.steps["tokens"])
    one, other = (
        item.accept_unconverged().forecast({"tokens": 1e14}).draws for item in (fit, again)
    )
    np.testing.assert_array_equal(one, other)


def test_draws_that_no_machine_holds_are_refused() -> None:
    settings = Settings(draws=10**9, tune=10**12, chains=10**5)
    with pytest.raises(InputError, match="tune must be a whole number of at least 50 and at most"):
        settings.check()
