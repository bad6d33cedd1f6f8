"""The figure of a duel shows its multipliers."""

from __future__ import annotations

import numpy as np

import bayes_scaling as bs
from bayes_scaling.figures import plot_duel
from tests.questions.test_duel import GAIN, twins


def test_the_line_is_the_median_and_what_lies_beyond_is_shaded() -> None:
    flops = np.geomspace(1e20, 1e26, 7)
    ax = plot_duel(twins(GAIN).duel("base", flops=flops))
    line = ax.lines[0]
    np.testing.assert_allclose(np.asarray(line.get_xdata(), float), flops)
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), GAIN, rtol=1e-5)
    assert "base" in ax.get_ylabel()
    assert any("beyond the runs" in text.get_text() for text in ax.texts)


def test_one_budget_is_a_bar() -> None:
    ax = plot_duel(twins(GAIN, 0.9).duel("base", flops=1e24))
    assert [np.size(line.get_xdata()) for line in ax.lines[:4]] == [2, 1, 2, 1]


def test_published_laws_claim_neither_an_interval_nor_a_probability() -> None:
    found = bs.duel(a="hoffmann-2022", b="epoch-2024", flops=[1e21, 1e23])
    ax = plot_duel(found)
    assert "ETI" not in ax.get_ylabel()
    labels = [str(line.get_label()) for line in ax.lines]
    assert not any("probability" in label for label in labels)
    assert f"epoch-2024: {found.multiplier['epoch-2024'][0, -1]:.3g} at the target" in labels
