"""The batched minimiser against scipy, and its law by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from bayes_scaling.validation.least_squares import LIGHTEST, _step, minimise, predict


def test_the_law_by_hand() -> None:
    theta = np.log([[1.8, 0.4, 0.6, 1.0, 1.0]])
    theta[0, 3:] = [0.3, 0.2]
    x = np.log([[[1.0, 1.0], [16.0, 32.0]]])
    found, shares = predict(theta, x)
    wanted = [1.8 + 0.4 + 0.6, 1.8 + 0.4 * 16**-0.3 + 0.6 * 32**-0.2]
    assert np.exp(found) == pytest.approx(np.array([wanted]))
    assert shares[0, 0] == pytest.approx([1.8 / 2.8, 0.4 / 2.8, 0.6 / 2.8])


def test_extreme_values_stay_finite() -> None:
    found, shares = predict(np.array([[-800.0, 900.0, 0.1, 0.2, 0.3]]), np.ones((1, 1, 2)))
    assert found == pytest.approx(899.8)
    assert shares.sum() == pytest.approx(1)


def test_sets_are_minimised_as_scipy_does_it() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1.5, (3, 40, 2))
    truth = np.array([0.5, -0.8, -0.5, 0.4, 0.3])
    y = predict(np.tile(truth, (3, 1)), x)[0] + 0.01 * rng.standard_normal((3, 40))
    start = np.tile([0.0, 0.0, 0.0, 0.5, 0.5], (3, 1))
    found, cost = minimise(start, x, y)
    for index in range(3):
        wanted = optimize.least_squares(
            lambda theta, i=index: y[i] - predict(theta[None], x[i][None])[0][0], start[index]
        )
        assert cost[index] == pytest.approx(2 * wanted.cost, rel=1e-6)
        assert found[index] == pytest.approx(wanted.x, abs=2e-3)
    assert start[0, 0] == 0.0


def test_exact_data_are_fitted_exactly() -> None:
    x = np.linspace(-2, 2, 12)[None, :, None]
    truth = np.array([[0.3, -0.4, 0.5]])
    y = predict(truth, x)[0]
    found, cost = minimise(np.array([[0.0, 0.0, 0.3]]), x, y)
    assert cost[0] < 1e-12
    assert found == pytest.approx(truth, abs=1e-3)


def test_the_least_damping_keeps_a_step_solvable_where_nothing_depends_on_a_parameter() -> None:
    shares = np.tile([0.0, 0.5, 0.5], (1, 6, 1))
    x = np.zeros((1, 6, 2))
    residual = np.full((1, 6), 0.1)
    step = _step(shares, x, residual, np.array([LIGHTEST]))
    assert np.isfinite(step).all()
    assert step[0, 1:3].sum() > 0
    with pytest.raises(np.linalg.LinAlgError):
        _step(shares, x, residual, np.zeros(1))
