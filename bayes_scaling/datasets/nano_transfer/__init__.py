"""The trainer of nano-transfer: nano-lm's transformers on prose first, then on Python source."""

from bayes_scaling.datasets.nano_transfer.arms import train_arms

__all__ = ["train_arms"]
