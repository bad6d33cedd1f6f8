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


def test_a_limit_that_binds_in_every_draw_wastes_nothing_and_costs_no_regret() -> None:
    params = float(np.median(FIT.allocate(flops=FLOPS).params)) / 20
    free = FIT.risk(params=params, tokens=FLOPS / 6 / params)
    assert free.wasted_share.mean() > 0.1
    menu = (params / 4, params)
    for limits in (Limits(max_params=params), Limits(menu=menu)):
        for found in (
            FIT.risk(flops=FLOPS, limits=limits, rig=bs.Rig(price=2.0)),
            FIT.risk(
                params=params, tokens=FLOPS / 6 / params, limits=limits, rig=bs.Rig(price=2.0)
            ),
        ):
            np.testing.assert_array_equal(found.regret, 0.0)
            np.testing.assert_array_equal(found.wasted_share, 0.0)
            assert found.rows()[0]["regret_money"] == 0


def test_what_a_served_split_wastes_is_of_training_and_serving_by_brute_force() -> None:
    served = 1e13
    limits = Limits(inference_tokens=served, max_params=2e9)
    plan: dict[str, Any] = {"params": 3e8, "tokens": 2e12}
    found = FIT.risk(**plan, limits=limits, rig=bs.Rig(price=2.0))
    lifetime = 6 * plan["params"] * plan["tokens"] + 2 * plan["params"] * served
    row = found.rows()[0]
    assert row["flops"] == pytest.approx(6 * plan["params"] * plan["tokens"])
    assert row["lifetime_flops"] == pytest.approx(lifetime)
    assert row["lifetime_money"] == pytest.approx(bs.Rig(price=2.0).money(lifetime))
    share = row["expected_wasted_share"]
    assert row["regret_money"] == pytest.approx(share * row["lifetime_money"])
    flat, loss = FIT.flat, found.forecast.noise_free[:, 0]
    sizes = np.geomspace(2e7, 2e9, 40001)
    taken = np.unique(np.linspace(0, FIT.n_draws - 1, 400).astype(int))
    for place, draw in list(enumerate(taken))[::80]:
        a, b, A, B, E = (flat[name][draw] for name in ("alpha", "beta", "A", "B", "E"))
        left = loss[draw] - E - A * sizes**-a
        tokens = np.where(left > 0, np.where(left > 0, left / B, 1.0) ** (-1 / b), np.inf)
        least = (6 * sizes * tokens + 2 * sizes * served).min()
        assert found.wasted_share[place, 0] == pytest.approx(1 - least / lifetime, abs=1e-5)
        left = lifetime / sizes / 6 - served / 3
        losses = E + A * sizes[left > 0] ** -a + B * left[left > 0] ** -b
        assert found.best[draw, 0] == pytest.approx(losses.min(), rel=1e-7)


def test_what_is_enough_is_told_of_training_where_the_model_serves() -> None:
    limits = Limits(inference_tokens=1e12)
    target = float(np.quantile(FIT.risk(flops=FLOPS, limits=limits).forecast.draws, 0.4))
    found = FIT.risk(flops=FLOPS, target_loss=target, limits=limits)
    row = found.rows()[0]
    choice = FIT.allocate(flops=row["enough_lifetime_flops"], limits=limits).choices[0]
    assert row["enough_flops"] == pytest.approx(6 * choice.params * choice.tokens, rel=1e-3)
    whole = row["enough_flops"] + 2 * choice.params * 1e12
    assert row["enough_lifetime_flops"] == pytest.approx(whole, rel=1e-3)
    assert "FLOP of training, " in repr(found)
    assert "enough_lifetime_flops" not in FIT.risk(flops=FLOPS, target_loss=target).rows()[0]


def test_a_smaller_run_first_serves_nothing_and_takes_its_share_of_training() -> None:
    limits = Limits(inference_tokens=1e13)
    big = FIT.risk(flops=FLOPS, limits=limits)
    gate = FIT.stage_gate(FLOPS, 2.0, limits=limits, share=0.1, rig=bs.Rig(price=2.0))
    assert gate.flops == pytest.approx([0.1 * big.flops[0], big.flops[0]])
    alone = FIT.allocate(flops=0.1 * float(big.flops[0])).choices[0]
    assert gate.forecast.plan.columns["params"][0] == pytest.approx(alone.params)
    row = gate.rows()[0]
    assert row["first_money"] == pytest.approx(0.1 * row["money"])


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_tokens": 5e10}, r"2e\+11 tokens of the plan are more than max_tokens 5e\+10"),
        ({"min_tokens": 1e12}, r"2e\+11 tokens of the plan are fewer than min_tokens 1e\+12"),
        ({"max_params": 4e8}, r"1e\+09 params of the plan are more than max_params 4e\+08"),
        ({"max_steps": 1e4, "max_batch": 1e6}, r"more than max_steps x max_batch, 1e\+10"),
        ({"menu": (9e8, 2e9)}, r"1e\+09 params of the plan are no size of the menu"),
    ],
)
def test_a_plan_that_breaks_its_limits_is_refused(limits: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        FIT.risk(params=1e9, tokens=2e11, limits=Limits(**limits))


def test_a_plan_at_the_ends_of_its_limits_is_within_them() -> None:
    params, tokens = 1.3e9, 0.7e11
    found = FIT.risk(
        params=params, tokens=tokens, limits=Limits(max_params=params, max_tokens=tokens)
    )
    np.testing.assert_array_equal(found.regret, 0.0)
    np.testing.assert_array_equal(found.wasted_share, 0.0)


def test_a_budget_that_serves_is_told_as_lifetime_beside_the_training_it_leaves() -> None:
    served = 1e13
    row = FIT.allocate(flops=FLOPS, limits=Limits(inference_tokens=served)).rows()[0]
    found = FIT.allocate(flops=FLOPS, limits=Limits(inference_tokens=served))
    assert (row["given"], row["lifetime_flops"]) == ("lifetime_flops", FLOPS)
    trained = 6 * found.params * found.tokens
    np.testing.assert_allclose(found.flops, trained, rtol=1e-9)
    np.testing.assert_allclose(trained + 2 * found.params * served, FLOPS, rtol=1e-9)
    assert row["flops"] == pytest.approx(np.median(trained))
    largest = float(FIT.leading.runs["flops"].max())
    assert row["efolds_flops"] == pytest.approx(np.log(np.median(trained) / largest), abs=1e-6)
    told = FIT.risk(flops=FLOPS, limits=Limits(inference_tokens=served)).rows()[0]
    assert told["efolds_flops"] == pytest.approx(row["efolds_flops"], abs=0.05)
    assert "lifetime compute [FLOP] 1e+22" in repr(found)
    assert found.choices[0].params == pytest.approx(told["params"])
    assert "lifetime_flops" not in FIT.allocate(flops=FLOPS).rows()[0]


def test_draws_that_a_limit_holds_back_are_told_apart_from_those_without_an_optimum() -> None:
    middle = float(np.median(FIT.allocate(flops=FLOPS).params))
    half = FIT.allocate(flops=FLOPS, limits=Limits(max_params=middle))
    free = FIT.allocate(flops=FLOPS).params[:, 0]
    assert half.at_limit == pytest.approx([np.mean(free > middle)], abs=0.01)
    assert half.rows()[0]["at_limit"] == pytest.approx(0.5, abs=0.02)
    text = repr(half)
    assert f"at a limit             max_params {middle:.3g}, in 50% of the draws" in text
    assert "no optimum" not in text
    assert "at_limit" not in FIT.allocate(flops=FLOPS).rows()[0]
    menu = FIT.allocate(flops=FLOPS, limits=Limits(menu=(middle / 10, middle / 5)))
    assert menu.at_limit == [1.0]
    steps = FIT.allocate(flops=FLOPS, limits=Limits(max_steps=1e3, max_batch=1e6))
    assert "max_steps 1e+03, max_batch 1e+06, in 100% of the draws" in repr(steps)
