"""Figures of the answers: loss against compute, the allocation, the tuned learning rate.

Each draws into `ax`, or into a figure of its own (``ax.figure``), and returns the axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.figures import style
from bayes_scaling.figures.curves import LossCurve, loss_curve, observed, runs_of
from bayes_scaling.figures.labels import AXES, axis_label, response_label
from bayes_scaling.figures.published_lines import draw_published_losses, draw_published_splits
from bayes_scaling.intervals import interval, quantiles
from bayes_scaling.questions import Allocation, Forecast
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.designs import best_rates, mistuned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.papers import PublishedLaw


def plot_loss(
    fit: Fit,
    *,
    along: str | None = None,
    flops_to: float | None = None,
    family: str | None = None,
    planned: Forecast | None = None,
    published: Sequence[PublishedLaw] = (),
    curve: LossCurve | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot loss along the compute-optimal path, with the runs.

    Parameters
    ----------
    fit : Fit
        The posterior.
    along : {"flops", "params", "tokens"}, optional
        The x axis; a law of one input has only that.
    flops_to : float, optional
        Where the path ends [FLOP, or the unit of the only input]; 100 times the runs by default.
    family : str, optional
        The group it is asked for, where the fit has several.
    planned : Forecast, optional
        A forecast of one run, marked with its interval.
    published : sequence of PublishedLaw
        Laws of papers, drawn beside; their losses are those of other tokenizers and texts.
    curve : LossCurve, optional
        The path, where it was computed before.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    curve = curve or loss_curve(fit, along=along, to=flops_to, family=family)
    ax = ax if ax is not None else style.new_axes()
    runs = runs_of(fit, family)
    seen = observed(fit, runs, curve.along)
    losses = np.asarray(runs[fit.leading.model.response], float)
    _draw_runs(ax, seen, losses, runs)
    several = len(curve.forecast.members) > 1
    name = "laws averaged" if several else "law"
    style.band(ax, curve.x, curve.forecast.noise_free, colour=style.BLUE, label=name)
    if several:
        _draw_members(ax, curve)
    _, lower, upper = quantiles(curve.forecast.draws, 0.9)
    for edge, label in ((lower, "a new run, 90 % band"), (upper, None)):
        ax.plot(curve.x, edge, color=style.BLUE, linewidth=1.0, linestyle="--", label=label)
    shown = [losses, lower, upper]
    if planned is not None:
        shown.append(_mark_planned(ax, planned, curve.along))
    shown += draw_published_losses(ax, curve.x, curve.forecast.plan.columns, published)
    style.set_log_limits(
        ax, x=style.widen(np.r_[seen, curve.x]), y=style.widen(np.concatenate(shown))
    )
    style.shade_beyond(ax, float(np.nanmax(seen)))
    style.tidy(ax, xlabel=axis_label(fit, curve.along), ylabel=response_label(fit))
    style.legend(ax, loc="upper right")
    return ax


def _draw_members(ax: Axes, curve: LossCurve) -> None:
    """Draw the median of each member of an ensemble, thin."""
    for index in range(len(curve.forecast.members)):
        own = curve.forecast.noise_free[curve.forecast.member == index]
        label = "each law, median" if index == 0 else None
        ax.plot(curve.x, np.median(own, axis=0), color=style.INK, linewidth=0.7, label=label)


def _draw_runs(
    ax: Axes, x: NDArray[np.float64], losses: NDArray[np.float64], runs: RunTable
) -> None:
    """Draw the runs, coloured by tokens per parameter; mistuned ones are faint."""
    worse = mistuned(runs)
    known = "params" in runs and "tokens" in runs
    ratio = runs["tokens"] / runs["params"] if known else np.ones(len(runs))
    varied = known and float(np.nanmax(ratio)) > 1.05 * float(np.nanmin(ratio))
    if not varied:
        ax.scatter(
            x[~worse], losses[~worse], s=13, color=style.GREY, linewidth=0, zorder=3, label="runs"
        )
        ax.scatter(x[worse], losses[worse], s=9, color=style.GREY, alpha=0.25, linewidth=0)
        return
    from matplotlib.colors import LogNorm

    norm = LogNorm(float(np.nanmin(ratio)), float(np.nanmax(ratio)))
    points = ax.scatter(
        x[~worse], losses[~worse], c=ratio[~worse], norm=norm, cmap="cividis", s=15,
        edgecolors="white", linewidths=0.3, zorder=3, label="runs",
    )  # fmt: skip
    if worse.any():
        ax.scatter(
            x[worse], losses[worse], c=ratio[worse], norm=norm, cmap="cividis", s=9, alpha=0.3,
            linewidths=0, zorder=2, label="runs at a worse learning rate",
        )  # fmt: skip
    bar = ax.figure.colorbar(points, ax=ax, pad=0.015, aspect=32)
    bar.set_label("tokens per parameter of the runs", fontsize=style.SMALL, color=style.INK)
    bar.ax.tick_params(labelsize=style.SMALL, colors=style.INK)
    style.log_scale(bar.ax, "y", float(np.nanmin(ratio)), float(np.nanmax(ratio)))
    bar.outline.set_visible(False)


def _mark_planned(ax: Axes, planned: Forecast, along: str) -> NDArray[np.float64]:
    """Mark a planned run with the interval of its loss, and return what must be in view."""
    found = interval(planned.draws[:, 0])
    ax.errorbar(
        [float(planned.plan.columns[along][0])], [found.median],
        yerr=[[found.median - found.lower], [found.upper - found.median]],
        fmt="D", markersize=5.5, color=style.RED, capsize=4, linewidth=1.5, zorder=5,
        label="the planned run, 90 % interval",
    )  # fmt: skip
    return np.array([found.lower, found.upper])


def plot_allocation(
    allocation: Allocation,
    *,
    runs: RunTable | None = None,
    published: Sequence[PublishedLaw] = (),
    ax: Axes | None = None,
) -> Axes:
    """Plot compute-optimal params and tokens against the budget.

    Parameters
    ----------
    allocation : Allocation
        Computed for several budgets.
    runs : RunTable, optional
        The fitted runs; their params are shown as points.
    published : sequence of PublishedLaw
        Laws of papers whose splits are drawn beside.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        The allocation holds fewer than two budgets.
    """
    budgets = np.median(allocation.flops, axis=0)
    if budgets.size < 2:
        raise InputError("a figure needs an allocation of several budgets: allocate(flops=[...])")
    order = np.argsort(budgets)
    ax = ax if ax is not None else style.new_axes()
    shown = []
    for draws, colour, label in (
        (allocation.tokens, style.RED, "tokens D*"),
        (allocation.params, style.BLUE, "parameters N*"),
    ):
        style.band(ax, budgets[order], draws[:, order], colour=colour, label=label, brief=True)
        shown.append(np.nanquantile(draws, (0.05, 0.95), axis=0).ravel())
    shown += draw_published_splits(ax, budgets[order], published)
    places = budgets
    if runs is not None and {"params", "tokens", "flops"} <= set(runs.columns):
        for name, colour in (("tokens", style.RED), ("params", style.BLUE)):
            # Each place once: faint points on top of each other would look like something else.
            x, y = np.unique(np.stack([runs["flops"], runs[name]]), axis=1)
            ax.scatter(
                x, y, s=8, color=colour, alpha=0.4, linewidth=0,
                label=f"{name if name == 'tokens' else 'parameters'} of the runs",
            )  # fmt: skip
            shown.append(runs[name])
        places = np.r_[budgets, runs["flops"]]
    style.set_log_limits(ax, x=style.widen(places), y=style.widen(np.concatenate(shown)))
    edge = _fitted_edge(allocation, budgets)
    if edge is not None:
        style.shade_beyond(ax, edge)
    style.tidy(ax, xlabel=AXES["flops"], ylabel="parameters, tokens")
    style.legend(ax, loc="upper left")
    return ax


def _fitted_edge(allocation: Allocation, budgets: NDArray[np.float64]) -> float | None:
    """Return the largest compute of the runs, from how far the largest budget lies beyond it."""
    beyond = allocation.extrapolation.get("flops")
    last = int(np.argmax(budgets))
    if beyond is None or beyond[last] <= 0:
        return None
    return float(budgets[last] / np.exp(beyond[last]))


def plot_learning_rate(
    fit: Fit,
    *,
    flops_to: float | None = None,
    family: str | None = None,
    planned: Forecast | None = None,
    curve: LossCurve | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the tuned learning rate against params at compute-optimal tokens.

    Parameters
    ----------
    fit, flops_to, family, planned, curve, ax
        As in `plot_loss`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        The law has no tuned learning rate.
    """
    if not any(line.name == "learning_rate" for line in fit.leading.model.tuned):
        raise InputError(f"{fit.leading.model.id} has no learning rate; fit chinchilla-lr")
    curve = curve or loss_curve(fit, to=flops_to, family=family)
    ax = ax if ax is not None else style.new_axes()
    params, rates = curve.forecast.plan.columns["params"], curve.forecast.tuned["learning_rate"]
    style.band(ax, params, rates, colour=style.GREEN, label="tuned rate")
    runs = runs_of(fit, family)
    best = best_rates(runs)
    for chosen, face, label in (
        (~best.at_end, style.INK, "best rate of a swept cell"),
        (best.at_end, "white", "best is at the end of those tried"),
    ):
        if chosen.any():
            ax.scatter(
                best.params[chosen], best.learning_rate[chosen], s=22, facecolor=face,
                edgecolor=style.INK, linewidth=0.9, zorder=4, label=label,
            )  # fmt: skip
    shown = [np.quantile(rates, (0.05, 0.95), axis=0).ravel(), best.learning_rate]
    if planned is not None:
        found = interval(planned.tuned["learning_rate"][:, 0])
        ax.errorbar(
            [float(planned.plan.columns["params"][0])], [found.median],
            yerr=[[found.median - found.lower], [found.upper - found.median]],
            fmt="D", markersize=5.5, color=style.RED, capsize=4, linewidth=1.5, zorder=5,
            label="the planned run, 90 % interval",
        )  # fmt: skip
        shown.append(np.array([found.lower, found.upper]))
    sizes = observed(fit, runs, "params")
    style.set_log_limits(
        ax, x=style.widen(np.r_[params, best.params]), y=style.widen(np.concatenate(shown))
    )
    style.shade_beyond(ax, float(np.nanmax(sizes)))
    style.tidy(ax, xlabel=axis_label(fit, "params"), ylabel="peak learning rate")
    style.legend(ax)
    return ax
