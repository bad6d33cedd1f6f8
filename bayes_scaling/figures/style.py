"""How every figure looks: colours, sizes, axes. No state of matplotlib is changed."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.figures.words import write_number
from bayes_scaling.questions.drawn_tables import bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

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

TEXT, SMALL = 9.0, 8.0
"""Sizes of text [point]."""


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
"""Digits to exponents."""


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """Make a figure that belongs to no window, and that a notebook shows all the same."""
    from bayes_scaling.figures.shown import ShownFigure

    return ShownFigure(figsize=(width, height), layout="constrained", facecolor="white")


def new_axes(width: float = WIDTH, height: float = HEIGHT) -> Axes:
    """Make a figure with one set of axes."""
    from bayes_scaling.figures.shown import ShownAxes

    return new_figure(width, height).add_subplot(axes_class=ShownAxes)


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
    """Add a legend that hides nothing behind a frame."""
    options = {"loc": "best", **where}
    ax.legend(fontsize=SMALL, framealpha=0.85, edgecolor="none", **options)


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
    form = "{:.0e}".format if high >= 1e4 and decades > 0.7 else write_number
    texts = [form(value).replace("e+0", "e").replace("e+", "e") for value in chosen]
    axis.set_major_formatter(ticker.FixedFormatter(texts))


def set_log_limits(ax: Axes, *, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Make both axes logarithmic over the ranges given."""
    log_scale(ax, "x", *x)
    log_scale(ax, "y", *y)
    ax.set_xlim(*x)
    ax.set_ylim(*y)


def widen(values: ArrayLike, share: float = 0.04) -> tuple[float, float]:
    """Return the range of positive values with a margin on the log scale."""
    logs = np.log(np.asarray(values, float))
    logs = logs[np.isfinite(logs)]
    low, high = float(logs.min()), float(logs.max())
    margin = max(share * (high - low), 0.02)
    return math.exp(low - margin), math.exp(high + margin)


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
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
