"""Figure of what a prior expects of runs, before any was trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.figures import style
from bayes_scaling.figures.labels import AXES, column_label
from bayes_scaling.formula.nodes import evaluate, names
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.published import Published
from bayes_scaling.questions.prior_losses import PriorCurve, counted, prior_curve
from bayes_scaling.runs import RunTable, read_runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SINGLE = 7
"""Single draws that are shown."""

PUBLISHED = (style.RED, style.GREEN, style.ORANGE, style.BLUE)
"""Colours of published laws."""


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
    style.band(ax, curve.x, losses, colour=style.GREY, label="prior")
    for index in range(SINGLE):
        label = "single draws of the prior" if index == 0 else None
        ax.plot(curve.x, losses[index], color=style.PURPLE, linewidth=0.9, label=label)
    shown, places = [np.nanquantile(losses, (0.05, 0.95), axis=0).ravel()], curve.x
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
    middle = np.nanmedian(losses, axis=0)
    style.legend(ax, loc="upper right" if middle[-1] < middle[0] else "upper left")
    return ax


def _draw_published(ax: Axes, curve: PriorCurve) -> list[NDArray[np.float64]]:
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


def _positive(values: NDArray[np.float64]) -> NDArray[np.float64]:
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
