"""What can go wrong with a plan: chances, regret, sufficient budgets, and decisions, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.risk import decision, in_words
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import surface
from tests.synthetic import PLAIN, UNCONVERGED, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit(PLAIN)
FLOPS = 1e22


def test_the_chance_is_that_of_a_new_run() -> None:
    target = float(np.quantile(FIT.risk(flops=FLOPS).forecast.draws, 0.3))
    found = FIT.risk(flops=FLOPS, target_loss=target)
    assert found.chance[0] == pytest.approx(0.3, abs=0.01)
    row = found.rows()[0]
    sizes = {name: row[name] for name in ("params", "tokens")}
    np.testing.assert_array_equal(found.forecast.draws, FIT.forecast(sizes).draws)
    assert row["overshoot"] == pytest.approx(np.median(found.forecast.draws) - target)
    assert row["in_words"] == f"1 in {1 / row['chance']:.0f} chance of reaching {target:.4g}"


def test_a_budget_is_split_as_allocated() -> None:
    row, choice = FIT.risk(flops=FLOPS).rows()[0], FIT.allocate(flops=FLOPS).choices[0]
    assert row["params"] == pytest.approx(choice.params)
    assert row["tokens"] == pytest.approx(choice.tokens)
    assert row["regret_lower"] >= -1e-12
    assert row["expected_regret"] == pytest.approx(
        FIT.allocate(flops=FLOPS).rows()[0]["expected_regret"]
    )


def test_a_poor_split_wastes_the_compute_that_the_best_one_saves() -> None:
    params, tokens = 1e9, FLOPS / 6e9
    found = FIT.risk(params=params, tokens=tokens)
    flat = FIT.flat
    taken = np.unique(np.linspace(0, FIT.n_draws - 1, 400).astype(int))
    loss = found.forecast.noise_free[:, 0]
    for place, draw in list(enumerate(taken))[::80]:
        a, b, A, B, E = (flat[name][draw] for name in ("alpha", "beta", "A", "B", "E"))
        G = (a * A / (b * B)) ** (1 / (a + b))
        # the budget at which the closed form of the best split gives that loss, by bisection
        low, high = 40.0, 60.0
        for _ in range(80):
            middle = (low + high) / 2
            n = G * (np.exp(middle) / 6) ** (b / (a + b))
            d = np.exp(middle) / 6 / n
            low, high = (middle, high) if E + A / n**a + B / d**b > loss[draw] else (low, middle)
        wasted = 1 - np.exp(low) / FLOPS
        assert found.wasted_share[place, 0] == pytest.approx(wasted, rel=1e-3, abs=1e-6)
    assert (found.regret > 0).all()


def test_what_is_wasted_is_part_of_the_cost_however_poor_the_split() -> None:
    rig = bs.Rig(price=2.0)
    # a thousandth of the params: beyond what its loss takes at best it spends many times as much
    found = FIT.risk(params=1e7, tokens=FLOPS / 6e7, rig=rig)
    row = found.rows()[0]
    assert ((found.wasted_share >= 0) & (found.wasted_share < 1)).all()
    assert row["wasted_share"] > 0.95
    assert row["expected_wasted_share"] == pytest.approx(found.wasted_share.mean())
    assert row["regret_money"] == pytest.approx(row["expected_wasted_share"] * row["money"])
    assert row["regret_money"] < row["money"]
    assert "of what it spends, " in repr(found)


def test_the_sufficient_budget_suffices_and_no_less_does() -> None:
    target = float(np.quantile(FIT.risk(flops=FLOPS).forecast.draws, 0.5))
    found = FIT.risk(flops=FLOPS, target_loss=target, sure=0.8)
    assert found.enough is not None
    assert found.enough > FLOPS
    law = surface(FIT)

    def reached(flops: float) -> float:
        choice = expected_split(law, flops, Limits())
        sizes = {"params": choice.params, "tokens": choice.tokens}
        return float((FIT.forecast(sizes).draws <= target).mean())

    assert reached(found.enough) >= 0.79
    assert reached(0.9 * found.enough) < 0.81
    assert FIT.risk(flops=FLOPS, target_loss=1.0).enough == np.inf


def test_of_two_plans_the_chance_that_one_beats_the_other() -> None:
    found = FIT.risk(params=[1e9, 1e10], tokens=[1e12, 2e11])
    first, second = found.forecast.noise_free.T
    assert found.beats[0, 1] == pytest.approx((first < second).mean())
    assert found.beats[0, 1] + found.beats[1, 0] == pytest.approx(1)


def test_worth_and_price_make_a_decision() -> None:
    target = float(np.quantile(FIT.risk(flops=FLOPS).forecast.draws, 0.5))
    rig = bs.Rig(price=2.0)
    price = rig.money(FLOPS) or 0.0
    asked: dict[str, Any] = {"flops": FLOPS, "target_loss": target, "rig": rig}
    go = FIT.risk(**asked, value=4 * price).rows()[0]
    assert go["decision"] == "go"
    assert go["expected_gain"] == pytest.approx(go["chance"] * 4 * price - price)
    assert FIT.risk(**asked, value=1.5 * price).rows()[0]["decision"] == "no go"
    assert decision([1.0, -1.0]) == "we cannot tell: the laws disagree"


def test_an_ensemble_names_its_most_pessimistic_member() -> None:
    ensemble = synthetic_ensemble("chinchilla", "coupled")
    target = float(np.quantile(ensemble.risk(flops=FLOPS).forecast.draws, 0.5))
    found = ensemble.risk(flops=FLOPS, target_loss=target)
    row = found.rows()[0]
    assert row["chance_of_it"] == min(float(each[0]) for each in found.member_chances.values())
    assert row["most_pessimistic"] in ensemble.members
    assert f"by {row['most_pessimistic']}, the most pessimistic" in repr(found)
    assert "pessimistic" not in repr(FIT.risk(flops=FLOPS, target_loss=target))
    assert (found.regret >= -1e-9).all()


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (0.875, "1 in 8 chance of missing 2.0"),
        (0.25, "1 in 4 chance of reaching 2.0"),
        (0.58, "2 in 5 chance of missing 2.0"),
        (0.42, "2 in 5 chance of reaching 2.0"),
        (0.35, "1 in 3 chance of reaching 2.0"),
        (0.47, "1 in 2 chance of reaching 2.0"),
        (0.5, "1 in 2 chance of missing 2.0"),
        (0.99, "1 in 100 chance of missing 2.0"),
        (1.0, "less than 1 in 200 chance of missing 2.0"),
        (0.0, "less than 1 in 200 chance of reaching 2.0"),
    ],
)
def test_a_chance_in_words(chance: float, words: str) -> None:
    assert in_words(chance, "2.0") == words


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either budgets"),
        ({"params": 1e9}, "either budgets"),
        ({"flops": 1e22, "params": 1e9, "tokens": 1e10}, "either budgets"),
        ({"flops": 1e22, "params": 1e9}, "either budgets .* got flops and params"),
        ({"flops": 1e22, "tokens": 1e10}, "either budgets .* got flops and tokens"),
        ({"flops": float("nan")}, "flops must be above 0 and finite"),
        ({"flops": float("inf"), "target_loss": 2.0}, "flops must be above 0 and finite"),
        ({"flops": [1e22, -1.0]}, "flops must be above 0 and finite"),
        ({"params": 1e9, "tokens": float("nan")}, "tokens must be above 0 and finite"),
        ({"flops": 1e22, "target_loss": -1.0}, "target_loss is above 0"),
        ({"flops": 1e22, "sure": 90.0}, "sure is a probability"),
        ({"flops": 1e22, "value": 1.0}, "give target_loss too"),
    ],
)
def test_what_cannot_be_asked_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FIT.risk(**given)


@pytest.mark.parametrize("flops", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_split_of_no_budget_is_not_searched_for(flops: float) -> None:
    with pytest.raises(InputError, match="above 0 and finite"):
        expected_split(surface(FIT), flops)


def test_a_fit_that_did_not_converge_is_not_asked() -> None:
    with pytest.raises(UnconvergedError):
        synthetic_fit(checks=UNCONVERGED).risk(flops=FLOPS)


def test_money_is_written_out_below_a_hundred_thousand() -> None:
    rig = bs.Rig(price=1.0)
    target = float(np.quantile(FIT.risk(flops=FLOPS).forecast.draws, 0.5))
    found = FIT.risk(flops=FLOPS, target_loss=target, rig=rig, value=5e4)
    row = found.rows()[0]
    assert 1000 < row["money"] < 1e5
    assert f"cost                   {float(f'{row["money"]:.3g}'):.0f}, of it" in repr(found)
    (decided,) = (line for line in repr(found).splitlines() if line.startswith("decision"))
    (gate,) = (line for line in repr(found).splitlines() if line.startswith("a smaller run"))
    assert "e+" not in decided + gate


def test_a_law_in_compute_alone_tells_chance_cost_and_worth_and_nothing_of_splits() -> None:
    fit = synthetic_fit("kaplan-c")
    target = float(np.quantile(fit.forecast({"flops": FLOPS}).draws, 0.3))
    rig = bs.Rig(price=2.0)
    found = fit.risk(flops=FLOPS, target_loss=target, rig=rig, value=1e9)
    row = found.rows()[0]
    assert row["chance"] == pytest.approx(0.3, abs=0.01)
    assert row["money"] == pytest.approx(rig.money(FLOPS))
    assert row["expected_gain"] == pytest.approx(row["chance"] * 1e9 - row["money"])
    assert row["decision"].startswith("go")
    enough = fit.forecast({"flops": row["enough_flops"]}).draws
    assert row["enough_flops"] > FLOPS
    assert np.mean(enough <= target) == pytest.approx(0.9, abs=0.04)
    said = repr(found)
    assert "split" not in said
    assert "wast" not in said
    assert not {"regret", "wasted_share", "regret_money", "params"} & set(row)
    gate = fit.stage_gate(FLOPS, target, rig=rig, value=1e9)
    assert gate.chance == pytest.approx(row["chance"], abs=0.03)
    assert gate.chances.mean() == pytest.approx(gate.chance, abs=0.03)
    assert gate.flops == pytest.approx([0.1 * FLOPS, FLOPS])
    assert found.gate is not None
    assert found.gate.verdict == gate.verdict
    assert "first run" in repr(gate)
    assert "N " not in repr(gate)
    with pytest.raises(InputError, match="limits are of splits"):
        fit.stage_gate(FLOPS, target, limits=Limits(max_params=1e9))
    both = fit.risk(flops=[FLOPS, 2 * FLOPS])
    assert both.beats[1, 0] > 0.5
    with pytest.raises(InputError, match="limits are of splits"):
        fit.risk(flops=FLOPS, limits=Limits(max_params=1e9))
    with pytest.raises(InputError, match="table with two of the columns params, tokens and flops"):
        fit.allocate(flops=FLOPS)


def test_of_a_published_law_rounding_is_no_regret_and_no_waste() -> None:
    law = bs.published("hoffmann-2022")
    row = law.risk(flops=5.76e23, target_loss=2.0, rig=bs.Rig(price=2.0)).rows()[0]
    for name in ("regret", "expected_regret", "expected_wasted_share", "regret_money"):
        assert row[name] == 0
    assert law.allocate(flops=5.76e23).rows()[0]["expected_regret"] == 0


def test_a_budget_far_beyond_the_runs_is_said_to_be_untested_and_farther_out_none_is() -> None:
    run = FIT.risk(flops=FLOPS).forecast.draws
    low, mid = FIT.risk(flops=1e3 * FLOPS).forecast.draws, float(np.quantile(run, 0.9))
    far = FIT.risk(flops=FLOPS, target_loss=float(np.quantile(low, 0.5)))
    assert far.enough is not None
    assert FLOPS < far.enough < np.inf
    assert "beyond the runs, if the law holds that far: untested" in repr(far)
    assert far.rows()[0]["enough_untested"]
    biggest = FIT.leading.runs["flops"].max()
    assert far.rows()[0]["enough_efolds"] == pytest.approx(np.log(far.enough / biggest), abs=0.01)
    near = FIT.risk(flops=float(biggest), target_loss=mid * 1.2)
    assert "untested" not in repr(near)
    none = FIT.risk(flops=1e15, target_loss=mid)
    assert none.enough == np.inf
    assert "no budget up to 1e+21 FLOP does" in repr(none)


@pytest.mark.parametrize("name", ["tokens", "params"])
def test_a_law_in_one_size_tells_chance_and_how_much_of_it_is_enough(name: str) -> None:
    fit = synthetic_fit({"tokens": "kaplan-d", "params": "kaplan-n"}[name])
    size = 3 * float(fit.leading.runs[name].max())
    target = float(np.quantile(fit.forecast({name: size}).draws, 0.3))
    alone: dict[str, Any] = {name: size}
    found = fit.risk(**alone, target_loss=target)
    row = found.rows()[0]
    assert row["chance"] == pytest.approx(0.3, abs=0.01)
    assert row[name] == size
    enough = fit.forecast({name: row[f"enough_{name}"]}).draws
    assert row[f"enough_{name}"] > size
    assert np.mean(enough <= target) == pytest.approx(0.9, abs=0.04)
    assert f" {name}" in repr(found).split("90% sure takes")[1].splitlines()[0]
    assert not {"flops", "regret", "money"} & set(row)
    with pytest.raises(InputError, match="no compute follows, and no cost: give params and tokens"):
        fit.risk(**alone, rig=bs.Rig(price=2.0))
    unpriced = fit.risk(**alone, target_loss=target, rig=bs.Rig()).rows()[0]
    assert not {"hours", "energy_kwh", "money"} & set(unpriced)
    with pytest.raises(InputError, match=rf"reads {name} alone, so a budget .* give {name} \(--"):
        fit.risk(flops=1e22)
    both: dict[str, Any] = {"params": 1e10, "tokens": 1e10} | alone
    priced = fit.risk(**both, target_loss=target, rig=bs.Rig(price=2.0), value=1e9).rows()[0]
    assert priced["chance"] == pytest.approx(0.3, abs=0.01)
    assert priced["money"] == pytest.approx(bs.Rig(price=2.0).money(6e10 * size))
    assert "decision" in priced
