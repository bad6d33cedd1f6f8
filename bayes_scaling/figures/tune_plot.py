"""Figure of a tuning: what a learning rate costs at each size, and where the best one lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.figures import style
from bayes_scaling.figures.numbers import write_count
from bayes_scaling.intervals import format_kind, quantiles

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayes_scaling.questions.tune import Tuning

PLACES = 61
"""Learning rates that are drawn."""

REACH = 12.0
"""Factor to both sides of the recommended rates that is drawn."""


BESIDE = 1.12
"""Factor of a learning rate within which names of rules would overlap."""


def tune_curves(result: Tuning) -> pd.DataFrame:
    """Return what is drawn: loss above the best by learning rate, with its interval.

    Returns
    -------
    pandas.DataFrame
        One row per run and rate: run, learning_rate, and penalty with its ends (relative).
    """
    import pandas as pd

    rates = result.recommended["learning_rate"]
    places = np.geomspace(rates.min() / REACH, rates.max() * REACH, PLACES)
    rows = []
    for run, excess in enumerate(result.excess):
        choice = {name: float(values[run]) for name, values in result.recommended.items()}
        for rate in places:
            draws = excess({**choice, "learning_rate": float(rate)})
            median, lower, upper = quantiles(draws, result.probability)
            rows.append((run, rate, float(median), float(lower), float(upper)))
    names = ["run", "learning_rate", "penalty", "penalty_lower", "penalty_upper"]
    return pd.DataFrame(rows, columns=names)


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
    curves = tune_curves(result)
    top = 100 * float(curves.penalty.quantile(0.9))
    count = len(result.plan)
    for run in range(count):
        colour = style.SERIES[run % len(style.SERIES)]
        own = curves[curves.run == run]
        ax.fill_between(own.learning_rate, 100 * own.penalty_lower, 100 * own.penalty_upper,
                        color=colour, alpha=0.2, linewidth=0)  # fmt: skip
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
        ax.text(last, (0.02 + 0.24 * raised) * top, rule["rule"], rotation=90, ha="center",
                va="bottom", fontsize=style.SMALL, color=style.INK, clip_on=True)  # fmt: skip


def _label(result: Tuning, run: int) -> str:
    sizes = result.plan.columns
    return (
        f"{write_count(float(sizes['params'][run]))} params, "
        f"{write_count(float(sizes['tokens'][run]))} tokens"
    )
