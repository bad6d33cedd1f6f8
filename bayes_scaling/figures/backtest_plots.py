"""Figure of a backtest: forecasts with their intervals beside what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.figures import style
from bayes_scaling.figures.labels import LONGEST, column_label
from bayes_scaling.figures.score_plots import scale_label
from bayes_scaling.validation import Backtest
from bayes_scaling.validation.backtesting import ENDS
from bayes_scaling.validation.split import Split, log_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

SAME_EDGE = 0.3
"""E-folds within which groups of runs end at the same compute, so that one edge can be drawn."""

STEP, WIDEST = 0.012, 0.12
"""Shares of the width: between targets of one compute that are set side by side, and for all."""

SMALLEST = 0.3
"""Size, relative to the usual, below which crowded targets do not shrink."""


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
        moved[rows] = np.mean(x[rows]) + offsets
    return np.split(np.exp(moved), np.cumsum([each.x.size for each in targets])[:-1]), size


def _draw_intervals(
    ax: Axes, x: Array, targets: _Targets, *, size: float, colour: str, label: str
) -> None:
    q, observed = targets.quantiles, targets.observed
    lower, upper = q[ENDS["lower90"]], q[ENDS["upper90"]]
    ax.vlines(x, lower, upper, color=colour, linewidth=1.3 * size, alpha=0.9)
    ax.vlines(
        x, q[ENDS["lower50"]], q[ENDS["upper50"]], color=colour, linewidth=4.5 * size, alpha=0.45,
        label=label,
    )  # fmt: skip
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
