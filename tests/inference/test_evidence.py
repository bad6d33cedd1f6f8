"""The odds of a law without a ceiling against that law with one, on draws of a known answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.inference import Fit
from bayes_scaling.inference.evidence import FLOOR, NEAR, log_odds_without
from bayes_scaling.inference.members import BELOW_CEILING, PLAIN, default_members
from bayes_scaling.laws import Model, load_model
from tests.synthetic import synthetic_fit, synthetic_runs

WITH = load_model(BELOW_CEILING[0])
SAME = WITH.with_features(ceiling=False)
"""The law without a ceiling under the very priors of the one with it."""

DRAWS = 500
N = 4 * DRAWS
EVEN = (np.arange(N) + 0.5) / N
"""Draws that are spread evenly over a uniform distribution."""

Array = NDArray[np.float64]


def told(
    values: Mapping[str, Array | float], law: Model = WITH, families: tuple[str, ...] = ("all",)
) -> Fit:
    """A fit whose draws of some parameters are these: one for all, or one for each draw."""
    made = synthetic_fit(law.to_dict(), draws=DRAWS, families=families)
    draws = dict(made.draws)
    for name, value in values.items():
        like = draws[name]
        given = np.asarray(value, float)
        # one value a draw, joined over chains, or one value a group
        shaped = given.reshape(like.shape[:2]) if given.shape == (N,) else given
        draws[name] = np.broadcast_to(shaped, like.shape)
    return replace(made, draws=draws)


def normal(value: float, mu: float, sigma: float) -> float:
    """Log density of a normal variable, but for a constant."""
    return -log(sigma) - 0.5 * ((value - mu) / sigma) ** 2


# ---- no saturation, in the posterior and in the prior --------------------------------------------


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (1.0, 4.0), (2.0, 3.0)])
def test_runs_that_say_nothing_leave_even_odds(alpha: float, beta: float) -> None:
    law = WITH.with_priors({"saturation": {"dist": "Beta", "alpha": alpha, "beta": beta}})
    prior = law.parameter("saturation").prior
    even = log_odds_without(told({"saturation": prior.quantile(EVEN)}, law), SAME)
    share = float(prior.cdf(NEAR))
    assert even == pytest.approx(0, abs=1 / (share * N))  # one draw more or less
    drawn = prior.sample(N, np.random.default_rng(3))
    error = np.sqrt((1 - share) / (share * N))
    assert log_odds_without(told({"saturation": drawn}, law), SAME) == pytest.approx(
        0, abs=3 * error
    )


@pytest.mark.parametrize("share", [0.5, 0.06, 0.01])
def test_odds_are_how_much_more_often_the_posterior_is_near_no_saturation(share: float) -> None:
    near = np.where(share > EVEN, 0.5 * NEAR, 0.5)
    found = log_odds_without(told({"saturation": near}), SAME)
    assert found == pytest.approx(log(share / NEAR), abs=1e-9)


def test_all_draws_near_no_saturation_speak_as_loud_as_they_can() -> None:
    assert log_odds_without(told({"saturation": 0.01}), SAME) == pytest.approx(log(1 / NEAR))
    assert log_odds_without(told({"saturation": NEAR + 1e-9}), SAME) < 0


def test_where_no_draw_is_near_half_of_one_is_taken_to_be() -> None:
    floor = log(FLOOR / N / NEAR)
    assert log_odds_without(told({"saturation": 0.5}), SAME) == pytest.approx(floor)
    one = np.where(np.arange(N) == 7, 0.01, 0.5)
    assert log_odds_without(told({"saturation": one}), SAME) == pytest.approx(log(1 / N / NEAR))
    weighed = told({"saturation": 0.5, **AT})
    assert log_odds_without(weighed, plain()) == pytest.approx(floor + RATIO)
    alpha = np.where(EVEN < 0.5, 0.4, 0.25)
    mixed = told({"saturation": 0.5, **AT, "alpha": alpha})
    other = RATIO + sum(
        sign * (normal(log(value), -1.17, 0.25) - normal(log(value), -1.1, 0.6))
        for sign, value in ((1, 0.25), (-1, 0.4))
    )
    wanted = floor + log(0.5 * np.exp(RATIO) + 0.5 * np.exp(other))
    assert log_odds_without(mixed, plain()) == pytest.approx(wanted)


# ---- priors that differ --------------------------------------------------------------------------

AT = {"f_shift": 0.3, "alpha": 0.4, "beta": 0.3, "k": 0.5}
RATIO = (
    normal(0.3, -0.1, 0.8) - normal(0.3, -1.0, 1.2)
    + normal(log(0.4), -1.17, 0.25) - normal(log(0.4), -1.1, 0.6)
    + normal(log(0.3), -1.08, 0.35) - normal(log(0.3), -1.1, 0.6)
    + normal(log(0.5), -0.7, 0.3) - normal(log(0.5), -0.6, 0.45)
)  # fmt: skip
"""Log density there of the priors of coupled-tempered over those of ceiling-tempered, by hand."""


def plain() -> Model:
    return load_model(PLAIN[0])


def test_draws_count_by_what_the_prior_of_the_law_without_thinks_of_them() -> None:
    found = log_odds_without(told({"saturation": EVEN, **AT}), plain())
    assert found == pytest.approx(RATIO, abs=1e-9)
    near = np.where(EVEN < 0.5, 0.01, 0.5)
    found = log_odds_without(told({"saturation": near, **AT}), plain())
    assert found == pytest.approx(RATIO + log(0.5 / NEAR), abs=1e-9)


def test_only_draws_near_no_saturation_are_weighed() -> None:
    near = EVEN < NEAR
    saturation = np.where(near, 0.01, 0.5)
    alpha = np.where(near, 0.4, 0.1)
    found = log_odds_without(told({"saturation": saturation, **AT, "alpha": alpha}), plain())
    assert found == pytest.approx(RATIO, abs=1e-9)
    # of two kinds of draws that are near, the mean of the ratios counts, not that of their logs
    alpha = np.where(EVEN < NEAR / 2, 0.4, 0.25)
    other = RATIO + sum(
        sign * (normal(log(value), -1.17, 0.25) - normal(log(value), -1.1, 0.6))
        for sign, value in ((1, 0.25), (-1, 0.4))
    )
    found = log_odds_without(told({"saturation": saturation, **AT, "alpha": alpha}), plain())
    assert found == pytest.approx(log(0.5 * np.exp(RATIO) + 0.5 * np.exp(other)), abs=1e-9)


def test_densities_of_any_size_give_numbers() -> None:
    for f_shift in (-60.0, 60.0):
        found = log_odds_without(told({"saturation": EVEN, **AT, "f_shift": f_shift}), plain())
        moved = normal(f_shift, -0.1, 0.8) - normal(f_shift, -1.0, 1.2)
        moved -= normal(0.3, -0.1, 0.8) - normal(0.3, -1.0, 1.2)
        assert found == pytest.approx(RATIO + moved, rel=1e-9)


# ---- several groups ------------------------------------------------------------------------------


def test_every_group_has_its_say_and_what_is_pooled_counts_once() -> None:
    families = ("a", "b", "c")
    runs = synthetic_runs(WITH, families=families)
    by_name = {model.id: model for model in default_members(runs)}
    shifts, alphas = np.array([0.3, -0.5, 1.0]), np.array([0.4, 0.3, 0.2])
    given: dict[str, Array | float] = {
        "saturation": EVEN, "f_shift": shifts, "alpha": alphas, "beta": np.full(3, 0.3),
        "k_population": 0.5,
    }  # fmt: skip
    fit = told(given, by_name[WITH.id], families)
    assert fit.flat["f_shift"].shape == fit.flat["k"].shape == (N, 3)
    assert fit.flat["saturation"].shape == (N,), "one for all groups"
    wanted = sum(normal(x, -0.1, 0.8) - normal(x, -1.0, 1.2) for x in shifts)
    wanted += sum(normal(x, -1.17, 0.25) - normal(x, -1.1, 0.6) for x in np.log(alphas))
    wanted += 3 * (normal(log(0.3), -1.08, 0.35) - normal(log(0.3), -1.1, 0.6))
    wanted += normal(log(0.5), -0.7, 0.3) - normal(log(0.5), -0.6, 0.45)
    assert log_odds_without(fit, by_name[PLAIN[0]]) == pytest.approx(wanted, abs=1e-9)


def test_the_default_members_differ_in_the_priors_that_are_weighed_here() -> None:
    """A prior that comes to differ belongs into `RATIO`; and nothing else is in one law only."""
    without = {item.name: item for item in plain().parameters}
    differ = {item.name for item in WITH.parameters
              if item.name in without and item.prior != without[item.name].prior}  # fmt: skip
    assert differ == set(AT)
    assert set(without) == {item.name for item in WITH.parameters} - {"saturation", "sharpness"}
