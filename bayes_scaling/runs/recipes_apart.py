"""Runs of like sizes that a text tells apart, which no law reads: recipes fitted as one.

Of equal sizes the text alone is looked at. Where no sizes are equal, as of two tokenizers that each
count their own tokens, a smooth function of the sizes is fitted without and with the labels.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.cells import count_factor, parts_of
from bayes_scaling.runs.columns import COLUMNS, SIZES, fold, where_option
from bayes_scaling.runs.copies import LOGGED
from bayes_scaling.runs.named_runs import SURE
from bayes_scaling.runs.resolve import is_held_out, is_training, words_of
from bayes_scaling.runs.table import RunTable

Array = NDArray[np.float64]

FEWEST = 3
"""Sizes that hold several labels, and runs of each label, from which labels name recipes."""

MOST = 12
"""Labels of a column; more of them name runs."""

OVERLAP = 1 / 3
"""Share of its range of sizes, in logs, that each label has in common with the others."""

EXPLAINED = 4.0
"""How many times less than sizes alone, in squares, sizes and labels leave of the log losses."""

SURELY = 10.0
"""F statistic of the labels from which that is no chance."""

LEAST = 0.03
"""Difference between labels in log loss that is worth a word."""

TOKENIZERS = frozenset("tokenizer tokeniser tokenization vocab vocabulary".split())
"""Words of headings that name tokenizers."""

STATES = frozenset("state status tags tag note notes comment comments".split())
"""Headings of remarks on a run."""

TOLD = frozenset("run metric corpus schedule purpose pretrained_on source data_unit".split())
"""Columns of text with a meaning of their own, which have doubts of their own."""

ANSWERS = frozenset({"loss", "score", "error", "seed", "diverged", "items", "chance"})
"""Columns of numbers that are no setting of a run."""


def recipes_apart(runs: RunTable, pooled: Collection[str] = ("family",)) -> tuple[str, ...]:
    """Doubt a column of text whose labels differ between runs of equal sizes.

    Parameters
    ----------
    runs : RunTable
    pooled : collection of str
        Columns whose groups a law parts.

    Returns
    -------
    tuple of str
        One doubt at most.
    """
    sizes = [name for name in SIZES if name in runs]
    if not sizes or "loss" not in runs:
        return ()
    held = [
        name
        for name, values in runs.columns.items()
        if name in pooled
        or name in TOLD - {"run"}
        or (name in COLUMNS and name not in ANSWERS and values.dtype.kind == "f")
    ]
    settings = [np.unique(runs[name], return_inverse=True)[1] for name in held]
    cell = np.unique(np.stack(settings), axis=1, return_inverse=True)[1].ravel()
    texts = [np.unique(runs[n], return_inverse=True)[1] for n in held if runs[n].dtype.kind == "U"]
    group = np.unique(np.stack([0 * cell, *texts]), axis=1, return_inverse=True)[1].ravel()
    for name in runs.columns:
        labels = _labels(runs, name, pooled)
        if labels is None:
            continue
        named, code, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if counts.min() < FEWEST:
            continue
        pairs = np.unique(np.stack([cell, code]), axis=1)
        mixed = np.bincount(pairs[0]) > 1
        shown = ", ".join(named[:4]) + (", ..." if named.size > 4 else "")
        if np.count_nonzero(mixed) >= FEWEST:
            if _amounts(runs, named, cell, code):
                continue
            found = f"runs of equal sizes differ in {name!r} ({shown})"
        elif (apart := _apart(runs, code, group)) > LEAST:
            found = (
                f"runs that {name!r} tells apart ({shown}) differ up to {np.exp(apart):.3g} times "
                "in loss at like sizes"
            )
        else:
            continue
        return (
            f"{found}, which no law reads, and are fitted as one: {_advice(runs, name, named)}",
        )
    return ()


def _advice(runs: RunTable, name: str, named: NDArray[Any]) -> str:
    """Return what to type for a column whose labels name recipes."""
    first, second = (str(label) for label in named[:2])
    column = shlex.quote(name)
    units = ""
    if TOKENIZERS & set(words_of(name)):
        units = (
            "losses per token of several tokenizers are in several units, so give bits per byte, "
            "and sizes in bytes, or "
        )
    return (
        f"{units}for a law of each, --pool-by {column} (in Python .pooled_by({name!r})); to "
        f"compare them, duel ... --by {column} --a {shlex.quote(first)} --b {shlex.quote(second)}; "
        f"for one alone, {where_option(name, first, text=runs[name].dtype.kind == 'U')}"
    )


def _amounts(
    runs: RunTable, named: NDArray[Any], cell: NDArray[np.intp], code: NDArray[np.intp]
) -> bool:
    """Whether labels are amounts, such as 30M or 400 h, of a size that the table lacks."""
    parts = [parts_of(str(label)) for label in named]
    if {"params", "tokens"} <= set(runs.columns) or not all(parts):
        return False
    size = np.array([number * (count_factor(unit) or 1.0) for number, unit in filter(None, parts)])
    size = size[code]
    loss = runs["loss"]
    alike = (cell[:, None] == cell) & (size[:, None] > size)
    return bool(alike.any()) and float(np.mean((loss[:, None] < loss)[alike])) > 0.8


def _apart(runs: RunTable, code: NDArray[np.intp], group: NDArray[np.intp]) -> float:
    """Return how far labels lie apart in log loss at like sizes; 0 where sizes may explain it.

    Parameters
    ----------
    runs : RunTable
    code : array of int, dims (row,)
        The label of each row.
    group : array of int, dims (row,)
        What laws part already.
    """
    names = [name for name in ("params", "tokens", "flops") if name in runs][:2]
    logs = np.log(np.stack([runs[name] for name in names]))
    loss = runs["loss"]
    known = np.isfinite(logs).all(axis=0) & np.isfinite(loss) & (loss > 0)
    if not known.any():
        return 0.0
    logs, loss, code, group = logs[:, known], np.log(loss[known]), code[known], group[known]
    logs = logs - logs.mean(axis=1, keepdims=True)
    if not all(_overlap(size, code) for size in logs):
        return 0.0
    smooth = [logs, logs[:1] * logs[1:]] + [size[None] ** 2 for size in logs]
    base = np.vstack([_dummies(group), *smooth])
    full = np.vstack([base, _dummies(code)[1:]])
    rank = np.linalg.matrix_rank(full)
    free, added = loss.size - rank, rank - np.linalg.matrix_rank(base)
    if free < FEWEST or not added:
        return 0.0
    weights, left = _left(full, loss)
    alone = _left(base, loss)[1]
    floor = 1e-12 * loss.size  # of losses without any noise
    strength = (alone - left) / added / (max(left, floor) / free)
    if alone < EXPLAINED * max(left, floor) or strength < SURELY:
        return 0.0
    offsets = np.append(weights[len(base) :], 0.0)
    return float(np.ptp(offsets))


def _overlap(size: Array, code: NDArray[np.intp]) -> bool:
    """Whether each label has a good part of its range of a size in common with the others."""
    for label in np.unique(code):
        own, others = size[code == label], size[code != label]
        low, high = max(own.min(), others.min()), min(own.max(), others.max())
        if high - low < OVERLAP * min(np.ptp(own), np.ptp(others)) or high < low:
            return False
    return True


def _dummies(code: NDArray[np.intp]) -> Array:
    """Return a row of 0 and 1 for each value of a code, dims (value, row)."""
    return np.array(np.unique(code)[:, None] == code, dtype=np.float64)


def _left(design: Array, loss: Array) -> tuple[Array, float]:
    """Return the weights of a least-squares fit and the sum of squares that it leaves."""
    weights = np.linalg.lstsq(design.T, loss, rcond=None)[0]
    return weights, float(np.sum((loss - weights @ design) ** 2))


def _labels(runs: RunTable, name: str, pooled: Collection[str]) -> NDArray[Any] | None:
    """Return the labels of a column that may name recipes; None of others."""
    values = runs[name]
    folded = fold(name).strip("_")
    if values.dtype.kind == "f" and name not in COLUMNS and set(words_of(name)) & TOKENIZERS:
        values = runs.labels(name)  # a vocabulary is told by its size
    if values.dtype.kind != "U" or name in TOLD or name in pooled:
        return None
    if folded in SURE | LOGGED | STATES:
        return None
    named = np.unique(values)
    if not 2 <= named.size <= MOST or "" in named:
        return None
    if any(is_held_out(str(label)) or is_training(str(label)) for label in named):
        return None
    return values
