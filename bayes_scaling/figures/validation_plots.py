"""Figures of validation: forecasts beside what was observed, scores, and approaches compared.

Each draws into `ax`, or into a figure of its own (``ax.figure``), and returns the axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.figures import style
from bayes_scaling.figures.words import AXES, LONGEST, TIMES, column_label
from bayes_scaling.intervals import interval, quantiles
from bayes_scaling.validation import Approaches, Backtest, Calibration
from bayes_scaling.validation.backtesting import ENDS
from bayes_scaling.validation.hoffmann import APPROACHES
from bayes_scaling.validation.split import Split, log_scale, scale_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Array = NDArray[np.float64]

SAME_EDGE = 0.3
"""E-folds within which groups of runs end at the same compute, so that one edge can be drawn."""

STEP, WIDEST = 0.012, 0.12
"""Shares of the width: between targets of one compute that are set side by side, and for all."""

SMALLEST = 0.3
"""Size, relative to the usual, below which crowded targets do not shrink."""

APPROACH_COLOURS = {
    "envelope": style.GREEN,
    "isoflop": style.BLUE,
    "isoflop-cubic": style.PURPLE,
    "chinchilla": style.RED,
    "coupled": style.ORANGE,
}
"""One for each approach."""

PANELS = (7.1, 3.6)
"""Size of a figure with two panels [inch]."""

SCORES = {
    "coverage90": "share of targets inside the 90 % interval",
    "coverage50": "share of targets inside the 50 % interval",
    "interval_score90": "interval score of the 90 % interval [share of loss]",
    "crps": "CRPS [share of loss]",
    "mare": "mean absolute error of the median [share of loss]",
    "bias": "mean error of the median [share of loss]",
    "width90": "width of the 90 % interval [share of loss]",
}
"""Scores that `plot_rolling` shows, and what they are called."""

LOOKS: tuple[dict[str, Any], ...] = (
    {"color": style.BLUE, "marker": "o", "linewidth": 1.8},
    {"color": style.RED, "marker": "s", "linewidth": 1.2, "linestyle": "--"},
    {"color": style.GREY, "marker": "^", "linewidth": 1.2, "linestyle": ":"},
)
"""Lines of the tested method and of the two baselines."""


def plot_backtest(
    result: Backtest, *, group: str | None = None, cut: float | None = None, ax: Axes | None = None
) -> Axes:
    """Plot forecasts of the held-out runs, with their intervals, beside what was observed.

    Targets of (nearly) the same compute are set side by side.

    Parameters
    ----------
    result : Backtest
        The backtest.
    group : str, optional
        One value of the column ``group`` of the scores; all of them by default.
    cut : float, optional
        Which cut of a rolling backtest: the nearest one is shown, the first by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        No target is of that group.
    """
    shown = _chosen(result, cut)
    labels = sorted({label for split, _ in shown for label in split.scored_as(split.targets)})
    if group is not None and group not in labels:
        raise InputError(f"no group {group!r} in the backtest; there are {', '.join(labels)}")
    drawn = [group] if group is not None else labels
    ax = ax if ax is not None else style.new_axes()
    targets = [
        _Targets(
            label=label,
            x=log_scale(split.targets)[0][mine],
            quantiles=q[:, mine],
            observed=split.observed[mine],
        )
        for split, q in shown
        for label in drawn
        for mine in (split.scored_as(split.targets) == label,)
        if mine.any()
    ]
    fitted = [_fitted(split, drawn) for split, _ in shown]
    edges = [float(np.max(x)) for x, _ in fitted if x.size]
    x, losses = (np.concatenate([pair[index] for pair in fitted]) for index in (0, 1))
    ax.scatter(
        np.exp(x), losses, s=10, color=style.GREY, alpha=0.55, linewidth=0, label="fitted runs"
    )
    low, high = style.widen(np.exp(np.concatenate([x, *[each.x for each in targets]])))
    view = [losses]
    coloured = 1 < len(drawn) <= len(style.SERIES)
    beside, size = _side_by_side(targets, np.log(high / low))
    for index, (each, places) in enumerate(zip(targets, beside, strict=True)):
        colour = style.SERIES[drawn.index(each.label)] if coloured else style.BLUE
        name = f"{each.label}, 50 and 90 %" if coloured else "forecast, 50 and 90 % intervals"
        _draw_intervals(
            ax, places, each, size=size, colour=colour, label=name if coloured or not index else "_"
        )
        view += [each.observed, each.quantiles[[ENDS["lower90"], ENDS["upper90"]]].ravel()]
    for colour, text in ((style.INK, "observed, inside"), (style.RED, "observed, outside 90 %")):
        ax.scatter([], [], s=16, color=colour, linewidth=0, label=text)
    places = np.concatenate([[low, high], *beside])
    style.set_log_limits(ax, x=style.widen(places, 0.01), y=style.widen(np.concatenate(view)))
    if max(edges) - min(edges) < SAME_EDGE:
        style.shade_beyond(ax, float(np.exp(max(edges))), "beyond the fitted runs")
    style.tidy(ax, xlabel=scale_label(shown[0][0]), ylabel=_response(shown[0][0]))
    style.legend(ax)
    return ax


@dataclass(frozen=True, kw_only=True, eq=False)
class _Targets:
    """Targets of one group: log compute (n,), quantiles (39, n) and observed losses (n,)."""

    label: str
    x: Array
    quantiles: Array
    observed: Array


def _chosen(result: Backtest, cut: float | None) -> list[tuple[Split, Array]]:
    """Return the splits at one cut, group by group, with their quantiles."""
    pairs = [
        (split, answer.quantiles)
        for split, answer in zip(result.splits, result.answers, strict=True)
    ]
    if not result.rolling:
        return pairs
    chosen: dict[str, tuple[Split, Array]] = {}
    for split, q in pairs:
        old = chosen.get(split.label)
        if old is None or (cut is not None and _off(split, cut) < _off(old[0], cut)):
            chosen[split.label] = (split, q)
    return list(chosen.values())


def _off(split: Split, cut: float) -> float:
    return abs(float(np.log((split.cut or cut) / cut)))


def _fitted(split: Split, drawn: Sequence[str]) -> tuple[Array, Array]:
    """Return log compute and losses of the fitted runs of some groups (n,)."""
    mine = np.isin(split.scored_as(split.fitted), drawn)
    return log_scale(split.fitted)[0][mine], np.asarray(split.fitted[split.response][mine])


def _side_by_side(targets: Sequence[_Targets], width: float) -> tuple[list[Array], float]:
    """Return where to draw targets, those of one compute side by side by median, and how large."""
    x = np.concatenate([each.x for each in targets])
    medians = np.concatenate([each.quantiles[ENDS["median"]] for each in targets])
    order = np.argsort(x, kind="stable")
    clump = np.cumsum(np.r_[0, np.diff(x[order]) > 0.2 * STEP * width])
    moved, size = np.empty_like(x), 1.0
    for label in np.unique(clump):
        rows = order[clump == label]
        rows = rows[np.argsort(medians[rows])]
        step = min(STEP, WIDEST / rows.size)
        size = min(size, max(step / STEP, SMALLEST))
        offsets = width * step * (np.arange(rows.size) - (rows.size - 1) / 2)
        moved[rows] = x[rows[0]] + offsets
    return np.split(np.exp(moved), np.cumsum([each.x.size for each in targets])[:-1]), size


def _draw_intervals(
    ax: Axes, x: Array, targets: _Targets, *, size: float, colour: str, label: str
) -> None:
    q, observed = targets.quantiles, targets.observed
    lower, upper = q[ENDS["lower90"]], q[ENDS["upper90"]]
    ax.vlines(x, lower, upper, color=colour, linewidth=1.3 * size, alpha=0.9)
    ax.vlines(
        x,
        q[ENDS["lower50"]],
        q[ENDS["upper50"]],
        color=colour,
        linewidth=4.5 * size,
        alpha=0.45,
        label=label,
    )
    ax.plot(
        x, q[ENDS["median"]], "_", color=colour, markersize=7 * size, markeredgewidth=1.4 * size
    )
    outside = (observed < lower) | (observed > upper)
    colours = np.where(outside, style.RED, style.INK).tolist()
    ax.scatter(
        x, observed, s=16 * size, c=colours, edgecolors="white", linewidths=0.4 * size, zorder=4
    )


def _response(split: Split) -> str:
    """Name what was forecast, with its unit, or the metric that all runs share."""
    metrics = split.fitted.groups("metric") if "metric" in split.fitted else ()
    if len(metrics) == 1 and 0 < len(metrics[0]) <= LONGEST:
        return f"{split.response} [{metrics[0]}]"
    return column_label(split.response)


# ---- scores --------------------------------------------------------------------------------------


def plot_coverage(result: Backtest, *, ax: Axes | None = None) -> Axes:
    """Plot the share of targets inside central intervals of every nominal probability.

    Parameters
    ----------
    result : Backtest
        The backtest.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    rows = result.coverage_rows()
    ax = ax if ax is not None else style.new_axes(4.6, 4.3)
    nominal = np.array([row["nominal"] for row in rows])
    ax.plot([0, 1], [0, 1], color=style.INK, linewidth=0.9, label="calibrated")
    ax.fill_between(
        nominal,
        [row["lower"] for row in rows],
        [row["upper"] for row in rows],
        step="mid",
        color=style.GREY,
        alpha=0.18,
        linewidth=0,
        label="9 in 10 times, if targets are independent",
    )
    for name, look in zip((result.method, *result.rivals), LOOKS, strict=False):
        ax.plot(nominal, [row[name] for row in rows], markersize=3.5, label=name, **look)
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.02, 1.02)
    _percent(ax.xaxis)
    _percent(ax.yaxis)
    style.tidy(
        ax, xlabel="nominal probability of the interval", ylabel="share of targets inside it"
    )
    style.legend(ax, loc="upper left")
    return ax


def plot_calibration(result: Calibration, *, ax: Axes | None = None) -> Axes:
    """Plot the share of truths inside 50 % and 90 % intervals, by quantity.

    Parameters
    ----------
    result : Calibration
        What fits of simulated runs recovered.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Shaded is where the share of a calibrated quantity lies in 9 of 10 such calibrations.
    """
    from scipy.stats import binom

    rows, count = result.rows()[::-1], result.converged.size
    ax = ax if ax is not None else style.new_axes(height=max(2.6, 0.24 * len(rows) + 1.2))
    for colour, share in ((style.BLUE, 0.9), (style.RED, 0.5)):
        low, high = binom.ppf([0.05, 0.95], count, share) / count
        ax.axvspan(low, high, color=colour, alpha=0.12, linewidth=0)
        ax.axvline(share, color=colour, linewidth=0.9)
        shares = [row[f"coverage{100 * share:.0f}"] for row in rows]
        ax.plot(shares, range(len(rows)), "o", color=colour, label=f"in the {share:.0%} interval")
    ax.set_yticks(range(len(rows)), [row["quantity"] for row in rows])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlim(0, 1.02)
    _percent(ax.xaxis)
    style.tidy(ax, xlabel=f"share of {count} truths", ylabel="")
    style.legend(ax, loc="upper left")
    return ax


def _percent(axis: Axis) -> None:
    from matplotlib import ticker

    axis.set_major_locator(ticker.MultipleLocator(0.2))
    axis.set_major_formatter(ticker.PercentFormatter(1.0, decimals=0, symbol=" %"))


def plot_rolling(result: Backtest, *, score: str = "coverage90", ax: Axes | None = None) -> Axes:
    """Plot a score over how far the targets lie beyond the fitted runs.

    Parameters
    ----------
    result : Backtest
        A rolling backtest, or any other whose targets lie at several distances.
    score : str
        A key of `SCORES`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        There is no such score.
    """
    if score not in SCORES:
        raise InputError(f"no score {score!r} to plot; there are {', '.join(SCORES)}")
    rows = result.curve_rows()
    ax = ax if ax is not None else style.new_axes()
    for name, look in zip((result.method, *result.rivals), LOOKS, strict=False):
        mine = [row for row in rows if row["method"] == name]
        ratios, values = ([row[key] for row in mine] for key in ("ratio", score))
        ax.plot(ratios, values, markersize=4.5, label=name, **look)
    ours = [row for row in rows if row["method"] == result.method]
    for row in ours:
        ax.annotate(
            f"{row['n_target']} targets",
            (row["ratio"], 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=style.SMALL,
            color=style.GREY,
        )
    _nominal(ax, score)
    ax.set_xscale("log")
    ratios = [row["ratio"] for row in ours]
    ax.set_xlim(*style.widen(np.array([*ratios, ratios[-1] * 1.5, ratios[0] / 1.5]), 0.02))
    ax.set_xticks(ratios, [f"{ratio:g}{TIMES}" for ratio in ratios])
    ax.minorticks_off()
    distance = scale_label(result.splits[0]).partition(" [")[0]
    style.tidy(ax, xlabel=f"{distance}, relative to the largest fitted run", ylabel=SCORES[score])
    style.legend(ax)
    return ax


def _nominal(ax: Axes, score: str) -> None:
    """Draw where a calibrated forecast would be, and begin at nothing what cannot be negative."""
    if score.startswith("coverage"):
        ax.axhline(float(score[-2:]) / 100, color=style.INK, linewidth=0.9, label="calibrated")
        ax.set_ylim(-0.03, 1.03)
        _percent(ax.yaxis)
    elif score == "bias":
        ax.axhline(0, color=style.INK, linewidth=0.9)
    else:
        ax.set_ylim(bottom=0)


def scale_label(split: Split) -> str:
    """Name what tells how large the runs of a split are, with its unit."""
    name = scale_name(split.fitted, split.targets)
    return AXES.get(name) or column_label(name)


# ---- approaches ----------------------------------------------------------------------------------


def plot_approaches(result: Approaches, *, ax: Axes | None = None) -> Axes:
    """Plot the best params of each approach against compute, and the tokens per parameter.

    Parameters
    ----------
    result : Approaches
        What they found.
    ax : matplotlib.axes.Axes, optional
        Where to draw the params; without it a figure of its own shows the tokens per parameter
        beside them, where the approaches are told apart better.

    Returns
    -------
    matplotlib.axes.Axes
        That of the params.

    Notes
    -----
    Lines are medians, bands hold the probability of `result`. Dots are the rows of the envelope.
    """
    if ax is not None:
        _draw_params(ax, result)
        style.legend(ax, loc="upper left")
        return ax
    left, right = style.new_grid(1, 2, *PANELS)
    _draw_params(left, result)
    _draw_ratio(right, result)
    handles, labels = left.get_legend_handles_labels()
    left.figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=2,
        fontsize=style.SMALL,
        frameon=False,
    )
    main: Axes = left
    return main


def _draw_params(ax: Axes, result: Approaches) -> None:
    draws = {name: split.params for name, split in result.path.items()}
    shown = _draw_bands(ax, result, draws)
    if "envelope" in result.fits:
        runs = result.fits["envelope"].runs
        ax.plot(
            runs["flops"],
            runs["params"],
            "o",
            markersize=3.2,
            markeredgewidth=0.8,
            color=APPROACH_COLOURS["envelope"],
            markerfacecolor="white",
            label="runs on the envelope",
        )
        shown.append(runs["params"])
    _finish(ax, result, shown, "best parameters N*")


def _draw_ratio(ax: Axes, result: Approaches) -> None:
    draws = {name: split.tokens / split.params for name, split in result.path.items()}
    shown = _draw_bands(ax, result, draws)
    _finish(ax, result, shown, "best tokens per parameter D*/N*")


def _draw_bands(ax: Axes, result: Approaches, draws: dict[str, Array]) -> list[Array]:
    """Draw the median and the interval of each approach, and return what must be in view."""
    shown = []
    for name, values in draws.items():
        middle, lower, upper = quantiles(values, result.probability)
        flops, colour = result.path[name].flops, APPROACH_COLOURS[name]
        ax.fill_between(flops, lower, upper, color=colour, alpha=0.16, linewidth=0)
        exponent = interval(result.path[name].exponent[:, -1]).median
        label = f"{APPROACHES[name].name}: exponent {exponent:.2f}"
        settled = result.fits[name].status == "converged"
        ax.plot(
            flops,
            middle,
            color=colour,
            linewidth=1.5,
            linestyle="-" if settled else ":",
            label=label if settled else f"{label} (unconverged)",
        )
        shown += [lower, upper]
    return shown


def _finish(ax: Axes, result: Approaches, shown: list[Array], ylabel: str) -> None:
    path = next(iter(result.path.values()))
    style.set_log_limits(ax, x=style.widen(path.flops, 0.02), y=style.widen(np.concatenate(shown)))
    style.shade_beyond(ax, max(float(np.nanmax(one.runs["flops"])) for one in result.fits.values()))
    style.tidy(ax, xlabel="compute C [FLOP]", ylabel=ylabel)
