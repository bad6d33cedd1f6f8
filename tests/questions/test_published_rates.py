"""Published rules of learning rate and batch, by hand."""

from __future__ import annotations

from math import log

import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError

N, D = 1e9, 2e10


def said(**given: float) -> dict[str, dict[str, object]]:
    return {
        row["rule"]: row for row in bs.published_rates(**{"params": N, "tokens": D, **given}).rows()
    }


def test_every_rule_by_hand() -> None:
    rows = said()
    flops = 6 * N * D
    expected = {
        "li-2025": (1.79 * N**-0.713 * D**0.307, 0.58 * D**0.571),
        "kaplan-2020-lr": (0.003239 - 0.0001395 * log(N), None),
        "deepseek-2024": (0.3118 * flops**-0.125, 0.2920 * flops**0.3271),
        "porian-2024": (3.7 * N**-0.36, 0.7576 * N**0.703),
        "bjorck-2024": (1.55e-3 * 20**-0.32, None),
    }
    assert set(rows) == set(expected)
    for rule, (rate, batch) in expected.items():
        assert rows[rule]["learning_rate"] == pytest.approx(rate)
        assert rows[rule]["batch_size"] == (None if batch is None else pytest.approx(batch))
        assert str(rows[rule]["source"]).startswith("arXiv:")


def test_a_rule_without_a_positive_rate_refuses() -> None:
    row = said(params=2e10)["kaplan-2020-lr"]
    assert row["learning_rate"] is None
    assert "no positive rate" in str(row["note"])
    assert said(params=1.1e10)["kaplan-2020-lr"]["learning_rate"] is not None


def test_rules_take_the_count_of_params_they_mean() -> None:
    rows = said(params_nonembedding=0.8 * N)
    assert rows["li-2025"]["learning_rate"] == pytest.approx(1.79 * (0.8 * N) ** -0.713 * D**0.307)
    assert rows["porian-2024"]["learning_rate"] == pytest.approx(3.7 * N**-0.36)
    assert rows["li-2025"]["note"] == ""
    assert "means params_nonembedding" in str(said()["li-2025"]["note"])


def test_several_runs_at_once() -> None:
    table = bs.published_rates([1e8, 1e9], [2e9, 2e10]).table
    assert len(table) == 10
    assert set(table.params) == {1e8, 1e9}


def test_sizes_must_be_positive() -> None:
    with pytest.raises(InputError, match="params must be above 0"):
        bs.published_rates(-1.0, 1e9)


def test_a_rule_can_be_fitted_to_the_best_runs_of_a_sweep() -> None:
    runs = bs.load_dataset("nano-lm")
    rule = bs.load_model("step-law")
    best = rule.rows_of(runs)
    assert len(best) == len(bs.best_of_cells(runs))
    assert rule.build(runs).free_RVs
