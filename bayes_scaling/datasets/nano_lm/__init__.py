"""The trainer of nano-lm: byte-level transformers on Python source, one pass, AdamW, in JAX."""

from bayes_scaling.datasets.nano_lm.sweep import train_sweep
from bayes_scaling.datasets.nano_lm.train import TrainedRun, train_run

__all__ = ["TrainedRun", "train_run", "train_sweep"]
