"""Figures of scores: coverage at all levels, and any score by how far targets lie beyond the runs.

Each draws into `ax`, or into a figure of its own (``ax.figure``), and returns the axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.figures import style
from bayes_scaling.figures.labels import AXES, column_label
from bayes_scaling.figures.numbers import TIMES
from bayes_scaling.validation import Backtest, Calibration
from bayes_scaling.validation.split import Split, scale_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

SCORES = {
    "coverage90": "share of targets inside the 90 % interval",
    "coverage50": "share of targets inside the 50 % interval",
    "interval_score90": "interval score of the 90 % interval [share of loss]",
    "crps": "CRPS [share of loss]",
    "mare": "mean absolute error of the median [share of loss]",
    "bias": "mean error of the median [share of loss]",
    "width90": "width of the 90 % interval [share of loss]",
}
"""Scores that `plot_rolling` shows, and what they are called."""

LOOKS: tuple[dict[str, Any], ...] = (
    {"color": style.BLUE, "marker": "o", "linewidth": 1.8},
    {"color": style.RED, "marker": "s", "linewidth": 1.2, "linestyle": "--"},
    {"color": style.GREY, "marker": "^", "linewidth": 1.2, "linestyle": ":"},
)
"""Lines of the tested method and of the two baselines."""


def plot_coverage(result: Backtest, *, ax: Axes | None = None) -> Axes:
    """Plot the share of targets inside central intervals of every nominal probability.

    Parameters
    ----------
    result : Backtest
        The backtest.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    rows = result.coverage_rows()
    ax = ax if ax is not None else style.new_axes(4.6, 4.3)
    nominal = np.array([row["nominal"] for row in rows])
    ax.plot([0, 1], [0, 1], color=style.INK, linewidth=0.9, label="calibrated")
    ax.fill_between(
        nominal, [row["lower"] for row in rows], [row["upper"] for row in rows], step="mid",
        color=style.GREY, alpha=0.18, linewidth=0,
        label="9 in 10 times, if targets are independent",
    )  # fmt: skip
    for name, look in zip((result.method, *result.rivals), LOOKS, strict=False):
        ax.plot(nominal, [row[name] for row in rows], markersize=3.5, label=name, **look)
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.02, 1.02)
    _percent(ax.xaxis)
    _percent(ax.yaxis)
    style.tidy(
        ax, xlabel="nominal probability of the interval", ylabel="share of targets inside it"
    )
    style.legend(ax, loc="upper left")
    return ax


def plot_calibration(result: Calibration, *, ax: Axes | None = None) -> Axes:
    """Plot the share of truths inside 50 % and 90 % intervals, by quantity.

    Parameters
    ----------
    result : Calibration
        What fits of simulated runs recovered.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Shaded is where the share of a calibrated quantity lies in 9 of 10 such calibrations.
    """
    from scipy.stats import binom

    rows, count = result.rows()[::-1], result.converged.size
    ax = ax if ax is not None else style.new_axes(height=max(2.6, 0.24 * len(rows) + 1.2))
    for colour, share in ((style.BLUE, 0.9), (style.RED, 0.5)):
        low, high = binom.ppf([0.05, 0.95], count, share) / count
        ax.axvspan(low, high, color=colour, alpha=0.12, linewidth=0)
        ax.axvline(share, color=colour, linewidth=0.9)
        shares = [row[f"coverage{100 * share:.0f}"] for row in rows]
        ax.plot(shares, range(len(rows)), "o", color=colour, label=f"in the {share:.0%} interval")
    ax.set_yticks(range(len(rows)), [row["quantity"] for row in rows])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlim(0, 1.02)
    _percent(ax.xaxis)
    style.tidy(ax, xlabel=f"share of {count} truths", ylabel="")
    style.legend(ax, loc="upper left")
    return ax


def _percent(axis: Axis) -> None:
    from matplotlib import ticker

    axis.set_major_locator(ticker.MultipleLocator(0.2))
    axis.set_major_formatter(ticker.PercentFormatter(1.0, decimals=0, symbol=" %"))


def plot_rolling(result: Backtest, *, score: str = "coverage90", ax: Axes | None = None) -> Axes:
    """Plot a score over how far the targets lie beyond the fitted runs.

    Parameters
    ----------
    result : Backtest
        A rolling backtest, or any other whose targets lie at several distances.
    score : str
        A key of `SCORES`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        There is no such score.
    """
    if score not in SCORES:
        raise InputError(f"no score {score!r} to plot; there are {', '.join(SCORES)}")
    rows = result.curve_rows()
    ax = ax if ax is not None else style.new_axes()
    for name, look in zip((result.method, *result.rivals), LOOKS, strict=False):
        mine = [row for row in rows if row["method"] == name]
        ratios, values = ([row[key] for row in mine] for key in ("ratio", score))
        ax.plot(ratios, values, markersize=4.5, label=name, **look)
    ours = [row for row in rows if row["method"] == result.method]
    for row in ours:
        ax.annotate(
            f"{row['n_target']} targets", (row["ratio"], 1.0), xycoords=("data", "axes fraction"),
            xytext=(0, 3), textcoords="offset points", ha="center", fontsize=style.SMALL,
            color=style.GREY,
        )  # fmt: skip
    _nominal(ax, score)
    ax.set_xscale("log")
    ratios = [row["ratio"] for row in ours]
    ax.set_xlim(*style.widen(np.array([*ratios, ratios[-1] * 1.5, ratios[0] / 1.5]), 0.02))
    ax.set_xticks(ratios, [f"{ratio:g}{TIMES}" for ratio in ratios])
    ax.minorticks_off()
    distance = scale_label(result.splits[0]).partition(" [")[0]
    style.tidy(ax, xlabel=f"{distance}, relative to the largest fitted run", ylabel=SCORES[score])
    style.legend(ax)
    return ax


def _nominal(ax: Axes, score: str) -> None:
    """Draw where a calibrated forecast would be, and begin at nothing what cannot be negative."""
    if score.startswith("coverage"):
        ax.axhline(float(score[-2:]) / 100, color=style.INK, linewidth=0.9, label="calibrated")
        ax.set_ylim(-0.03, 1.03)
        _percent(ax.yaxis)
    elif score == "bias":
        ax.axhline(0, color=style.INK, linewidth=0.9)
    else:
        ax.set_ylim(bottom=0)


def scale_label(split: Split) -> str:
    """Name what tells how large the runs of a split are, with its unit."""
    name = scale_name(split.fitted, split.targets)
    return AXES.get(name) or column_label(name)
