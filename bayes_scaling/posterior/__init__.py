"""From models and runs to posteriors: sampling, diagnostics, `Fit`, `Ensemble`, saving, loading."""

from bayes_scaling.posterior.average import ensemble_of, fit_ensemble
from bayes_scaling.posterior.diagnostics import Check
from bayes_scaling.posterior.ensemble import AnyFit, Ensemble, leading, members_of
from bayes_scaling.posterior.fitting import fit
from bayes_scaling.posterior.posterior import Fit
from bayes_scaling.posterior.storage import load, save

__all__ = [
    "AnyFit",
    "Check",
    "Ensemble",
    "Fit",
    "ensemble_of",
    "fit",
    "fit_ensemble",
    "leading",
    "load",
    "members_of",
    "save",
]
