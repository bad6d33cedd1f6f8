"""Which rows are one training run: a column that names it, or a doubt where rows look like one.

Checkpoints that count as runs of their own make a law sure of what one run happened to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.cells import Rows, read_text
from bayes_scaling.runs.columns import COLUMNS, fold

Columns = Mapping[str, NDArray[Any]]

NAMES = (
    "name",
    "run_name",
    "display_name",
    "experiment",
    "experiment_name",
    "exp",
    "exp_name",
    "model",
    "model_name",
    "config",
    "config_name",
    "id",
    "job",
    "job_id",
    "trial",
    "trial_id",
    "uuid",
    "experiment_id",
    "checkpoint_of",
)
"""Headings that may name a run, the likeliest first."""

SURE = frozenset({"name", "run_name", "display_name", "id", "job_id", "trial_id", "uuid"})
"""Those that name a run even where no column tells its steps."""

_WORDS = frozenset(
    "exp experiment run job trial model config id name uuid key wandb mlflow display series curve "
    "label task training".split()
)
"""A heading of these words alone may name a run too."""

EVEN = 0.02
"""Largest relative difference between the steps of a regular schedule of checkpoints."""

FEW, MANY = 4, 8
"""Rows of one size that look like checkpoints: this many at regular steps, or that many at all."""

LABELS = 12
"""Most labels of a column that tells recipes apart; more of them name rows."""

_CLOCKS = ("steps", "tokens")
_SETTINGS = (
    "family",
    "params",
    "params_active",
    "params_nonembedding",
    "learning_rate",
    "batch_size",
    "schedule",
    "optimizer",
    "corpus",
    "metric",
    "seed",
    "width",
    "depth",
    "experts",
    "budget",
    "unique_tokens",
    "finetune_tokens",
    "context_length",
    "position",
    "source",
)


def name_of_runs(columns: Columns, called: Mapping[str, str]) -> tuple[str, str] | None:
    """Find the column that names the runs of a table without a column `run`."""
    if "run" in columns or not columns:
        return None
    rows = len(next(iter(columns.values())))
    folded = {fold(name): name for name in reversed(list(columns))}
    whole = None
    others = [each for each in folded if set(each.split("_")) <= _WORDS and each not in NAMES]
    for want in (*NAMES, *others):
        name = folded.get(want)
        if name is None:
            continue
        labels = read_text(columns[name])
        if (labels == "").any():
            continue
        group = np.unique(labels, return_inverse=True)[1]
        distinct = int(group.max()) + 1
        if distinct == rows:
            if want in SURE and whole is None:
                whole = (name, "")
            continue
        if _is_course(columns, group, sure=want in SURE):
            return name, (
                f"run is taken from {called.get(name, name)!r}: {rows} rows of {distinct} runs"
            )
    return whole


def _is_course(columns: Columns, group: NDArray[np.int64], *, sure: bool) -> bool:
    """Whether the rows of each group are one size at several points of its training."""
    clocks = [name for name in _CLOCKS if name in columns]
    if not sure:
        clocks = [name for name in clocks if name == "steps"]
    for name in ("params", "params_active", "learning_rate" if "steps" not in columns else ""):
        if name in columns and _varies(columns[name], group):
            return False
    metric = columns.get("metric")
    for clock in clocks:
        values = columns[clock]
        if np.isnan(values).any() or not _varies(values, group):
            continue
        keys = [group, values] + (
            [] if metric is None else [np.unique(metric, return_inverse=True)[1]]
        )
        points = np.unique(np.column_stack(keys), axis=0)
        if len(points) == len(group):
            return True
    return False


def tokens_of_the_end(columns: Columns, rows: Rows) -> list[str]:
    """Doubt tokens that stay the same along a run: they are a setting, of its end."""
    if not {"run", "steps", "tokens"} <= set(columns) or len(rows) < FEW:
        return []
    names, group, counts = np.unique(columns["run"], return_inverse=True, return_counts=True)
    if len(names) > 0.7 * len(rows) or np.isnan(columns["tokens"]).any():
        return []
    if not _varies(columns["steps"], group) or _varies(columns["tokens"], group):
        return []
    where = counts[group] > 1
    return [
        f"{rows.say(where)}: tokens are the same at all steps of a run, as a setting is: those of "
        "its end; if the steps are known, --columns 'tokens=tokens*steps/LAST_STEP', or keep the "
        "last row of each run by --where"
    ]


def _varies(values: NDArray[Any], group: NDArray[np.int64]) -> bool:
    """Whether some group has several values."""
    if values.dtype.kind != "f":
        values = np.unique(values, return_inverse=True)[1].astype(float)
    low = np.full(group.max() + 1, np.inf)
    high = np.full(group.max() + 1, -np.inf)
    np.fmin.at(low, group, values)
    np.fmax.at(high, group, values)
    return bool((high > low * (1 + 1e-9)).any())


def unnamed_checkpoints(columns: Columns, rows: Rows, called: Mapping[str, str]) -> list[str]:
    """Doubt rows that look like checkpoints of one run and have no name."""
    clock = next((name for name in _CLOCKS if name in columns), None)
    if "run" in columns or clock is None or len(rows) < FEW:
        return []
    settings = [
        name
        for name in _SETTINGS
        if name in columns and not (clock == "tokens" and name in ("budget", "learning_rate"))
    ]
    if not {"params", "params_active", "params_nonembedding", "width"} & set(settings):
        return []
    codes = [_codes(columns[name]) for name in settings]
    values = columns[clock]
    group = _groups(codes)
    codes += [
        _codes(columns[name]) for name in columns if _tells_apart(columns, name, group, values)
    ]
    group = _groups(codes)
    order = np.lexsort((values, group))
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    curve = fold(called.get(clock, clock)) in ("step", "_step", "global_step", "iteration", "iter")
    found = [part for part in np.split(order, cuts) if _like_checkpoints(values[part], curve)]
    if not found or sum(map(len, found)) < 0.5 * len(rows):
        return []
    where = np.sort(np.concatenate(found))
    sizes = "one size" if len(found) == 1 else f"each of {len(found)} sizes"
    return [
        f"{rows.say(where)}: rows of the same {'params' if 'params' in columns else 'settings'} at "
        f"several {clock} ({len(where) / len(found):.3g} for {sizes}) and no column 'run': they "
        "look like checkpoints, and each counts as a run of its own; name the run of every row: "
        "--columns 'THEIR_NAME=run'"
    ]


def _codes(values: NDArray[Any]) -> NDArray[np.intp]:
    return np.unique(values, return_inverse=True)[1].ravel()


def _groups(codes: list[NDArray[np.intp]]) -> NDArray[np.intp]:
    return np.unique(np.column_stack(codes), axis=0, return_inverse=True)[1].ravel()


def _tells_apart(
    columns: Columns, name: str, group: NDArray[np.intp], clock: NDArray[np.float64]
) -> bool:
    """Whether the labels of a column without a meaning go side by side through a group of rows.

    Those of one run, such as its epoch or its state, come one after the other.
    """
    if name in COLUMNS or columns[name].dtype.kind not in "Ufib":
        return False
    labels = _codes(columns[name])
    if not 1 < labels.max() + 1 <= LABELS:
        return False
    part = _groups([group, labels])
    low, high = np.full(part.max() + 1, np.inf), np.full(part.max() + 1, -np.inf)
    np.fmin.at(low, part, clock)
    np.fmax.at(high, part, clock)
    of_part = np.empty(low.size, dtype=np.intp)
    of_part[part] = group
    order = np.lexsort((low, of_part))
    same = np.diff(of_part[order]) == 0
    beside = same & (low[order][1:] < high[order][:-1])
    return bool(same.any() and beside.sum() >= 0.5 * same.sum())


def _like_checkpoints(values: NDArray[np.float64], curve: bool) -> bool:
    distinct = np.unique(values[np.isfinite(values)])
    if distinct.size >= MANY:
        return True
    if distinct.size < (FEW - 1 if curve else FEW):
        return False
    steps = np.diff(distinct)
    return curve or bool(np.ptp(steps) <= EVEN * steps.max())


def equal_rows(columns: Columns, names: list[str]) -> list[NDArray[np.intp]]:
    """Return the groups of two or more rows that agree in all the named columns."""
    if not names or not len(columns[names[0]]):
        return []
    group = np.zeros(len(columns[names[0]]), dtype=np.int64)
    for name in names:
        code = np.unique(columns[name], return_inverse=True)[1].astype(np.int64)
        group = np.unique(group * (code.max() + 1) + code, return_inverse=True)[1].astype(np.int64)
    counts = np.bincount(group)
    if counts.max() == 1:
        return []
    order = np.argsort(group, kind="stable")
    found = [g for g in np.split(order, np.cumsum(counts)[:-1]) if len(g) > 1]
    return sorted(found, key=lambda g: int(g[0]))
