"""The splits that would be chosen along budgets, and the loss there."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.questions.expected_path import axis_of, expected_path
from tests.synthetic import PLAIN, changed, synthetic_fit

BUDGETS = np.array([1e18, 3.3e20, 1e23, 1e25])


def test_of_one_draw_it_is_the_best_split_of_every_budget() -> None:
    law = bs.published("hoffmann-2022")
    path = expected_path(law.surface(), 1e19, 1e24)
    best = [row["loss"] for row in law.allocate(flops=BUDGETS).rows()]
    np.testing.assert_allclose(path.losses(BUDGETS)[0], best, rtol=1e-7)
    sizes = path.sizes(np.log(BUDGETS))
    np.testing.assert_allclose(6 * sizes["params"] * sizes["tokens"], BUDGETS, rtol=1e-9)


def test_the_budget_for_a_loss_is_the_inverse() -> None:
    law = synthetic_fit(PLAIN).surface()
    path = expected_path(law, 1e19, 1e24)
    found = path.reaching(np.log(path.losses(BUDGETS)[:, 2]), 1e21)
    np.testing.assert_allclose(found, 1e23, rtol=1e-6)
    assert np.isinf(path.reaching(np.full(law.n_draws, -50.0), 1e21)).all()


def test_where_the_best_split_is_unknown_it_stays_in_the_middle_of_the_draws() -> None:
    fit = synthetic_fit(PLAIN)

    def tokens_of(*factors: float) -> float:
        """Tokens chosen where the term of the params counts for more, by turns of the draws."""
        a = fit.draws["a"].copy()
        a *= np.resize(factors, a.shape[:2]).reshape(a.shape[:2] + (1,) * (a.ndim - 2))
        path = expected_path(changed(fit, draws={**fit.draws, "a": a}).surface(), 1e20, 1e22)
        return float(path.sizes(np.log([1e21]))["tokens"][0])

    alone = tokens_of(0.3), tokens_of(3.0)
    assert min(alone) < tokens_of(0.3, 3.0) < max(alone)


@pytest.mark.parametrize(("law", "axis"), [("kaplan-c", "flops"), ("kaplan-n", "params")])
def test_one_size_is_its_own_path(law: str, axis: str) -> None:
    surface = synthetic_fit(law).surface()
    path = expected_path(surface, 1e18, 1e22)
    assert (axis_of(surface), path.log_flops.size) == (axis, 0)
    assert list(path.sizes(np.zeros(1))) == [axis]
    np.testing.assert_allclose(path.reaching(path.log_loss(np.log(1e9), surface.draws), 1e9), 1e9)
