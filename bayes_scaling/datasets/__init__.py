"""Shipped and public data sets, and the programs that trained the shipped ones."""

from bayes_scaling.datasets.loaders import (
    DatasetInfo,
    list_datasets,
    load_dataset,
    published_runs,
    published_shapes,
)

__all__ = ["DatasetInfo", "list_datasets", "load_dataset", "published_runs", "published_shapes"]
