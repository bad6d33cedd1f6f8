"""What laws are for: forecasts, allocations, queries, of draws in numpy and of published laws."""

from bayes_scaling.questions.allocate import Allocation
from bayes_scaling.questions.answer import Answer
from bayes_scaling.questions.device import Device, kv_cache
from bayes_scaling.questions.forecast import Forecast
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.literature import list_published, published
from bayes_scaling.questions.mistuned_runs import OffLaw, off_law
from bayes_scaling.questions.monitor import Monitor
from bayes_scaling.questions.next_runs import NextRuns
from bayes_scaling.questions.prior_losses import PriorPredictive, prior_predictive
from bayes_scaling.questions.published_laws import PublishedLaw
from bayes_scaling.questions.rate_rules import PublishedRates, published_rates
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.risk import Risk
from bayes_scaling.questions.sizes import Plan
from bayes_scaling.questions.tune import Tuning
from bayes_scaling.questions.units import flops_of, tokens_of

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
