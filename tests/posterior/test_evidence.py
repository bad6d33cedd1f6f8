"""The odds of a law without a ceiling against that law with one, on draws of a known answer."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayes_scaling.laws import Model, load_model
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.evidence import LEAST_SHARE, NEAR, log_odds_without
from bayes_scaling.posterior.members import BELOW_CEILING, PLAIN, default_members
from tests.synthetic import changed, synthetic_fit, synthetic_runs

WIDE = {
    "f_shift": {"dist": "Normal", "mu": -1.0, "sigma": 1.2},
    "alpha": {"dist": "LogNormal", "mu": -1.1, "sigma": 0.6},
    "beta": {"dist": "LogNormal", "mu": -1.1, "sigma": 0.6},
    "k": {"dist": "LogNormal", "mu": -0.6, "sigma": 0.45},
}
"""Priors of a law with a ceiling that differ from those of the law without."""

WITH = load_model(BELOW_CEILING[0]).with_priors(WIDE)
SAME = WITH.with_features(ceiling=False)
"""The law without a ceiling under the very priors of the one with it."""

DRAWS = 500
N = 4 * DRAWS
EVEN = (np.arange(N) + 0.5) / N
"""Draws that are spread evenly over a uniform distribution."""

Array = NDArray[np.float64]


def told(
    values: Mapping[str, Array | float], law: Model = WITH, families: tuple[str, ...] = ("all",)
) -> Member:
    """A law whose draws of some parameters are these: one for all, or one for each draw."""
    made = synthetic_fit(law.to_dict(), draws=DRAWS, families=families)
    draws = dict(made.draws)
    for name, value in values.items():
        like = draws[name]
        given = np.asarray(value, float)
        # one value a draw, joined over chains, or one value a group
        shaped = given.reshape(like.shape[:2]) if given.shape == (N,) else given
        draws[name] = np.broadcast_to(shaped, like.shape)
    return changed(made.only, draws=draws)


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


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 20.0), (2.0, 8.0), (9.0, 6.0)])
def test_odds_are_how_much_more_of_the_posterior_is_near_no_saturation(
    alpha: float, beta: float
) -> None:
    posterior = stats.beta(alpha, beta)
    found = log_odds_without(told({"saturation": posterior.ppf(EVEN)}), SAME)
    assert found == pytest.approx(posterior.logcdf(NEAR) - log(NEAR), abs=0.03)


def test_odds_stay_within_what_draws_can_say() -> None:
    surely = log_odds_without(told({"saturation": 1e-4 + 1e-6 * EVEN}), SAME)
    assert surely == pytest.approx(log(1 / NEAR), abs=1e-6)
    never = log_odds_without(told({"saturation": 0.9 + 0.01 * EVEN}), SAME)
    assert never == pytest.approx(log(LEAST_SHARE / NEAR))
    assert np.isfinite(log_odds_without(told({"saturation": 0.5}), SAME))


def test_odds_do_not_jump_with_the_seed_where_few_draws_are_near() -> None:
    posterior = stats.beta(6.0, 9.0)
    found = [
        log_odds_without(told({"saturation": posterior.rvs(N, random_state=seed)}), SAME)
        for seed in range(5)
    ]
    assert np.ptp(found) < 1.0


# ---- priors that differ --------------------------------------------------------------------------

AT = {"f_shift": 0.3, "alpha": 0.4, "beta": 0.3, "k": 0.5}
RATIO = (
    normal(0.3, -0.1, 0.8) - normal(0.3, -1.0, 1.2)
    + normal(log(0.4), -1.17, 0.25) - normal(log(0.4), -1.1, 0.6)
    + normal(log(0.3), -1.08, 0.35) - normal(log(0.3), -1.1, 0.6)
    + normal(log(0.5), -0.7, 0.3) - normal(log(0.5), -0.6, 0.45)
)  # fmt: skip
"""Log density there of the priors of coupled-tempered over `WIDE`, by hand."""


def plain() -> Model:
    return load_model(PLAIN[0])


def test_draws_count_by_what_the_prior_of_the_law_without_thinks_of_them() -> None:
    found = log_odds_without(told({"saturation": EVEN, **AT}), plain())
    assert found == pytest.approx(RATIO, abs=1e-5)


def test_the_share_that_is_near_is_that_of_the_weighed_draws() -> None:
    # Two kinds of draws: those of small saturation are likelier under the law without.
    saturation = stats.beta(2.0, 30.0).ppf(EVEN)
    alpha = np.where(EVEN < 0.5, 0.3, 0.1)
    found = log_odds_without(told({"saturation": saturation, **AT, "alpha": alpha}), plain())
    ratio = np.exp([normal(log(a), -1.17, 0.25) - normal(log(a), -1.1, 0.6) for a in (0.3, 0.1)])
    weights = np.where(EVEN < 0.5, ratio[0], ratio[1])
    mean = np.average(saturation, weights=weights)
    size = mean * (1 - mean) / np.average((saturation - mean) ** 2, weights=weights) - 1
    near = stats.beta(mean * size, (1 - mean) * size).logcdf(NEAR)
    known = RATIO - (normal(log(0.4), -1.17, 0.25) - normal(log(0.4), -1.1, 0.6))
    assert found == pytest.approx(known + log(weights.mean()) + near - log(NEAR), abs=1e-6)


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
    fit = told(given, by_name[WITH.id].with_priors(WIDE), families)
    assert fit.flat["f_shift"].shape == fit.flat["k"].shape == (N, 3)
    assert fit.flat["saturation"].shape == (N,), "one for all groups"
    wanted = sum(normal(x, -0.1, 0.8) - normal(x, -1.0, 1.2) for x in shifts)
    wanted += sum(normal(x, -1.17, 0.25) - normal(x, -1.1, 0.6) for x in np.log(alphas))
    wanted += 3 * (normal(log(0.3), -1.08, 0.35) - normal(log(0.3), -1.1, 0.6))
    wanted += normal(log(0.5), -0.7, 0.3) - normal(log(0.5), -0.6, 0.45)
    assert log_odds_without(fit, by_name[PLAIN[0]]) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(("below", "without"), [*zip(BELOW_CEILING, PLAIN, strict=True)])
def test_the_default_members_differ_in_the_ceiling_and_what_may_stay(
    below: str, without: str
) -> None:
    own = {item.name: item.prior for item in load_model(below).parameters}
    others = {item.name: item.prior for item in load_model(without).parameters}
    assert {name for name, prior in others.items() if own[name] != prior} == {"f_shift"}
    assert set(own) - set(others) == {"saturation", "sharpness"}
