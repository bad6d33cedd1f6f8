"""Which rows of a table a law is about: the frontier of losses against one of the sizes.

A law of one size says what is reached when the other is no limit: L(C) at the best split of the
compute, L(N) when data is plentiful, L(D) when the model is large enough. In a table of runs of all
kinds those are the rows that nothing else beats. A new protocol is one entry of `PROTOCOLS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.budgets import with_budgets
from bayes_scaling.runs.frontier import Rows, beaten, clusters, find_frontier
from bayes_scaling.runs.table import RunTable

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
        With loss and the protocol's size; without the other size every row is taken. Rows whose
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
    found = find_frontier(Rows(size=size, other=other, loss=loss, run=run, tuning=tuning))
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
