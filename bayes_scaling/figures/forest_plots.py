"""Figures of rows with intervals: exponents by family, and laws that are averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.figures import style
from bayes_scaling.intervals import quantiles

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayes_scaling.facade import Fit
    from bayes_scaling.questions import Forecast

NOISE = ("sigma", "nu")
"""Pooled parameters that are no exponents."""

ROW = 0.26
"""Height of a row [inch]."""


def exponents_table(fit: Fit) -> pd.DataFrame:
    """Return what `plot_exponents` draws: pooled parameters by family, and their population.

    Returns
    -------
    pandas.DataFrame
        One row per parameter and family: parameter, family, median, and the ends of the 50 and
        90 % intervals.
    """
    import pandas as pd

    rows = []
    for item in fit.model.parameters:
        if item.name in NOISE or item.population_name not in fit.flat:
            continue
        parts = {"population": fit.flat[item.population_name]}
        values = fit.flat[item.name]
        if values.ndim == 2:
            parts |= dict(zip(fit.groups, values.T, strict=True))
        for label, draws in parts.items():
            median, low, high = quantiles(draws, 0.9)
            _, left, right = quantiles(draws, 0.5)
            rows.append((item.name, label, *map(float, (median, low, left, right, high))))
    names = ["parameter", "family", "median", "low90", "low50", "high50", "high90"]
    return pd.DataFrame(rows, columns=names)


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
    _draw_rows(ax, table, [f"{row.parameter}, {row.family}" for row in table.itertuples()],
               [row.family == "population" for row in table.itertuples()])  # fmt: skip
    style.tidy(ax, xlabel="exponent: median, 50 % and 90 % intervals", ylabel="")
    return ax


def members_table(forecast: Forecast, run: int = 0) -> pd.DataFrame:
    """Return what `plot_members` draws: the loss of a new run by each law, and by their average.

    Returns
    -------
    pandas.DataFrame
        One row per law: law, weight, median, and the ends of the 50 and 90 % intervals.
    """
    import pandas as pd

    parts = [("averaged", 1.0, forecast.draws[:, run])]
    parts += [
        (name, weight, forecast.draws[forecast.member == index, run])
        for index, (name, weight) in enumerate(zip(forecast.members, forecast.weights, strict=True))
    ]
    rows = []
    for name, weight, draws in parts:
        median, low, high = quantiles(draws, 0.9)
        _, left, right = quantiles(draws, 0.5)
        rows.append((name, weight, *map(float, (median, low, left, right, high))))
    names = ["law", "weight", "median", "low90", "low50", "high50", "high90"]
    return pd.DataFrame(rows, columns=names)


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
        ax = style.new_axes(height=max(2.2, 0.36 * len(table) + 1.1))
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
        ax.plot([row.low50, row.high50], [place] * 2, color=colour, linewidth=3.5,
                solid_capstyle="butt")  # fmt: skip
        ax.plot([row.median], [place], "o", color="white", markeredgecolor=colour, markersize=5)
    ax.set_yticks(places, texts)
    ax.set_ylim(places[-1] - 0.6, 0.6)
