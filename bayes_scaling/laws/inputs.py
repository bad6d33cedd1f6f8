"""Inputs of a law: the columns they are read from, and what they may be."""

from __future__ import annotations

from bayes_scaling.laws.definition import Definition
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.columns import COLUMNS


def source_column(model: Definition, runs: RunTable, name: str) -> str:
    """Return the column of a run table that an input of the law is read from."""
    wanted = dict(model.columns).get(name, name)
    return wanted if wanted in runs else name


def needs_positive(name: str) -> bool:
    """Whether an input is above zero by what it means."""
    column = COLUMNS.get(name)
    return column is not None and column.kind in ("count", "positive")
