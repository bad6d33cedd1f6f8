"""The trainer of metz-mlp: next-byte perceptrons of many widths and learning rates, in JAX."""

from bayes_scaling.datasets.metz_mlp.sweep import train_sweep
from bayes_scaling.datasets.metz_mlp.train import train_run

__all__ = ["train_run", "train_sweep"]
