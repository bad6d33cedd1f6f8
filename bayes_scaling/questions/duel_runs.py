"""The runs that a duel is fitted to: those of its sides, at their best rates, with their pairs."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.laws.design import PAIR
from bayes_scaling.questions.duel import Side
from bayes_scaling.questions.literature import published_names
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.runs import RunTable, split_columns
from bayes_scaling.runs.designs import mistuned

Labels = NDArray[np.str_]


def runs_of_duel(
    table: RunTable,
    a: Side,
    b: Side | Sequence[Side] | None = None,
    *,
    by: str = "family",
    pairs: str | None = None,
    best_rates: bool = True,
) -> RunTable:
    """Return the runs of the sides of a duel, whose family is the side.

    Parameters
    ----------
    table : RunTable
        Runs of these variants, and maybe of others.
    a, b, by, pairs
        As in `bayes_scaling.duel`.
    best_rates : bool
        Whether only runs of the best learning rate tried at their size are taken.

    Returns
    -------
    RunTable
        With the column ``pair`` where some run of a side has a pair on another.

    Raises
    ------
    InputError
        A side has no runs, losses do not compare, or there are no pairs in the whole table.

    Warns
    -----
    BayesScalingWarning
        Runs were left out that another learning rate beat; a side has no pairs.
    """
    labels = table.labels(by)
    if pairs is not None:
        _check_pairs(table, pairs)
    rows = np.isin(labels, _sides_with_runs(table, labels, a, b, by))
    taken = table.take(rows)
    taken = RunTable(columns={**taken.columns, "family": labels[rows]}, notes=taken.notes)
    _check_metrics(taken, pairs)
    if best_rates:
        taken = _at_best_rates(taken)
    return _without_pairs(taken) if pairs is None else _paired(taken, pairs)


def _hint(table: RunTable, side: str) -> str:
    """Name the column whose label a side is."""
    found = [
        name
        for name, values in table.columns.items()
        if values.dtype.kind == "U" and side in values
    ]
    if not found:
        return ""
    return (
        f"; {side!r} is a value of {found[0]!r}: --by {shlex.quote(found[0])} (in Python "
        f"by={found[0]!r})"
    )


def _sides_with_runs(
    table: RunTable, labels: Labels, a: Side, b: Side | Sequence[Side] | None, by: str
) -> list[str]:
    """Return the groups of runs that a duel is of, or say what is neither that nor published."""
    groups = list(dict.fromkeys(labels.tolist()))
    named = [a, *([b] if isinstance(b, str | PublishedConstants) else b or ())]
    texts = [side for side in named if isinstance(side, str)]
    known = ", ".join(groups)
    laws = published_names()
    problems = [
        f"no run has {by} {side!r}; known are {known}; nor is it a published law"
        f"{_hint(table, side)}"
        for side in texts
        if side not in groups and side not in laws
    ]
    found = groups if b is None else [side for side in texts if side in groups]
    if not found and not problems:
        problems = [f"name a group of the runs on one side at least; known are {known}"]
    if problems:
        raise InputError(problems, source="duel")
    return found


def _check_metrics(table: RunTable, pairs: str | None) -> None:
    """Refuse losses that do not compare: of sides without a metric in common, or of several."""
    if "metric" not in table:
        return
    metrics, sides = table.labels("metric"), table.labels("family")
    if np.unique(metrics).size == 1:
        return
    own = {side: set(metrics[sides == side].tolist()) for side in np.unique(sides).tolist()}
    common = sorted(set.intersection(*own.values()))
    if not common:
        said = "; ".join(f"{side}: {', '.join(sorted(each))}" for side, each in own.items())
        raise InputError(
            "there is no loss that all groups have in common, so at no compute are they equally "
            f"good ({said}): evaluate the runs of each on one metric",
            source="duel",
        )
    if "metric" not in split_columns(pairs or ""):
        raise InputError(
            f"the losses are of {np.unique(metrics).size} metrics, which do not compare: choose "
            f"one that all groups have, as in where metric == {common[0]!r}; or pairs='metric', "
            "where they are parts of one evaluation set",
            source="duel",
        )


def _at_best_rates(table: RunTable) -> RunTable:
    """Leave out runs that another learning rate of their side beat at their size, and say so."""
    worse = mistuned(table)
    if not worse.any():
        return table
    sides, rates = table.labels("family"), table["learning_rate"]
    tried = [f"{side} {np.unique(rates[sides == side]).size}" for side in np.unique(sides)]
    warnings.warn(
        f"{worse.sum()} of {len(table)} runs were beaten by another learning rate at their size "
        "and are left out: each variant is compared at its best rates (rates tried: "
        f"{', '.join(tried)})",
        BayesScalingWarning,
        stacklevel=4,
    )
    return table.take(~worse)


def _check_pairs(table: RunTable, pairs: str) -> None:
    """Say which columns there are not, or that no two runs of the table are a pair."""
    missing = [name for name in split_columns(pairs) if name not in table]
    if missing:
        raise InputError(
            f"the runs have no column {', '.join(missing)}; they have {', '.join(table.columns)}",
            source="pairs",
        )
    labels = table.labels(pairs)
    named = labels[_is_named(labels)]
    if np.unique(named).size == named.size:
        raise InputError(f"no two runs have the same {pairs}: there are no pairs", source="pairs")


def _paired(table: RunTable, pairs: str) -> RunTable:
    """Add the pair of each run, of sides that have a pair with another, and say which have none."""
    labels, sides = table.labels(pairs), table.labels("family")
    named = _is_named(labels)
    own = {
        side: set(labels[named & (sides == side)].tolist()) for side in np.unique(sides).tolist()
    }
    alone = [
        side
        for side, values in own.items()
        if all(values.isdisjoint(other) for name, other in own.items() if name != side)
    ]
    if alone:
        warnings.warn(
            f"no run of {' or '.join(alone)} has the {pairs} of a run of another variant: no noise "
            f"of {'these' if len(alone) > 1 else 'it'} is in common with others, to cancel",
            BayesScalingWarning,
            stacklevel=4,
        )
    if len(alone) == len(own):
        return _without_pairs(table)
    paired = np.where(np.isin(sides, alone), "", labels)
    return RunTable(columns={**table.columns, PAIR: paired}, notes=table.notes)


def _without_pairs(table: RunTable) -> RunTable:
    columns = {name: values for name, values in table.columns.items() if name != PAIR}
    return RunTable(columns=columns, notes=table.notes)


def _is_named(labels: Labels) -> NDArray[np.bool_]:
    return ~np.isin(labels, ("", "nan"))
