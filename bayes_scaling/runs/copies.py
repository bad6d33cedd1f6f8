"""Which rows are one run that was logged under several names, and count once in a fit.

Copies are no repeats: they say nothing twice, and a fit that believes they do is narrower than it
may be. The table keeps them; a fit takes the first of each and says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.columns import fold, listed
from bayes_scaling.runs.named_runs import SURE, equal_rows
from bayes_scaling.runs.table import RunTable

Columns = Mapping[str, NDArray[Any]]
Groups = Sequence[NDArray[np.intp]]

LOGGED = frozenset(
    "timestamp runtime created created_at updated_at started_at finished_at heartbeat_at date time "
    "start_time end_time wall_time duration host hostname".split()
)
"""Headings of when and where a run was logged, which is no measurement."""

NOISE = 0.003
"""Relative noise between repeats of a run, where a table does not tell."""

SHARE = 0.1
"""Share of equal pairs beside repeats that differ, from which rounding may have made them equal."""

CHANCE = 0.01
"""Chance that rounding makes all repeats equal, from which it may have done so."""

DIGITS = 12
"""Decimals after which a loss counts as not rounded."""

PAIRS = 3
"""Pairs of names that are said."""


def once(runs: RunTable) -> RunTable:
    """Return a table with the first of each group of copies; the same one where there are none."""
    groups = copies(runs.columns)
    if not groups:
        return runs
    kept = np.ones(len(runs), dtype=bool)
    for group in groups:
        kept[group[1:]] = False
    return runs.take(kept)


def once_each(runs: RunTable, columns: Collection[str]) -> RunTable:
    """Return a table with one row for each run and values of some columns; a run has a name.

    A run with a row for each of its scores has its loss in all of them, and was measured once.
    """
    if "run" not in runs:
        return runs
    names = runs.labels("run")
    kept = sorted({"run", *columns} & set(runs.columns))
    codes = [np.unique(runs[name], return_inverse=True)[1] for name in kept]
    codes.append(np.where(names == "", np.arange(len(runs)), -1))
    first = np.sort(np.unique(np.stack(codes, axis=1), axis=0, return_index=True)[1])
    return runs if first.size == len(runs) else runs.take(first)


def doubt_of(runs: RunTable) -> tuple[str, ...]:
    """Return the doubt about copies in a table; nothing where there are none."""
    groups = copies(runs.columns)
    if not groups:
        return ()
    more = sum(len(group) - 1 for group in groups)
    pairs = [f"{runs['run'][group[1]]} as {runs['run'][group[0]]}" for group in groups]
    return (
        f"{more} of {len(runs)} rows {'are' if more > 1 else 'is'} the same as another in every "
        f"column but 'run', to the last digit of the loss ({listed(pairs, most=PAIRS)}): such runs "
        "were logged twice, and count once; for runs of their own, give their seeds in a column "
        "'seed'",
    )


def copies(columns: Columns) -> list[NDArray[np.intp]]:
    """Return the groups of rows that are the same in every column but their names.

    Runs may well reach the same loss where losses are rounded: they count as copies only where
    the noise between repeats of this table would rarely make as many equal.
    """
    if not {"run", "loss"} <= set(columns):
        return []
    loss, names = columns["loss"], columns["run"]
    values, place, counts = np.unique(loss, return_inverse=True, return_counts=True)
    if values.size == loss.size:
        return []
    settings = [
        name
        for name in columns
        if name not in ("run", "loss") and fold(name).strip("_") not in SURE | LOGGED
    ]
    often = np.flatnonzero(counts[place] > 1)
    part = {name: columns[name][often] for name in (*settings, "loss")}
    equal = [often[group] for group in equal_rows(part, list(part))]
    found = [group for group in equal if np.unique(names[group]).size == group.size]
    if not found or _rounded(loss, equal_rows(columns, settings), found):
        return []
    return found


def _rounded(loss: NDArray[np.float64], repeats: Groups, equal: Groups) -> bool:
    """Whether as many equal losses are to be expected of rounded ones with normal noise."""
    apart = [group for group in repeats if np.ptp(loss[group]) > 0]
    decimals = next((d for d in range(DIGITS) if (np.round(loss, d) == loss).all()), DIGITS)
    noise = NOISE * np.mean(loss)
    if apart:
        noise = np.sqrt(np.mean([np.var(loss[group], ddof=1) for group in apart]))
    chance = min(1.0, float(10.0**-decimals / np.sqrt(4 * np.pi) / noise))
    if apart:
        return chance * _pairs(repeats) > SHARE * _pairs(equal)
    return chance ** sum(len(group) - 1 for group in equal) > CHANCE


def _pairs(groups: Groups) -> float:
    return sum(len(group) * (len(group) - 1) / 2 for group in groups)
