"""What a run in flight has logged: divergence, spikes, the last loss that was logged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.questions.flight import flight_of, last_logged
from bayes_scaling.runs import RunTable


def _flight(losses: list[float], steps: Any = None, total: float = 1e4) -> Any:
    steps = np.arange(1, len(losses) + 1) * 1000.0 if steps is None else np.array(steps, float)
    table = RunTable(columns={"steps": steps, "loss": np.array(losses)})
    return flight_of(table, "steps", total, response="loss")


def test_a_loss_that_is_not_finite_at_the_end_is_divergence() -> None:
    found = _flight([3.9, 3.7, np.inf, np.inf])
    assert found.diverged == 3000
    assert found.loss.tolist() == [3.9, 3.7]
    assert _flight([np.inf]).diverged == 1000


def test_one_that_comes_back_is_a_note() -> None:
    found = _flight([3.9, np.inf, 3.5, 3.4])
    assert found.diverged is None
    assert found.notes == ("the loss was not finite at steps 2000, and came back",)


def test_what_was_not_logged_is_neither() -> None:
    found = _flight([3.9, np.nan, 3.5, np.nan])
    assert found.diverged is None
    assert found.notes == ()


def test_a_spike_is_named_and_left_out() -> None:
    found = _flight([3.9, 3.7, 9.8, 3.6], [1000, 2000, 2100, 3000])
    assert "a spike at steps 2100: the loss was 9.8" in found.notes[0]
    shown = last_logged(found, np.array([0.05, 0.15, 0.25, 0.3]))
    assert np.isnan(shown[0])
    assert shown[1:].tolist() == [3.9, 3.7, 3.6]


def test_a_rough_curve_has_no_spikes() -> None:
    rng = np.random.default_rng(1)
    losses = 3.5 * np.exp(0.15 * rng.standard_normal(200))
    assert _flight(losses.tolist(), total=1e6).notes == ()


def test_a_curve_beyond_the_plan() -> None:
    with pytest.raises(InputError, match="beyond the 1500 of the plan"):
        _flight([3.9, 3.7], total=1500)
