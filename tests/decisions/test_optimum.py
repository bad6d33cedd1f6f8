"""The search for the best split on losses made by hand, with dents that a walk may leave."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.decisions.optimum import GRID_STEP, split_flops

Array = NDArray[np.float64]

TOTAL = 40.0
LOG_FLOPS = TOTAL + np.log(6)
DRAWS = np.arange(3)


def valley(dent: float, wave: float) -> float:
    """Find the bottom of `bent` for one dent by trying everywhere."""
    u = np.linspace(0, TOTAL, 4_000_001)
    return float(u[np.argmin(bent(u, np.array([dent]), wave))])


def bent(u: Array, dent: Array, wave: float) -> Array:
    return np.exp(1e-3 * (u - 17.3) ** 2 + dent * np.sin(wave * u))


@pytest.mark.parametrize("wave", [5.0, 17.0, 31.0])
def test_a_valley_with_dents_has_its_lowest_place_and_no_hole(wave: float) -> None:
    dents = np.array([0.0, 1e-4, 3e-3])

    def loss(u: Array, v: Array, draw: NDArray[np.int64]) -> Array:
        np.testing.assert_allclose(u + v, TOTAL)
        return bent(u, dents[draw], wave)

    u, v, edge = split_flops(lambda a, b, d: loss(a, TOTAL - a, d), LOG_FLOPS, DRAWS)
    assert not edge.any()
    assert np.isfinite(u).all()
    np.testing.assert_allclose(u + v, TOTAL)
    for draw, dent in enumerate(dents):
        best = valley(float(dent), wave)
        lowest = bent(np.array([best]), np.array([dent]), wave)[0]
        found = bent(u[draw : draw + 1], np.array([dent]), wave)[0]
        assert found - lowest < 2 * dent * (1 - np.cos(wave * GRID_STEP / 2)) + 1e-9
    assert u[0] == pytest.approx(17.3, abs=1e-6)
