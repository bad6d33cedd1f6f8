"""Figures of a decision: chance of a target, valleys of budgets, learning rates, and duels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.figures import style
from bayes_scaling.figures.words import AXES, write_count, write_number
from bayes_scaling.intervals import format_kind, quantiles
from bayes_scaling.questions.drawn_tables import (
    WHOLE,
    chance_table as chance_table,
    tune_table as tune_table,
)
from bayes_scaling.questions.loss_curve import LossCurve
from bayes_scaling.questions.valleys import NEAR, Valley
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayes_scaling.questions.duel import Duel
    from bayes_scaling.questions.tune import Tuning

Array = NDArray[np.float64]

DEEP = 1.25
"""Loss over that of the bottom up to which a valley is shown."""

HIGHEST = 20.0
"""Regret up to which a valley is shown [% of the loss]: the same in every figure."""

SMOOTH = 200
"""Places of a smooth line."""

SURELY = 0.01
"""Chance below which, and below whose complement, nothing is left to see."""

BESIDE = 1.12
"""Factor of a learning rate within which names of rules would overlap."""

SEEN = 0.6
"""Share of the highest penalty up to which valleys of the learning rate are shown."""

MARKERS = ("o", "s", "D", "^", "v", "P")
"""Of the variants of a duel."""

TICKS = (0.1, 0.2, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Compute multipliers that are written on the axis."""


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
        whole = name == WHOLE
        label = "laws averaged" if whole and table.law.nunique() > 1 else None
        if not whole and name == curve.forecast.members[0]:
            label = "each law"
        ax.plot(
            *_smooth(curve, part.chance.to_numpy()),
            color=style.BLUE if whole else style.GREY,
            linewidth=2.2 if whole else 1.2,
            zorder=3 if whole else 2,
            label=label,
        )
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
    """Plot loss along lines of equal compute, with the interval of each optimum and the runs.

    Parameters
    ----------
    valleys : sequence of Valley
        From `Fit.valleys`.
    runs : RunTable, optional
        Runs to draw near the budgets in place of the fitted ones.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Bands hold 90 % of the draws. The thick part of a line is the 90 % interval of its best size,
    the dot on it the split to choose; small dots are runs. The drawn data are `Valley.table`.
    """
    ax = ax if ax is not None else style.new_axes()
    shown, places = [], []
    for index, valley in enumerate(valleys):
        colour = style.SERIES[index % len(style.SERIES)]
        median, low, high = quantiles(valley.loss, 0.9)
        ax.fill_between(valley.params, low, high, color=colour, alpha=0.2, linewidth=0)
        label = f"{write_number(valley.flops)} FLOP, best size with its 90 % interval"
        ax.plot(valley.params, median, color=colour, linewidth=1.2)
        _, left, right = quantiles(valley.optimum, 0.9)
        at = np.geomspace(left, right, SMOOTH)
        ax.plot(at, _on_curve(valley, median, at), color=colour, linewidth=4, label=label)
        best = _on_curve(valley, median, np.array([valley.choice.params]))
        ax.plot(
            [valley.choice.params],
            best,
            "o",
            color=colour,
            markersize=7,
            markeredgecolor="white",
            zorder=5,
        )
        near = median <= DEEP * median.min()
        params, losses = _runs_near(valley, runs)
        kept = losses <= DEEP * median.min()
        ax.scatter(params, losses, s=16, color=colour, edgecolor=style.INK, linewidth=0.5, zorder=4)
        places.append(np.r_[valley.params[near], left, right, params[kept]])
        shown.append(np.r_[low[near], median[near], losses[kept]])
    if any(len(_runs_near(valley, runs)[0]) for valley in valleys):
        ax.scatter([], [], s=16, color="white", edgecolor=style.INK, linewidth=0.5, label="runs")
    style.set_log_limits(
        ax, x=style.widen(np.concatenate(places)), y=style.at_least(np.concatenate(shown), DEEP)
    )
    style.tidy(ax, xlabel=AXES["params"], ylabel="noise-free loss, 90 % band")
    style.legend(ax, loc="upper right")
    return ax


def _on_curve(valley: Valley, loss: Array, params: Array) -> Array:
    """Return the loss along a valley at params between its places."""
    return np.exp(np.interp(np.log(params), np.log(valley.params), np.log(loss)))


def _runs_near(valley: Valley, runs: RunTable | None) -> tuple[Array, Array]:
    """Return params and losses of the runs that are drawn beside a valley."""
    if runs is None:
        return valley.run_params, valley.run_loss
    near = np.abs(np.log(runs["flops"] / valley.flops)) <= np.log(NEAR)
    return runs["params"][near], runs["loss"][near]


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
    percent = 100 / table.best.to_numpy()
    above = valley.loss - valley.best[:, None]
    style.band(ax, valley.params, above * percent, colour=style.BLUE, label="regret", brief=True)
    expected = percent * table.expected_regret.to_numpy()
    label = "expected regret"
    ax.plot(valley.params, expected, color=style.INK, linewidth=1.2, linestyle="--", label=label)
    marks = {"the split to choose": valley.choice.params, **(plans or {})}
    for index, (name, params) in enumerate(marks.items()):
        colour = style.SERIES[(index + 1) % len(style.SERIES)]
        ax.axvline(params, color=colour, linewidth=1.3, label=f"{name}, {write_count(params)}")
    inside = valley.params[expected <= HIGHEST]
    low, high = float(inside.min()), float(inside.max())
    style.log_scale(ax, "x", low, high)
    ax.set_xlim(low, high)
    ax.set_ylim(0, HIGHEST)
    text = f"loss above the best split of {write_number(valley.flops)} FLOP [%]"
    style.tidy(ax, xlabel=AXES["params"], ylabel=text)
    style.legend(ax, loc="upper center")
    return ax


# ---- learning rates ------------------------------------------------------------------------------


def plot_tune(result: Tuning, *, ax: Axes | None = None) -> Axes:
    """Plot the valley of each run: loss above the best one against the learning rate.

    Parameters
    ----------
    result : Tuning
        How to tune some runs.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Bands hold the probability of the result. Under each valley a bar marks the interval of the
    best rate, its dot the recommended one; ticks are what published rules say, named where there is
    one run. Shaded is what the fitted runs did not sweep.
    """
    if ax is None:
        ax = style.new_axes()
    curves = tune_table(result)
    top = 100 * float(curves.penalty.max()) * SEEN
    count = len(result.plan)
    for run in range(count):
        colour = style.SERIES[run % len(style.SERIES)]
        own = curves[curves.run == run]
        ax.fill_between(
            own.learning_rate,
            100 * own.penalty_lower,
            100 * own.penalty_upper,
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
        ax.plot(own.learning_rate, 100 * own.penalty, color=colour, label=_label(result, run))
        height = -0.04 * top * (run + 1)
        _, low, high = quantiles(result.best["learning_rate"][:, run], result.probability)
        ax.plot([low, high], [height] * 2, color=colour, linewidth=3, solid_capstyle="butt")
        rate = result.recommended["learning_rate"][run]
        ax.plot([rate], [height], "o", color=colour, markeredgecolor="white")
        _draw_rules(ax, result, run, height, top)
    low, high = float(curves.learning_rate.min()), float(curves.learning_rate.max())
    least, most = result.swept["learning_rate"]
    for start, end in ((low, least), (most, high)):
        if start < end:
            ax.axvspan(start, end, color=style.GREY, alpha=0.12, linewidth=0)
    style.log_scale(ax, "x", low, high)
    ax.set_xlim(low, high)
    ax.set_ylim(-0.04 * top * (count + 1.5), top)
    kind = format_kind(result.probability)
    style.tidy(ax, xlabel="learning rate", ylabel=f"loss above the best [%], {kind}")
    style.legend(ax)
    return ax


def _draw_rules(ax: Axes, result: Tuning, run: int, height: float, top: float) -> None:
    """Tick what published rules choose; with one run each has its name, else the legend has it."""
    rules = [rule for rule in result.rules_of(run) if rule["learning_rate"] is not None]
    rates = [rule["learning_rate"] for rule in rules]
    named = len(result.plan) == 1
    label = "published rules" if rates and not named and run == len(result.plan) - 1 else None
    ax.plot(rates, [height] * len(rates), "|", color=style.INK, markersize=9, label=label)
    last, raised = 0.0, 0
    for rule in sorted(rules, key=lambda rule: rule["learning_rate"]) if named else ():
        # Names side by side would overlap: the next one stands above.
        raised = raised + 1 if rule["learning_rate"] < BESIDE * last else 0
        last = rule["learning_rate"]
        ax.text(
            last,
            (0.02 + 0.24 * raised) * top,
            rule["rule"],
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=style.SMALL,
            color=style.INK,
            clip_on=True,
        )


def _label(result: Tuning, run: int) -> str:
    sizes = result.plan.columns
    return (
        f"{write_count(float(sizes['params'][run]))} params, "
        f"{write_count(float(sizes['tokens'][run]))} tokens"
    )


# ---- duels ---------------------------------------------------------------------------------------


def plot_duel(result: Duel, *, ax: Axes | None = None) -> Axes:
    """Plot the compute multiplier of each variant over the baseline against compute.

    Parameters
    ----------
    result : Duel
        The comparison; ask it for several budgets, such as ``flops=np.geomspace(1e18, 1e22, 25)``,
        to see a band.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Bands hold the probability of the result; published laws have none. Above 1 the variant needs
    less compute. Shaded is what lies beyond the runs.
    """
    if ax is None:
        ax = style.new_axes()
    flops = result.flops
    ends = []
    for place, arm in enumerate(result.arms):
        colour = style.SERIES[place % len(style.SERIES)]
        middle, low, high = quantiles(result.multiplier[arm], result.probability)
        ends += [low, high]
        label = f"{arm}: better at the target with probability {result.chance(arm)[-1]:.2f}"
        if result.is_point:
            label = f"{arm}: {middle[-1]:.3g} at the target"
        if flops.size == 1:
            ax.plot(flops[[0, 0]], [low[0], high[0]], color=colour, linewidth=2)
            ax.plot(flops, middle, MARKERS[place % len(MARKERS)], color=colour, label=label)
            continue
        ax.fill_between(flops, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(flops, middle, color=colour, label=label)
    ax.axhline(1.0, color=style.INK, linewidth=0.8)
    finite = np.concatenate(ends)
    finite = finite[np.isfinite(finite) & (finite > 0)]
    bottom, top = (float(finite.min()), float(finite.max())) if finite.size else (0.5, 2.0)
    bottom, top = max(min(bottom, 0.8), TICKS[0]) / 1.05, min(max(top, 1.25), TICKS[-1]) * 1.05
    ax.set_yscale("log")
    ax.set_ylim(bottom, top)
    shown = [tick for tick in TICKS if bottom <= tick <= top]
    ax.set_yticks(shown, [f"{tick:g}x" for tick in shown])
    ax.minorticks_off()
    if flops.size > 1:
        style.log_scale(ax, "x", float(flops[0]), float(flops[-1]))
        ax.set_xlim(float(flops[0]), float(flops[-1]))
        if result.beyond[-1] > 0:
            style.shade_beyond(ax, float(flops[-1] / np.exp(result.beyond[-1])))
    else:
        ax.set_xscale("log")
    kind = "" if result.is_point else f", {format_kind(result.probability)}"
    style.tidy(ax, xlabel="compute [FLOP]", ylabel=f"compute multiplier over {result.a}{kind}")
    style.legend(ax)
    return ax
