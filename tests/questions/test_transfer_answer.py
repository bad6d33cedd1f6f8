"""How the worth of pre-training is told: harm in data and in loss, and what is never repaid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.figures import plot_transfer
from bayes_scaling.questions.transfer_answer import Transfer
from tests.questions.test_transfer import known

DATA = 1e5


def told_of(multiple: list[float], pretrain_tokens: float | None = None) -> Transfer:
    """An answer whose draws of D_E over D_F are these, with equal losses."""
    found = known(draws=len(multiple)).transfer(
        params=1e6, finetune_tokens=DATA, pretrained_on="prose", pretrain_tokens=pretrain_tokens
    )
    effective = np.array(multiple)[:, None] * DATA
    loss = {text: np.full_like(effective, 3.0) for text in ("scratch", "prose")}
    return replace(found, effective={"prose": effective}, loss=loss)


def test_the_probability_that_it_costs_data_is_told_beside_that_of_a_higher_loss() -> None:
    found = told_of([0.5, 0.9, 0.99, 1.5])
    (row,) = found.rows()
    assert row["costs_data"] == pytest.approx(0.75)
    assert row["hurts"] == 0.0
    assert "P(D_E < D_F)  P(loss up by 0.1% or more)" in found.text
    assert any("D_E lies below D_F with probability 0.75" in text for text in found.warnings)
    assert not any("costs data" in text for text in told_of([0.5, 1.2, 1.3, 1.5]).warnings)


def test_a_loss_counts_as_higher_from_the_threshold_that_is_said() -> None:
    found = told_of([1.0, 1.0])
    raised = found.loss["prose"] * np.array([[1.0005], [1.002]])
    assert replace(found, loss={**found.loss, "prose": raised}).hurts["prose"] == pytest.approx(0.5)


def test_what_is_never_repaid_is_infinite() -> None:
    found = told_of([0.5, 0.9, 0.99, 1.5], pretrain_tokens=1e8)
    (row,) = found.rows()
    assert row["repaid_after"] == np.inf
    assert row["repaid_after_upper"] == np.inf
    assert row["repaid_never"] == pytest.approx(0.75)
    assert "with probability 0.75" in found.text
    assert "e308" not in found.text
    (sure,) = told_of([1.5] * 4, pretrain_tokens=1e8).rows()
    assert sure["repaid_after"] == pytest.approx(1e8 / 5e4)
    assert sure["repaid_never"] == 0.0


def test_a_draw_that_is_no_number_stays_none() -> None:
    (row,) = told_of([np.nan, 1.5], pretrain_tokens=1e8).rows()
    assert not row["multiplier"] > 0


def test_a_published_law_claims_neither_an_interval_nor_a_probability() -> None:
    found = bs.published("hernandez-2021-text").transfer(params=1e9, finetune_tokens=[1e7, 1e8])
    assert "P(" not in found.text
    assert "ETI" not in plot_transfer(found).get_ylabel()
    fitted = known(spread=0.1).transfer(params=1e6, finetune_tokens=[1e5, 1e6])
    assert "90 % ETI" in plot_transfer(fitted).get_ylabel()
