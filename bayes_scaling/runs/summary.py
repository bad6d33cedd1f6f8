"""A table of runs in a few numbers, for a person about to fit it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bayes_scaling.runs.assemble import WARNING
from bayes_scaling.runs.columns import COLUMNS
from bayes_scaling.runs.doubts_of_fit import doubts_of_fit, unanswerable
from bayes_scaling.runs.loss_units import unit_by_name
from bayes_scaling.runs.metrics import unit_of
from bayes_scaling.runs.table import RunTable
from bayes_scaling.runs.wishes import columns_read

RANGED = (
    "params",
    "params_nonembedding",
    "params_active",
    "tokens",
    "flops",
    "loss",
    "loss_shifted",
    "score",
    "learning_rate",
    "batch_size",
    "steps",
    "unique_tokens",
)


@dataclass(frozen=True, kw_only=True)
class Range:
    """The values of one column.

    Parameters
    ----------
    low, high : float [unit]
    distinct : int
        Different values.
    missing : int
        Rows without a value.
    unit : str
    """

    low: float
    high: float
    distinct: int
    missing: int
    unit: str


@dataclass(frozen=True, kw_only=True)
class TableSummary:
    """What a table holds.

    Parameters
    ----------
    rows, runs : int
        More rows than runs means checkpoints, or several metrics.
    families, metrics : Mapping of str to int
        Rows per label; empty without the column.
    ranges : Mapping of str to Range
        Sizes, responses and hyperparameters that the table has.
    learning_rates : int
        Distinct learning rates; 0 without the column.
    columns : tuple of str
        Canonical columns, then those that ride along.
    extra_columns : tuple of str
        The latter alone.
    notes : tuple of str
        What was completed, assumed or left out.
    warnings : tuple of str
        What looks wrong and was kept.
    content_hash : str
        Of the table.
    read : tuple of str
        What columns of the file became, where their name does not say it, and which of them no
        shipped law reads.
    origins : Mapping of str to str
        By column, what it was in the file, with the factor of its unit.
    """

    rows: int
    runs: int
    families: Mapping[str, int]
    metrics: Mapping[str, int]
    ranges: Mapping[str, Range]
    learning_rates: int
    columns: tuple[str, ...]
    extra_columns: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    content_hash: str
    read: tuple[str, ...]
    origins: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, numbers and text, ready for JSON."""
        plain = asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in plain.items()
        }


def describe(table: RunTable) -> TableSummary:
    """Summarise a table of runs.

    Parameters
    ----------
    table : RunTable

    Returns
    -------
    TableSummary
    """
    ranges = {
        name: _range(table, name, _unit(table, name))
        for name in RANGED
        if name in table and np.isfinite(table[name]).any()
    }
    rates = ranges.get("learning_rate")
    return TableSummary(
        rows=len(table),
        runs=len(np.unique(table["run"])) if "run" in table else len(table),
        families=_counts(table, "family"),
        metrics=_counts(table, "metric"),
        ranges=ranges,
        learning_rates=rates.distinct if rates else 0,
        columns=tuple(table.columns),
        extra_columns=tuple(name for name in table.columns if name not in COLUMNS),
        notes=(
            *(note for note in table.notes if not note.startswith(WARNING)),
            *unanswerable(table),
        ),
        warnings=(
            *(note.removeprefix(WARNING) for note in table.notes if note.startswith(WARNING)),
            *doubts_of_fit(table),
        ),
        content_hash=table.content_hash,
        read=lines_read(table, apart=ranges),
        origins=dict(table.origins),
    )


def lines_read(table: RunTable, *, apart: Collection[str] = (), most: int = 20) -> tuple[str, ...]:
    """Return what became of the columns of the file, in up to two lines.

    Parameters
    ----------
    table : RunTable
    apart : collection of str
        Columns that need no word.
    most : int
        Names of unread columns to print; the rest is counted.

    Returns
    -------
    tuple of str
    """
    renamed = [
        f"{name} from {origin}"
        for name, origin in table.origins.items()
        if name in COLUMNS and origin != repr(name) and name not in apart
    ]
    spent = columns_read(table.notes, table.columns)
    unread = [repr(name) for name in table.columns if name not in COLUMNS and name not in spent]
    more = f" and {len(unread) - most} more" if len(unread) > most else ""
    return (
        *(["read: " + ", ".join(renamed)] if renamed else []),
        *([f"no law reads: {', '.join(unread[:most])}{more}"] if unread else []),
    )


def _range(table: RunTable, name: str, unit: str) -> Range:
    values = table[name]
    known = values[np.isfinite(values)]
    return Range(
        low=float(known.min()),
        high=float(known.max()),
        distinct=len(np.unique(known)),
        missing=int(len(values) - len(known)),
        unit=unit,
    )


def _unit(table: RunTable, name: str) -> str:
    """Return the unit of a column; a loss is kept in the unit that it, or its metric, names."""
    if name != "loss":
        return COLUMNS[name].unit
    unit = unit_of(table)
    return unit.name if unit is not None and unit.bounded else unit_by_name(table)


def _counts(table: RunTable, name: str) -> dict[str, int]:
    if name not in table:
        return {}
    labels, counts = np.unique(table[name], return_counts=True)
    return {str(label): int(count) for label, count in zip(labels, counts, strict=True)}
