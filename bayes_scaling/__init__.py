"""Bayesian neural scaling laws: from a table of small training runs to a forecast with intervals.

Importing this package is instant: every name below is loaded from its room when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayes_scaling.datasets import list_datasets, load_dataset, published_runs
    from bayes_scaling.decisions import (
        Allocation,
        Answer,
        Device,
        Forecast,
        Limits,
        Monitor,
        NextRuns,
        OffLaw,
        PriorPredictive,
        PublishedLaw,
        PublishedRates,
        Rig,
        Risk,
        Tuning,
        flops_of,
        kv_cache,
        list_published,
        off_law,
        prior_predictive,
        published,
        published_rates,
        tokens_of,
    )
    from bayes_scaling.errors import BayesScalingWarning, InputError, UnconvergedError
    from bayes_scaling.inference import Ensemble, Fit, fit, fit_ensemble, load
    from bayes_scaling.laws import Model, list_models, load_model, select_rows
    from bayes_scaling.report import report
    from bayes_scaling.runs import (
        RunTable,
        best_of_cells,
        read_runs,
        schedule_areas,
        with_schedule_areas,
    )
    from bayes_scaling.validation import (
        Approaches,
        Backtest,
        Calibration,
        Comparison,
        approaches,
        backtest,
        calibrate,
        compare,
    )

__version__ = "0.1.0"

__all__ = [
    "Allocation",
    "Answer",
    "Approaches",
    "Backtest",
    "BayesScalingWarning",
    "Calibration",
    "Comparison",
    "Device",
    "Ensemble",
    "Fit",
    "Forecast",
    "InputError",
    "Limits",
    "Model",
    "Monitor",
    "NextRuns",
    "OffLaw",
    "PriorPredictive",
    "PublishedLaw",
    "PublishedRates",
    "Rig",
    "Risk",
    "RunTable",
    "Tuning",
    "UnconvergedError",
    "__version__",
    "approaches",
    "backtest",
    "best_of_cells",
    "calibrate",
    "compare",
    "fit",
    "fit_ensemble",
    "flops_of",
    "kv_cache",
    "list_datasets",
    "list_models",
    "list_published",
    "load",
    "load_dataset",
    "load_model",
    "off_law",
    "prior_predictive",
    "published",
    "published_rates",
    "published_runs",
    "read_runs",
    "report",
    "schedule_areas",
    "select_rows",
    "tokens_of",
    "with_schedule_areas",
]

_ROOMS = {
    "errors": ("BayesScalingWarning", "InputError", "UnconvergedError"),
    "runs": (
        "RunTable",
        "best_of_cells",
        "read_runs",
        "schedule_areas",
        "with_schedule_areas",
    ),
    "datasets": ("list_datasets", "load_dataset", "published_runs"),
    "laws": ("Model", "list_models", "load_model", "select_rows"),
    "inference": ("Ensemble", "Fit", "fit", "fit_ensemble", "load"),
    "validation": (
        "Approaches",
        "Backtest",
        "Calibration",
        "Comparison",
        "approaches",
        "backtest",
        "calibrate",
        "compare",
    ),
    "decisions": (
        "Allocation",
        "Answer",
        "Device",
        "Forecast",
        "Limits",
        "Monitor",
        "NextRuns",
        "OffLaw",
        "PriorPredictive",
        "PublishedLaw",
        "PublishedRates",
        "Rig",
        "Risk",
        "Tuning",
        "flops_of",
        "kv_cache",
        "list_published",
        "off_law",
        "prior_predictive",
        "published",
        "published_rates",
        "tokens_of",
    ),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    if name == "report":
        # The room itself, which can be called like its function of that name: Python binds this
        # name to the room whenever anything imports it, so nothing else would stay here.
        return import_module("bayes_scaling.report")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"bayes_scaling.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
