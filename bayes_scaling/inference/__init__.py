"""From models and runs to posteriors: sampling, diagnostics, `Fit`, `Ensemble`, saving, loading."""

from bayes_scaling.inference.average import ensemble_of, fit_ensemble
from bayes_scaling.inference.diagnostics import Check
from bayes_scaling.inference.ensemble import AnyFit, Ensemble, leading, members_of
from bayes_scaling.inference.fitting import fit
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.storage import load, save

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
