"""`Split`: the runs a fit may see and the larger ones it must forecast, checked before sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.design import make_design, needs_positive, source_column
from bayes_scaling.laws.model import Model
from bayes_scaling.runs import RunTable, training_flops
from bayes_scaling.runs.cells import Rows
from bayes_scaling.runs.columns import SIZES
from bayes_scaling.runs.rows import select_rows

Mask = NDArray[np.bool_]

WHOLE = "all"
"""Label of the runs where nothing tells groups apart."""

POSITION = "position in the table"
"""A column no condition can name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """One fit of a backtest.

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
    def observed(self) -> NDArray[np.float64]:
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
    def efolds(self) -> NDArray[np.float64]:
        """E-folds of compute beyond the largest fitted run of its group (n_targets,); 0 within."""
        fitted, asked = log_scale(self.fitted, self.targets)
        here, there = (t.labels(self.group_column) for t in (self.fitted, self.targets))
        largest = np.array([np.max(fitted[here == label]) for label in there])
        return np.asarray(np.maximum(asked - largest, 0.0))


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


def log_scale(*tables: RunTable) -> tuple[NDArray[np.float64], ...]:
    """Log compute of the runs of each table (n_runs,), or of the only size that is known."""
    known, name = size_columns(*tables), scale_name(*tables)
    if name in known:
        return tuple(np.log(table[name]) for table in tables)
    if not known:
        return tuple(np.zeros(len(table)) for table in tables)
    return tuple(np.log(training_flops(table["params"], table["tokens"])) for table in tables)


def row_mask(runs: RunTable, condition: str | None) -> Mask:
    """Return which rows meet a condition (n_runs,); all of them where there is none."""
    mask = np.ones(len(runs), dtype=bool)
    if condition is not None:
        select_rows(runs, condition)  # whose errors speak of the table as it is
        numbered = RunTable(columns={**runs.columns, POSITION: np.arange(len(runs))})
        mask[:] = False
        mask[select_rows(numbered, condition)[POSITION].astype(int)] = True
    return mask


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

    Returns
    -------
    tuple of Split

    Raises
    ------
    InputError
        With every problem: rows on both sides, a side without rows, targets of a group without
        fitted runs, losses or sizes that are missing.
    """
    problems = _overlap(fitted, targets) + side_problems(runs, fitted, targets, by, response)
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
    splits = (whole,) if by is None else tuple(_parts(whole, by))
    problems = [text for split in splits for text in _missing_groups(split)]
    if problems:
        raise InputError(problems)
    return splits


def _parts(whole: Split, by: str) -> list[Split]:
    here, there = whole.fitted.labels(by), whole.targets.labels(by)
    return [
        replace(
            whole,
            label=label,
            fitted=whole.fitted.take(here == label),
            targets=whole.targets.take(there == label),
        )
        for label in whole.targets.groups(by)
    ]


def _overlap(fitted: Mask, targets: Mask) -> list[str]:
    both = fitted & targets
    if not both.any():
        return []
    return [
        f"{_say(both)} would be fitted and forecast at once: let the conditions exclude "
        "each other, as 'flops <= 1e19' and 'flops > 1e19' do"
    ]


def _say(rows: Mask) -> str:
    return Rows(label="row", numbers=np.arange(1, rows.size + 1)).say(rows)


def side_problems(
    runs: RunTable, fitted: Mask, targets: Mask, by: str | None, response: str
) -> list[str]:
    """Return every problem of the runs on either side: none, or losses or sizes that lack."""
    problems = []
    if by is not None and by not in runs and by != "family":
        problems.append(f"by={by!r} is no column of the runs; they have {', '.join(runs.columns)}")
    problems += [f"no {side}" for side, mask in _sides(fitted, targets) if not mask.any()]
    if response not in runs:
        return [*problems, f"the runs have no column {response!r}, which is forecast"]
    for side, mask in _sides(fitted, targets):
        values = runs[response]
        if values.dtype.kind != "f":
            return [*problems, f"column {response!r} holds text; it is what is forecast"]
        bad = mask & ~(np.isfinite(values) & (values > 0))
        if bad.any():
            problems.append(
                f"{response} must be positive in all {side}; {_say(bad)} is not: leave it out"
            )
    if not size_columns(runs.take(fitted | targets)):
        problems.append(
            "one of params, tokens and flops must be positive in every fitted run and target: "
            "it says how far a target lies beyond the fitted runs"
        )
    return problems


def _sides(fitted: Mask, targets: Mask) -> tuple[tuple[str, Mask], tuple[str, Mask]]:
    return ("fitted runs", fitted), ("targets", targets)


def _missing_groups(split: Split) -> list[str]:
    """Return a problem for every group of targets that too few runs were fitted of."""
    problems = []
    labels = split.fitted.labels(split.group_column)
    for label in split.target_groups:
        count = int(np.sum(labels == label))
        if count < 2:
            asked = int(np.sum(split.targets.labels(split.group_column) == label))
            name = f"{split.group_column} {label!r}"
            where = "" if split.label in (WHOLE, label) else f" of {split.label!r}"
            problems.append(
                f"{name}{where} has {asked} targets and {count} fitted runs, and a law needs two: "
                f"widen fit_where, or leave it out of target_where"
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


def check_models(models: Sequence[Model], splits: Sequence[Split]) -> None:
    """Raise `InputError` with every problem that a model has with a split."""
    problems = [text for split in splits for model in models for text in check_model(model, split)]
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
