"""What it takes to reach a loss: inverses of the law, and the least compute, by closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.laws.nominal import nominal_runs
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.questions.splits import cheapest
from tests.synthetic import PLAIN, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit(PLAIN)


def test_tokens_are_the_inverse_of_the_law_in_every_draw() -> None:
    found = FIT.reach(2.2, params=[1e9, 1e11], batch_size=4e6)
    flat = FIT.flat
    for case, params in enumerate((1e9, 1e11)):
        left = 2.2 - flat["E"] - flat["A"] / params ** flat["alpha"]
        with np.errstate(invalid="ignore"):
            tokens = np.where(left > 0, (flat["B"] / left) ** (1 / flat["beta"]), np.inf)
        tokens = np.where(tokens < np.exp(60), tokens, np.inf)  # as far as is searched
        np.testing.assert_allclose(found.draws["tokens"][:, case], tokens, rtol=1e-8)
        np.testing.assert_array_equal(found.flags["unreachable"][:, case], np.isinf(tokens))
    assert 0 < found.shares["unreachable"][0] <= 1
    np.testing.assert_allclose(found.draws["steps"], found.draws["tokens"] / 4e6)
    np.testing.assert_allclose(found.draws["flops"], 6 * found.draws["tokens"] * [1e9, 1e11])


def test_a_larger_model_needs_fewer_tokens_in_every_draw() -> None:
    tokens = FIT.reach(2.2, params=[1e10, 1e11, 1e12]).draws["tokens"]
    with np.errstate(invalid="ignore"):
        assert (np.diff(tokens, axis=1) < 0).all()


def test_params_are_found_for_tokens() -> None:
    found = FIT.reach([2.3, 2.2], tokens=1e12)
    params = found.draws["params"]
    for case, loss in enumerate((2.3, 2.2)):
        reached = FIT.predict(
            {"params": params[:, [case]], "tokens": np.array(1e12)}, group=np.array(0)
        )
        np.testing.assert_allclose(reached, loss, rtol=1e-9)


@pytest.mark.parametrize("loss", [2.3, 2.1])
def test_the_least_compute_of_a_life_balances_elasticities(loss: float) -> None:
    served = 1e13
    found = FIT.reach(loss, inference_tokens=served)
    params, tokens, flat = found.draws["params"][:, 0], found.draws["tokens"][:, 0], FIT.flat
    reached = FIT.predict({"params": params[:, None], "tokens": tokens[:, None]}, group=np.array(0))
    np.testing.assert_allclose(reached, loss, rtol=1e-6)
    of_params = flat["A"] * flat["alpha"] * params ** -flat["alpha"]
    of_tokens = flat["B"] * flat["beta"] * tokens ** -flat["beta"]
    np.testing.assert_allclose(of_params / of_tokens, 1 + served / (3 * tokens), rtol=1e-2)
    life = found.draws["lifetime_flops"][:, 0]
    np.testing.assert_allclose(life, 6 * params * tokens + 2 * params * served)
    plain = FIT.reach(loss)
    assert (life <= (plain.draws["flops"] + 2 * plain.draws["params"] * served)[:, 0]).all()
    assert (params < plain.draws["params"][:, 0]).all()
    assert "lifetime_flops" not in plain.draws


def test_a_loss_that_any_size_reaches_takes_one_token() -> None:
    found = FIT.reach(50.0, params=1e9)
    assert (found.draws["tokens"] <= 1.0).all() or (found.draws["tokens"] < 1e6).all()
    assert found.rows()[0]["unreachable"] == 0.0
    cheap = FIT.reach(1e6)
    assert (cheap.draws["flops"] < 10).all()


@pytest.mark.parametrize("loss", [2.2, 2.13, 2.1, 2.0])
def test_quantiles_are_infinite_where_too_few_draws_reach_the_loss(loss: float) -> None:
    found = FIT.reach(loss, params=1e9)
    share = found.shares["unreachable"][0]
    row = found.rows()[0]
    for name, level in (("tokens_lower", 0.05), ("tokens", 0.5), ("tokens_upper", 0.95)):
        assert np.isinf(row[name]) == (share > 1 - level), name
    assert row["unreachable"] == pytest.approx(share)


# ---- the least compute ---------------------------------------------------------------------------


def test_the_cheapest_run_is_the_best_split_that_has_the_loss() -> None:
    found = FIT.reach([2.2, 2.05])
    flat = FIT.flat
    alpha, beta = flat["alpha"], flat["beta"]
    ratio = (alpha * flat["A"] / (beta * flat["B"])) ** (1 / beta)  # D = ratio-bound partner of N
    for case, loss in enumerate((2.2, 2.05)):
        params = found.draws["params"][:, case]
        partner = params ** (alpha / beta) / ratio
        np.testing.assert_allclose(found.draws["tokens"][:, case], partner, rtol=2e-3)
        sizes = {"params": params[:, None], "tokens": found.draws["tokens"][:, [case]]}
        np.testing.assert_allclose(FIT.predict(sizes, group=np.array(0)), loss, rtol=1e-7)
        # The closed form: at the best split alpha a = beta b, so L - E is a (1 + alpha / beta).
        term = (loss - flat["E"]) / (1 + alpha / beta)
        wanted = (flat["A"] / term) ** (1 / alpha)
        np.testing.assert_allclose(params, wanted, rtol=1e-3)
        flops = 6 * wanted * wanted ** (alpha / beta) / ratio
        np.testing.assert_allclose(found.draws["flops"][:, case], flops, rtol=1e-6)


def test_no_run_of_that_loss_is_cheaper() -> None:
    fit = synthetic_fit("coupled-drift", draws=25)
    found = fit.reach(2.3)
    for factor in (0.5, 0.8, 1.25, 2.0):
        sizes = {"params": factor * found.draws["params"], "tokens": found.draws["tokens"] / factor}
        assert (fit.predict(sizes, group=np.array(0)) > 2.3 * (1 - 1e-9)).all()


def test_it_agrees_with_the_allocation_of_its_compute() -> None:
    flops = float(np.median(FIT.reach(2.1).draws["flops"]))
    back = FIT.allocate(flops=flops)
    losses = back.loss[:, 0]
    found = FIT.reach(2.1).draws["flops"][:, 0]
    np.testing.assert_array_equal(losses < 2.1, found < flops)


def test_a_loss_below_the_floor_is_out_of_reach() -> None:
    found = FIT.reach(1.0)
    assert found.rows()[0]["unreachable"] == 1.0
    assert np.isinf(found.draws["flops"]).all()


@pytest.mark.parametrize("start", [3.0, 20.0, 55.0, 100.0])
def test_the_search_ends_at_the_same_place_wherever_it_begins(start: float) -> None:
    def loss(u: Any, v: Any, draw: Any) -> Any:
        return 1.7 + np.exp(6 - 0.35 * u) + np.exp(7.5 - 0.37 * v) + 0 * draw

    u, v = cheapest(loss, np.log(np.array([2.1])), np.arange(1), start)
    term = 0.4 / (1 + 0.35 / 0.37)
    assert u[0] == pytest.approx((6 - np.log(term)) / 0.35, abs=1e-3)
    assert u[0] + v[0] == pytest.approx(
        (6 - np.log(term)) / 0.35 + (7.5 - np.log(0.4 - term)) / 0.37, abs=1e-7
    )


# ---- other laws ----------------------------------------------------------------------------------


def test_a_law_of_steps_finds_steps_and_tokens_by_the_batch() -> None:
    curves = bs.published("kaplan-2020-ns")
    row = curves.reach(3.0, params=1e9, batch_size=5e5).rows()[0]
    assert curves.loss({"params": 1e9, "steps": row["steps"]}) == pytest.approx(3.0)
    assert row["tokens"] == pytest.approx(5e5 * row["steps"])


def test_a_law_of_one_size_finds_that() -> None:
    fit = synthetic_fit("kaplan-c")
    flops = fit.reach(2.5).draws["flops"]
    found = fit.predict({"flops": flops}, group=np.array(0))
    np.testing.assert_allclose(found, 2.5)


def test_an_average_mixes_its_members() -> None:
    ensemble = synthetic_ensemble(draws=25)
    found = ensemble.reach(2.2, params=1e11)
    parts = [ensemble.alone(name).reach(2.2, params=1e11) for name in ensemble.members]
    np.testing.assert_array_equal(
        found.draws["tokens"], np.concatenate([part.draws["tokens"] for part in parts])
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"loss": 0}, "loss must be above 0"),
        ({"loss": [2.0, 2.1], "params": [1e9, 1e10, 1e11]}, "has 2 values, others have 3"),
        ({"loss": 2.0, "params": 1e9, "tokens": 1e10}, "give one of them"),
        ({"loss": 2.0, "params": 1e9, "batch_size": -1}, "batch_size must be above 0"),
        ({"loss": 2.0, "params": 1e9, "inputs": {"seed": 1}}, "reads only sizes"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        FIT.reach(**asked)


def test_steps_need_tokens() -> None:
    with pytest.raises(InputError, match="batch_size turns tokens into steps"):
        synthetic_fit("kaplan-c").reach(2.5, batch_size=1e6)


@pytest.mark.parametrize("name", ["kaplan-ns", "kaplan-ns-batch"])
def test_larger_models_reach_a_loss_in_fewer_steps(name: str) -> None:
    curves = load_model(name)
    fit = Fit.of_one(prior_member(curves, nominal_runs(curves), draws=50, random_seed=0))
    found = fit.accept_unconverged().reach(3.0, params=[1e8, 1e9, 1e10], batch_size=5e5)
    steps = found.draws["steps"]
    able = (np.isfinite(steps) & (steps > 1)).all(axis=1)  # else it is reached at once, or never
    assert able.sum() > 1
    assert (np.diff(steps[able], axis=1) < 0).all()


def test_runs_of_a_table_are_answered_by_name() -> None:
    table = bs.RunTable(
        columns={
            "run": np.array(["Alpha", "Beta"]),
            "params": np.array([48e9, 30e9]),
            "tokens": np.array([35e12, 15e12]),
        }
    )
    found = FIT.reach(2.2, runs=table)
    assert [row["run"] for row in found.rows()] == ["Alpha", "Beta"]
    alone = FIT.reach(2.2, params=[48e9, 30e9])
    np.testing.assert_array_equal(found.draws["tokens"], alone.draws["tokens"])
    of_tokens = FIT.reach(2.2, runs={"D": [1e12, 2e12]})
    np.testing.assert_array_equal(
        of_tokens.draws["params"], FIT.reach(2.2, tokens=[1e12, 2e12]).draws["params"]
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"runs": {"params": [1e9]}, "params": 1e9}, "not both"),
        ({"runs": {"batch_size": [1e6]}}, "neither params nor tokens"),
    ],
)
def test_a_table_without_a_size_or_beside_one_is_refused(
    options: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        FIT.reach(2.2, **options)
