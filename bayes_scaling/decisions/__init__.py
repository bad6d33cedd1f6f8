"""What laws are for: forecasts, allocations, queries, of draws in numpy and of published laws."""

from bayes_scaling.decisions.allocate import Allocation
from bayes_scaling.decisions.answer import Answer
from bayes_scaling.decisions.device import Device, kv_cache
from bayes_scaling.decisions.forecast import Forecast
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.literature import list_published, published
from bayes_scaling.decisions.mistuned_runs import OffLaw, off_law
from bayes_scaling.decisions.monitor import Monitor
from bayes_scaling.decisions.next_runs import NextRuns
from bayes_scaling.decisions.prior_losses import PriorPredictive, prior_predictive
from bayes_scaling.decisions.published_laws import PublishedLaw
from bayes_scaling.decisions.rate_rules import PublishedRates, published_rates
from bayes_scaling.decisions.rig import Rig
from bayes_scaling.decisions.risk import Risk
from bayes_scaling.decisions.sizes import Plan
from bayes_scaling.decisions.tune import Tuning
from bayes_scaling.decisions.units import flops_of, tokens_of

__all__ = [
    "Allocation",
    "Answer",
    "Device",
    "Forecast",
    "Limits",
    "Monitor",
    "NextRuns",
    "OffLaw",
    "Plan",
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
]
