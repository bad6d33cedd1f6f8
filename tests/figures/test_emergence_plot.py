"""The figure of a jump shows its probability by compute, and its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.figures import plot_emergence
from tests.questions.test_emergence import drawn


def test_the_curve_goes_through_what_was_asked() -> None:
    found = drawn("emergence").emergence([1e20, 1e22])
    ax = plot_emergence(found)
    curve, asked = ax.lines[:2]
    np.testing.assert_allclose(np.asarray(asked.get_ydata(), float), found.chance)
    x, y = (np.asarray(each, float) for each in (curve.get_xdata(), curve.get_ydata()))
    assert (np.diff(y) >= 0).all()
    np.testing.assert_allclose(np.interp(found.flops, x, y), found.chance, atol=0.03)
    assert [text.get_text() for text in ax.texts][:2] == [f"{each:.2f}" for each in found.chance]


def test_the_whole_interval_and_the_smoother_metric_are_drawn() -> None:
    fit = drawn("emergence")
    found = fit.emergence(1e25, beside=fit)
    ax = plot_emergence(found)
    assert ax.get_xlim()[0] < found.rows()[0]["jump_flops_lower"]
    (line,) = [line for line in ax.lines if line.get_label() == "smoother metric rises"]
    x, y = (np.asarray(each, float) for each in (line.get_xdata(), line.get_ydata()))
    assert found.beside is not None
    middle = float(np.median(found.beside.onset))
    assert np.interp(np.log(middle), np.log(x), y) == pytest.approx(0.5, abs=0.03)


def test_a_jump_that_may_never_come_is_drawn_to_the_edge() -> None:
    found = drawn("emergence").emergence(1e22)
    never = replace(found, jump=np.where(np.arange(found.jump.size) % 2, np.inf, found.jump))
    ax = plot_emergence(never)
    assert np.asarray(ax.lines[0].get_ydata(), float).max() <= 0.5
    assert np.isfinite(ax.get_xlim()).all()
