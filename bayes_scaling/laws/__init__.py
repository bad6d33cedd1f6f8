"""What a model definition means: formulas, priors, `Model`, the catalogue, and the PyMC model."""

from bayes_scaling.laws.catalogue import list_models, load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.parse import parse_condition

__all__ = ["Model", "list_models", "load_model", "parse_condition"]
