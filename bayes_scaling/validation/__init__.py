"""Whether answers can be relied on: backtests, calibration, comparisons of models."""

from bayes_scaling.validation.approaches_result import Approaches
from bayes_scaling.validation.calibration import Calibration
from bayes_scaling.validation.compare_models import compare
from bayes_scaling.validation.comparison import Comparison
from bayes_scaling.validation.recover_prior import calibrate
from bayes_scaling.validation.result import Backtest
from bayes_scaling.validation.run import backtest
from bayes_scaling.validation.three_approaches import approaches

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
