"""Figures that a notebook shows."""

from __future__ import annotations

import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.figures import plot_loss, style
from bayes_scaling.figures.shown import ShownAxes, ShownFigure

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_plot_is_its_own_picture_in_a_notebook(fitted: Fit) -> None:
    ax = plot_loss(fitted)
    assert isinstance(ax, ShownAxes)
    assert isinstance(ax.figure, ShownFigure)
    assert ax._repr_png_()[:8] == ax.figure._repr_png_()[:8] == PNG  # type: ignore[index]


def test_axes_of_ones_own_figure_are_left_to_it(fitted: Fit) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    own = figure.add_subplot()
    assert plot_loss(fitted, ax=own) is own
    assert not hasattr(own, "_repr_png_")
    assert figure.add_subplot(axes_class=ShownAxes)._repr_png_() is None


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 3)])
def test_a_grid_comes_in_reading_order(rows: int, columns: int) -> None:
    axes = style.new_grid(rows, columns)
    assert all(isinstance(ax, ShownAxes) for ax in axes)
    places = [ax.get_subplotspec().num1 for ax in axes]  # type: ignore[union-attr]
    assert places == list(range(rows * columns))
