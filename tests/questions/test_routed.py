"""Compute counts active parameters, in every answer of a law of total ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.questions.routed import say_share
from bayes_scaling.runs import RunTable
from tests.questions.test_monitor import FIT
from tests.synthetic import changed


def _routed(share: Any) -> Any:
    columns = dict(FIT.runs.columns)
    active = share * columns["params"]
    columns["params_active"] = active
    columns["flops"] = 6 * active * columns["tokens"]
    return changed(FIT, runs=RunTable(columns=columns))


def test_a_dense_model_has_all_its_params_active() -> None:
    assert FIT.leading.active_share == 1.0
    assert say_share(FIT) == ""


def test_every_answer_counts_active_params() -> None:
    fit = _routed(1 / 32)
    assert fit.leading.active_share == pytest.approx(1 / 32)
    found = fit.allocate(flops=1e21)
    dense = FIT.allocate(flops=32e21)
    np.testing.assert_allclose(found.params, dense.params)
    np.testing.assert_allclose(6 * found.params / 32 * found.tokens, 1e21)
    (row,) = found.rows()
    assert row["params_active"] == pytest.approx(row["params"] / 32)
    forecast = fit.forecast({"params": 1.6e9, "tokens": 2e10})
    assert forecast.plan.columns["flops"][0] == pytest.approx(6e18)
    by_compute = fit.forecast({"flops": 6e18, "tokens": 2e10})
    np.testing.assert_allclose(by_compute.noise_free, forecast.noise_free)
    loss = float(np.median(forecast.noise_free))
    reached = fit.reach(loss, params=1.6e9).rows()[0]
    assert reached["flops"] == pytest.approx(6e18, rel=0.01)
    risk = fit.risk(flops=1e21, target_loss=2.0)
    assert risk.flops[0] == pytest.approx(1e21)


def test_shares_that_differ_are_said() -> None:
    share = np.where(np.arange(len(FIT.runs)) % 2, 1 / 8, 1 / 32)
    fit = _routed(share)
    assert fit.leading.active_shares == pytest.approx((1 / 32, 1 / 8))
    assert "where that share runs from 0.0312 to 0.125" in say_share(fit)
    assert "compute is 6 x params_active x tokens" in say_share(_routed(1 / 8))
