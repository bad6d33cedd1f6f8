"""Forecasts: the law by hand, the noise of a new run, tuned rates, how far beyond the data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.runs import RunTable
from tests.synthetic import TRUTH, changed, own_law, synthetic_fit

FIT = synthetic_fit()
RATES = synthetic_fit("chinchilla-lr")
BIG: dict[str, Any] = {"params": 7e10, "tokens": 1.4e12}


def by_hand(fit: Fit, params: float, tokens: float, group: int | None = None) -> Any:
    """Loss of chinchilla from draws of E, a, b, alpha and beta (n_draws,)."""
    p = {
        name: values if values.ndim == 1 else values[:, group]
        for name, values in fit.flat.items()
        if name in ("E", "a", "b", "alpha", "beta")
    }
    refs = fit.references
    return (
        p["E"]
        + p["a"] * (params / refs["params_ref"]) ** -p["alpha"]
        + p["b"] * (tokens / refs["tokens_ref"]) ** -p["beta"]
    )


# ---- the noise-free loss -------------------------------------------------------------------------


def test_noise_free_loss_is_that_of_the_formula() -> None:
    found = FIT.forecast({"params": [1e9, 7e10], "tokens": [2e10, 1.4e12]})
    assert found.noise_free.shape == (400, 2)
    np.testing.assert_allclose(found.noise_free[:, 0], by_hand(FIT, 1e9, 2e10), rtol=1e-12)
    np.testing.assert_allclose(found.noise_free[:, 1], by_hand(FIT, 7e10, 1.4e12), rtol=1e-12)


def test_it_is_what_the_model_predicts_from_each_draw() -> None:
    fit = synthetic_fit("coupled")
    found = fit.forecast(BIG).noise_free[:, 0]
    point = {item.name: fit.flat[item.name][123] for item in fit.model.parameters}
    sizes = {name: np.asarray(value) for name, value in BIG.items()}
    assert found[123] == pytest.approx(float(fit.model.predict(point, sizes, fit.references)))


def test_each_run_takes_the_parameters_of_its_group() -> None:
    fit = synthetic_fit(families=("code", "web"))
    found = fit.forecast({**BIG, "family": ["web", "code"]})
    np.testing.assert_allclose(found.noise_free[:, 0], by_hand(fit, 7e10, 1.4e12, 1), rtol=1e-12)
    np.testing.assert_allclose(found.noise_free[:, 1], by_hand(fit, 7e10, 1.4e12, 0), rtol=1e-12)
    assert [row["family"] for row in found.rows()] == ["web", "code"]


def test_a_law_in_compute_needs_compute_alone() -> None:
    fit = synthetic_fit("kaplan-c")
    wanted = fit.flat["c"] * (6e20 / fit.references["flops_ref"]) ** -fit.flat["alpha_C"]
    for sizes in ({"flops": 6e20}, {"params": 1e10, "tokens": 1e10}):
        np.testing.assert_allclose(fit.forecast(sizes).noise_free[:, 0], wanted, rtol=1e-12)


# ---- a new run -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sharp() -> Fit:
    """Draws that hardly differ, so that what spreads is noise."""
    return synthetic_fit(draws=2500, spread=1e-7)


def test_a_new_run_scatters_by_student_t_on_the_log(sharp: Fit) -> None:
    found = sharp.forecast({"params": [1e8, 1e9, 1e10], "tokens": 1e11})
    deviation = np.log(found.draws / found.noise_free).ravel() / TRUTH["sigma"]
    levels = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    wanted = stats.t(TRUTH["nu"]).ppf(levels)
    np.testing.assert_allclose(np.quantile(deviation, levels), wanted, rtol=0.06, atol=0.03)
    assert np.quantile(deviation, 0.99) > 1.2 * stats.norm.ppf(0.99)


def test_noise_differs_between_runs_and_draws(sharp: Fit) -> None:
    found = sharp.forecast({"params": 1e9, "tokens": [1e10, 1e10]})
    deviation = np.log(found.draws / found.noise_free)
    assert np.unique(deviation).size == deviation.size
    assert abs(np.corrcoef(deviation.T)[0, 1]) < 0.05


def test_noise_takes_the_scale_of_its_group() -> None:
    fit = synthetic_fit(families=("code", "web"), draws=500)
    louder = fit.draws["sigma"] * np.array([1.0, 10.0])
    fit = changed(fit, draws={**fit.draws, "sigma": louder})
    found = fit.forecast({**BIG, "family": ["code", "web"]})
    quiet, noisy = np.median(np.abs(np.log(found.draws / found.noise_free)), axis=0)
    assert 7 < noisy / quiet < 14


def test_the_same_fit_gives_the_same_draws_and_another_seed_does_not() -> None:
    one, two = FIT.forecast(BIG), synthetic_fit().forecast(BIG)
    np.testing.assert_array_equal(one.draws, two.draws)
    np.testing.assert_array_equal(FIT.forecast(BIG).draws, one.draws)
    found = changed(FIT, settings=replace(FIT.settings, random_seed=8)).forecast(BIG)
    np.testing.assert_array_equal(found.noise_free, one.noise_free)
    assert not np.array_equal(found.draws, one.draws)


# ---- tuned inputs --------------------------------------------------------------------------------


def best_rate(params: float, tokens: float) -> Any:
    p, refs = RATES.flat, RATES.references
    return (
        p["lr_best"]
        * (params / refs["params_ref"]) ** p["s_N"]
        * (tokens / refs["tokens_ref"]) ** p["s_D"]
    )


def test_without_a_learning_rate_each_draw_takes_its_best() -> None:
    found = RATES.forecast(BIG)
    np.testing.assert_allclose(
        found.tuned["learning_rate"][:, 0], best_rate(7e10, 1.4e12), rtol=1e-10
    )
    np.testing.assert_allclose(found.noise_free[:, 0], by_hand(RATES, 7e10, 1.4e12), rtol=1e-10)
    (row,) = found.rows()
    assert row["learning_rate_lower"] < row["learning_rate"] < row["learning_rate_upper"]
    assert "efolds_learning_rate" not in row


def test_a_learning_rate_that_is_given_costs_loss() -> None:
    best = float(np.median(best_rate(7e10, 1.4e12)))
    found = RATES.forecast({**BIG, "learning_rate": [best, 5 * best, best / 5]})
    assert found.tuned == {}
    at_best, above, below = np.median(found.noise_free, axis=0)
    assert at_best == pytest.approx(np.median(by_hand(RATES, 7e10, 1.4e12)), rel=1e-3)
    assert min(above, below) > 1.005 * at_best
    assert found.rows()[1]["learning_rate"] == pytest.approx(5 * best)


# ---- how far -------------------------------------------------------------------------------------


def test_distance_beyond_the_fitted_runs_in_e_folds() -> None:
    """Budgets reach from 1e18 to 1e21 FLOP at 3 to 100 tokens a parameter."""
    low, high = np.sqrt(1e18 / 600), np.sqrt(1e21 / 18)
    tokens = 1e10
    found = FIT.forecast({"params": [high * np.e**2, high, 1e9, low, low / np.e], "tokens": tokens})
    np.testing.assert_allclose(found.extrapolation["params"], [2, 0, 0, 0, 1], atol=1e-9)
    np.testing.assert_array_equal(found.extrapolation["tokens"], 0)
    over = np.log(6 * tokens * high * np.e**2 / 1e21)
    assert found.extrapolation["flops"][0] == pytest.approx(max(0.0, over))
    far = FIT.forecast({"flops": 1e24, "params": 1e10})
    assert far.extrapolation["flops"] == pytest.approx([np.log(1e3)])


def test_a_given_learning_rate_has_a_distance_too() -> None:
    highest = RATES.runs["learning_rate"].max()
    found = RATES.forecast({"params": 1e9, "tokens": 1e10, "lr": highest * np.e})
    assert found.extrapolation["learning_rate"] == pytest.approx([1.0])


# ---- the table -----------------------------------------------------------------------------------


def test_the_table_names_both_losses_with_their_intervals() -> None:
    found = FIT.forecast({"params": [1e9, 7e10], "tokens": 1e11}, probability=0.5)
    table = found.table
    assert len(table) == 2
    assert list(table["params"]) == [1e9, 7e10]
    assert set(table["probability"]) == {0.5}
    assert set(table["kind"]) == {"ETI"}
    for name, draws in (("noise_free", found.noise_free), ("new_run", found.draws)):
        wanted = np.quantile(draws, [0.5, 0.25, 0.75], axis=0)
        shown = table[[name, f"{name}_lower", f"{name}_upper"]].to_numpy().T
        np.testing.assert_allclose(shown, wanted)
    rows = found.rows()
    assert all(
        told.items() <= row.items()
        for told, row in zip(table.to_dict("records"), rows, strict=True)
    )
    assert not [name for name in table if name.startswith("spread_")]
    assert found.rows(0.5) == found.with_probability(0.5).rows()


def test_a_new_run_is_less_certain_than_the_law(fitted: Fit) -> None:
    (row,) = fitted.forecast({"params": 1e9, "tokens": 2e10}).rows()
    law = row["noise_free_upper"] - row["noise_free_lower"]
    assert row["new_run_upper"] - row["new_run_lower"] > 1.5 * law
    truth = {name: np.array([TRUTH[name]]) for name in ("E", "a", "b", "alpha", "beta")}
    known = changed(fitted, draws={name: values[None] for name, values in truth.items()})
    assert row["noise_free"] == pytest.approx(by_hand(known, 1e9, 2e10)[0], rel=0.01)


def test_probability_is_checked() -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        FIT.forecast(BIG, probability=90)


def test_a_law_in_nonembedding_params_reads_them_from_a_table() -> None:
    fit = synthetic_fit("kaplan-nd")
    design = make_design(fit.model, fit.runs)
    draws = {name: values[:, None] for name, values in fit.flat.items()}
    wanted = fit.model.predict(draws, design.inputs, fit.references)
    np.testing.assert_allclose(fit.forecast(fit.runs).noise_free, wanted)


def test_nonembedding_params_may_be_given_by_their_name() -> None:
    fit = synthetic_fit("kaplan-nd")
    found = fit.forecast({"params_nonembedding": 1e9, "tokens": 1e10})
    wanted = fit.forecast({"params": 1e9, "tokens": 1e10})
    np.testing.assert_array_equal(found.noise_free, wanted.noise_free)


def test_an_input_that_may_be_zero_or_negative_can_be_forecast() -> None:
    runs = RunTable(
        columns={
            "tokens": np.geomspace(1e9, 1e10, 12),
            "loss": np.linspace(3, 2, 12),
            "mix": np.linspace(-1, 1, 12),
        }
    )
    model = load_model(own_law("mix"))
    design = make_design(model, runs)
    base = synthetic_fit()
    draws = {
        "a": base.draws["c"], "g": base.draws["beta"], "h": 0.1 * base.draws["beta"],
        "sigma": base.draws["sigma"], "nu": base.draws["nu"],
    }  # fmt: skip
    fit = changed(
        base, model=model, runs=runs, draws=draws, references=design.references, groups=("all",)
    )
    assert len(fit.forecast({"tokens": 1e11, "mix": [0.0, -0.5]}).rows()) == 2
