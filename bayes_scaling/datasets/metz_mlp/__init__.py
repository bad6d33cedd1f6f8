"""The trainer of metz-mlp: next-byte perceptrons of many widths and learning rates, in JAX."""

from bayes_scaling.datasets.metz_mlp.width_trap import train_run, train_sweep

__all__ = ["train_run", "train_sweep"]
