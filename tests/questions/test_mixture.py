"""Decisions on an ensemble against mixtures made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.fitting import ensemble_of
from bayes_scaling.posterior import Member
from bayes_scaling.questions import Forecast, forecast as forecasting
from tests.synthetic import PLAIN, changed, synthetic_ensemble, synthetic_fit

Array = NDArray[np.float64]
SIZES: dict[str, Any] = {"params": [1e10, 7e10], "tokens": 1.4e12}
UNEQUAL = synthetic_ensemble(weights={"chinchilla": 3, "coupled": 1}, draws=500)


def weighted_quantile(parts: list[Array], weights: list[float], level: float) -> float:
    """Return a quantile of draws that each carry the weight of their part over its size."""
    values = np.concatenate(parts)
    pairs = zip(parts, weights, strict=True)
    mass = np.concatenate([np.full(part.size, weight / part.size) for part, weight in pairs])
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(mass[order]), level)])


def test_quantiles_are_those_of_the_weighted_draws() -> None:
    found = UNEQUAL.forecast(SIZES)
    for index in (0, 1):
        parts = [UNEQUAL.alone(name).forecast(SIZES).draws[:, index] for name in UNEQUAL.members]
        for level in (0.05, 0.25, 0.5, 0.75, 0.95):
            wanted = weighted_quantile(parts, [0.75, 0.25], level)
            assert np.quantile(found.draws[:, index], level) == pytest.approx(wanted, rel=2e-3)


def test_equal_members_give_all_their_draws() -> None:
    ensemble = synthetic_ensemble()
    found = ensemble.forecast(SIZES)
    parts = [ensemble.alone(name).forecast(SIZES) for name in ensemble.members]
    np.testing.assert_array_equal(found.draws, np.concatenate([part.draws for part in parts]))
    np.testing.assert_array_equal(found.member, np.repeat([0, 1], 400))
    assert found.members == ("chinchilla", "coupled")
    assert found.weights == (0.5, 0.5)
    row, own = found.member_rows()[:2]
    assert (row["member"], own["member"]) == ("chinchilla", "coupled")
    for part, told in zip(parts, (row, own), strict=True):
        assert told["new_run"] == part.rows()[0]["new_run"]
        assert told["noise_free_upper"] == part.rows()[0]["noise_free_upper"]


def test_a_slice_of_the_mixture_is_what_a_member_says() -> None:
    found = UNEQUAL.forecast(SIZES)
    assert found.members == ("chinchilla", "coupled")
    taken = UNEQUAL.rows[1]
    own = UNEQUAL.alone("coupled").forecast(SIZES)
    np.testing.assert_array_equal(found.draws[found.member == 1], own.draws[taken])
    np.testing.assert_array_equal(found.noise_free[found.member == 1], own.noise_free[taken])
    assert np.mean(found.member == 1) == pytest.approx(0.25, abs=1e-3)


def test_the_table_by_member_has_weights_sizes_and_intervals() -> None:
    table = UNEQUAL.forecast(SIZES, probability=0.5).by_member
    assert list(table["member"]) == ["chinchilla", "coupled"] * 2
    assert list(table["weight"]) == [0.75, 0.25] * 2
    assert list(table["params"]) == [1e10, 1e10, 7e10, 7e10]
    assert (table["probability"] == 0.5).all()
    assert (table["new_run_lower"] < table["new_run"]).all()
    assert "efolds_flops" not in table


def test_a_fit_is_a_forecast_of_one_member() -> None:
    found = synthetic_fit().forecast(SIZES)
    assert found.members == ("chinchilla",)
    assert not found.member.any()
    assert found.member.shape == (400,)
    first, _ = found.member_rows()
    assert first["weight"] == 1.0
    assert first["new_run"] == found.rows()[0]["new_run"]
    assert len(found.by_member) == 2


def test_the_rows_are_of_the_same_form_as_those_of_a_fit() -> None:
    mixed, single = UNEQUAL.forecast(SIZES), UNEQUAL.alone("chinchilla").forecast(SIZES)
    assert list(mixed.rows()[0]) == list(single.rows()[0])
    np.testing.assert_array_equal(mixed.extrapolation["flops"], single.extrapolation["flops"])
    split, own = UNEQUAL.allocate(flops=1e22), UNEQUAL.alone("chinchilla").allocate(flops=1e22)
    assert list(split.rows()[0]) == list(own.rows()[0])


def test_drift_of_one_member_is_drift_of_the_mixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """One member says how its law would be with other drift; the other one has none."""
    plain = forecasting.forecast_by_law
    shift = np.exp(0.1 * np.random.default_rng(1).standard_normal((2000, 1)))

    def drifting(fit: Member, sizes: Any, tuning: Any) -> Forecast:
        found = plain(fit, sizes, tuning)
        if fit.id == "coupled":
            return found
        return replace(found, redrawn=found.noise_free * shift)

    monkeypatch.setattr(forecasting, "forecast_by_law", drifting)
    found = UNEQUAL.forecast(SIZES)
    assert found.redrawn is not None
    same = found.redrawn == found.noise_free
    assert same[found.member == 1].all()
    assert not same[found.member == 0].any()
    assert (found.spread["drift"] > 0.3).all()
    np.testing.assert_allclose(sum(found.spread.values()), [1, 1])


def test_tuned_inputs_are_mixed_too() -> None:
    fit = synthetic_fit("chinchilla-lr")
    other = changed(
        fit,
        model=replace(fit.model, id="other"),
        draws={**fit.draws, "lr_best": 3 * fit.draws["lr_best"]},
    )
    found = ensemble_of([fit, other]).forecast({"params": 1e10, "tokens": 1e11})
    rates = found.tuned["learning_rate"][:, 0]
    np.testing.assert_allclose(rates[found.member == 1], 3 * rates[found.member == 0])
    assert "learning_rate" in found.member_rows()[0]


def test_groups_are_asked_for_by_name() -> None:
    found = synthetic_ensemble(families=("code", "web"))
    with pytest.raises(InputError, match="say which family, one of code, web"):
        found.forecast({"params": 1e10, "tokens": 1e11})
    row = found.forecast({"params": 1e10, "tokens": 1e11, "family": "web"}).rows()[0]
    assert row["family"] == "web"
    assert found.allocate(flops=1e22, family="web").label == "web"


# ---- allocation ----------------------------------------------------------------------------------


def test_the_best_split_is_mixed_draw_by_draw() -> None:
    found = UNEQUAL.allocate(flops=[1e22, 1e24])
    parts = [UNEQUAL.alone(name).allocate(flops=[1e22, 1e24]) for name in UNEQUAL.members]
    for name in ("params", "tokens", "loss", "tokens_per_param"):
        wanted = np.concatenate(
            [getattr(part, name)[rows] for part, rows in zip(parts, UNEQUAL.rows, strict=True)]
        )
        np.testing.assert_array_equal(getattr(found, name), wanted)
    np.testing.assert_array_equal(found.member, UNEQUAL.member)
    told = found.member_rows()
    assert [(row["member"], row["flops"]) for row in told] == [
        ("chinchilla", 1e22), ("coupled", 1e22), ("chinchilla", 1e24), ("coupled", 1e24),
    ]  # fmt: skip
    assert told[1]["params"] == np.median(parts[1].params[UNEQUAL.rows[1], 0])
    assert list(found.by_member["weight"]) == [0.75, 0.25] * 2
    beyond = np.log(np.median(found.params, axis=0) / UNEQUAL.runs["params"].max())
    np.testing.assert_allclose(found.extrapolation["params"], np.maximum(beyond, 0))


def test_the_spread_of_the_split_is_form_and_within() -> None:
    found = UNEQUAL.allocate(flops=1e24)
    logs = np.log(found.tokens_per_param[:, 0])
    means = [logs[found.member == index].mean() for index in (0, 1)]
    inner = [logs[found.member == index].var() for index in (0, 1)]
    between = 0.75 * 0.25 * (means[0] - means[1]) ** 2
    share = between / (between + 0.75 * inner[0] + 0.25 * inner[1])
    assert found.spread["form"][0] == pytest.approx(share)
    assert found.spread["within"][0] == pytest.approx(1 - share)
    assert found.rows()[0]["spread_form"] == found.spread["form"][0]


def test_draws_without_an_optimum_are_told_by_member() -> None:
    fit = synthetic_fit(PLAIN)
    edge = changed(
        fit,
        model=replace(fit.model, id="edge"),
        draws={**fit.draws, "a": fit.draws["a"] * 1e-9},
    )
    found = ensemble_of([fit, edge]).allocate(flops=1e21)
    assert found.at_edge == pytest.approx([0.5])
    assert [row["at_edge"] for row in found.member_rows()] == [0.0, 1.0]
