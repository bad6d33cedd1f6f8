"""Groups of runs: the cells that parameters are laid out by, and the levels that pool them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.definition import Definition
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.runs import RunTable

Columns = tuple[str, ...]
Index = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """The groups of the runs of one fit.

    Attributes
    ----------
    labels : tuple of str
        Of the groups, the finest cells of all that parameters are pooled by.
    of_run : array of int (n_runs,)
        Group of each run.
    levels : mapping of tuple of str to array of int (n_groups,)
        For every set of columns that parameters are pooled by: the level of each group.
    """

    labels: tuple[str, ...]
    of_run: Index
    levels: Mapping[Columns, Index]

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.labels)

    def level(self, columns: Columns) -> Index:
        """Return the level of each group (n_groups,) under some columns; none means groups."""
        return self.levels.get(columns, np.arange(len(self.labels)))

    def count(self, columns: Columns) -> int:
        """Return the number of levels under some columns."""
        return int(self.level(columns).max()) + 1

    def first(self, columns: Columns) -> Index:
        """Return a group of each level (n_levels,)."""
        return np.unique(self.level(columns), return_index=True)[1].astype(np.int64)


def make_groups(model: Definition, runs: RunTable) -> Groups:
    """Find the groups of runs by the ``group`` of a model and the pooling of its parameters."""
    labels, first, of_run = np.unique(
        runs.labels(model.group), return_index=True, return_inverse=True
    )
    wanted = {columns for item in model.parameters for columns in level_columns(item)}
    levels = {
        columns: np.unique(runs.labels("/".join(columns))[first], return_inverse=True)[1]
        for columns in wanted
    }
    return Groups(
        labels=tuple(str(label) for label in labels),
        of_run=of_run.astype(np.int64),
        levels={columns: index.astype(np.int64) for columns, index in levels.items()},
    )


def level_columns(parameter: Parameter) -> tuple[Columns, ...]:
    """Return the columns of each level that a parameter is pooled by, the coarser first."""
    by = parameter.pool.by
    if not by:
        return ()
    return (by[:1], by) if parameter.pool.outer else (by,)


def is_grouped(parameter: Parameter, groups: Groups) -> bool:
    """Whether a parameter has a value for each group: it is not shared, and has several levels."""
    columns = (level_columns(parameter) or ((),))[-1]
    return groups.count(columns) > 1 and parameter.pool.kind != "shared"
