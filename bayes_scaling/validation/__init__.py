"""Whether answers can be relied on: backtests, comparisons of models."""

from bayes_scaling.validation.approaches_result import Approaches
from bayes_scaling.validation.compare_models import compare
from bayes_scaling.validation.comparison import Comparison
from bayes_scaling.validation.result import Backtest
from bayes_scaling.validation.run import backtest
from bayes_scaling.validation.three_approaches import approaches

__all__ = ["Approaches", "Backtest", "Comparison", "approaches", "backtest", "compare"]
