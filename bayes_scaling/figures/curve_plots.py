"""Figures against compute: loss, best split, tuned learning rate, and published laws beside them.

Each draws into `ax`, or into a figure of its own (``ax.figure``), and returns the axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.figures import style
from bayes_scaling.figures.words import AXES, axis_label, response_label
from bayes_scaling.intervals import interval, quantiles
from bayes_scaling.questions import Allocation, Forecast
from bayes_scaling.questions.drawn_tables import by_law
from bayes_scaling.questions.loss_curve import LossCurve, observed, runs_of
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.designs import best_rates, mistuned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.papers import PublishedLaw

Array = NDArray[np.float64]

PUBLISHED = (style.GREEN, style.PURPLE, style.ORANGE, style.GREY)
"""Colours of published laws, one after the other; none is that of the posterior."""

STYLES = ("-.", ":")
"""Of the lines of N* and D* of published laws."""


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
    curve = curve or fit.loss_curve(along=along, to=flops_to, family=family)
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
        shown.append(_mark_planned(ax, planned, curve.along, planned.draws))
    shown += _draw_published_losses(ax, curve.x, curve.forecast.plan.columns, published)
    style.set_log_limits(
        ax, x=style.widen(np.r_[seen, curve.x]), y=style.widen(np.concatenate(shown))
    )
    style.shade_beyond(ax, float(np.nanmax(seen)))
    style.tidy(ax, xlabel=axis_label(fit, curve.along), ylabel=response_label(fit))
    style.legend(ax, loc="upper right")
    return ax


def _draw_members(ax: Axes, curve: LossCurve) -> None:
    """Draw the median of each member of an ensemble, thin."""
    parts = by_law(curve.forecast.noise_free, curve.forecast)
    for index, own in enumerate(parts.values()):
        label = "each law, median" if index == 0 else None
        ax.plot(curve.x, quantiles(own)[0], color=style.INK, linewidth=0.7, label=label)


def _draw_runs(ax: Axes, x: Array, losses: Array, runs: RunTable) -> None:
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
        x[~worse],
        losses[~worse],
        c=ratio[~worse],
        norm=norm,
        cmap="cividis",
        s=15,
        edgecolors="white",
        linewidths=0.3,
        zorder=3,
        label="runs",
    )
    if worse.any():
        ax.scatter(
            x[worse],
            losses[worse],
            c=ratio[worse],
            norm=norm,
            cmap="cividis",
            s=9,
            alpha=0.3,
            linewidths=0,
            zorder=2,
            label="runs at a worse learning rate",
        )
    bar = ax.figure.colorbar(points, ax=ax, pad=0.015, aspect=32)
    bar.set_label("tokens per parameter of the runs", fontsize=style.SMALL, color=style.INK)
    bar.ax.tick_params(labelsize=style.SMALL, colors=style.INK)
    style.log_scale(bar.ax, "y", float(np.nanmin(ratio)), float(np.nanmax(ratio)))
    bar.outline.set_visible(False)


def _mark_planned(ax: Axes, planned: Forecast, along: str, draws: Array) -> Array:
    """Mark the interval of a planned run, draws (draws, runs); return what must be in view."""
    found = interval(draws[:, 0])
    ax.errorbar(
        [float(planned.plan.columns[along][0])],
        [found.median],
        yerr=[[found.median - found.lower], [found.upper - found.median]],
        fmt="D",
        markersize=5.5,
        color=style.RED,
        capsize=4,
        linewidth=1.5,
        zorder=5,
        label="the planned run, 90 % interval",
    )
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
    budgets = quantiles(allocation.flops)[0]
    if budgets.size < 2:
        raise InputError("a figure needs an allocation of several budgets: allocate(flops=[...])")
    order = np.argsort(budgets)
    ax = ax if ax is not None else style.new_axes()
    shown = []
    for draws, colour, label in (
        (allocation.tokens, style.RED, "tokens D*"),
        (allocation.params, style.BLUE, "parameters N*"),
    ):
        ends = style.band(
            ax, budgets[order], draws[:, order], colour=colour, label=label, brief=True
        )
        shown.append(ends.ravel())
    shown += _draw_published_splits(ax, budgets[order], published)
    places = budgets
    if runs is not None and {"params", "tokens", "flops"} <= set(runs.columns):
        for name, colour in (("tokens", style.RED), ("params", style.BLUE)):
            # Each place once: faint points on top of each other would look like something else.
            x, y = np.unique(np.stack([runs["flops"], runs[name]]), axis=1)
            ax.scatter(
                x,
                y,
                s=8,
                color=colour,
                alpha=0.4,
                linewidth=0,
                label=f"{name if name == 'tokens' else 'parameters'} of the runs",
            )
            shown.append(runs[name])
        places = np.r_[budgets, runs["flops"]]
    style.set_log_limits(ax, x=style.widen(places), y=style.widen(np.concatenate(shown)))
    edge = _fitted_edge(allocation, budgets)
    if edge is not None:
        style.shade_beyond(ax, edge)
    style.tidy(ax, xlabel=AXES["flops"], ylabel="parameters, tokens")
    style.legend(ax, loc="upper left")
    return ax


def _fitted_edge(allocation: Allocation, budgets: Array) -> float | None:
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
    curve = curve or fit.loss_curve(to=flops_to, family=family)
    ax = ax if ax is not None else style.new_axes()
    params, rates = curve.forecast.plan.columns["params"], curve.forecast.tuned["learning_rate"]
    ends = style.band(ax, params, rates, colour=style.GREEN, label="tuned rate")
    runs = runs_of(fit, family)
    best = best_rates(runs)
    for chosen, face, label in (
        (~best.at_end, style.INK, "best rate of a swept cell"),
        (best.at_end, "white", "best is at the end of those tried"),
    ):
        if chosen.any():
            ax.scatter(
                best.params[chosen],
                best.learning_rate[chosen],
                s=22,
                facecolor=face,
                edgecolor=style.INK,
                linewidth=0.9,
                zorder=4,
                label=label,
            )
    shown = [ends.ravel(), best.learning_rate]
    if planned is not None:
        shown.append(_mark_planned(ax, planned, "params", planned.tuned["learning_rate"]))
    sizes = observed(fit, runs, "params")
    style.set_log_limits(
        ax, x=style.widen(np.r_[params, best.params]), y=style.widen(np.concatenate(shown))
    )
    style.shade_beyond(ax, float(np.nanmax(sizes)))
    style.tidy(ax, xlabel=axis_label(fit, "params"), ylabel="peak learning rate")
    style.legend(ax)
    return ax


# ---- published laws ------------------------------------------------------------------------------


def _draw_published_losses(
    ax: Axes, x: Array, sizes: Mapping[str, Array], laws: Sequence[PublishedLaw]
) -> list[Array]:
    """Draw what published laws say of the runs of a curve.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x : array (n,)
        Places of the runs.
    sizes : mapping of str to array (n,)
        Their sizes, in the units of the run table.
    laws : sequence of PublishedLaw
        Laws of a loss.

    Returns
    -------
    list of array (n,)
        The losses that were drawn [nats per token of each paper's tokenizer and text].

    Raises
    ------
    InputError
        A law needs what the curve does not have.
    """
    drawn = []
    for law, colour in zip(laws, cycle(PUBLISHED), strict=False):
        known = {name: sizes[name] for name in law.inputs if name in sizes}
        for name, meant in law.columns.items():
            if meant in law.inputs and meant not in known and name in sizes:
                known[meant] = sizes[name]
        missing = [name for name in law.needed if name not in known]
        if missing:
            raise InputError(
                f"{law.id} needs {' and '.join(missing)}, and the curve has {', '.join(sizes)}"
            )
        loss = law.loss(known)
        ax.plot(x, loss, color=colour, linestyle=STYLES[0], linewidth=1.3, label=law.id)
        drawn.append(loss)
    return drawn


def _draw_published_splits(ax: Axes, budgets: Array, laws: Sequence[PublishedLaw]) -> list[Array]:
    """Draw the best params and tokens of published laws.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    budgets : array (n,)
        Budgets, ascending [FLOP].
    laws : sequence of PublishedLaw
        Laws that split a budget.

    Returns
    -------
    list of array (n,)
        Params and tokens that were drawn.
    """
    drawn = []
    for law, colour in zip(laws, cycle(PUBLISHED), strict=False):
        split = law.allocate(flops=budgets.tolist())
        both = f"{law.id}, N* and D* (dotted)"
        for name, line, label in (("params", STYLES[0], both), ("tokens", STYLES[1], None)):
            values = np.where(split.edge, np.nan, split.draws[name])[0]
            ax.plot(budgets, values, color=colour, linestyle=line, linewidth=1.3, label=label)
            drawn.append(values)
    return drawn
