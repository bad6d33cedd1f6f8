"""Whether answers can be relied on: backtests, calibration, comparisons of models."""

from bayes_scaling.validation.backtesting import Backtest, backtest
from bayes_scaling.validation.calibration import Calibration, calibrate
from bayes_scaling.validation.comparison import Comparison, compare
from bayes_scaling.validation.three_approaches import Approaches, approaches

__all__ = [
    "Approaches",
    "Backtest",
    "Calibration",
    "Comparison",
    "approaches",
    "backtest",
    "calibrate",
    "compare",
]
