"""Figure of a jump: the probability that it lies below some compute, and where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.figures import style
from bayes_scaling.figures.words import AXES
from bayes_scaling.intervals import format_kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.questions.emergence import Emergence

POINTS = 200
REACH = 30.0
"""How far compute is drawn beyond the runs and the budgets, and below the runs."""

MARGIN = 3.0
"""How far it is drawn below the interval of the jump."""

HEIGHT = 0.5
"""Where the interval of the place is drawn: its median is there."""


def plot_emergence(result: Emergence, *, ax: Axes | None = None) -> Axes:
    """Plot the probability that a score has jumped against compute.

    Parameters
    ----------
    result : Emergence
        The answer.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Points are the budgets that were asked about; the bar is the interval of the place of the jump.
    Of a smoother metric it is the probability that a tenth of its rise is done.
    Where laws without a jump are averaged, the curve stays below 1.
    """
    ax = ax if ax is not None else style.new_axes()
    kind, row = format_kind(result.probability), result.rows()[0]
    middle, low, high = (row[f"jump_flops{end}"] for end in ("", "_lower", "_upper"))
    top = max(float(result.flops.max()), result.runs_to) * REACH
    bottom = min(float(result.flops.min()), result.runs_to / REACH, low / MARGIN)
    places = np.geomspace(bottom, top, POINTS)
    chance = result.chance_below(places)
    ax.fill_between(places, chance, color=style.BLUE, alpha=0.12, linewidth=0)
    ax.plot(places, chance, color=style.BLUE, linewidth=1.6, label="jump below this compute")
    ax.plot(result.flops, result.chance, "o", color=style.BLUE, label="as asked")
    for place, value in zip(result.flops, result.chance, strict=True):
        ax.annotate(
            f"{value:.2f}",
            (float(place), float(value)),
            xytext=(6, -12),
            textcoords="offset points",
            fontsize=style.SMALL,
        )
    if result.beside is not None:
        begun = result.beside.begun_below(places)
        ax.plot(places, begun, color=style.GREEN, linestyle="--", label="smoother metric rises")
    ax.hlines(HEIGHT, low, min(high, top), color=style.RED, label=f"place of the jump, {kind}")
    if middle < top:
        ax.plot([middle], [HEIGHT], "|", color=style.RED, markersize=10)
    style.log_scale(ax, "x", float(places[0]), top)
    ax.set_xlim(float(places[0]), top)
    ax.set_ylim(0, 1.03)
    style.shade_beyond(ax, result.runs_to)
    style.tidy(ax, xlabel=AXES["flops"], ylabel="probability of a jump below")
    style.legend(ax)
    return ax
