"""Figure of a duel: the compute multiplier of each variant against compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.figures import style
from bayes_scaling.intervals import format_kind, quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.questions.duel import Duel

MARKERS = ("o", "s", "D", "^", "v", "P")
TICKS = (0.1, 0.2, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Multipliers that are written on the axis."""


def plot_duel(result: Duel, *, ax: Axes | None = None) -> Axes:
    """Plot the compute multiplier of each variant over the baseline against compute.

    Parameters
    ----------
    result : Duel
        The comparison; ask it for several budgets, such as ``flops=np.geomspace(1e18, 1e22, 25)``,
        to see a band.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Bands hold the probability of the result. Above 1 the variant needs less compute. Shaded is what
    lies beyond the runs.
    """
    if ax is None:
        ax = style.new_axes()
    flops = result.flops
    ends = []
    for place, arm in enumerate(result.arms):
        colour = style.SERIES[place % len(style.SERIES)]
        middle, low, high = quantiles(result.multiplier[arm], result.probability)
        ends += [low, high]
        label = f"{arm}: better at the target with probability {result.chance(arm)[-1]:.2f}"
        if flops.size == 1:
            ax.plot(flops[[0, 0]], [low[0], high[0]], color=colour, linewidth=2)
            ax.plot(flops, middle, MARKERS[place % len(MARKERS)], color=colour, label=label)
            continue
        ax.fill_between(flops, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(flops, middle, color=colour, label=label)
    ax.axhline(1.0, color=style.INK, linewidth=0.8)
    finite = np.concatenate(ends)
    finite = finite[np.isfinite(finite) & (finite > 0)]
    bottom, top = (float(finite.min()), float(finite.max())) if finite.size else (0.5, 2.0)
    bottom, top = max(min(bottom, 0.8), TICKS[0]) / 1.05, min(max(top, 1.25), TICKS[-1]) * 1.05
    ax.set_yscale("log")
    ax.set_ylim(bottom, top)
    shown = [tick for tick in TICKS if bottom <= tick <= top]
    ax.set_yticks(shown, [f"{tick:g}x" for tick in shown])
    ax.minorticks_off()
    if flops.size > 1:
        style.log_scale(ax, "x", float(flops[0]), float(flops[-1]))
        ax.set_xlim(float(flops[0]), float(flops[-1]))
        if result.beyond[-1] > 0:
            style.shade_beyond(ax, float(flops[-1] / np.exp(result.beyond[-1])))
    else:
        ax.set_xscale("log")
    kind = format_kind(result.probability)
    style.tidy(ax, xlabel="compute [FLOP]", ylabel=f"compute multiplier over {result.a}, {kind}")
    style.legend(ax)
    return ax
