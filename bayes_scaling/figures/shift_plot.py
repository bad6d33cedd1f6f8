"""Figure of a shift: slopes of the loss on other texts against that on the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.figures import style
from bayes_scaling.intervals import format_kind, quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.questions.answer import Answer

ROW = 0.3
"""Height of a row [inch]."""


def plot_shift(result: Answer, *, ax: Axes | None = None) -> Axes:
    """Plot the slope of each set with its interval, and the probability that it is 1.

    Parameters
    ----------
    result : Answer
        Of `Fit.shift`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        The answer is that of another question.
    """
    if "slope" not in result.draws or "slope_is_1" not in result.flags:
        raise InputError(
            f"slopes are drawn of fit.shift(), and this tells {', '.join(result.draws)}"
        )
    names = next(iter(result.asked.values()))
    middle, low, high = quantiles(result.draws["slope"], result.probability)
    order = np.argsort(-middle)
    rows = np.arange(len(names))
    if ax is None:
        ax = style.new_axes(height=max(2.2, ROW * len(names) + 1.1))
    ax.axvline(1.0, color=style.INK, linewidth=0.8)
    ax.hlines(rows, low[order], high[order], color=style.BLUE, linewidth=1.6)
    ax.plot(middle[order], rows, "o", color=style.BLUE, markersize=4)
    chances = result.shares["slope_is_1"][order]
    for row, chance, end in zip(rows, chances, high[order], strict=True):
        ax.annotate(
            f"{chance:.2f}",
            (float(end), float(row)),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
            color=style.GREY,
        )
    ax.set_yticks(rows, [str(names[index]) for index in order])
    ax.margins(x=0.12)
    kind = format_kind(result.probability)
    style.tidy(ax, xlabel=f"slope, {kind}; beside it the probability that it is 1", ylabel="")
    return ax
