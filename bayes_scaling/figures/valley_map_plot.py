"""Figure of a valley map: loss as colour over two inputs, with the valley and its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.figures import style
from bayes_scaling.intervals import format_kind, quantiles
from bayes_scaling.page import called

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.questions.valley_map import ValleyMap

LEVELS = 14
"""Steps of colour."""

TOP = 0.8
"""Share of the map below which losses are told apart; above it all have one colour."""


def plot_valley_map(result: ValleyMap, *, ax: Axes | None = None) -> Axes:
    """Plot the loss over two inputs as colour.

    Parameters
    ----------
    result : ValleyMap
        The map.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The line is the median of the best setting, dashed are the ends of its interval, which holds the
    probability of the result; dots are the fitted runs.
    """
    if ax is None:
        ax = style.new_axes()
    above = 100 * (result.loss / result.loss.min(axis=1, keepdims=True) - 1)
    top = max(float(quantiles(above.ravel(), 2 * TOP - 1)[2]), 0.1)
    levels = np.linspace(0, top, LEVELS)
    drawn = ax.contourf(result.xs, result.ys, above, levels=levels, cmap="Blues", extend="max")
    bar = ax.figure.colorbar(drawn, ax=ax, format="%.3g")
    bar.set_label(f"loss above the best of each {called(result.y)} [%]", fontsize=style.SMALL)
    middle, low, high = quantiles(result.best, result.probability)
    kind = format_kind(result.probability)
    ax.plot(middle, result.ys, color=style.RED, label=f"best {called(result.x)}, {kind}")
    for end in (low, high):
        ax.plot(end, result.ys, "--", color=style.RED, linewidth=0.9)
    ax.plot(*result.seen.T, ".", color=style.INK, markersize=2, label="runs")
    ends = [(float(values[0]), float(values[-1])) for values in (result.xs, result.ys)]
    style.log_scale(ax, "x", *ends[0])
    style.log_scale(ax, "y", *ends[1])
    ax.set_xlim(*ends[0])
    ax.set_ylim(*ends[1])
    style.tidy(ax, xlabel=called(result.x), ylabel=called(result.y))
    style.legend(ax)
    return ax
