"""From models and runs to posteriors: sampling, diagnostics, `Posterior`, saving, loading."""

from bayes_scaling.posterior.average import ensemble_of, fit_average
from bayes_scaling.posterior.diagnostics import Check
from bayes_scaling.posterior.member import Member, Reads
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.storage import load, save

__all__ = [
    "Check",
    "Member",
    "Posterior",
    "Reads",
    "ensemble_of",
    "fit_average",
    "load",
    "save",
]
