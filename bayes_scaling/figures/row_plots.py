"""Figures of rows with intervals: exponents by family, averaged laws, compared models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.figures import style
from bayes_scaling.figures.words import (
    MINUS,
    response_label,
    write_count,
    write_factor,
    write_number,
)
from bayes_scaling.intervals import format_kind, quantiles
from bayes_scaling.page import efolds_beyond
from bayes_scaling.questions.drawn_tables import (
    exponents_table as exponents_table,
    members_table as members_table,
)
from bayes_scaling.validation import Comparison

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayes_scaling.facade import Fit
    from bayes_scaling.questions import Forecast

ROW, TALL_ROW = 0.26, 0.36
"""Height of a row, and of one with an average or several targets [inch]."""

COLUMNS = (
    ("stacking\nweight", "weight_stacking", "{:.2f}"),
    ("deep split:\nbias", "bias", "{:+.1%}"),
    ("in 90 %", "coverage90", "{:.0%}"),
    ("interval\nscore", "interval_score90", "{:.3f}"),
)
"""What stands beside the forecasts: heading, name of the value, and how it is written."""

STEP = 42.0
"""Distance between those columns [point]."""

OFFSET = 0.5
"""How far apart the targets of one model stand, as a share of the distance between models."""


def plot_exponents(fit: Fit, *, ax: Axes | None = None) -> Axes:
    """Plot exponents by family, each with the population they are drawn from.

    Parameters
    ----------
    fit : Fit
        The posterior of a law with pooled parameters, on several families.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        No parameter is pooled over families.
    """
    table = exponents_table(fit)
    if table.empty:
        raise InputError(f"no parameter of {fit.model.id} is pooled over the families of this fit")
    if ax is None:
        ax = style.new_axes(height=max(2.2, ROW * len(table) + 0.9))
    _draw_rows(
        ax,
        table,
        [f"{row.parameter}, {row.family}" for row in table.itertuples()],
        [row.family == "population" for row in table.itertuples()],
    )
    style.tidy(ax, xlabel="exponent: median, 50 % and 90 % intervals", ylabel="")
    return ax


def plot_members(forecast: Forecast, *, run: int = 0, ax: Axes | None = None) -> Axes:
    """Plot the loss of a new run by each law that is averaged, with its weight.

    Parameters
    ----------
    forecast : Forecast
        Of an ensemble, or of a single fit.
    run : int
        Which of its runs.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The axis label tells where the spread of the average comes from.
    """
    table = members_table(forecast, run)
    if ax is None:
        ax = style.new_axes(height=max(2.2, TALL_ROW * len(table) + 1.1))
    texts = [
        row.law if row.law == "averaged" else f"{row.law} ({row.weight:.2f})"
        for row in table.itertuples()
    ]
    _draw_rows(ax, table, texts, [row.law == "averaged" for row in table.itertuples()])
    shares = ", ".join(f"{name} {values[run]:.0%}" for name, values in forecast.spread.items())
    style.tidy(ax, xlabel=f"loss of a new run: median, 50 % and 90 %\nspread: {shares}", ylabel="")
    return ax


def _draw_rows(ax: Axes, table: pd.DataFrame, texts: list[str], strong: list[bool]) -> None:
    """Draw one interval per row, the first on top; strong ones in another colour."""
    places = -np.arange(len(table), dtype=float)
    for place, row, bold in zip(places, table.itertuples(), strong, strict=True):
        colour = style.RED if bold else style.BLUE
        ax.plot([row.low90, row.high90], [place] * 2, color=colour, linewidth=1.2)
        ax.plot(
            [row.low50, row.high50], [place] * 2, color=colour, linewidth=3.5, solid_capstyle="butt"
        )
        ax.plot([row.median], [place], "o", color="white", markeredgecolor=colour, markersize=5)
    ax.set_yticks(places, texts)
    ax.set_ylim(places[-1] - 0.6, 0.6)


# ---- compared models -----------------------------------------------------------------------------


def plot_compare(result: Comparison, *, ax: Axes | None = None) -> Axes:
    """Plot the forecasts of every model and average, with weights and scores on the deep split.

    Parameters
    ----------
    result : Comparison
        The comparison.
    ax : matplotlib.axes.Axes, optional
        Where to draw; the numbers stand right of it and need a third of a page.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Points are medians of the loss of a new run; thick lines hold half of its probability, thin
    ones the probability of the comparison.
    """
    names = list(result.predictions)
    shared, targets = _targets(result)
    if ax is None:
        height = 1.4 + TALL_ROW * len(names) + 0.27 * (len(targets) if len(targets) > 1 else 0)
        ax = style.new_axes(height=height)
    for index, target in enumerate(targets):
        shift = OFFSET * ((index + 0.5) / len(targets) - 0.5)
        for row, name in enumerate(names):
            draws = result.predictions[name].draws[:, index]
            _interval(
                ax,
                draws,
                row + shift,
                result.probability,
                colour=style.SERIES[index % 6],
                label=target if row == 0 else None,
            )
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.axhline(len(result.fits) - 0.5, color=style.GREY, linewidth=0.8, linestyle=":")
    _write_columns(ax, _values(result), names)
    any_fit = next(iter(result.fits.values()))
    kind = format_kind(result.probability)
    style.tidy(ax, xlabel=f"{response_label(any_fit)}: new run, 50 % and {kind}", ylabel="")
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    title = ax.set_title(shared, fontsize=style.SMALL, color=style.GREY, loc="left", pad=26)
    title.set_in_layout(False)  # it may reach over the numbers
    if len(targets) > 1:
        style.legend(ax)
    return ax


def _interval(
    ax: Axes, draws: Any, height: float, probability: float, *, colour: str, label: str | None
) -> None:
    median, low, high = quantiles(draws, probability)
    _, lower, upper = quantiles(draws, 0.5)
    ax.plot([low, high], [height, height], color=colour, linewidth=1.3, label=label)
    ax.plot([lower, upper], [height, height], color=colour, linewidth=4.2, solid_capstyle="butt")
    ax.plot(
        [median], [height], "o", markersize=4.5, markerfacecolor="white", markeredgecolor=colour
    )


def _targets(result: Comparison) -> tuple[str, list[str]]:
    """Name what the targets share, and each of them: group, sizes, distance from the runs."""
    plan = next(iter(result.predictions.values())).plan
    rows = result.forecast_rows()[-1 :: -len(result.predictions)][::-1]
    sizes = [_size(row) for row in rows]
    several = len(next(iter(result.fits.values())).groups) > 1
    groups = [f"{plan.group_column} {label}" if several else "" for label in plan.labels]
    if len(set(sizes)) == 1:
        return sizes[0], groups
    named = (", ".join(filter(None, parts)) for parts in zip(groups, sizes, strict=True))
    return "", list(named)


def _size(row: Mapping[str, Any]) -> str:
    parts = []
    if "flops" in row:
        parts.append(f"{write_number(row['flops'])} FLOP")
    parts += [
        f"{write_count(row[name])} {called}"
        for name, called in (("params", "parameters"), ("tokens", "tokens"))
        if name in row
    ]
    far = efolds_beyond(row)
    return ", ".join([*parts, *([f"{write_factor(math.exp(far))} beyond the runs"] * (far > 0))])


def _values(result: Comparison) -> Mapping[str, Mapping[str, float]]:
    """Return the numbers that stand beside each name."""
    weights = result.weights["stacking"]
    return {
        name: ({"weight_stacking": weights.get(name, 0.0)} if name in result.fits else {})
        | dict(result.deep.get(name, {}))
        for name in result.predictions
    }


def _write_columns(
    ax: Axes, values: Mapping[str, Mapping[str, float]], names: Sequence[str]
) -> None:
    """Write numbers to the right of the axes, one column for each that any name has."""
    shown = [item for item in COLUMNS if any(item[1] in values[name] for name in names)]
    for place, (head, key, form) in enumerate(shown):
        right = STEP * (place + 0.75)
        ax.annotate(
            head,
            (1, 1),
            xycoords="axes fraction",
            xytext=(right, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=7,
            color=style.GREY,
        )
        for row, name in enumerate(names):
            if key in values[name]:
                ax.annotate(
                    form.format(values[name][key]).replace("-", MINUS),
                    (1, row),
                    xycoords=("axes fraction", "data"),
                    xytext=(right, 0),
                    textcoords="offset points",
                    ha="center",
                    va="center",
                    fontsize=style.SMALL,
                    color=style.INK,
                )
