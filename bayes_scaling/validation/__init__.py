"""Whether answers can be relied on: backtests, comparisons of models."""

from bayes_scaling.validation.compare_models import compare
from bayes_scaling.validation.comparison import Comparison
from bayes_scaling.validation.result import Backtest
from bayes_scaling.validation.run import backtest

__all__ = ["Backtest", "Comparison", "backtest", "compare"]
