"""Allocations against closed forms, against scipy, and against themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from tests.synthetic import PLAIN, changed, synthetic_fit

Array = NDArray[np.float64]
LAWS = ["chinchilla", "coupled", "chinchilla-lr"]
FITS = {name: synthetic_fit(name) for name in [*LAWS, "kaplan-nd"]}
FAMILIES = synthetic_fit(families=("code", "web"))


def balance(fit: Fit, group: int | None = None) -> tuple[Array, ...]:
    """Log of both terms at the reference sizes, weighted by their exponents, and the exponents.

    The optimum is where the weighted terms are equal. In coupled the terms enter by their k-th
    root, so the weights do by the k-th power.
    """
    p = {
        name: values if values.ndim == 1 else values[:, group]
        for name, values in fit.flat.items()
        if name in ("a", "b", "alpha", "beta", "k")
    }
    k = p.get("k", 1.0)
    return (
        np.log(p["a"]) + k * np.log(p["alpha"]),
        np.log(p["b"]) + k * np.log(p["beta"]),
        p["alpha"],
        p["beta"],
    )


def closed_form(fit: Fit, flops: float, group: int | None = None) -> Array:
    """Optimal params on a budget (n_draws,): Hoffmann et al. 2022, eq. 4, from reference sizes."""
    log_a, log_b, alpha, beta = balance(fit, group)
    u, v = (np.log(fit.references[f"{name}_ref"]) for name in ("params", "tokens"))
    total = np.log(flops / 6)
    return np.asarray(np.exp((log_a - log_b + alpha * u + beta * (total - v)) / (alpha + beta)))


# ---- against closed forms ------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_the_split_of_a_budget_equals_the_closed_form(law: str) -> None:
    fit, budgets = FITS[law], [1e18, 5.76e23, 1e27]
    found = fit.allocate(flops=budgets)
    for index, budget in enumerate(budgets):
        params = closed_form(fit, budget)
        np.testing.assert_allclose(found.params[:, index], params, rtol=1e-8)
        np.testing.assert_allclose(found.tokens[:, index], budget / 6 / params, rtol=1e-8)
    assert found.given == "flops"
    assert (found.at_edge == 0).all()


@pytest.mark.parametrize("law", LAWS)
def test_partners_of_params_and_of_tokens_equal_the_closed_form(law: str) -> None:
    fit = FITS[law]
    log_a, log_b, alpha, beta = balance(fit)
    sizes = fit.references["params_ref"], fit.references["tokens_ref"]
    given = 3e10
    tokens = sizes[1] * np.exp((log_b - log_a + alpha * np.log(given / sizes[0])) / beta)
    found = fit.allocate(params=given)
    np.testing.assert_allclose(found.tokens[:, 0], tokens, rtol=1e-8)
    np.testing.assert_array_equal(found.params, given)
    params = sizes[0] * np.exp((log_a - log_b + beta * np.log(given / sizes[1])) / alpha)
    found = fit.allocate(tokens=given)
    np.testing.assert_allclose(found.params[:, 0], params, rtol=1e-8)
    np.testing.assert_array_equal(found.tokens, given)


def test_groups_have_their_own_optimum() -> None:
    for group, family in enumerate(("code", "web")):
        found = FAMILIES.allocate(flops=1e23, family=family)
        np.testing.assert_allclose(
            found.params[:, 0], closed_form(FAMILIES, 1e23, group), rtol=1e-8
        )
        assert found.rows()[0]["family"] == found.label == family


# ---- against a general optimiser -----------------------------------------------------------------


def test_a_law_without_closed_form_is_minimised() -> None:
    fit, flops = FITS["kaplan-nd"], 1e22
    found = fit.allocate(flops=flops)
    for draw in range(0, 400, 20):
        point = {item.name: fit.flat[item.name][draw] for item in fit.model.parameters}

        def loss(u: float, point: Any = point) -> float:
            params = np.exp(u)
            sizes = {"params": params, "tokens": flops / 6 / params}
            return float(fit.model.predict(point, sizes, fit.references))

        best = minimize_scalar(loss, bounds=(10, 40), method="bounded", options={"xatol": 1e-9})
        assert np.log(found.params[draw, 0]) == pytest.approx(best.x, abs=1e-5)
        assert found.loss[draw, 0] == pytest.approx(best.fun, rel=1e-12)


@pytest.mark.parametrize("law", ["coupled", "kaplan-nd"])
def test_no_other_split_has_a_lower_loss(law: str) -> None:
    fit, flops = FITS[law], 1e23
    found = fit.allocate(flops=flops)
    params = np.median(found.params) * np.geomspace(0.01, 100, 41)
    others = fit.forecast({"params": params, "flops": flops}).noise_free
    assert (others >= found.loss - 1e-12).all()
    assert (found.loss < others.min(axis=1, keepdims=True) + 1e-3).all()


# ---- against itself ------------------------------------------------------------------------------


@pytest.mark.parametrize("law", [*LAWS, "kaplan-nd"])
@pytest.mark.parametrize("given", [{"flops": [1e20, 1e24]}, {"params": 1e10}, {"tokens": 1e11}])
def test_compute_is_six_params_tokens_and_what_is_given_is_kept(
    law: str, given: dict[str, Any]
) -> None:
    found = FITS[law].allocate(**given)
    np.testing.assert_allclose(6 * found.params * found.tokens, found.flops, rtol=1e-12)
    ((name, value),) = given.items()
    np.testing.assert_array_equal(
        getattr(found, name), np.broadcast_to(value, (400, np.size(value)))
    )
    np.testing.assert_allclose(found.tokens_per_param, found.tokens / found.params)


def test_the_loss_is_that_of_a_forecast_of_the_optimum() -> None:
    fit = FITS["coupled"]
    found = fit.allocate(flops=1e23)
    for draw in (0, 250):
        sizes = {"params": found.params[draw], "tokens": found.tokens[draw]}
        assert found.loss[draw, 0] == pytest.approx(fit.forecast(sizes).noise_free[draw, 0])


def test_partner_and_split_agree() -> None:
    fit = FITS["kaplan-nd"]
    draw = 17
    split = fit.allocate(flops=1e22)
    back = fit.allocate(params=float(split.params[draw, 0]))
    assert back.tokens[draw, 0] == pytest.approx(split.tokens[draw, 0], rel=1e-7)
    assert back.flops[draw, 0] == pytest.approx(1e22, rel=1e-7)


def test_the_best_learning_rate_moves_with_the_optimum() -> None:
    fit = FITS["chinchilla-lr"]
    found, p, refs = fit.allocate(flops=[1e21, 1e24]), fit.flat, fit.references
    for index in (0, 1):
        wanted = p["lr_best"] * (found.params[:, index] / refs["params_ref"]) ** p["s_N"]
        wanted *= (found.tokens[:, index] / refs["tokens_ref"]) ** p["s_D"]
        np.testing.assert_allclose(found.tuned["learning_rate"][:, index], wanted, rtol=1e-10)
    rows = found.rows()
    assert rows[1]["learning_rate_upper"] < rows[0]["learning_rate_lower"]


# ---- at the edge ---------------------------------------------------------------------------------


def plain(**factors: float) -> Fit:
    """A fit in E, a, b with some of its draws multiplied."""
    fit = synthetic_fit(PLAIN)
    draws = {name: fit.draws[name] * factor for name, factor in factors.items()}
    return changed(fit, draws={**fit.draws, **draws})


def test_no_optimum_inside_the_range_is_flagged() -> None:
    lopsided = plain(a=1e-9)
    found = lopsided.allocate(flops=[1e21, 1e30])
    np.testing.assert_array_equal(found.at_edge, [1.0, 0.0])
    np.testing.assert_allclose(found.params[:, 0], 1.0)
    np.testing.assert_allclose(6 * found.params * found.tokens, found.flops, rtol=1e-12)
    assert [row["at_edge"] for row in found.rows()] == [1.0, 0.0]
    other_side = plain(b=1e-12).allocate(flops=1e21)
    np.testing.assert_array_equal(other_side.at_edge, [1.0])
    np.testing.assert_allclose(other_side.tokens, 1.0)


def test_a_share_of_the_draws_at_the_edge() -> None:
    factor = np.where(np.arange(100) < 25, 1e-9, 1.0)
    fit = synthetic_fit(PLAIN)
    fit = changed(fit, draws={**fit.draws, "a": fit.draws["a"] * factor})
    assert fit.allocate(flops=1e21).at_edge == pytest.approx([0.25])


def test_a_partner_that_does_not_exist_is_not_a_number() -> None:
    found = plain(a=1e-9).allocate(tokens=1e9)
    np.testing.assert_array_equal(found.at_edge, [1.0])
    assert np.isnan(found.params).all()
    assert np.isnan(found.loss).all()
    np.testing.assert_array_equal(found.tokens, 1e9)


# ---- the table and the problems ------------------------------------------------------------------


def test_the_table_has_an_interval_on_all_but_what_is_given() -> None:
    found = FITS["chinchilla"].allocate(flops=[1e21, 1e23], probability=0.8)
    table = found.table
    assert list(table["flops"]) == [1e21, 1e23]
    assert "flops_lower" not in table
    for name in ("params", "tokens", "tokens_per_param", "loss"):
        wanted = np.quantile(getattr(found, name), [0.5, 0.1, 0.9], axis=0)
        shown = table[[name, f"{name}_lower", f"{name}_upper"]].to_numpy().T
        np.testing.assert_allclose(shown, wanted)
    assert set(table["probability"]) == {0.8}
    assert set(table["kind"]) == {"ETI"}
    assert set(table["given"]) == {"flops"}
    assert table["efolds_flops"][0] == pytest.approx(0.0, abs=1e-9)
    assert table["efolds_flops"][1] == pytest.approx(np.log(100))
    rows = found.rows()
    assert all(
        told.items() <= row.items()
        for told, row in zip(table.to_dict("records"), rows, strict=True)
    )
    assert not [name for name in table if name.startswith("spread_")]
    assert found.rows(0.5) == found.with_probability(0.5).rows()


def test_e_folds_are_those_of_the_median_optimum() -> None:
    fit = FITS["chinchilla"]
    found = fit.allocate(flops=1e26)
    wanted = np.log(np.median(found.tokens) / fit.runs["tokens"].max())
    assert found.extrapolation["tokens"] == pytest.approx([wanted])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one .* got none"),
        ({"flops": 1e21, "params": 1e9}, "exactly one .* got flops, params"),
        ({"flops": -1e21}, "flops must be finite and above 6"),
        ({"flops": 6.0}, "flops must be finite and above 6"),
        ({"params": [1e9, np.nan]}, "params must be finite"),
        ({"tokens": np.inf}, "tokens must be finite"),
        ({"flops": []}, "flops must be finite"),
        ({"flops": "1e21 FLOP"}, "must be a number or numbers"),
        ({"flops": 1e21, "family": "books"}, "'books' is not in the fit; known are all"),
        ({"flops": 1e21, "probability": 90}, "between 0 and 1"),
    ],
)
def test_what_is_wrong_with_a_question(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FITS["chinchilla"].allocate(**given)


def test_a_group_must_be_said_where_they_differ() -> None:
    with pytest.raises(InputError, match="say which family, one of code, web"):
        FAMILIES.allocate(flops=1e21)
    with pytest.raises(InputError, match="'books' is not in the fit; known are code, web"):
        FAMILIES.allocate(flops=1e21, family="books")


@pytest.mark.parametrize("law", ["kaplan-n", "kaplan-d", "kaplan-c"])
def test_a_law_in_one_size_cannot_split_a_budget(law: str) -> None:
    fit = synthetic_fit(law)
    with pytest.raises(InputError, match=f"{law} reads .*only a law in params and tokens"):
        fit.allocate(flops=1e21)


def test_a_law_with_another_untuned_input_cannot_either() -> None:
    definition: dict[str, Any] = {
        **PLAIN,
        "id": "deeper",
        "formula": f"{PLAIN['formula']} + 0 * depth",
    }
    fit = synthetic_fit(definition, extra={"depth": 12.0})
    with pytest.raises(InputError, match="also needs 'depth', which has no tuned value"):
        fit.allocate(flops=1e21)


def test_repeated_data_are_a_settled_input_of_the_law_that_knows_them() -> None:
    fit = synthetic_fit("data-constrained", extra={"unique_tokens": 1e11})
    with pytest.raises(InputError, match="did you mean 'unique_tokens'"):
        fit.allocate(flops=1e22, inputs={"unique_token": 1e10})
    few, many = (fit.allocate(flops=1e22, inputs={"unique_tokens": u}) for u in (1e10, 1e14))
    # Excess params lose their worth before repeated tokens do: Muennighoff et al. 2023, section 6.
    assert np.median(few.params) < np.median(many.params)
    np.testing.assert_allclose(many.params, fit.allocate(flops=1e22).params)  # all of it fresh
    params, tokens = few.params[:, 0], few.tokens[:, 0]
    for factor in (0.8, 1.25):
        sizes = {"params": params[:, None] * factor, "tokens": tokens[:, None] / factor}
        sizes["unique_tokens"] = np.full_like(sizes["params"], 1e10)
        assert (fit.predict(sizes, group=np.array(0)) > few.loss).all()
    told = fit.risk(flops=1e22, target_loss=2.5, inputs={"unique_tokens": 1e10}).rows()[0]
    assert told["params"] == pytest.approx(few.choices[0].params)
    assert told["noise_free"] == pytest.approx(np.median(few.choices[0].loss))
