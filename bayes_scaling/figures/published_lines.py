"""Published laws drawn beside a posterior: lines without intervals, as papers give none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_scaling.papers import PublishedLaw

Array = NDArray[np.float64]

COLOURS = (style.GREEN, style.PURPLE, style.ORANGE, style.GREY)
"""Of published laws, one after the other; none is that of the posterior."""

STYLES = ("-.", ":")
"""Of the lines of N* and D*."""


def draw_published_losses(
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
    for law, colour in zip(laws, cycle(COLOURS), strict=False):
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


def draw_published_splits(ax: Axes, budgets: Array, laws: Sequence[PublishedLaw]) -> list[Array]:
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
    for law, colour in zip(laws, cycle(COLOURS), strict=False):
        split = law.allocate(flops=budgets.tolist())
        both = f"{law.id}, N* and D* (dotted)"
        for name, line, label in (("params", STYLES[0], both), ("tokens", STYLES[1], None)):
            values = np.where(split.edge, np.nan, split.draws[name])[0]
            ax.plot(budgets, values, color=colour, linestyle=line, linewidth=1.3, label=label)
            drawn.append(values)
    return drawn
