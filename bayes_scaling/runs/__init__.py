"""The table of runs: vocabulary with units, validation, readers, counting."""

from bayes_scaling.runs.columns import ALIASES, COLUMNS, Column, canonical_name
from bayes_scaling.runs.counting import (
    PF_DAY,
    FlopCount,
    ParamCount,
    Shape,
    count_params,
    flops_per_token,
    shapes_near,
    training_flops,
)
from bayes_scaling.runs.designs import best_of_cells, with_budgets
from bayes_scaling.runs.protocols import PROTOCOLS, take_rows
from bayes_scaling.runs.rows import select_rows
from bayes_scaling.runs.schedules import schedule_areas, schedule_rates, with_schedule_areas
from bayes_scaling.runs.summary import TableSummary, describe, lines_read
from bayes_scaling.runs.table import RunTable, read_runs, split_columns
from bayes_scaling.runs.wishes import plain_amounts

__all__ = [
    "ALIASES",
    "COLUMNS",
    "PF_DAY",
    "PROTOCOLS",
    "Column",
    "FlopCount",
    "ParamCount",
    "RunTable",
    "Shape",
    "TableSummary",
    "best_of_cells",
    "canonical_name",
    "count_params",
    "describe",
    "flops_per_token",
    "lines_read",
    "plain_amounts",
    "read_runs",
    "schedule_areas",
    "schedule_rates",
    "select_rows",
    "shapes_near",
    "split_columns",
    "take_rows",
    "training_flops",
    "with_budgets",
    "with_schedule_areas",
]
