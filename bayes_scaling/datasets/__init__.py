"""Shipped and public data sets, and the program that trained the shipped ones."""

from bayes_scaling.datasets.big_runs import published_runs
from bayes_scaling.datasets.catalogue import DatasetInfo, list_datasets, load_dataset

__all__ = ["DatasetInfo", "list_datasets", "load_dataset", "published_runs"]
