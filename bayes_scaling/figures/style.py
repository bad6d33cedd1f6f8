"""How every figure looks: colours, sizes, axes. No state of matplotlib is changed."""

from __future__ import annotations

import base64
import io
import math
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.figures.words import write_number
from bayes_scaling.questions.drawn_tables import bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from bayes_scaling.figures.shown import ShownFigure

Array = NDArray[np.float64]

BLUE, ORANGE, GREEN, RED, PURPLE, INK, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#1f2328",
    "#6e7681",
)
SERIES = (BLUE, RED, GREEN, PURPLE, ORANGE, GREY)
"""Colours of Okabe and Ito, told apart by everyone."""

WIDTH, HEIGHT = 7.1, 4.1
"""Size of a figure [inch]; 680 pixels wide it shows its text at 12 pixels."""

NARROW = (3.9, 3.9)
"""Size of the same for a phone [inch]."""

TEXT, SMALL = 9.0, 8.0
"""Sizes of text [point]."""


ROUND_FROM = 100.0
"""Ratio of the ends of a logarithmic axis from which they are round numbers."""

KEY = 6
"""Width of the sign before a text of a legend [letters]."""

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
"""Digits to exponents."""


PATH, DECIMALS = re.compile(r' d="[^"]*"'), re.compile(r"(\d\.\d)\d+")
"""Outlines in an SVG, and digits of them that nobody sees."""


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> ShownFigure:
    """Make a figure that belongs to no window, and that a notebook shows all the same."""
    from bayes_scaling.figures.shown import ShownFigure

    return ShownFigure(figsize=(width, height), layout="constrained", facecolor="white")


def new_axes(width: float = WIDTH, height: float = HEIGHT) -> Axes:
    """Make a figure with one set of axes."""
    from bayes_scaling.figures.shown import ShownAxes

    figure = new_figure(width, height)
    figure.legend_below = True
    return figure.add_subplot(axes_class=ShownAxes)


def new_grid(rows: int, columns: int, width: float = WIDTH, height: float = HEIGHT) -> list[Axes]:
    """Make a figure with several sets of axes, in reading order."""
    from bayes_scaling.figures.shown import ShownAxes

    figure = new_figure(width, height)
    return list(
        figure.subplots(rows, columns, squeeze=False, subplot_kw={"axes_class": ShownAxes}).flat
    )


def tidy(ax: Axes, *, xlabel: str, ylabel: str) -> None:
    """Label the axes, and leave out what carries no information."""
    ax.set_xlabel(xlabel, fontsize=TEXT, color=INK)
    ax.set_ylabel(ylabel, fontsize=TEXT, color=INK)
    ax.tick_params(which="both", labelsize=SMALL, colors=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(visible=True, which="major", color="#d8dee4", linewidth=0.6)
    ax.set_axisbelow(True)


def legend(ax: Axes, **where: Any) -> None:
    """Add a legend: under the axes of a figure of their own, else inside and without a frame.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    **where
        How `Axes.legend` places it inside axes that were given.
    """
    figure = ax.get_figure(root=True)
    if not getattr(figure, "legend_below", False):
        ax.legend(fontsize=SMALL, framealpha=0.85, edgecolor="none", **{"loc": "best", **where})
        return
    handles, labels = ax.get_legend_handles_labels()
    if not handles or figure is None:
        return
    width, height = figure.get_size_inches()
    letters = 72 * width / (0.56 * SMALL)
    columns = max(1, min(len(labels), int(letters / (max(map(len, labels)) + KEY))))
    rows = math.ceil(len(labels) / columns)
    figure.set_size_inches(width, height + 0.02 * SMALL * rows)
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=columns,
        fontsize=SMALL,
        frameon=False,
        handlelength=1.6,
        columnspacing=1.2,
    )


def log_scale(ax: Axes, which: Literal["x", "y"], low: float, high: float) -> None:
    """Make an axis logarithmic, with ticks that can be read.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    which : {"x", "y"}
        Which of them.
    low, high : float
        Ends of what is shown.
    """
    from matplotlib import ticker

    axis: Axis = ax.xaxis if which == "x" else ax.yaxis
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    decades = math.log10(high / low)
    axis.set_minor_locator(ticker.NullLocator())
    axis.set_minor_formatter(ticker.NullFormatter())
    if decades >= 3:
        step = max(1, math.ceil(decades / 8))
        powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
        shown = [power for power in powers if power % step == 0]
        axis.set_major_locator(ticker.FixedLocator([10.0**power for power in shown]))
        # As plain text: setting a tick as mathematics takes 15 ms, half of all drawing.
        texts = [f"10{str(power).translate(RAISED)}" for power in shown]
        axis.set_major_formatter(ticker.FixedFormatter(texts))
        return
    if decades > 0.7:
        start = math.floor(math.log10(low))
        leading = (1, 1.5, 2, 3, 5, 7) if decades < 1.3 else (1, 2, 5)
        marks = [m * 10.0**p for p in range(start, start + 4) for m in leading]
        ticks = [mark for mark in marks if low <= mark <= high]
    else:
        ticks = list(ticker.MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    chosen = [tick for tick in ticks if low <= tick <= high]
    axis.set_major_locator(ticker.FixedLocator(chosen))
    form = "{:.1e}".format if high >= 1e4 and decades > 0.7 else write_number
    texts = [
        form(value).replace(".0e", "e").replace("e+0", "e").replace("e+", "e") for value in chosen
    ]
    axis.set_major_formatter(ticker.FixedFormatter(texts))


def set_log_limits(ax: Axes, *, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Make both axes logarithmic over the ranges given, from and to round numbers where wide."""
    x, y = (_rounded(*ends) for ends in (x, y))
    log_scale(ax, "x", *x)
    log_scale(ax, "y", *y)
    ax.set_xlim(*x)
    ax.set_ylim(*y)


def _rounded(low: float, high: float) -> tuple[float, float]:
    """Move the ends of two decades or more outward to 1, 2 or 5 times a power of ten."""
    if high < ROUND_FROM * low:
        return low, high
    return _round_mark(low, down=True), _round_mark(high, down=False)


def _round_mark(value: float, *, down: bool) -> float:
    """Return the nearest of 1, 2 and 5 times a power of ten below or above a value."""
    power = math.floor(math.log10(value))
    marks = [m * 10.0**p for p in (power, power + 1) for m in (1, 2, 5)]
    if down:
        return max(mark for mark in marks if mark <= value * (1 + 1e-9))
    return min(mark for mark in marks if mark >= value * (1 - 1e-9))


def widen(values: ArrayLike, share: float = 0.04) -> tuple[float, float]:
    """Return the range of positive values with a margin on the log scale."""
    logs = np.log(np.asarray(values, float))
    logs = logs[np.isfinite(logs)]
    low, high = float(logs.min()), float(logs.max())
    margin = max(share * (high - low), 0.02)
    return math.exp(low - margin), math.exp(high + margin)


def at_least(values: ArrayLike, ratio: float) -> tuple[float, float]:
    """Return the range of positive values, widened until its ends lie that far apart."""
    low, high = widen(values)
    more = max(1.0, math.sqrt(ratio * low / high))
    return low / more, high * more


def band(
    ax: Axes, x: ArrayLike, draws: ArrayLike, *, colour: str, label: str, brief: bool = False
) -> Array:
    """Draw the median with its 50 % and 90 % bands, and return the ends of the wide one (2, n).

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to.
    x : array (n,)
        Places.
    draws : array (n_draws, n)
        Draws at each place.
    colour, label : str
        Of the line; the bands are told apart by their depth.
    brief : bool
        Whether line and bands share one entry in the legend.
    """
    middle, lowest, low, high, highest = bands(np.asarray(draws, float))
    places = np.asarray(x, float)
    wide, narrow = (None, None) if brief else (f"{label}, 90 % band", f"{label}, 50 % band")
    line = f"{label}: median, 50 % and 90 %" if brief else f"{label}, median"
    ax.fill_between(places, lowest, highest, color=colour, alpha=0.20, linewidth=0, label=wide)
    ax.fill_between(places, low, high, color=colour, alpha=0.38, linewidth=0, label=narrow)
    ax.plot(places, middle, color=colour, linewidth=1.6, label=line)
    return np.stack([lowest, highest])


def bars(ax: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike) -> None:
    """Draw grey intervals as one line with gaps, which is a tenth of as many lines in an SVG."""
    places = np.asarray(x, float)
    gaps = np.full(places.size, np.nan)
    heights = np.stack([np.asarray(low, float), np.asarray(high, float), gaps], axis=1)
    ax.plot(np.repeat(places, 3), heights.ravel(), color=GREY, linewidth=1, alpha=0.35)


def shade_beyond(ax: Axes, edge: float, text: str = "beyond the runs") -> None:
    """Shade what lies to the right of the fitted range."""
    left, right = ax.get_xlim()
    if not left < edge < right:
        return
    ax.axvspan(edge, right, color="#f0ece2", alpha=0.8, linewidth=0, zorder=0)
    ax.axvline(edge, color=GREY, linewidth=0.9, linestyle=":")
    if math.log(right / edge) > 0.14 * math.log(right / left):
        ax.annotate(
            text,
            (edge, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=SMALL,
            color=GREY,
        )


def to_data_uri(ax: Axes, name: str) -> str:
    """Write the figure of some axes as SVG inside a data URI; equal figures give equal text."""
    import matplotlib as mpl

    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure")
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = PATH.sub(lambda path: DECIMALS.sub(r"\1", path[0]), buffer.getvalue().decode())
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
