"""Stacking weights: against a search of the whole simplex, and in cases that are known."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.posterior.stacking import stacking_weights


def test_a_fit_that_is_better_everywhere_takes_all() -> None:
    rng = np.random.default_rng(0)
    worse = rng.standard_normal(30)
    np.testing.assert_array_equal(stacking_weights([worse, worse + 1.0]), [0.0, 1.0])


def test_fits_that_are_good_at_different_runs_share() -> None:
    logs = np.log([[0.9] * 3 + [0.1] * 1, [0.1] * 3 + [0.9] * 1])
    # Maximum of 3 log(.1 + .8 w) + log(.9 - .8 w): 3 (.9 - .8 w) = .1 + .8 w.
    assert stacking_weights(logs) == pytest.approx([0.8125, 0.1875], abs=1e-6)


def test_fits_that_say_the_same_share_equally() -> None:
    same = np.linspace(-2, 2, 9)
    assert stacking_weights([same, same]) == pytest.approx([0.5, 0.5])


def test_no_weights_on_a_grid_do_better() -> None:
    logs = np.random.default_rng(1).normal(scale=1.5, size=(3, 40))
    step = np.linspace(0, 1, 101)
    grid = np.array([(a, b, 1 - a - b) for a in step for b in step if a + b <= 1 + 1e-9])
    best = np.log(np.abs(grid) @ np.exp(logs)).sum(axis=1).max()
    found = stacking_weights(logs)
    assert found.sum() == pytest.approx(1.0)
    assert np.log(found @ np.exp(logs)).sum() >= best - 1e-6


def test_densities_far_from_one_neither_overflow_nor_vanish() -> None:
    logs = np.array([[-1000.0, 900.0], [-1001.0, 899.0]])
    assert stacking_weights(logs) == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("logs", [[1.0, 2.0], [[np.nan, 1.0], [0.0, 0.0]], np.zeros((0, 3))])
def test_what_is_no_table_of_densities_is_refused(logs: object) -> None:
    with pytest.raises(InputError, match="n_fits, n_runs"):
        stacking_weights(np.asarray(logs))
