"""The search for the best split on losses made by hand, with dents that a walk may leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import elementwise

from bayes_scaling.questions.search import STEP, Index
from bayes_scaling.questions.splits import best_split
from tests.synthetic import synthetic_fit

Array = NDArray[np.float64]
Loss = Callable[[Array, Index], Array]

TOTAL, BOTTOM = 40.0, 17.3
LOG_FLOPS = TOTAL + np.log(6)
DRAWS = np.arange(300)


def search(dent: float) -> tuple[Array, Array]:
    """Return the split found for every draw, and the loss above that of the lowest place."""
    rng = np.random.default_rng(0)
    phase, wave = rng.uniform(0, 2 * np.pi, DRAWS.size), rng.uniform(8, 20, DRAWS.size)

    def loss(u: Array, v: Array, draw: Index) -> Array:
        np.testing.assert_allclose(u + v, TOTAL)
        return np.exp(1e-3 * (u - BOTTOM) ** 2 + dent * np.sin(wave[draw] * u + phase[draw]))

    u, v, edge = best_split(loss, LOG_FLOPS, DRAWS)
    assert not edge.any()
    np.testing.assert_allclose(u + v, TOTAL)
    everywhere = np.linspace(BOTTOM - 3, BOTTOM + 3, 6001)
    lowest = loss(everywhere, TOTAL - everywhere, DRAWS[:, None]).min(axis=1)
    return u, np.log(loss(u, v, DRAWS) / lowest)


def test_the_bottom_of_a_smooth_valley() -> None:
    u, above = search(0.0)
    np.testing.assert_allclose(u, BOTTOM, atol=1e-6)
    np.testing.assert_allclose(above, 0.0, atol=1e-9)


def test_a_valley_with_dents_has_a_low_place_and_no_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A split lies above the lowest by what dents and valley rise over a step of the grid."""
    lost: list[int] = []
    find_minimum = elementwise.find_minimum

    def counted(function: Loss, ends: tuple[Array, ...], *, args: tuple[Index]) -> Any:
        lost.extend(args[0].tolist())
        return find_minimum(function, ends, args=args)

    monkeypatch.setattr(elementwise, "find_minimum", counted)
    u, above = search(1e-4)
    assert len(lost) > 5
    assert np.isfinite(u).all()
    assert (np.abs(u - BOTTOM) < 4 * STEP).all()
    assert (above < 1e-3 * (3 * STEP) ** 2 + 2e-4).all()
    assert (above[lost] < 2e-4 + 1e-3 * STEP**2).all()


@pytest.mark.parametrize("law", ["coupled-tempered", "coupled-drift", "coupled-drift-tempered"])
def test_any_of_three_sizes_gives_the_other_two(law: str) -> None:
    """A transient drowns the slope far below the runs; the partner is found all the same."""
    fit = synthetic_fit(law, draws=50, spread=0.0)
    split = fit.allocate(flops=[1e20, 5e23])
    for name in ("params", "tokens"):
        asked = [float(size) for size in getattr(split, name)[0]]
        found = fit.allocate(params=asked) if name == "params" else fit.allocate(tokens=asked)
        assert found.at_edge.max() == 0
        for other in ("params", "tokens", "flops"):
            wanted = getattr(split, other)[0]
            np.testing.assert_allclose(getattr(found, other)[0], wanted, rtol=1e-5)
