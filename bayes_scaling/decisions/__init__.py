"""What a posterior is for: forecasts and allocations, as functions of draws in numpy."""

from bayes_scaling.decisions.allocate import Allocation
from bayes_scaling.decisions.forecast import Forecast
from bayes_scaling.decisions.prior_losses import PriorPredictive, prior_predictive
from bayes_scaling.decisions.sizes import Plan

__all__ = ["Allocation", "Forecast", "Plan", "PriorPredictive", "prior_predictive"]
