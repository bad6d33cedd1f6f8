"""Budgets within limits, models that serve, and the split to choose under uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import surface
from tests.synthetic import PLAIN, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit(PLAIN)
FLOPS = 1e22


def elasticity(size: str, params: Any, tokens: Any) -> Any:
    """Minus the log slope of the loss of each draw in one of its sizes."""
    flat = FIT.flat
    term = {
        "params": flat["A"] * flat["alpha"] * params ** -flat["alpha"],
        "tokens": flat["B"] * flat["beta"] * tokens ** -flat["beta"],
    }
    loss = flat["E"] + flat["A"] * params ** -flat["alpha"] + flat["B"] * tokens ** -flat["beta"]
    return term[size] / loss


def test_limits_that_do_not_bind_change_nothing() -> None:
    free = FIT.allocate(flops=FLOPS)
    wide = FIT.allocate(flops=FLOPS, limits=bs.Limits(max_params=1e15))
    np.testing.assert_allclose(wide.params, free.params, rtol=1e-6)
    assert wide.at_edge[0] == 0


def test_a_model_that_serves_is_smaller_and_balances_elasticities() -> None:
    served = 1e13
    found = FIT.allocate(flops=FLOPS, limits=bs.Limits(inference_tokens=served))
    params, tokens = found.params[:, 0], found.tokens[:, 0]
    np.testing.assert_allclose(6 * params * tokens + 2 * params * served, FLOPS, rtol=1e-9)
    ratio = elasticity("params", params, tokens) / elasticity("tokens", params, tokens)
    np.testing.assert_allclose(ratio, 1 + served / (3 * tokens), rtol=1e-4)
    assert (params < FIT.allocate(flops=FLOPS).params[:, 0]).all()


@pytest.mark.parametrize(
    ("limits", "name", "value"),
    [
        ({"max_params": 1e9}, "params", 1e9),
        ({"min_params": 1e13}, "params", 1e13),
        ({"max_tokens": 1e9}, "tokens", 1e9),
        ({"min_tokens": 1e14}, "tokens", 1e14),
        ({"max_steps": 1e3, "max_batch": 1e6}, "tokens", 1e9),
        ({"menu": [1e9]}, "params", 1e9),
    ],
)
def test_limits_bind(limits: dict[str, Any], name: str, value: float) -> None:
    found = FIT.allocate(flops=FLOPS, limits=bs.Limits(**limits))
    np.testing.assert_allclose(getattr(found, name), value, rtol=1e-9)
    assert found.at_edge[0] == 1
    row = found.rows()[0]
    assert row[f"choose_{name}"] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_params": -1.0}, "max_params must be above 0"),
        ({"min_tokens": 2.0, "max_tokens": 1.0}, "min_tokens 2 exceeds max_tokens 1"),
        ({"inference_tokens": -1.0}, "inference_tokens is 0 or more"),
        ({"max_steps": 1e5}, "give both"),
        ({"menu": [1e9, -1.0]}, "menu size -1.0 must be above 0"),
    ],
)
def test_limits_that_make_no_sense_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bs.Limits(**given)


def test_of_a_menu_every_draw_takes_its_best_and_the_choice_is_the_best_on_average() -> None:
    free = FIT.allocate(flops=FLOPS)
    middle = float(np.median(free.params))
    menu = [middle * factor for factor in (3.0, 0.3, 0.9, 1.1)]
    found = FIT.allocate(flops=FLOPS, limits=bs.Limits(menu=tuple(menu), inference_tokens=1e11))
    sizes = np.sort(menu)
    tokens = (FLOPS / sizes - 2e11) / 6
    losses = FIT.predict({"params": sizes, "tokens": tokens}, group=np.array(0))
    np.testing.assert_allclose(found.params[:, 0], sizes[losses.argmin(axis=1)], rtol=1e-9)
    np.testing.assert_allclose(found.loss[:, 0], losses.min(axis=1), rtol=1e-9)
    choice = found.choices[0]
    assert choice.params == pytest.approx(sizes[losses.mean(axis=0).argmin()])
    close = losses.mean(axis=0) <= 1.01 * losses.mean(axis=0).min()
    assert choice.flat == pytest.approx((sizes[close].min(), sizes[close].max()))


def test_a_budget_that_no_size_can_spend_is_refused() -> None:
    with pytest.raises(InputError, match=r"no size of the menu \(1e\+09\) spends"):
        FIT.allocate(flops=FLOPS, limits=bs.Limits(menu=(1e9,), max_tokens=1e10))
    with pytest.raises(InputError, match="no size spends 1e\\+22 FLOP within the limits"):
        FIT.allocate(flops=FLOPS, limits=bs.Limits(max_params=1e9, max_tokens=1e10))
    with pytest.raises(InputError, match="limits are for a budget"):
        FIT.allocate(params=1e9, limits=bs.Limits(max_params=1e10))


def test_where_limits_hold_all_budgets_back_none_is_enough() -> None:
    limits = bs.Limits(max_params=1e10, max_tokens=1e12)
    found = FIT.risk(flops=5e22, target_loss=1.9, limits=limits)
    assert found.enough == np.inf
    easy = FIT.risk(flops=5e22, target_loss=3.0, limits=limits).enough
    assert easy is not None
    assert easy < 5e22


@pytest.mark.parametrize(
    "fit", [FIT, synthetic_ensemble("chinchilla", "coupled")], ids=["fit", "ensemble"]
)
def test_the_choice_has_the_least_expected_loss(fit: Any) -> None:
    found = fit.allocate(flops=FLOPS)
    choice = found.choices[0]
    law = surface(fit)
    assert law.n_draws == len(found.params)
    others = choice.params * np.exp(np.linspace(-1, 1, 41))
    sizes = {"params": others, "tokens": FLOPS / 6 / others}
    losses = law.at(sizes, law.draws[:, None]).mean(axis=0)
    assert choice.loss.mean() <= losses.min() * (1 + 1e-7)
    assert (choice.loss >= found.loss[:, 0] * (1 - 1e-9)).all()
    row = found.rows()[0]
    assert row["expected_regret"] >= 0
    assert row["flat_params_from"] < row["choose_params"] < row["flat_params_to"]
    assert row["params_lower"] < row["choose_params"] < row["params_upper"]


def test_within_the_flat_range_a_percent_is_lost() -> None:
    law = surface(FIT)
    choice = expected_split(law, FLOPS, Limits())
    for end in choice.flat:
        sizes = {"params": np.array([end]), "tokens": np.array([FLOPS / 6 / end])}
        lost = law.at(sizes, law.draws[:, None]).mean() / choice.loss.mean() - 1
        assert lost == pytest.approx(0.01, abs=0.002)


def test_an_ensemble_is_asked_as_its_members_are() -> None:
    ensemble = synthetic_ensemble("chinchilla", "coupled")
    law = surface(ensemble)
    sizes = {"params": np.array([1e9, 1e10]), "tokens": np.array([1e11, 1e10])}
    asked = ensemble.forecast(sizes).noise_free
    np.testing.assert_allclose(law.at(sizes, law.draws[:, None]), asked)


@pytest.mark.parametrize("least", [0.0, 1e-320, float("nan")])
def test_no_size_is_as_small_as_the_smallest_number(least: float) -> None:
    with pytest.raises(InputError, match="min_params must be above 0, at least 1e-60"):
        Limits(min_params=least)
