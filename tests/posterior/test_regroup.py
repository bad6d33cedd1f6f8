"""Fits made of a fit: another observed quantity, a group to come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws.read import read_model
from tests.synthetic import PLAIN, changed, synthetic_ensemble, synthetic_fit

FAMILIES = ("a", "b", "c")
SIZES: dict[str, Any] = {"params": 1e9, "tokens": 2e10}


@pytest.fixture(scope="module")
def fit() -> Fit:
    return synthetic_fit(families=FAMILIES)


def test_a_new_group_is_drawn_around_the_population(fit: Fit) -> None:
    spread = np.full(fit.draws["alpha_sd"].shape, 0.2)
    wider = changed(fit, draws={**fit.draws, "alpha_sd": spread})
    new = wider.with_new_group("d")
    assert new.groups == (*FAMILIES, "d")
    deviation = np.log(new.flat["alpha"][:, 3] / new.flat["alpha_population"])
    assert np.std(deviation) == pytest.approx(0.2, rel=0.15)
    assert abs(np.mean(deviation)) < 0.05
    np.testing.assert_array_equal(new.flat["alpha"][:, :3], fit.flat["alpha"])
    np.testing.assert_array_equal(new.flat["nu"], fit.flat["nu"])


def test_what_each_group_has_for_itself_comes_from_its_prior(fit: Fit) -> None:
    new = fit.with_new_group("d")
    prior = fit.model.parameter("c").prior
    ends = np.quantile(new.flat["c"][:, 3], [0.25, 0.75])
    np.testing.assert_allclose(prior.cdf(ends), [0.25, 0.75], atol=0.08)
    derived = fit.model.derive(
        {name: new.flat[name][:, 3] for name in ("c", "f_shift", "m", "alpha", "beta")},
        fit.references,
    )
    np.testing.assert_allclose(new.flat["A"][:, 3], derived["A"])


def test_a_new_group_is_forecast_and_allocated_like_any_other(fit: Fit) -> None:
    new = fit.with_new_group("d")
    known = new.forecast({**SIZES, "family": "a"})
    unknown = new.forecast({**SIZES, "family": "d"})
    assert np.ptp(np.log(unknown.draws)) > 3 * np.ptp(np.log(known.draws))
    assert np.isfinite(unknown.extrapolation["params"]).all()
    split = new.allocate(flops=1e22, family="d")
    assert np.isfinite(split.params).mean() > 0.95
    again = fit.with_new_group("d").forecast({**SIZES, "family": "d"})
    np.testing.assert_array_equal(again.draws, unknown.draws)
    summary = new.summary()
    assert np.isnan(summary.loc["alpha[d]", "r_hat"])


def test_an_ensemble_adds_the_group_to_every_member() -> None:
    mixed = synthetic_ensemble(families=FAMILIES).with_new_group("d")
    assert all(member.groups[-1] == "d" for member in mixed.members.values())


@pytest.mark.parametrize("label", ["a", "", {"corpus": "x"}])
def test_a_group_that_is_not_new_or_not_named_is_refused(fit: Fit, label: Any) -> None:
    with pytest.raises(InputError, match=r"new group|in the fit"):
        fit.with_new_group(label)


def test_one_group_knows_no_population() -> None:
    with pytest.raises(InputError, match="a population needs several"):
        synthetic_fit().with_new_group("d")


def test_an_unknown_group_says_how_to_ask_for_a_new_one(fit: Fit) -> None:
    with pytest.raises(InputError, match="with_new_group"):
        fit.forecast({**SIZES, "family": "z"})


def test_a_fit_of_another_quantity_forecasts_that_one() -> None:
    plain = synthetic_fit()
    model = read_model(
        {
            **PLAIN,
            "id": "two",
            "likelihood": [{"response": "steps", "formula": "tokens / 1e6 * E"}],
        }
    )
    rng = np.random.default_rng(0)
    shape = plain.draws["sigma"].shape
    draws = {
        **{name: np.full(shape, 0.5) for name in ("a", "b", "alpha", "beta")},
        "E": np.full(shape, 2.0),
        "sigma": plain.draws["sigma"],
        "sigma_steps": np.exp(rng.normal(-3, 0.01, shape)),
        "nu": plain.draws["nu"],
    }
    two = changed(plain, model=model, draws=draws)
    steps = two.of("steps").forecast({"tokens": 3e9})
    np.testing.assert_allclose(steps.noise_free, 6000.0)
    spread = np.std(np.log(steps.draws / steps.noise_free))
    assert 0.04 < spread < 0.09, "the noise is that of steps, not of the loss"
    assert two.of("loss") is two
