"""From a model and runs to a posterior: sampling, diagnostics, `Fit`, saving and loading."""

from bayes_scaling.inference.diagnostics import Check
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.run import fit
from bayes_scaling.inference.storage import load, save

__all__ = ["Check", "Fit", "fit", "load", "save"]
