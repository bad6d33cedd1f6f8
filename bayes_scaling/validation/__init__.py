"""Whether answers can be relied on: backtests, comparisons of models."""

from bayes_scaling.validation.result import Backtest
from bayes_scaling.validation.run import backtest

__all__ = ["Backtest", "backtest"]
