"""What a report asks a law whose groups are budgets, and one that states its split."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.questions.loss_curve import can_allocate, loss_curve, several_groups
from tests.questions.test_stated import drawn
from tests.synthetic import synthetic_fit


@pytest.mark.parametrize("name", ["envelope", "isoflop"])
def test_a_law_that_states_its_split_is_followed_along_it(name: str) -> None:
    fit = drawn(name)
    assert can_allocate(fit)
    assert not several_groups(fit)
    curve = loss_curve(fit, along="flops", to=1e22)
    assert curve.allocation is not None
    assert np.isfinite(curve.forecast.noise_free).mean() > 0.9
    np.testing.assert_allclose(curve.x[-1], 1e22)


def test_families_of_budgets_are_groups_and_budgets_are_not() -> None:
    assert several_groups(drawn("isoflop", "gpt", "moe"))
    assert several_groups(synthetic_fit(families=("a", "b")))
    assert not can_allocate(synthetic_fit("kaplan-d"))
