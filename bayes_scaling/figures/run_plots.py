"""Figures of runs: which to make next, which to doubt, and how one in flight stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.figures import style
from bayes_scaling.figures.words import AXES
from bayes_scaling.questions.drawn_tables import next_runs_table as next_runs_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.questions.mistuned_runs import OffLaw
    from bayes_scaling.questions.monitor import Monitor
    from bayes_scaling.questions.next_runs import NextRuns


def plot_next_runs(result: NextRuns, *, ax: Axes | None = None) -> Axes:
    """Plot the expected width of the target's interval against what was spent, by design.

    Parameters
    ----------
    result : NextRuns
        Runs to make next.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = ax if ax is not None else style.new_axes()
    table = next_runs_table(result)
    left = 0.5 * float(table.spent[table.spent > 0].min())  # where nothing is spent yet
    for index, (name, part) in enumerate(table.groupby("design", sort=False)):
        label = "chosen here" if name == "this" else str(name)
        ax.plot(
            part.spent.clip(lower=left),
            100 * part.width,
            color=style.SERIES[index],
            marker="o",
            markersize=4,
            drawstyle="steps-post",
            label=label,
        )
    style.log_scale(ax, "x", left, 1.1 * result.budget)
    ax.set_xlim(left, 1.1 * result.budget)
    what = "loss" if result.aim == "loss" else "best params"
    kind = f"{result.probability:.0%} interval of the target's {what} [%]"
    style.tidy(ax, xlabel="compute spent on new runs [FLOP]", ylabel=f"expected {kind}")
    style.legend(ax)
    return ax


def plot_mistuned(result: OffLaw, *, ax: Axes | None = None) -> Axes:
    """Plot how far each run lies from the law, coloured by the probability of lying off it.

    Parameters
    ----------
    result : OffLaw
        From `bs.off_law`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The drawn data are ``result.table``: deviation with its interval, and ``off``.
    """
    ax = ax if ax is not None else style.new_axes()
    rows = result.rows()
    along = next(name for name in ("flops", "params", "tokens") if name in result.runs)
    x = np.array([row[along] for row in rows])
    median, low, high = (
        100 * np.array([row[name] for row in rows])
        for name in ("deviation", "deviation_lower", "deviation_upper")
    )
    off = np.array([row["off"] for row in rows])
    ax.vlines(x, low, high, color=style.GREY, linewidth=0.5, alpha=0.5)
    points = ax.scatter(
        x,
        median,
        c=off,
        cmap="cividis",
        vmin=0,
        vmax=1,
        s=16,
        edgecolor="white",
        linewidth=0.3,
        zorder=3,
    )
    bar = ax.figure.colorbar(points, ax=ax, pad=0.015, aspect=32)
    bar.set_label("probability of lying off the law", fontsize=style.SMALL, color=style.INK)
    bar.ax.tick_params(labelsize=style.SMALL, colors=style.INK)
    ax.axhline(0, color=style.INK, linewidth=0.8)
    style.log_scale(ax, "x", *style.widen(x))
    ax.set_xlim(*style.widen(x))
    style.tidy(ax, xlabel=AXES[along], ylabel=f"{result.response} above the law [%]")
    return ax


def plot_monitor(result: Monitor, *, ax: Axes | None = None) -> Axes:
    """Plot a run in flight: the losses seen, what was expected, and the forecast of the end.

    Parameters
    ----------
    result : Monitor
        From `Fit.monitor`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The drawn data are ``result.table``.
    """
    ax = ax if ax is not None else style.new_axes()
    rows = result.rows()
    looks = [row for row in rows if "loss" in row]
    way = np.array([row["progress"] for row in looks])
    kind = f"{result.probability:.0%}"
    if looks:
        low, high = (
            np.array([row[f"expected_{end}"] for row in looks]) for end in ("lower", "upper")
        )
        ax.fill_between(
            way,
            low,
            high,
            color=style.GREEN,
            alpha=0.25,
            linewidth=0,
            label=f"expected of each look, {kind}",
        )
        ax.plot(
            way,
            [row["loss"] for row in looks],
            color=style.INK,
            marker="o",
            markersize=3.5,
            label="loss of the run",
        )
    ends = np.array([(row["final"], row["final_lower"], row["final_upper"]) for row in rows])
    shares = np.array([row["progress"] for row in rows])
    ax.fill_between(
        shares,
        ends[:, 1],
        ends[:, 2],
        color=style.BLUE,
        alpha=0.2,
        linewidth=0,
        label=f"loss at the end, {kind}, as foretold then",
    )
    ax.plot(shares, ends[:, 0], color=style.BLUE)
    if result.alarm is not None:
        at = result.alarm
        ax.plot(
            [way[at]],
            [looks[at]["loss"]],
            "X",
            color=style.RED,
            markersize=10,
            zorder=5,
            label="alarm",
        )
    ax.set_xlim(0, 1)
    style.tidy(ax, xlabel=f"share of the {result.clock} of the run", ylabel="loss")
    style.legend(ax, loc="upper right")
    return ax
