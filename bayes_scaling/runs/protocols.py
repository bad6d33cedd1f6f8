"""Protocols of papers for the rows of a fit, and the lower frontier of losses that they rest on.

A *setting* is what a row was made with apart from its size: the other size (at equal compute, the
parameters), or the run where a run has rows at several sizes. Settings are compared, not rows, so
that noise along one setting selects nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.designs import SAME, clusters, with_budgets
from bayes_scaling.runs.table import RunTable

NEAR = np.log(1.1)
"""Sizes closer than this are compared although none was measured at or below the other: the compute
of one isoFLOP line scatters by some per cent."""

WARM_UP = np.log(0.05)
"""Points of a run before this share of its size say nothing of what that size could reach."""

WINDOW = 0.25
"""Half the width, on the log scale, over which densely logged losses are smoothed."""

FEWEST_TO_SMOOTH = 4
"""Points a window must hold for a line to be put through them."""


@dataclass(frozen=True, kw_only=True)
class Points:
    """Rows of one group, on log scales.

    Attributes
    ----------
    size, other, loss : array (n_rows,)
        Log of the size, of the other size (NaN where there is none) and of the loss.
    run, tuning : array of int (n_rows,)
        Number of the run, and of its hyperparameters.
    """

    size: NDArray[np.float64]
    other: NDArray[np.float64]
    loss: NDArray[np.float64]
    run: NDArray[np.int64]
    tuning: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Frontier:
    """What is known of every row.

    Attributes
    ----------
    on : array of bool (n_rows,)
        No other setting reaches a lower loss with no more of the size.
    bracketed : array of bool (n_rows,)
        At this size settings with less and with more of the other size were tried.
    """

    on: NDArray[np.bool_]
    bracketed: NDArray[np.bool_]


def find_frontier(rows: Points) -> Frontier:
    """Compare the settings of a group of rows.

    Parameters
    ----------
    rows : Points
        With finite sizes and losses.

    Returns
    -------
    Frontier
        A row is compared with what every other setting reaches at the same size: the line between
        its neighbouring rows, or its lowest loss at smaller sizes. Rows of a setting that lie close
        together are smoothed first, so that the lucky ones are not preferred, and dips in the
        losses of a run are levelled. With one setting alone, all rows are on the frontier.
    """
    curve, early = _on_curves(rows)
    settings = np.where(curve, -1 - rows.run, clusters(rows.other))
    if np.unique(settings).size <= 1:
        alone = np.ones(settings.size, dtype=bool)
        return Frontier(on=alone, bracketed=~alone)
    tuned = ~early & (curve | ~_beaten_in_cell(rows, settings))
    loss, best = rows.loss.copy(), np.full(rows.loss.size, np.inf)
    less, more = np.zeros(loss.size, dtype=bool), np.zeros(loss.size, dtype=bool)
    for setting in _each(settings):
        mine = setting[tuned[setting]]  # never empty: the last row of a run is not early
        mine = mine[np.argsort(rows.size[mine], kind="stable")]
        size, other = rows.size[mine], rows.other[mine]
        falling = levelled(rows.loss[mine]) if curve[mine[0]] else rows.loss[mine]
        loss[mine] = smoothed(size, falling)
        reached = _reached(size, loss[mine], rows.size)
        best = np.where(settings == settings[mine[0]], best, np.minimum(best, reached))
        tried = (rows.size >= size[0] - NEAR) & (rows.size <= size[-1] + NEAR)
        less |= tried & (rows.other > np.max(other) + SAME)
        more |= tried & (rows.other < np.min(other) - SAME)
    return Frontier(on=tuned & (loss <= best), bracketed=less & more)


def levelled(loss: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raise the dips in the losses of one run (n_rows,), in order of size, to their neighbours."""
    if loss.size < 2:
        return loss
    before = np.concatenate([[np.inf], loss[:-1]])
    after = np.concatenate([loss[1:], [-np.inf]])
    level: NDArray[np.float64] = np.maximum(loss, np.minimum(before, after))
    return level


def smoothed(size: NDArray[np.float64], loss: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the noise of single rows out of one setting.

    Parameters
    ----------
    size, loss : array (n_rows,)
        On log scales, sizes ascending.

    Returns
    -------
    array (n_rows,)
        The line through the rows within `WINDOW`, where those are enough; else the mean of rows of
        one size.
    """
    result = loss.copy()
    low = np.searchsorted(size, size - WINDOW, side="left")
    high = np.searchsorted(size, size + WINDOW, side="right")
    for index, (start, stop) in enumerate(zip(low, high, strict=True)):
        x, y = size[start:stop] - size[index], loss[start:stop]
        if x.size >= FEWEST_TO_SMOOTH and np.ptp(x) > SAME:
            result[index] = np.mean(y) - np.mean(x) * np.polyfit(x, y, 1)[0]
        elif x.size > 1:
            result[index] = np.mean(y[np.abs(x) <= SAME])
    return result


def _reached(
    size: NDArray[np.float64], loss: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the lowest loss of a setting with no more of the size than each of `at`."""
    lowest = np.minimum.accumulate(loss)
    before = np.searchsorted(size, at, side="right") - 1
    earlier = np.where(before >= 0, lowest[np.maximum(before, 0)], np.inf)
    line = np.interp(at, size, loss, left=np.inf)
    near = (at < size[0]) & (at >= size[0] - NEAR)
    return np.minimum(np.minimum(earlier, line), np.where(near, loss[0], np.inf))


def _on_curves(rows: Points) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which rows are of a run with rows at several sizes, and which of those are too early."""
    curve, early = np.zeros(rows.size.size, dtype=bool), np.zeros(rows.size.size, dtype=bool)
    for mine in _each(rows.run):
        curve[mine] = np.ptp(rows.size[mine]) > SAME
        early[mine] = rows.size[mine] < rows.size[mine].max() + WARM_UP
    return curve, early


def _beaten_in_cell(rows: Points, settings: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which rows are beaten by other hyperparameters at their sizes."""
    cell = np.zeros(rows.size.size, dtype=np.int64)
    for number, mine in enumerate(_each(settings)):
        cell[mine] = number * (rows.size.size + 1) + clusters(rows.size[mine])
    return beaten(rows.loss, cell, rows.tuning)


def beaten(
    loss: NDArray[np.float64], cell: NDArray[np.int64], tuning: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which rows other hyperparameters beat in their cell, on average over repeats.

    Parameters
    ----------
    loss : array (n_rows,)
        On the log scale.
    cell, tuning : array of int (n_rows,)
        Numbers of the sizes, and of the hyperparameters.
    """
    worse = np.zeros(loss.size, dtype=bool)
    for mine in _each(cell):
        tried = np.unique(tuning[mine])
        means = [np.mean(loss[mine][tuning[mine] == one]) for one in tried]
        worse[mine] = tuning[mine] != tried[np.argmin(means)]
    return worse


def _each(number: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the positions of every number."""
    order = np.argsort(number, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(number[order])) + 1)


TUNED = ("learning_rate", "batch_size", "schedule", "optimizer")
"""Columns of which a row should have the best values tried at its sizes."""

FEWEST = 5
"""Bracketed rows a group must have before those that are not are left out."""


FEWEST_BEST = 3
"""Values of the other size that must be best somewhere, to tell how the best one moves."""


FLANK = np.log(6.0)
"""How far from the best size of a line a row may lie: farther off, a valley is no parabola. Over a
factor of six the noise of a fit to published and to our own lines rises up to five times."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A choice of rows along the frontier of losses.

    Attributes
    ----------
    size : str
        The column along which the loss falls.
    other : str
        The column that should be no limit.
    about : str
        What the rows are, for people.
    bracketed : bool
        Whether less and more of `other` must have been tried at a row's size.
    best_other : bool
        Whether the rows are to tell the best of `other`. Then a run gives one row only, the middle
        of those it has on the frontier, and a group must have bracketed rows of several values.
    """

    size: str
    other: str
    about: str
    bracketed: bool = False
    best_other: bool = False

    def __call__(self, runs: RunTable, group: str) -> tuple[RunTable, str]:
        """Return the rows, and what to say of them."""
        missing = [name for name in (self.size, "loss") if name not in runs]
        if missing:
            raise InputError(
                f"wanted are {self.about}, and the table has no column "
                f"{' nor '.join(map(repr, missing))}; it has {', '.join(runs.columns)}"
            )
        taken, edge = np.ones(len(runs), dtype=bool), 0
        if self.other in runs:
            number = _numbered(runs, [group, "metric"])
            for each in np.unique(number):
                edge += _take_of_group(runs, self, np.flatnonzero(number == each), taken)
        kept = runs.take(taken)
        return kept, _say(runs, kept, self, edge)


def _on_lines(runs: RunTable, group: str) -> tuple[RunTable, str]:
    """Return the well-tuned rows near the bottom of isoFLOP lines, with their budgets."""
    found = with_budgets(runs)
    on = found.take(np.isfinite(found["budget"]))
    line, size = _numbered(on, [group, "metric", "budget"]), np.log(on["params"])
    cell = line * (len(on) + 1) + clusters(size)
    kept = ~beaten(np.log(on["loss"]), cell, _numbered(on, TUNED))
    for number in np.unique(line):
        rows = np.flatnonzero(line == number)
        best = rows[np.argmin(on["loss"][rows])]
        kept[rows] &= np.abs(size[rows] - size[best]) <= FLANK
    tuned = on.take(kept)
    lines = len(np.unique(tuned["budget"]))
    said = (
        f"{len(tuned):,} of {len(runs):,} rows, well tuned ones on {lines} isoFLOP lines, with no "
        f"less than 1/{np.exp(FLANK):.0f} and no more than {np.exp(FLANK):.0f} times the params of "
        "the lowest loss on them"
    )
    return replace(tuned, notes=found.notes), said


PROTOCOLS: Mapping[str, Callable[[RunTable, str], tuple[RunTable, str]]] = MappingProxyType(
    {
        "envelope": Protocol(
            size="flops", other="params", about="the lowest loss at each compute", bracketed=True
        ),
        "optimum": Protocol(
            size="flops",
            other="params",
            about="the best size of model at each compute, once for every run",
            bracketed=True,
            best_other=True,
        ),
        "converged": Protocol(
            size="params", other="tokens", about="the lowest loss for each number of parameters"
        ),
        "largest": Protocol(
            size="tokens", other="params", about="the lowest loss for each number of tokens"
        ),
        "isoflop": _on_lines,
    }
)
"""By name: from a table and the column of its groups to rows, and what to say of them."""


def take_rows(runs: RunTable, protocol: str, *, group: str = "family") -> RunTable:
    """Take the rows of a table that a protocol is about.

    Parameters
    ----------
    runs : RunTable
        With loss and the protocol's size; without the other size every row is taken. Points whose
        sizes or loss are unknown are taken too, for a fit to complain of.
    protocol : str
        ``"envelope"``: loss against compute at the best number of parameters, from final losses or
        training curves. ``"optimum"``: likewise, with one row for each run, since a run says once
        what the best size is. ``"converged"``: loss against parameters where data is no limit.
        ``"largest"``: loss against tokens where the model is no limit. ``"isoflop"``: runs on
        isoFLOP lines (`bayes_scaling.runs.with_budgets`), the best hyperparameters of each size,
        within a factor of six of the best size of the line.
    group : str
        The column, or columns as in "corpus/family", whose groups are looked at one by one.

    Returns
    -------
    RunTable
        The rows in their order; the last note says for people what was taken. A table that the
        protocol was applied to before is returned as it is.

    Raises
    ------
    InputError
        There is no such protocol, a column is missing, or the runs are no isoFLOP design.

    Notes
    -----
    Of the frontiers a row is left out where another setting of its group reaches a lower loss with
    no more of the size. A setting is the other size (the parameters, for compute), or the run where
    a run has rows at several sizes; of each setting only the best hyperparameters tried at its
    sizes count. What a setting reaches between its rows is read off a line in log size and log
    loss; losses logged densely are smoothed before they are compared, and dips along a run are
    levelled. The first 5 % of a run do not count: a schedule made for that size would have got
    further. With one setting alone every row is taken.

    So repeats of one setting, and the rows of one run, never push each other out, and few rows are
    preferred for their luck: on simulated training curves with 1 % of noise the rows taken lie .2 %
    below the true envelope, 1 % without smoothing. Single final losses cannot be smoothed: on
    isoFLOP lines with 1 % of noise they lie .7 % below, with .3 % .1 %.

    An envelope also needs rows that are *bracketed*: smaller and larger models were tried at that
    compute. Where the best model is the smallest or the largest there is, the best of all may lie
    beyond, as it does early and late in a set of training curves; such rows raised the loss by
    1.3 % and lowered the exponent of the best size from .51 to .43 on the same curves. In a group
    with fewer than five bracketed rows (a design with one length for each size, say) all rows that
    nothing beats are taken; ``"optimum"``, which is about the best size, is refused there.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"no protocol is called {protocol!r}; known are {', '.join(PROTOCOLS)}")
    if any(note.startswith(f"{protocol}: ") for note in runs.notes):
        return runs
    try:
        kept, said = PROTOCOLS[protocol](runs, group)
    except InputError as error:
        raise InputError(error.problems, source=f"rows for {protocol!r}") from None
    return replace(kept, notes=(*kept.notes, f"{protocol}: {said}"))


def _take_of_group(
    runs: RunTable, protocol: Protocol, rows: NDArray[np.intp], taken: NDArray[np.bool_]
) -> int:
    """Mark in `taken` the rows of one group; return how many are on the frontier at its edge."""
    columns = [runs[name][rows] for name in (protocol.size, protocol.other, "loss")]
    size, other, loss = (np.log(np.where(values > 0, values, np.nan)) for values in columns)
    known = np.isfinite(size) & np.isfinite(loss)
    rows, size, other, loss = rows[known], size[known], other[known], loss[known]
    if not rows.size:
        return 0
    group = runs.take(rows)
    run = _numbered(group, ["run"]) if "run" in group else np.arange(rows.size)
    tuning = _numbered(group, TUNED)
    found = find_frontier(Points(size=size, other=other, loss=loss, run=run, tuning=tuning))
    kept, edge = found.on, 0
    between = found.on & found.bracketed
    several = len(np.unique(clusters(other[between]))) >= FEWEST_BEST
    if protocol.bracketed and np.count_nonzero(between) >= FEWEST:
        kept, edge = between, int(np.count_nonzero(found.on & ~found.bracketed))
    if protocol.best_other:
        if kept is not between or not several:
            raise InputError(_no_best(protocol, between, other))
        kept = _one_per_run(kept, size, run)
    taken[rows] = kept
    return edge


def _no_best(protocol: Protocol, between: NDArray[np.bool_], other: NDArray[np.float64]) -> str:
    values = len(np.unique(clusters(other[between])))
    return (
        f"the runs do not show which {protocol.other} are best: with fewer and more of them tried "
        f"at the same {protocol.size}, {np.count_nonzero(between)} rows of {values} different "
        f"{protocol.other} come out best; {FEWEST} rows of {FEWEST_BEST} are the least"
    )


def _one_per_run(
    kept: NDArray[np.bool_], size: NDArray[np.float64], run: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Keep of every run the row nearest to the middle of those it has."""
    chosen = np.zeros(kept.size, dtype=bool)
    for number in np.unique(run[kept]):
        mine = np.flatnonzero(kept & (run == number))
        middle = (size[mine].min() + size[mine].max()) / 2
        chosen[mine[np.argmin(np.abs(size[mine] - middle))]] = True
    return chosen


def _numbered(runs: RunTable, names: Sequence[str]) -> NDArray[np.int64]:
    """Return a number for every row: one for rows that have the same in some columns."""
    number = np.zeros(len(runs), dtype=np.int64)
    for name in names:
        _, label = np.unique(runs.labels(name), return_inverse=True)
        _, number = np.unique(number * (label.max() + 1) + label, return_inverse=True)
    return number.astype(np.int64)


def _say(runs: RunTable, kept: RunTable, protocol: Protocol, edge: int) -> str:
    if protocol.other not in runs:
        return f"all {len(runs):,} rows, since the table does not say their {protocol.other}"
    said = f"{len(kept):,} of {len(runs):,} rows, {protocol.about}"
    if edge:
        said += (
            f"; {edge:,} more {'is' if edge == 1 else 'are'} left out, whose {protocol.other} are "
            f"the fewest or the most tried at that {protocol.size}: the best may lie beyond"
        )
    return said
