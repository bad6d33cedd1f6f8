"""Figures of a decision: chance of a target, valleys of budgets, and what a size loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.figures import style
from bayes_scaling.figures.curves import LossCurve
from bayes_scaling.figures.labels import AXES
from bayes_scaling.figures.numbers import write_number
from bayes_scaling.figures.valleys import Valley
from bayes_scaling.intervals import quantiles
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

NEAR = 1.3
"""Factor of a budget within which a run is drawn into its valley."""


SMOOTH = 200
"""Places of a smooth line."""

SURELY = 0.01
"""Chance below which, and below whose complement, nothing is left to see."""

Array = NDArray[np.float64]


def chance_table(curve: LossCurve, target: float) -> pd.DataFrame:
    """Return what `plot_chance` draws: the chance of the target along a path, whole and by law.

    Returns
    -------
    pandas.DataFrame
        One row per budget and law: flops (or the only input), law, chance.
    """
    import pandas as pd

    found = curve.forecast
    parts = {"all": found.draws}
    if len(found.members) > 1:
        parts |= {
            name: found.draws[found.member == index] for index, name in enumerate(found.members)
        }
    return pd.concat(
        [
            pd.DataFrame(
                {curve.along: curve.x, "law": name, "chance": (draws <= target).mean(axis=0)}
            )
            for name, draws in parts.items()
        ],
        ignore_index=True,
    )


def plot_chance(
    curve: LossCurve, target: float, *, planned: float | None = None, ax: Axes | None = None
) -> Axes:
    """Plot the probability that a new run reaches a target, against its budget.

    Parameters
    ----------
    curve : LossCurve
        Loss along the best path, from `loss_curve`.
    target : float
        Loss to reach.
    planned : float, optional
        The budget that is planned, marked.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = ax if ax is not None else style.new_axes()
    table = chance_table(curve, target)
    for name, part in table.groupby("law", sort=False):
        whole = name == "all"
        label = "laws averaged" if whole and table.law.nunique() > 1 else None
        if not whole and name == curve.forecast.members[0]:
            label = "each law"
        ax.plot(
            *_smooth(curve, part.chance.to_numpy()), color=style.BLUE if whole else style.GREY,
            linewidth=2.0 if whole else 0.8, zorder=3 if whole else 2, label=label,
        )  # fmt: skip
    for level in (0.5, 0.9):
        ax.axhline(level, color=style.GREY, linewidth=0.7, linestyle=":")
    if planned is not None:
        ax.axvline(planned, color=style.RED, linewidth=1.2, label="the planned run")
    low, high = _undecided(curve, table, planned)
    style.log_scale(ax, "x", low, high)
    ax.set_xlim(low, high)
    ax.set_ylim(0, 1)
    label = AXES.get(curve.along, curve.along)
    style.tidy(ax, xlabel=label, ylabel=f"probability of a loss of at most {target:.4g}")
    if ax.get_legend_handles_labels()[0]:
        style.legend(ax, loc="upper left")
    return ax


def _smooth(curve: LossCurve, chance: Array) -> tuple[Array, Array]:
    """Join chances on the scale of a normal's quantiles, which is nearly straight."""
    from scipy.interpolate import PchipInterpolator
    from scipy.special import ndtr, ndtri

    least = 0.5 / len(curve.forecast.draws)
    through = PchipInterpolator(np.log(curve.x), ndtri(np.clip(chance, least, 1 - least)))
    places = np.geomspace(curve.x[0], curve.x[-1], SMOOTH)
    return places, np.asarray(ndtr(through(np.log(places))))


def _undecided(curve: LossCurve, table: pd.DataFrame, planned: float | None) -> tuple[float, float]:
    """Return the range where the chance is neither 0 nor 1, with the plan and a place around."""
    between = table[(table.chance > SURELY) & (table.chance < 1 - SURELY)][curve.along]
    wanted = [*between, *([] if planned is None else [planned])] or list(curve.x)
    first = int(np.searchsorted(curve.x, min(wanted))) - 1
    last = int(np.searchsorted(curve.x, max(wanted), side="right"))
    return float(curve.x[max(first, 0)]), float(curve.x[min(last, curve.x.size - 1)])


def plot_isoflop(
    valleys: Sequence[Valley], *, runs: RunTable | None = None, ax: Axes | None = None
) -> Axes:
    """Plot loss along lines of equal compute, with the band of the optimum.

    Parameters
    ----------
    valleys : sequence of Valley
        From `bayes_scaling.figures.valleys.isoflop_valleys`.
    runs : RunTable, optional
        Runs; those near a budget are drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Bands hold 90 % of the draws; the bar under a valley is the 90 % interval of its optimum, the
    dot the split to choose. The drawn data are `Valley.table` of each.
    """
    ax = ax if ax is not None else style.new_axes()
    shown, places = [], []
    for index, valley in enumerate(valleys):
        colour = style.SERIES[index % len(style.SERIES)]
        median, low, high = quantiles(valley.loss, 0.9)
        ax.fill_between(valley.params, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(valley.params, median, color=colour, label=f"{write_number(valley.flops)} FLOP")
        _, left, right = quantiles(valley.optimum, 0.9)
        bottom = float(low.min()) / 1.01
        ax.plot([left, right], [bottom] * 2, color=colour, linewidth=3, solid_capstyle="butt")
        ax.plot([valley.choice.params], [bottom], "o", color=colour, markeredgecolor="white")
        near = valley.params[median <= 1.25 * median.min()]
        places.append(np.r_[near, left, right])
        shown.append(np.r_[bottom / 1.01, median[median <= 1.25 * median.min()]])
        if runs is not None:
            chosen = np.abs(np.log(runs["flops"] / valley.flops)) <= np.log(NEAR)
            ax.scatter(
                runs["params"][chosen], runs["loss"][chosen], s=14, color=colour,
                edgecolor="white", linewidth=0.4, zorder=4,
            )  # fmt: skip
    style.set_log_limits(
        ax, x=style.widen(np.concatenate(places)), y=style.widen(np.concatenate(shown))
    )
    style.tidy(ax, xlabel=AXES["params"], ylabel="noise-free loss, 90 % band")
    style.legend(ax, loc="upper right")
    return ax


def plot_regret(
    valley: Valley, *, plans: Mapping[str, float] | None = None, ax: Axes | None = None
) -> Axes:
    """Plot what a size loses against the best split of the same budget.

    Parameters
    ----------
    valley : Valley
        Of the budget.
    plans : mapping of str to float, optional
        Params of plans by name, marked.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = ax if ax is not None else style.new_axes()
    table = valley.table(0.9)
    style.band(
        ax, valley.params, valley.loss - valley.best[:, None], colour=style.BLUE, label="regret"
    )
    ax.plot(
        table.params, table.expected_regret, color=style.INK, linewidth=1.2, linestyle="--",
        label="expected regret",
    )  # fmt: skip
    marks = {"the split to choose": valley.choice.params, **(plans or {})}
    for index, (name, params) in enumerate(marks.items()):
        colour = style.SERIES[(index + 1) % len(style.SERIES)]
        ax.axvline(params, color=colour, linewidth=1.3, label=f"{name}, {write_number(params, 2)}")
    low, high = float(valley.params.min()), float(valley.params.max())
    style.log_scale(ax, "x", low, high)
    ax.set_xlim(low, high)
    ax.set_ylim(0, float(table.expected_regret.quantile(0.85)))
    text = f"loss above the best split of {write_number(valley.flops)} FLOP"
    style.tidy(ax, xlabel=AXES["params"], ylabel=text)
    style.legend(ax, loc="upper center")
    return ax
