"""What laws are for: a file for each question, which is a function of a surface, in numpy."""

from bayes_scaling.questions.allocate import Allocation
from bayes_scaling.questions.answer import Answer
from bayes_scaling.questions.device import Device, kv_cache
from bayes_scaling.questions.duel import Duel
from bayes_scaling.questions.forecast import Forecast
from bayes_scaling.questions.layouts import Layout
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.mistuned_runs import OffLaw
from bayes_scaling.questions.monitor import Monitor
from bayes_scaling.questions.next_runs import NextRuns
from bayes_scaling.questions.pass_at_k import PassAtK, pass_at_k
from bayes_scaling.questions.prior_losses import PriorPredictive, prior_predictive
from bayes_scaling.questions.rank_shapes import ShapeRanking
from bayes_scaling.questions.rate_rules import PublishedRates, published_rates
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.risk import Risk
from bayes_scaling.questions.serving import Serving, serving
from bayes_scaling.questions.sizes import Plan
from bayes_scaling.questions.surface import Surface, surface
from bayes_scaling.questions.transfer_answer import Transfer
from bayes_scaling.questions.tune import Tuning
from bayes_scaling.questions.units import flops_of, tokens_of
from bayes_scaling.questions.valley_map import ValleyMap

__all__ = [
    "Allocation",
    "Answer",
    "Device",
    "Duel",
    "Forecast",
    "Layout",
    "Limits",
    "Monitor",
    "NextRuns",
    "OffLaw",
    "PassAtK",
    "Plan",
    "PriorPredictive",
    "PublishedRates",
    "Rig",
    "Risk",
    "Serving",
    "ShapeRanking",
    "Surface",
    "Transfer",
    "Tuning",
    "ValleyMap",
    "flops_of",
    "kv_cache",
    "pass_at_k",
    "prior_predictive",
    "published_rates",
    "serving",
    "surface",
    "tokens_of",
]
