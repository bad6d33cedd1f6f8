"""The figure of a ranking shows every shape with its chance."""

from __future__ import annotations

import numpy as np

from bayes_scaling.figures import plot_shapes
from tests.questions.test_rank_shapes import FIT, SHAPES


def test_a_bar_and_a_chance_for_each_shape() -> None:
    found = FIT.rank_shapes(SHAPES, tokens=2e9)
    ax = plot_shapes(found)
    np.testing.assert_allclose(np.asarray(ax.lines[0].get_xdata(), float), found.aspect)
    shown = [text.get_text() for text in ax.texts]
    for place, name in enumerate(found.names):
        assert any(f"{name}\n{found.best[place]:.2f}" in each for each in shown)
    assert "noise-free loss" in ax.get_ylabel()
