"""The table of runs: vocabulary with units, validation, readers, counting."""

from bayes_scaling.runs.columns import ALIASES, COLUMNS, Column, canonical_name
from bayes_scaling.runs.table import RunTable

__all__ = ["ALIASES", "COLUMNS", "Column", "RunTable", "canonical_name"]
