"""Figure of a law of scores: the score of one task against the loss, or against compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.figures import style
from bayes_scaling.figures.words import AXES
from bayes_scaling.intervals import quantiles
from bayes_scaling.questions.loss_curve import runs_of
from bayes_scaling.questions.score_targets import ERROR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = {"chance": "guessing", "best_score": "best score"}
"""Derived quantities that a score starts from, and ends at."""

BEYOND = {"loss": 0.8, "flops": 100.0}
"""How far the law is drawn beyond the lowest loss, or the largest compute."""

POINTS = 60


def plot_score(fit: Fit, *, family: str | None = None, ax: Axes | None = None) -> Axes:
    """Plot the score of one task against the loss or compute that explains it, with the runs.

    Parameters
    ----------
    fit : Fit
        Of a law of scores, such as downstream-sigmoid or score-c.
    family : str, optional
        The task, where the fit has several.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        The law explains no error rate, reads more than the loss or compute, or the task is unknown.

    Notes
    -----
    The loss falls to the right. Where the law knows the score of guessing, or the best one, their
    90 % intervals are shaded.
    """
    law = fit.leading
    inputs, groups = law.reads.inputs, fit.groups
    if law.response != ERROR or inputs not in (("loss",), ("flops",)):
        raise InputError(
            f"{fit.id} gives {law.response} from {', '.join(inputs)}: a score is drawn of a law "
            "of scores in the loss or in compute, such as downstream-sigmoid or score-c"
        )
    if (family is None and len(groups) > 1) or (family is not None and family not in groups):
        raise InputError(f"say which task is drawn, one of {', '.join(groups)}; got {family!r}")
    (along,) = inputs
    ax = ax if ax is not None else style.new_axes()
    runs = runs_of(fit, family)
    x, seen = runs[along], 1 - runs[ERROR]
    ends = (x.max(), x.min()) if along == "loss" else (x.min(), x.max())
    places = np.geomspace(ends[0], ends[1] * BEYOND[along], POINTS)
    named = {} if family is None else {law.reads.group: np.full(POINTS, family)}
    found = fit.forecast({along: places, **named})
    style.band(ax, places, 1 - found.noise_free, colour=style.BLUE, label="score")
    _, low, high = quantiles(1 - found.draws, 0.9)
    for edge, label in ((low, "a new run, 90 % band"), (high, None)):
        ax.plot(places, edge, color=style.BLUE, linewidth=1.0, linestyle="--", label=label)
    ax.scatter(x, seen, s=13, color=style.GREY, linewidth=0, zorder=3, label="runs")
    known = law.known(0 if family is None else groups.index(family))
    for (name, text), colour in zip(LEVELS.items(), (style.ORANGE, style.GREEN), strict=True):
        if name in known:
            middle, lower, upper = map(float, quantiles(np.ravel(known[name]), 0.9))
            ax.axhspan(lower, upper, color=colour, alpha=0.12, linewidth=0)
            ax.axhline(middle, color=colour, linewidth=1.0, linestyle=":", label=text)
    style.log_scale(ax, "x", float(places.min()), float(places.max()))
    ax.set_xlim(float(places[0]), float(places[-1]))
    ax.axvline(float(ends[1]), color=style.GREY, linewidth=0.9, linestyle=":")
    words = AXES.get(along, "loss (falling to the right)")
    style.tidy(ax, xlabel=words, ylabel="score" if family is None else f"score, {family}")
    style.legend(ax)
    return ax
