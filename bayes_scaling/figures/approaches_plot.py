"""Figure of the approaches to the compute-optimal split: best sizes side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.figures import style
from bayes_scaling.validation import Approaches
from bayes_scaling.validation.hoffmann import APPROACHES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    "envelope": style.GREEN,
    "isoflop": style.BLUE,
    "isoflop-cubic": style.PURPLE,
    "chinchilla": style.RED,
    "coupled": style.ORANGE,
}
"""One for each approach."""

PANEL = (7.1, 3.6)
"""Size of a figure with both panels [inch]."""


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
    left, right = style.new_grid(1, 2, *PANEL)
    _draw_params(left, result)
    _draw_ratio(right, result)
    handles, labels = left.get_legend_handles_labels()
    left.figure.legend(
        handles, labels, loc="outside lower center", ncols=2, fontsize=style.SMALL,
        frameon=False,
    )  # fmt: skip
    main: Axes = left
    return main


def _draw_params(ax: Axes, result: Approaches) -> None:
    draws = {name: split.params for name, split in result.path.items()}
    shown = _draw_bands(ax, result, draws)
    if "envelope" in result.fits:
        runs = result.fits["envelope"].runs
        ax.plot(
            runs["flops"], runs["params"], "o", markersize=3.2, markeredgewidth=0.8,
            color=COLOURS["envelope"], markerfacecolor="white", label="runs on the envelope",
        )  # fmt: skip
        shown.append(runs["params"])
    _finish(ax, result, shown, "best parameters N*")


def _draw_ratio(ax: Axes, result: Approaches) -> None:
    draws = {name: split.tokens / split.params for name, split in result.path.items()}
    shown = _draw_bands(ax, result, draws)
    _finish(ax, result, shown, "best tokens per parameter D*/N*")


def _draw_bands(
    ax: Axes, result: Approaches, draws: dict[str, NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Draw the median and the interval of each approach, and return what must be in view."""
    tail = (1 - result.probability) / 2
    shown = []
    for name, values in draws.items():
        lower, middle, upper = np.quantile(values, (tail, 0.5, 1 - tail), axis=0)
        flops, colour = result.path[name].flops, COLOURS[name]
        ax.fill_between(flops, lower, upper, color=colour, alpha=0.16, linewidth=0)
        exponent = float(np.median(result.path[name].exponent[:, -1]))
        label = f"{APPROACHES[name].name}: exponent {exponent:.2f}"
        settled = result.fits[name].status == "converged"
        ax.plot(
            flops, middle, color=colour, linewidth=1.5, linestyle="-" if settled else ":",
            label=label if settled else f"{label} (unconverged)",
        )  # fmt: skip
        shown += [lower, upper]
    return shown


def _finish(ax: Axes, result: Approaches, shown: list[NDArray[np.float64]], ylabel: str) -> None:
    path = next(iter(result.path.values()))
    style.set_log_limits(ax, x=style.widen(path.flops, 0.02), y=style.widen(np.concatenate(shown)))
    style.shade_beyond(ax, max(float(np.nanmax(one.runs["flops"])) for one in result.fits.values()))
    style.tidy(ax, xlabel="compute C [FLOP]", ylabel=ylabel)
