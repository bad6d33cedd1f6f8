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
    from bayes_scaling.report.plots import plot_allocation, plot_learning_rate, plot_loss
    from bayes_scaling.report.posterior_plot import plot_posterior
    from bayes_scaling.report.prior_plot import plot_prior
    from bayes_scaling.report.score_plots import plot_coverage, plot_rolling
    from bayes_scaling.report.tune_plot import plot_tune

__all__ = [
    "ReportError",
    "plot_allocation",
    "plot_approaches",
    "plot_backtest",
    "plot_compare",
    "plot_coverage",
    "plot_learning_rate",
    "plot_loss",
    "plot_posterior",
    "plot_prior",
    "plot_rolling",
    "plot_tune",
    "report",
]

_HOME = {
    "plot_allocation": "plots",
    "plot_approaches": "approaches_plot",
    "plot_backtest": "backtest_plots",
    "plot_compare": "compare_plots",
    "plot_coverage": "score_plots",
    "plot_learning_rate": "plots",
    "plot_loss": "plots",
    "plot_posterior": "posterior_plot",
    "plot_prior": "prior_plot",
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
