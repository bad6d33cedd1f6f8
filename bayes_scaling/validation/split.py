"""The runs a fit may see and the larger ones it must forecast, checked before sampling.

They are divided by two conditions (`make_splits`), at every cut in compute in turn
(`rolling_splits`), or by their own range of sizes (`deep_split`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.design import make_design, needs_positive, source_column
from bayes_scaling.laws.model import Model
from bayes_scaling.runs import RunTable, training_flops
from bayes_scaling.runs.cells import Rows
from bayes_scaling.runs.columns import SIZES

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

WHOLE = "all"
"""Label of the runs where nothing tells groups apart."""

FEWEST_FITTED, FEWEST_TARGETS = 8, 3
"""Runs that a cut must leave on each side; as many must be there to fit in a deep split."""

MOST_BUDGETS = 12
"""Distinct budgets up to which each is a cut; with more, or none to tell, cuts are log-spaced."""

SAME_BUDGET = math.log(1.15)
"""E-folds of compute within which runs belong to one budget; steps are whole, so they scatter."""

SPACING = math.log(10) / 2
"""E-folds between log-spaced cuts, and between ratios: half a decade."""

LOW, HIGH = 0.6, 0.85
"""Shares of the log range of compute: a deep split fits up to one, scores beyond the other."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Runs that are fitted, and larger ones that are forecast from them.

    Attributes
    ----------
    label : str
        Value of the column that the fits are made by; "all" where there is one fit.
    fitted, targets : RunTable
        Runs that are fitted, and larger ones with the losses they reached.
    response : str
        The column that is forecast.
    group_column : str
        The column whose values a fit pools.
    by_group : bool
        Whether every group of the targets is scored by itself, or all together under `label`.
    cut : float or None
        Largest compute of the fitted runs, in a rolling backtest.
    """

    label: str
    fitted: RunTable
    targets: RunTable
    response: str = "loss"
    group_column: str = "family"
    by_group: bool = False
    cut: float | None = None

    @property
    def sizes(self) -> RunTable:
        """The targets without anything that was measured on them: what a forecast is given."""
        hidden = {self.response, "loss", "score"}
        columns = {n: values for n, values in self.targets.columns.items() if n not in hidden}
        return RunTable(columns=columns)

    @property
    def observed(self) -> Array:
        """What the targets reached (n_targets,)."""
        return np.asarray(self.targets[self.response], float)

    @property
    def target_groups(self) -> tuple[str, ...]:
        """Groups of the targets, by the column that a fit pools."""
        return self.targets.groups(self.group_column)

    def scored_as(self, runs: RunTable) -> NDArray[np.str_]:
        """Return the label that each of some runs is scored under (n_runs,)."""
        return runs.labels(self.group_column) if self.by_group else np.full(len(runs), self.label)

    @property
    def efolds(self) -> Array:
        """E-folds of compute beyond the largest fitted run of its group (n_targets,); 0 within."""
        fitted, asked = log_scale(self.fitted, self.targets)
        here, there = (t.labels(self.group_column) for t in (self.fitted, self.targets))
        largest = np.array([np.max(fitted[here == label]) for label in there])
        return np.asarray(np.maximum(asked - largest, 0.0))

    @property
    def summary(self) -> str:
        """What is fitted and what is scored, in words."""
        return (
            f"fitted on the {len(self.fitted)} smallest runs, scored on the {len(self.targets)} "
            f"largest, up to {np.exp(self.efolds.max()):.3g} times beyond them"
        )


# ---- the scale of runs ---------------------------------------------------------------------------


def size_columns(*tables: RunTable) -> tuple[str, ...]:
    """Return those of params, tokens and flops that every row of the tables has."""
    return tuple(
        name
        for name in SIZES
        if all(name in table and bool(np.all(table[name] > 0)) for table in tables)
    )


def scale_name(*tables: RunTable) -> str:
    """Name what `log_scale` measures: flops, or the only size that is known."""
    known = size_columns(*tables)
    return known[0] if len(known) == 1 else "flops"


def log_scale(*tables: RunTable) -> tuple[Array, ...]:
    """Log compute of the runs of each table (n_runs,), or of the only size that is known."""
    known, name = size_columns(*tables), scale_name(*tables)
    if name in known:
        return tuple(np.log(table[name]) for table in tables)
    if not known:
        return tuple(np.zeros(len(table)) for table in tables)
    return tuple(np.log(training_flops(table["params"], table["tokens"])) for table in tables)


def ratio_bins(efolds: Array) -> Array:
    """Return the extrapolation ratio that targets are counted under: 1, 3, 10, 30, 100, ...

    It is the half decade nearest to the e-folds beyond the fitted runs (n_targets,): 10 is 5.6 to
    17.8 times.
    """
    steps = np.round(np.asarray(efolds, float) / SPACING)
    return np.asarray(np.where(steps % 2 == 0, 1.0, 3.0) * 10.0 ** (steps // 2))


# ---- three ways to divide runs -------------------------------------------------------------------


def make_splits(
    runs: RunTable,
    fitted: Mask,
    targets: Mask,
    *,
    by: str | None,
    response: str = "loss",
    group_column: str = "family",
) -> tuple[Split, ...]:
    """Divide runs into what is fitted and what is forecast, one split per group.

    Parameters
    ----------
    runs : RunTable
        All runs.
    fitted, targets : array of bool (n_runs,)
        Which are fitted, and which are forecast.
    by : str or None
        A column: every value of it is fitted by itself. None: one fit of all runs.
    response, group_column : str
        What is forecast, and the column that a fit pools.

    Raises
    ------
    InputError
        With every problem: rows on both sides, a side without rows, targets of a group without
        fitted runs, missing losses or sizes.
    """
    problems = []
    if (both := fitted & targets).any():
        problems.append(
            f"{_say(both)} would be fitted and forecast at once: let the conditions exclude "
            "each other, as 'flops <= 1e19' and 'flops > 1e19' do"
        )
    problems += _side_problems(runs, fitted, targets, by, response)
    if problems:
        raise InputError(problems)
    whole = Split(
        label=WHOLE,
        fitted=runs.take(fitted),
        targets=runs.take(targets),
        response=response,
        group_column=group_column,
        by_group=by is None and len(runs.take(fitted | targets).groups(group_column)) > 1,
    )
    splits: tuple[Split, ...] = (whole,)
    if by is not None:
        here, there = whole.fitted.labels(by), whole.targets.labels(by)
        splits = tuple(
            replace(
                whole,
                label=label,
                fitted=whole.fitted.take(here == label),
                targets=whole.targets.take(there == label),
            )
            for label in whole.targets.groups(by)
        )
    if problems := [text for split in splits for text in _missing_groups(split)]:
        raise InputError(problems)
    return splits


def rolling_splits(
    runs: RunTable,
    fitted: Mask,
    targets: Mask,
    *,
    by: str | None,
    response: str = "loss",
    group_column: str = "family",
) -> tuple[Split, ...]:
    """Divide runs at every usable cut: what lies at or below it is fitted, the rest is forecast.

    Arguments as in `make_splits`; a run may be on both sides, and is then on its side of a cut.
    Splits come by group, then from the lowest cut to the highest.

    Raises
    ------
    InputError
        No cut leaves 8 runs to fit and 3 to forecast; or as in `make_splits`.
    """
    if problems := _side_problems(runs, fitted, targets, by, response):
        raise InputError(problems)
    labels = np.full(len(runs), WHOLE) if by is None else runs.labels(by)
    used = fitted | targets
    scale = np.full(len(runs), np.nan)
    (scale[used],) = log_scale(runs.take(used))
    splits: list[Split] = []
    for label in np.unique(labels[targets]):
        mine = labels == label
        for cut in cuts(scale[mine & used]):
            below, above = mine & fitted & (scale <= cut), mine & targets & (scale > cut)
            above &= _known_group(runs.labels(group_column), below)
            if below.sum() >= FEWEST_FITTED and above.sum() >= FEWEST_TARGETS:
                made = make_splits(
                    runs, below, above, by=by, response=response, group_column=group_column
                )
                splits += [replace(split, cut=math.exp(cut)) for split in made]
    if not splits:
        raise InputError(
            f"no cut in compute leaves {FEWEST_FITTED} runs to fit and {FEWEST_TARGETS} larger "
            "ones to forecast: a rolling backtest needs more runs, or wider conditions"
        )
    return tuple(splits)


def _known_group(labels: NDArray[np.str_], below: Mask) -> Mask:
    """Return which runs belong to a group that two runs below the cut are of (n_runs,)."""
    names, counts = np.unique(labels[below], return_counts=True)
    return np.isin(labels, names[counts >= 2])


def cuts(scale: Array) -> tuple[float, ...]:
    """Return where to cut log compute (n_runs,): after every budget, or every half decade.

    A cut is that of the largest run at or below it, ascending; the largest of all is none.
    """
    ordered = np.sort(scale)
    last = np.flatnonzero(np.diff(ordered) > SAME_BUDGET)
    ends = np.append(last, ordered.size - 1)
    starts = np.append(0, last + 1)
    budgets = bool(np.all(ordered[ends] - ordered[starts] <= SAME_BUDGET))
    if not budgets or ends.size > MOST_BUDGETS:
        edges = np.arange(ordered[0] + SPACING, ordered[-1], SPACING)
        ends = np.searchsorted(ordered, edges, side="right") - 1
    return tuple(float(cut) for cut in np.unique(ordered[ends]) if cut < ordered[-1])


def deep_split(
    runs: RunTable, *, response: str = "loss", group_column: str = "family"
) -> Split | str:
    """Divide runs by their size, each group by its own range; those in between take no part.

    How far a law can be trusted beyond the runs shows only where it must forecast runs much larger
    than those it has seen; leaving out one run at a time does not ask that. Returns the reason
    where the runs cannot be divided.
    """
    (logs,) = log_scale(runs)
    labels = runs.labels(group_column)
    fitted, scored = (np.zeros(len(runs), dtype=bool) for _ in range(2))
    for label in np.unique(labels):
        mine = labels == label
        start, span = logs[mine].min(), np.ptp(logs[mine])
        small, large = mine & (logs <= start + LOW * span), mine & (logs > start + HIGH * span)
        if span > 0 and small.sum() > 1:
            fitted, scored = fitted | small, scored | large
    if fitted.sum() < FEWEST_FITTED:
        return (
            f"{fitted.sum()} runs lie in the lower {LOW:.0%} of the log range of compute, and "
            f"fitting them alone takes {FEWEST_FITTED}"
        )
    try:
        (split,) = make_splits(
            runs, fitted, scored, by=None, response=response, group_column=group_column
        )
    except InputError as error:
        return "; ".join(error.problems)
    return split


# ---- what stands against it ----------------------------------------------------------------------


def _say(rows: Mask) -> str:
    return Rows(label="row", numbers=np.arange(1, rows.size + 1)).say(rows)


def _side_problems(
    runs: RunTable, fitted: Mask, targets: Mask, by: str | None, response: str
) -> list[str]:
    """Return every problem of the runs on either side: none, or losses or sizes that lack."""
    sides = {"fitted runs": fitted, "targets": targets}
    problems = []
    if by is not None and by not in runs and by != "family":
        problems.append(f"by={by!r} is no column of the runs; they have {', '.join(runs.columns)}")
    problems += [f"no {side}" for side, mask in sides.items() if not mask.any()]
    if response not in runs:
        return [*problems, f"the runs have no column {response!r}, which is forecast"]
    values = runs[response]
    if values.dtype.kind != "f":
        return [*problems, f"column {response!r} holds text; it is what is forecast"]
    problems += [
        f"{response} must be positive in all {side}; {_say(bad)} is not: leave it out"
        for side, mask in sides.items()
        if (bad := mask & ~(np.isfinite(values) & (values > 0))).any()
    ]
    if not size_columns(runs.take(fitted | targets)):
        problems.append(
            "one of params, tokens and flops must be positive in every fitted run and target: "
            "it says how far a target lies beyond the fitted runs"
        )
    return problems


def _missing_groups(split: Split) -> list[str]:
    """Return a problem for every group of targets that too few runs were fitted of."""
    problems = []
    here, there = (t.labels(split.group_column) for t in (split.fitted, split.targets))
    for label in split.target_groups:
        if (count := int(np.sum(here == label))) < 2:
            where = "" if split.label in (WHOLE, label) else f" of {split.label!r}"
            problems.append(
                f"{split.group_column} {label!r}{where} has {np.sum(there == label)} targets and "
                f"{count} fitted runs, and a law needs two: widen fit_where, or leave it out of "
                "target_where"
            )
    return problems


def check_model(model: Model, split: Split) -> list[str]:
    """Return every problem that a model has with the runs of a split."""
    problems: list[str] = []
    try:
        make_design(model, model.rows_of(split.fitted))
    except InputError as error:
        problems += [f"{model.id}, fitted runs of {split.label}: {p}" for p in error.problems]
    for name in model.inputs:
        column = source_column(model, split.targets, name)
        if column not in split.targets:
            continue  # the fitted runs lack it too
        values = split.targets[column]
        good = np.isfinite(values) & ((values > 0) | (not needs_positive(name)))
        if not good.all():
            problems.append(
                f"{model.id}, targets of {split.label}: {column} is missing or not positive in "
                f"{int(np.sum(~good))} of {good.size}; leave them out of target_where"
            )
    return problems
