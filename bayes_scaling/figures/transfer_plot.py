"""Figure of transfer: how many times its fine-tuning data a pre-trained model has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.figures import style
from bayes_scaling.intervals import format_kind, quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.questions.transfer_answer import Transfer

AXES = {
    "finetune_tokens": "fine-tuning data, in the unit of the runs",
    "params": "parameters",
}
DASHES = ("-", "--", ":", "-.")

ROOM = 1.15
"""Factor by which an axis reaches beyond what is shown."""

APART = 1.03
"""Factor between the places of several first texts of a single case, so that none hides another."""


def plot_transfer(result: Transfer, *, ax: Axes | None = None) -> Axes:
    """Plot effective over fine-tuning data against one of the two sizes.

    Parameters
    ----------
    result : Transfer
        The answer; ask it for several amounts of data, or of several sizes, to see lines.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    A colour for each first text; where both sizes vary, a kind of line for each number of
    parameters. Bands, or the bars of a single case, hold the probability of the result. Below 1
    pre-training costs data. A published law has one line and no band.
    """
    if ax is None:
        ax = style.new_axes()
    data, params = result.sizes["finetune_tokens"], result.sizes["params"]
    along = "finetune_tokens" if np.unique(data).size > 1 else "params"
    sizes = np.unique(params) if along == "finetune_tokens" else params[:1]
    x = result.sizes[along]
    ends, is_point = [1.0], result.beta.size == 1
    for place, text in enumerate(result.texts):
        colour = style.SERIES[place % len(style.SERIES)]
        for index, size in enumerate(sizes):
            cases = np.flatnonzero(params == size) if along != "params" else np.arange(x.size)
            cases = cases[np.argsort(x[cases])]
            middle, low, high = quantiles(result.multiplier[text][:, cases], result.probability)
            label = f"{text}, {size:.2g} params" if sizes.size > 1 else text
            dashes = DASHES[index % len(DASHES)]
            marker = "o" if cases.size == 1 else ""
            own = x[cases] * (APART ** (place - (len(result.texts) - 1) / 2) if marker else 1.0)
            ax.plot(own, middle, dashes, marker=marker, color=colour, label=label)
            if is_point:
                pass
            elif marker:
                ax.vlines(own, low, high, color=colour, linewidth=1.6)
            else:
                ax.fill_between(own, low, high, color=colour, alpha=0.15, linewidth=0)
            ends += [float(low.min()), float(high.max())]
    ax.axhline(1.0, color=style.INK, linewidth=0.8)
    known = [end for end in ends if 0 < end < np.inf]
    bottom, top = min(known, default=1.0) / ROOM, max(known, default=1.0) * ROOM
    left, right = float(x.min()) / ROOM, float(x.max()) * ROOM
    style.log_scale(ax, "x", left, right)
    style.log_scale(ax, "y", bottom, top)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    kind = "" if is_point else f", {format_kind(result.probability)}"
    style.tidy(ax, xlabel=AXES[along], ylabel=f"effective over fine-tuning data{kind}")
    style.legend(ax)
    return ax
