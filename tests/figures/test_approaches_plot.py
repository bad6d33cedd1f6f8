"""The figure of the approaches: what is drawn, and in which of its panels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from bayes_scaling.figures import plot_approaches
from bayes_scaling.intervals import quantiles
from bayes_scaling.validation import Approaches
from tests.approaches import standard
from tests.synthetic import UNCONVERGED, changed

LAWS = 5


@pytest.fixture(scope="module")
def found() -> Approaches:
    usual = standard()
    failed = changed(usual.fits["coupled"], checks=UNCONVERGED)
    return replace(usual, fits={**usual.fits, "coupled": failed})


def test_a_figure_of_its_own_shows_params_and_tokens_per_param(found: Approaches) -> None:
    ax = plot_approaches(found)
    assert isinstance(ax.figure, Figure)
    left, right = ax.figure.axes
    assert ax is left
    for panel, ratio in ((left, False), (right, True)):
        for line, split in zip(panel.lines[:LAWS], found.path.values(), strict=True):
            draws = split.tokens / split.params if ratio else split.params
            np.testing.assert_allclose(np.asarray(line.get_ydata(), float), quantiles(draws)[0])
        assert len(panel.collections) >= LAWS
    ax.figure.canvas.draw()
    (legend,) = ax.figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[0] == "1, envelope: exponent 0.51"
    assert texts[-2:] == ["3, parametric, coupled: exponent 0.51 (unconverged)",
                          "runs on the envelope"]  # fmt: skip


def test_bands_hold_the_probability_of_the_result(found: Approaches) -> None:
    (vertices,) = (path.vertices for path in plot_approaches(found).collections[1].get_paths())
    _, lower, upper = quantiles(found.path["isoflop"].params, found.probability)
    inside = np.asarray(vertices)[:, 1]
    assert inside.min() == pytest.approx(lower.min())
    assert inside.max() == pytest.approx(upper.max())


def test_runs_of_the_envelope_are_shown_and_what_lies_beyond_is_shaded(found: Approaches) -> None:
    ax = plot_approaches(found)
    dots = ax.lines[LAWS]
    runs = found.fits["envelope"].runs
    np.testing.assert_array_equal(np.asarray(dots.get_ydata(), float), runs["params"])
    edges = [float(np.asarray(line.get_xdata(), float)[0]) for line in ax.lines[LAWS + 1 :]]
    assert edges == pytest.approx([1e21], rel=0.05)


def test_given_axes_hold_the_params_alone(found: Approaches) -> None:
    ax = Figure().add_subplot()
    assert plot_approaches(found, ax=ax) is ax
    assert isinstance(ax.figure, Figure)
    assert ax.figure.axes == [ax]
    assert ax.get_ylabel() == "best parameters N*"
    assert ax.get_legend() is not None


def test_without_an_envelope_there_are_no_dots(found: Approaches) -> None:
    rest = {name: fit for name, fit in found.fits.items() if name != "envelope"}
    path = {name: found.path[name] for name in rest}
    ax = plot_approaches(replace(found, fits=rest, path=path))
    assert len(ax.lines) == len(rest) + 1
