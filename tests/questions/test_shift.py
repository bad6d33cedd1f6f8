"""Slopes and offsets of losses on other texts."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.runs import RunTable
from tests.laws.tables import table


def pairs() -> RunTable:
    loss = np.linspace(2.0, 4.0, 10)
    return RunTable(columns={"loss": loss, "loss_shifted": loss + 0.3})


def drawn(model: str, runs: RunTable) -> Fit:
    member = prior_member(load_model(model), runs, draws=300, random_seed=1)
    return Fit.of_one(member).accept_unconverged()


def test_a_slope_of_1_is_one_within_the_band() -> None:
    fit = drawn("loss-shift", pairs())
    found, wide = fit.shift(band=0.1), fit.shift(band=0.9)
    slope = fit.flat["slope"]
    assert found.shares["slope_is_1"][0] == pytest.approx((np.abs(slope - 1) <= 0.1).mean())
    assert wide.shares["slope_is_1"][0] > found.shares["slope_is_1"][0]
    assert found.rows()[0]["slope_lower"] < found.rows()[0]["slope_upper"]


def test_the_line_is_the_law() -> None:
    fit = drawn("loss-shift", pairs())
    found = fit.only.predict({"loss": np.array([3.5])}, group=np.zeros(1, np.int64))
    line = fit.flat["offset"] + 3.5 * fit.flat["slope"]
    np.testing.assert_allclose(found[:, 0], line, rtol=1e-9)


def test_what_has_no_slope_or_band_is_refused() -> None:
    with pytest.raises(InputError, match="no slope and offset"):
        drawn("chinchilla", table()).shift()
    with pytest.raises(InputError, match="band is a distance"):
        drawn("loss-shift", pairs()).shift(band=0.0)
    with pytest.raises(InputError, match="'ptb' is no group"):
        drawn("loss-shift", pairs()).shift(family="ptb")


@pytest.mark.slow
def test_a_set_that_no_run_was_trained_on_lies_in_the_interval_of_a_new_one() -> None:
    rng = np.random.default_rng(4)
    sets, inside, widths = 4, [], []
    for seed in range(12):
        ratio = np.exp(0.1 + 0.15 * rng.standard_normal(sets + 1))
        slope = np.exp(0.1 * rng.standard_normal(sets + 1))
        loss = rng.uniform(2.5, 4.5, (sets + 1, 12))
        noise = np.exp(0.005 * rng.standard_normal(loss.shape))
        shifted = 3.4 * ratio[:, None] * (1 + slope[:, None] * (loss / 3.4 - 1)) * noise
        names = np.repeat([f"s{index}" for index in range(sets)], 12)
        known = {"loss": loss[:-1].ravel(), "loss_shifted": shifted[:-1].ravel(), "family": names}
        runs = RunTable(columns=known)
        fit = bs.fit("loss-shift", runs, draws=300, chains=2, random_seed=seed, progress=False)
        asked = {"loss": loss[-1][:4], "family": ["new"] * 4}
        new = fit.accept_unconverged().with_new_group("new").forecast(asked).draws
        low, high = np.quantile(new, (0.05, 0.95), axis=0)
        inside += ((shifted[-1][:4] >= low) & (shifted[-1][:4] <= high)).tolist()
        widths.append(float(np.median((high - low) / shifted[-1][:4])))
    assert 0.75 <= np.mean(inside) <= 1.0
    assert 0.3 < np.median(widths) < 1.2, "about 3.3 standard deviations of the sets"
