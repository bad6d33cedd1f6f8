"""What a model definition means: formulas, priors, `Model`, the catalogue, and the PyMC model."""

from bayes_scaling.laws.catalogue import list_models, load_model
from bayes_scaling.laws.model import Model

__all__ = ["Model", "list_models", "load_model"]
