"""Shipped and public data sets, and the program that trained the shipped ones."""

from bayes_scaling.datasets.catalogue import DatasetInfo, list_datasets, load_dataset

__all__ = ["DatasetInfo", "list_datasets", "load_dataset"]
