"""A smaller run made first: what it tells, by hand and against sampling, and what that is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import logit

import bayes_scaling as bs
from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import ensemble_of
from bayes_scaling.laws import load_model
from bayes_scaling.laws.noise import ITEM_SD, UNTOLD, item_sd, noise_logpdf
from bayes_scaling.laws.nominal import nominal_runs
from bayes_scaling.laws.shares import of_shares
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.questions.stage_gate import stage_gate
from tests.synthetic import UNCONVERGED, changed, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit(draws=500, spread=0.05)
FLOPS = 1e23
NOW = FIT.risk(flops=FLOPS)
TARGET = float(np.quantile(NOW.forecast.draws, 0.5))
RIG = bs.Rig(price=2.0)
PRICE = RIG.money(FLOPS) or 0.0


def test_the_chance_is_that_of_risk_and_is_kept_on_average() -> None:
    found = FIT.stage_gate(FLOPS, TARGET)
    known = float(FIT.risk(flops=FLOPS, target_loss=TARGET).chance[0])
    assert found.chance == pytest.approx(known, abs=0.03)
    assert found.chances.mean() == pytest.approx(found.chance, abs=0.02)
    assert found.forecast.plan.columns["flops"] == pytest.approx([0.1 * FLOPS, FLOPS])


def test_a_run_that_says_all_settles_the_matter() -> None:
    near, far = (FIT.stage_gate(FLOPS, TARGET, share=share) for share in (0.9, 1e-6))
    assert near.widths.mean() < far.widths.mean()
    assert np.std(near.chances) > 0.3
    assert np.std(far.chances) < np.std(near.chances)
    row = near.rows()[0]
    assert row["width_after"] < 0.6 * row["width"]
    assert "changes the decision" in repr(near)


def test_weights_are_those_of_conditioning_by_hand() -> None:
    found = FIT.stage_gate(FLOPS, TARGET)
    small, big = found.forecast.draws.T
    # the lowest outcomes of the smaller run go with the big runs beside it
    close = np.abs(np.log(small / np.quantile(small, 0.05))) < 0.002
    assert found.chances[:20].mean() == pytest.approx(np.mean(big[close] <= TARGET), abs=0.12)


def test_outcomes_weigh_draws_by_the_noise_of_each() -> None:
    sigma = np.where(np.arange(500) % 2, 0.002, 0.03)
    fit = changed(FIT, draws={**FIT.draws, "sigma": np.broadcast_to(sigma, (4, 500))})
    found = fit.stage_gate(FLOPS, TARGET)
    first, law = (np.log(part[:, 0]) for part in (found.forecast.draws, found.forecast.noise_free))
    outcomes = np.log(np.quantile(np.exp(first), (np.arange(200) + 0.5) / 200))
    density = stats.t.pdf(outcomes[:, None], fit.flat["nu"], law, fit.flat["sigma"])
    expected = density @ (found.forecast.draws[:, 1] <= TARGET) / density.sum(axis=1)
    np.testing.assert_allclose(found.chances, expected, rtol=1e-9)


def test_members_of_an_ensemble_weigh_outcomes_by_their_own_noise() -> None:
    quiet, loud = synthetic_ensemble("chinchilla", "coupled").members.values()
    loud = changed(loud, draws={**loud.draws, "sigma": 20 * loud.draws["sigma"]})
    found = ensemble_of([quiet, loud], weights={"chinchilla": 0.5, "coupled": 0.5}).stage_gate(
        FLOPS, TARGET
    )
    first, law = (np.log(part[:, 0]) for part in (found.forecast.draws, found.forecast.noise_free))
    nu, sigma = (
        np.concatenate([fit.flat[name] for fit in (quiet, loud)]) for name in ("nu", "sigma")
    )
    outcomes = np.log(np.quantile(np.exp(first), (np.arange(200) + 0.5) / 200))
    density = stats.t.pdf(outcomes[:, None], nu, law, sigma)
    expected = density @ (found.forecast.draws[:, 1] <= TARGET) / density.sum(axis=1)
    np.testing.assert_allclose(found.chances, expected, rtol=1e-9)


@pytest.mark.parametrize("probability", [0.5, 0.9])
def test_the_interval_of_the_chance_is_the_one_it_is_called(probability: float) -> None:
    found = FIT.stage_gate(FLOPS, TARGET, probability=probability)
    row = found.rows()[0]
    ends = np.quantile(found.chances, [0.5 - probability / 2, 0.5 + probability / 2])
    assert [row["chance_after_lower"], row["chance_after_upper"]] == pytest.approx(ends)


def test_what_it_tells_is_worth_no_more_than_knowing_all() -> None:
    value = 2 * PRICE
    found = FIT.stage_gate(FLOPS, TARGET, rig=RIG, value=value)
    row = found.rows()[0]
    assert found.go_from == pytest.approx(0.5)
    hit = found.forecast.draws[:, 1] <= TARGET
    perfect = hit.mean() * (value - PRICE) - max(0.0, hit.mean() * value - PRICE)
    assert -1e-9 * PRICE <= row["value_of_first"] <= perfect + 0.02 * value
    assert row["gain_of_first"] == pytest.approx(row["value_of_first"] - row["first_money"])
    assert 0 < found.changes < 1
    sure = FIT.stage_gate(FLOPS, TARGET, rig=RIG, value=1e6 * PRICE)
    assert sure.changes == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("share", [0.01, 0.1])
def test_what_changes_no_decision_is_worth_nothing_at_any_value(level: float, share: float) -> None:
    target = float(np.quantile(NOW.forecast.draws, level))
    value = 1e12 * PRICE  # so high that the big run is made after every outcome
    found = FIT.stage_gate(FLOPS, target, share=share, rig=RIG, value=value)
    row = found.rows()[0]
    assert found.chances.min() > found.go_from
    assert row["changes_decision"] == 0.0
    assert row["value_of_first"] == 0.0
    assert row["gain_of_first"] == -row["first_money"]
    assert row["verdict"].startswith("not worth it")
    shown = FIT.risk(flops=FLOPS, target_loss=target, rig=RIG, value=value)
    assert "a smaller run first    not worth it" in repr(shown)


def test_what_is_told_is_worth_what_other_decisions_gain() -> None:
    found = changed(
        FIT.stage_gate(FLOPS, TARGET, rig=RIG, value=2 * PRICE),
        chance=0.6 + 1e-3,  # as many draws say it; the outcomes say .6 on average
        chances=np.array([0.9, 0.8, 0.7, 0.4, 0.2]),
    )
    assert found.before == pytest.approx(0.6)
    assert found.changes == pytest.approx(0.4)
    # go now; of five outcomes two say no, and save 1 - 2 * .4 and 1 - 2 * .2 of the price
    assert found.rows()[0]["value_of_first"] == pytest.approx((0.2 + 0.6) / 5 * PRICE)


def test_an_ensemble_is_asked_the_same_way() -> None:
    found = synthetic_ensemble("chinchilla", "coupled").stage_gate(FLOPS, TARGET, family="all")
    assert np.isfinite(found.widths).all()
    assert found.table.shape[0] == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"flops": -1.0}, "flops must be above 0"),
        ({"target_loss": float("nan")}, "target_loss must be above 0"),
        ({"share": 2.0}, "share is between 0 and 1"),
        ({"value": 3.0}, "price of an hour"),
    ],
)
def test_what_cannot_be_asked_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        stage_gate(FIT, **{"flops": FLOPS, "target_loss": TARGET, **given})


def test_a_fit_that_did_not_converge_is_not_asked() -> None:
    with pytest.raises(UnconvergedError):
        synthetic_fit(checks=UNCONVERGED).stage_gate(FLOPS, TARGET)


def test_error_rates_are_weighed_on_the_scale_of_their_noise() -> None:
    """Near 1 the same odds are a much smaller share: log odds and logs tell draws apart there."""
    law = of_shares(load_model("chinchilla")).with_priors(  # rates near 1, below it
        {"c": {"dist": "Beta", "alpha": 80.0, "beta": 20.0}}
    )
    fit = Fit.of_one(prior_member(law, nominal_runs(law), draws=500, random_seed=3))
    rate = np.quantile(fit.risk(flops=1e20).forecast.draws, 0.5)
    found = fit.stage_gate(1e20, float(rate), share=0.1)
    rates, said = found.forecast.draws[:, 0], found.forecast.noise_free[:, 0]
    outcomes = logit(np.quantile(rates, (np.arange(200) + 0.5) / 200))[:, None]
    parameters = {name: fit.flat[name] for name in ("nu", "sigma")}
    parameters[ITEM_SD] = item_sd(said, np.array(UNTOLD))
    density = np.exp(noise_logpdf(law.noise, outcomes - logit(said), parameters))
    expected = density @ (found.forecast.draws[:, 1] <= rate) / density.sum(axis=1)
    np.testing.assert_allclose(found.chances, expected, rtol=1e-6)


def test_widths_of_another_probability_are_computed_anew() -> None:
    found = FIT.stage_gate(FLOPS, TARGET)
    assert found.rows(found.probability) == found.rows()
    with pytest.raises(InputError, match=r"widths are of 0.9 intervals: ask anew for 0.5"):
        found.rows(0.5)
