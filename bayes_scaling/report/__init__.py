"""The HTML report and its figures; the room can be called like its function of the same name."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bayes_scaling.report.html import ReportError, report

if TYPE_CHECKING:
    from bayes_scaling.report.approaches_plot import plot_approaches
    from bayes_scaling.report.backtest_plots import plot_backtest
    from bayes_scaling.report.compare_plots import plot_compare
    from bayes_scaling.report.curves import loss_curve
    from bayes_scaling.report.forest_plots import (
        exponents_table,
        members_table,
        plot_exponents,
        plot_members,
    )
    from bayes_scaling.report.plots import plot_allocation, plot_learning_rate, plot_loss
    from bayes_scaling.report.posterior_plot import plot_posterior
    from bayes_scaling.report.prior_plot import plot_prior
    from bayes_scaling.report.risk_plots import chance_table, plot_chance, plot_isoflop, plot_regret
    from bayes_scaling.report.run_plots import (
        next_runs_table,
        plot_mistuned,
        plot_monitor,
        plot_next_runs,
    )
    from bayes_scaling.report.score_plots import plot_calibration, plot_coverage, plot_rolling
    from bayes_scaling.report.tune_plot import plot_tune, tune_curves
    from bayes_scaling.report.valleys import isoflop_valleys

__all__ = [
    "ReportError",
    "chance_table",
    "exponents_table",
    "isoflop_valleys",
    "loss_curve",
    "members_table",
    "next_runs_table",
    "plot_allocation",
    "plot_approaches",
    "plot_backtest",
    "plot_calibration",
    "plot_chance",
    "plot_compare",
    "plot_coverage",
    "plot_exponents",
    "plot_isoflop",
    "plot_learning_rate",
    "plot_loss",
    "plot_members",
    "plot_mistuned",
    "plot_monitor",
    "plot_next_runs",
    "plot_posterior",
    "plot_prior",
    "plot_regret",
    "plot_rolling",
    "plot_tune",
    "report",
    "tune_curves",
]

_HOME = {
    "isoflop_valleys": "valleys",
    "loss_curve": "curves",
    "chance_table": "risk_plots",
    "exponents_table": "forest_plots",
    "members_table": "forest_plots",
    "next_runs_table": "run_plots",
    "tune_curves": "tune_plot",
    "plot_allocation": "plots",
    "plot_approaches": "approaches_plot",
    "plot_backtest": "backtest_plots",
    "plot_calibration": "score_plots",
    "plot_chance": "risk_plots",
    "plot_compare": "compare_plots",
    "plot_coverage": "score_plots",
    "plot_exponents": "forest_plots",
    "plot_isoflop": "risk_plots",
    "plot_learning_rate": "plots",
    "plot_loss": "plots",
    "plot_members": "forest_plots",
    "plot_mistuned": "run_plots",
    "plot_monitor": "run_plots",
    "plot_next_runs": "run_plots",
    "plot_posterior": "posterior_plot",
    "plot_prior": "prior_plot",
    "plot_regret": "risk_plots",
    "plot_rolling": "score_plots",
    "plot_tune": "tune_plot",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"bayes_scaling.report.{_HOME[name]}"), name)
    globals()[name] = value
    return value


class _CallableRoom(ModuleType):
    """The room as ``bs.report(...)`` calls it: Python binds that name to the room."""

    __signature__ = inspect.signature(report)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Write a report, as `report` does."""
        return report(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableRoom
