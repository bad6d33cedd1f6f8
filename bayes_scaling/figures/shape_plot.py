"""Figure of a ranking of shapes: loss or score against width per layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.figures import style
from bayes_scaling.intervals import format_kind, quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.questions.rank_shapes import ShapeRanking


def plot_shapes(result: ShapeRanking, *, ax: Axes | None = None) -> Axes:
    """Plot what each shape reaches against its width per layer.

    Parameters
    ----------
    result : ShapeRanking
        The ranking.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Bars hold the probability of the result; numbers are the probability of each shape to be the
    best of these. Where the law states the best of all shapes, its interval is shaded.
    """
    if ax is None:
        ax = style.new_axes()
    aspect = result.aspect
    middle, low, high = quantiles(result.values, result.probability)
    ax.vlines(aspect, low, high, color=style.BLUE, linewidth=1.6)
    ax.plot(aspect, middle, "o", color=style.BLUE, label="shapes, with the chance to be the best")
    for place, name in enumerate(result.names):
        ax.annotate(
            f"{name}\n{result.best[place]:.2f}",
            (float(aspect[place]), float(high[place])),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=style.SMALL,
        )
    if result.best_aspect is not None:
        _, left, right = quantiles(result.best_aspect, result.probability)
        left, right = max(float(left), aspect.min() / 2), min(float(right), aspect.max() * 2)
        if left < right:
            ax.axvspan(
                left,
                right,
                color=style.GREEN,
                alpha=0.15,
                linewidth=0,
                label="best width per layer",
            )
    style.log_scale(ax, "x", float(aspect.min()), float(aspect.max()))
    ax.set_xlim(float(aspect.min()) / 1.6, float(aspect.max()) * 1.6)
    bottom, top = float(np.min(low)), float(np.max(high))
    room = max(top - bottom, 1e-3 * abs(top))
    ax.set_ylim(bottom - 0.08 * room, top + 0.25 * room)
    kind = format_kind(result.probability)
    style.tidy(ax, xlabel="width per layer", ylabel=f"noise-free {result.response}, {kind}")
    style.legend(ax)
    return ax
