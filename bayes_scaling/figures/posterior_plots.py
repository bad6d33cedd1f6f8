"""Figures of priors and posteriors: what a prior expects, what the runs taught, how they fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.figures import style
from bayes_scaling.figures.words import AXES, TIMES, column_label, write_factor
from bayes_scaling.formula.nodes import evaluate, names
from bayes_scaling.intervals import quantiles
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.published import Published
from bayes_scaling.posterior import Member
from bayes_scaling.questions.learned import Learned, learned, rank_counts
from bayes_scaling.questions.prior_losses import PriorCurve, counted, prior_curve
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.validation.fit_check import FitCheck

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

COLUMNS = 4
"""Panels side by side."""

DOTS: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 2.8,
    "markeredgewidth": 0,
    "color": style.BLUE,
    "zorder": 3,
}
"""How runs are drawn in small panels."""

SINGLE = 7
"""Single draws that are shown."""

PUBLISHED = (style.RED, style.GREEN, style.ORANGE, style.BLUE)
"""Colours of published laws."""


def plot_posterior(fit: Fit | Member, *, axes: Sequence[Axes] | None = None) -> tuple[Axes, ...]:
    """Plot prior against posterior of every parameter, noise included, and of what is derived.

    Parameters
    ----------
    fit : Fit
        The posterior.
    axes : sequence of matplotlib.axes.Axes, optional
        Where to draw: one per parameter, in the order of ``fit.model.parameters``, then one per
        derived quantity.

    Returns
    -------
    tuple of matplotlib.axes.Axes

    Raises
    ------
    InputError
        There are fewer axes than quantities.

    Notes
    -----
    Curves are scaled to equal height, since a posterior is often a hundred times narrower than its
    prior. A parameter that is pooled shows its population; one that is separate, every group.
    """
    quantities = learned(fit if isinstance(fit, Member) else fit.only)
    if axes is None:
        lines = math.ceil(len(quantities) / COLUMNS)
        grid = style.new_grid(lines, COLUMNS, height=0.35 + 1.3 * lines)
        for spare in grid[len(quantities) :]:
            spare.set_visible(False)
        axes = grid[: len(quantities)]
    if len(axes) < len(quantities):
        names = ", ".join(item.name for item in quantities)
        raise InputError(f"{names} need {len(quantities)} axes, and {len(axes)} axes were given")
    for item, ax in zip(quantities, axes, strict=False):
        _panel(ax, item)
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].legend(
        handles,
        labels,
        fontsize=6.5,
        frameon=False,
        loc="upper right",
        handlelength=1.1,
        borderpad=0,
        borderaxespad=0.1,
        labelspacing=0.2,
    )
    return tuple(axes[: len(quantities)])


def _panel(ax: Axes, item: Learned) -> None:
    grid, density = item.prior_density()
    ax.fill_between(grid, density, color=style.GREY, alpha=0.28, linewidth=0, label="prior")
    for index, (places, heights) in enumerate(item.histograms()):
        ax.fill_between(
            places,
            heights,
            step="pre",
            color=style.SERIES[index % len(style.SERIES)],
            alpha=0.55,
            linewidth=0.5,
            label="posterior" if index == 0 else None,
        )
    low, high = item.ends
    if item.logarithmic:
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
    narrower = item.narrower
    said = f"{write_factor(narrower)} narrower" if narrower > 1.1 else f"1{TIMES} the prior"
    ax.set_xlabel(f"{item.name} ({said})", fontsize=7.5, color=style.INK, labelpad=2)


def _few_ticks(ax: Axes, low: float, high: float) -> None:
    """Keep at most four ticks: the panels are narrow."""
    from matplotlib import ticker

    ax.set_xlim(low, high)
    marks, texts = ax.get_xticks(), [label.get_text() for label in ax.get_xticklabels()]
    step = max(1, math.ceil(len(marks) / 4))
    ax.xaxis.set_major_locator(ticker.FixedLocator(list(marks[::step])))
    ax.xaxis.set_major_formatter(ticker.FixedFormatter(texts[::step]))


# ---- before any run ------------------------------------------------------------------------------


def plot_prior(
    model: str | Path | Model | Mapping[str, Any] | PriorCurve,
    *,
    runs: RunTable | Any = None,
    along: str | None = None,
    random_seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Plot the losses that the prior of a law expects against scale.

    Parameters
    ----------
    model : str, Path, Model, mapping or PriorCurve
        The law; or its curve, computed before.
    runs : RunTable, DataFrame or path, optional
        Runs that the law is about to be fitted to: the prior is shown at their sizes, and their
        losses, which it does not read, on top of it.
    along : str, optional
        The x axis; see `bayes_scaling.questions.prior_losses.prior_curve`.
    random_seed : int
        Seed of the draws.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        The model or the runs cannot be used.
    """
    table = runs if runs is None or isinstance(runs, RunTable) else read_runs(runs)
    if isinstance(model, PriorCurve):
        curve = model
    else:
        curve = prior_curve(model, runs=table, along=along, random_seed=random_seed)
    law, losses = curve.predictive.model, curve.predictive.noise_free
    ax = ax if ax is not None else style.new_axes()
    ends = style.band(ax, curve.x, losses, colour=style.GREY, label="prior")
    for index in range(SINGLE):
        label = "single draws of the prior" if index == 0 else None
        ax.plot(curve.x, losses[index], color=style.PURPLE, linewidth=0.9, label=label)
    shown, places = [ends.ravel()], curve.x
    shown += _draw_published(ax, curve)
    if table is not None and law.response in table:
        seen = np.asarray(table[law.response], float)
        at = counted(law, table, curve.along)
        ax.scatter(at, seen, s=11, color=style.BLUE, linewidth=0, zorder=4, label="runs")
        shown, places = [*shown, _positive(seen)], np.r_[places, _positive(at)]
    style.set_log_limits(ax, x=style.widen(places), y=style.widen(np.concatenate(shown)))
    style.shade_beyond(ax, curve.edge, "beyond the runs" if table is not None else "beyond")
    style.tidy(ax, xlabel=_size_label(law, curve.along), ylabel=column_label(law.response))
    ax.set_title(_title(curve), fontsize=style.TEXT, color=style.INK, loc="left")
    middle = quantiles(losses)[0]
    style.legend(ax, loc="upper right" if middle[-1] < middle[0] else "upper left")
    return ax


def _draw_published(ax: Axes, curve: PriorCurve) -> list[Array]:
    """Draw every published law of that form, and return what must be in view."""
    published, columns = curve.predictive.model.published, curve.predictive.plan.columns
    if published is None or not _inputs_of(published) <= set(columns):
        return []
    found = []
    for index, law in enumerate(published.laws):
        losses = np.asarray(evaluate(published.closed(), {**columns, **dict(law.values)}), float)
        colour = PUBLISHED[index % len(PUBLISHED)]
        ax.plot(curve.x, losses, color=colour, linewidth=1.4, linestyle="--", label=law.id)
        found.append(_positive(losses))
    return found


def _inputs_of(published: Published) -> set[str]:
    """Return what a published form reads beside its constants."""
    constants = {name for law in published.laws for name, _ in law.values}
    return set(names(published.closed())) - constants


def _positive(values: Array) -> Array:
    return values[np.isfinite(values) & (values > 0)]


def _size_label(model: Model, name: str) -> str:
    if dict(model.columns).get(name) == "params_nonembedding":
        return "non-embedding parameters N"
    return AXES.get(name) or column_label(name)


def _title(curve: PriorCurve) -> str:
    """Name the law, and what goes along with the size on the x axis."""
    model, columns = curve.predictive.model, curve.predictive.plan.columns
    others = [name for name in model.sizes if name != curve.along]
    ends = [f"{name} {columns[name][0]:.2g} to {columns[name][-1]:.2g}" for name in others]
    return f"prior of {model.id}" + (f", {', '.join(ends)}" if ends else "")


# ---- runs and chains -----------------------------------------------------------------------------


def plot_fit_check(check: FitCheck) -> tuple[Axes, ...]:
    """Plot how the runs lie under a law: deviations by size and order, LOO-PIT and Pareto k.

    Parameters
    ----------
    check : FitCheck
        From `bayes_scaling.validation.fit_check.check_fit`.

    Returns
    -------
    tuple of matplotlib.axes.Axes

    Notes
    -----
    Grey bars hold 90 % of new runs of that size; the drawn data are `FitCheck.table`.
    """
    axes = style.new_grid(2, 3, height=4.6)
    sizes = [name for name in ("params", "tokens", "flops") if name in check.sizes][:2]
    order = np.arange(1, check.observed.size + 1, dtype=float)
    along = {**{name: check.sizes[name] for name in sizes}, "order in the table": order}
    low, high = (100 * end for end in check.band)
    for ax, (name, x) in zip(axes, along.items(), strict=False):
        style.bars(ax, x, low, high)
        ax.plot(x, 100 * check.deviation, **DOTS)
        ax.axhline(0, color=style.INK, linewidth=0.8)
        if name in sizes:
            style.log_scale(ax, "x", *style.widen(x))
            _few_ticks(ax, *style.widen(x))
        style.tidy(ax, xlabel=AXES.get(name, name), ylabel="above the law [%]")
    rest = axes[len(along) :]
    counts, (least, most) = check.pit_counts
    edges = np.linspace(0, 1, counts.size + 1)
    rest[0].axhspan(least, most, color=style.GREY, alpha=0.18, linewidth=0)
    rest[0].stairs(counts, edges, color=style.BLUE, fill=True, alpha=0.5)
    style.tidy(rest[0], xlabel="LOO-PIT; grey: 9 in 10 even ones", ylabel="runs")
    rest[1].plot(order, check.pareto_k, **DOTS)
    rest[1].axhline(check.good_k, color=style.RED, linewidth=1)
    style.tidy(rest[1], xlabel="order in the table", ylabel="Pareto k")
    for spare in rest[2:]:
        ends = (float(check.observed.min()), float(check.observed.max()))
        spare.plot(ends, ends, color=style.INK, linewidth=0.8)
        style.bars(spare, check.observed, check.lower, check.upper)
        spare.plot(check.observed, check.predicted, **DOTS)
        style.tidy(spare, xlabel="observed", ylabel="predicted, 90 %")
        break
    return tuple(axes)


def plot_ranks(fit: Fit | Member) -> tuple[Axes, ...]:
    """Plot ranks of the draws of each sampled parameter by chain: even where the chains agree.

    Parameters
    ----------
    fit : Fit
        The posterior of one law.

    Returns
    -------
    tuple of matplotlib.axes.Axes

    References
    ----------
    Vehtari et al. 2021, doi:10.1214/20-BA1221.
    """
    member = fit if isinstance(fit, Member) else fit.only
    found = rank_counts(member)
    lines = math.ceil(len(found) / COLUMNS)
    axes = style.new_grid(lines, COLUMNS, height=0.3 + 1.1 * lines)
    for ax, (name, (counts, (low, high))) in zip(axes, found.items(), strict=False):
        ax.axhspan(low, high, color=style.GREY, alpha=0.18, linewidth=0)
        for chain, row in enumerate(counts):
            colour = style.SERIES[chain % len(style.SERIES)]
            ax.stairs(row, np.linspace(0, 1, row.size + 1), color=colour, linewidth=0.9)
        ax.set_ylim(0, 2.2 * high)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.set_xlabel(name, fontsize=7.5, color=style.INK, labelpad=2)
    for spare in axes[len(found) :]:
        spare.set_visible(False)
    return tuple(axes[: len(found)])
