"""Figure of what the runs taught: prior against posterior of every parameter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.figures import style
from bayes_scaling.figures.numbers import TIMES, write_factor
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.posterior import Member

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
"""Panels side by side."""

BINS = 40


def plot_posterior(fit: Fit | Member, *, axes: Sequence[Axes] | None = None) -> tuple[Axes, ...]:
    """Plot prior against posterior of every sampled parameter, noise included.

    Parameters
    ----------
    fit : Fit
        The posterior.
    axes : sequence of matplotlib.axes.Axes, optional
        Where to draw: one per parameter, in the order of ``fit.model.parameters``.

    Returns
    -------
    tuple of matplotlib.axes.Axes

    Raises
    ------
    InputError
        There are fewer axes than parameters.

    Notes
    -----
    Curves are scaled to equal height, since a posterior is often a hundred times narrower than its
    prior. A parameter that is pooled shows its population; one that is separate, every group.
    """
    parameters = fit.model.parameters
    if axes is None:
        lines = math.ceil(len(parameters) / COLUMNS)
        grid = style.new_grid(lines, COLUMNS, height=0.35 + 1.3 * lines)
        for spare in grid[len(parameters) :]:
            spare.set_visible(False)
        axes = grid[: len(parameters)]
    if len(axes) < len(parameters):
        raise InputError(
            f"{fit.model.id} has {len(parameters)} parameters, and {len(axes)} axes were given"
        )
    for parameter, ax in zip(parameters, axes, strict=False):
        _panel(ax, fit, parameter)
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].legend(
        handles, labels, fontsize=6.5, frameon=False, loc="upper right", handlelength=1.1,
        borderpad=0, borderaxespad=0.1, labelspacing=0.2,
    )  # fmt: skip
    return tuple(axes[: len(parameters)])


def _panel(ax: Axes, fit: Fit | Member, parameter: Parameter) -> None:
    name = parameter.population_name
    draws = fit.flat[name if name in fit.flat else parameter.name]
    columns = draws[:, None] if draws.ndim == 1 else draws
    logarithmic = parameter.prior.scale == "log"
    low, high = (float(end) for end in parameter.prior.quantile(np.array([0.05, 0.95])))
    low, high = min(low, float(columns.min())), max(high, float(columns.max()))
    grid = np.geomspace(low, high, 300) if logarithmic else np.linspace(low, high, 300)
    density = np.exp(parameter.prior.logpdf(grid)) * (grid if logarithmic else 1.0)
    ax.fill_between(
        grid, density / density.max(), color=style.GREY, alpha=0.28, linewidth=0, label="prior"
    )
    for index in range(columns.shape[1]):
        places, heights = _histogram(columns[:, index], logarithmic=logarithmic)
        colour = style.SERIES[index % len(style.SERIES)]
        ax.fill_between(
            places, heights, step="pre", color=colour, alpha=0.55, linewidth=0.5,
            label="posterior" if index == 0 else None,
        )  # fmt: skip
    if logarithmic:
        style.log_scale(ax, "x", low, high)
        _few_ticks(ax, low, high)
    else:
        from matplotlib import ticker

        ax.xaxis.set_major_locator(ticker.MaxNLocator(3))
    ax.set_xlim(low, high)
    ax.set_ylim(0, 1.35)
    ax.set_yticks([])
    ax.tick_params(labelsize=7, colors=style.INK, length=2.5, pad=2)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.set_xlabel(
        f"{parameter.name} ({_narrower(parameter, columns)})",
        fontsize=7.5, color=style.INK, labelpad=2,
    )  # fmt: skip


def _few_ticks(ax: Axes, low: float, high: float) -> None:
    """Keep at most four ticks: the panels are narrow."""
    from matplotlib import ticker

    ax.set_xlim(low, high)
    marks, texts = ax.get_xticks(), [label.get_text() for label in ax.get_xticklabels()]
    step = max(1, math.ceil(len(marks) / 4))
    ax.xaxis.set_major_locator(ticker.FixedLocator(list(marks[::step])))
    ax.xaxis.set_major_formatter(ticker.FixedFormatter(texts[::step]))


def _histogram(
    draws: NDArray[np.float64], *, logarithmic: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a histogram of draws with its highest bar at 1, on the scale of the axis."""
    counts, edges = np.histogram(np.log(draws) if logarithmic else draws, bins=BINS)
    places = np.exp(edges) if logarithmic else edges
    return places, np.r_[0.0, counts / counts.max()]


def _narrower(parameter: Parameter, columns: NDArray[np.float64]) -> str:
    """Say how much narrower than its prior the posterior is, by 90 % intervals."""
    prior = np.asarray(parameter.prior.quantile(np.array([0.05, 0.95])), float)
    posterior = np.quantile(columns, (0.05, 0.95), axis=0)
    if parameter.prior.scale == "log":
        prior, posterior = np.log(prior), np.log(posterior)
    ratio = float(np.ptp(prior) / np.ptp(posterior, axis=0).max())
    return f"{write_factor(ratio)} narrower" if ratio > 1.1 else f"1{TIMES} the prior"
