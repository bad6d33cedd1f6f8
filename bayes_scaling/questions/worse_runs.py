"""Fine-tuned runs that did worse than runs from scratch of the same sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_scaling.runs import RunTable
from bayes_scaling.runs.finetuning import SCRATCH


def worse_runs(runs: RunTable, texts: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Count runs of each first text that did worse than the one from scratch of the same sizes."""
    if not {"pretrained_on", "loss", "params", "finetune_tokens"} <= set(runs.columns):
        return {}
    columns = (runs.labels("family"), runs["params"], runs["finetune_tokens"])
    keys = list(zip(*(values.tolist() for values in columns), strict=True))
    labels, losses = runs["pretrained_on"].tolist(), runs["loss"].tolist()
    rows = list(zip(keys, labels, losses, strict=True))
    scratch: dict[Any, float] = {}
    for key, label, value in rows:
        if label == SCRATCH:
            scratch[key] = min(value, scratch.get(key, np.inf))
    found = {}
    for text in texts:
        own = [
            value > scratch[key] for key, label, value in rows if label == text and key in scratch
        ]
        found[text] = (sum(own), len(own))
    return found
