"""Run tables for tests of the laws."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_scaling.runs import RunTable

PRIOR = {"dist": "LogNormal", "mu": 0.0, "sigma": 1.0}
OWN: dict[str, Any] = {
    "id": "own",
    "formula": "E + a * (tokens / tokens_ref)**-g",
    "parameters": {name: {"prior": PRIOR} for name in ("E", "a", "g")},
}


def table(families: int = 1) -> RunTable:
    """Runs of sizes at random, with a loss that falls with both."""
    rng = np.random.default_rng(3)
    params = np.exp(rng.uniform(np.log(1e7), np.log(1e9), 12 * families))
    tokens = params * np.exp(rng.uniform(1, 5, params.size))
    columns = {
        "params": params,
        "params_nonembedding": 0.8 * params,
        "tokens": tokens,
        "learning_rate": np.exp(rng.uniform(-8, -4, params.size)),
        "loss": 1.7 + (params / 1e8) ** -0.3 * 0.4 + (tokens / 2e9) ** -0.3 * 0.4,
    }
    if families > 1:
        columns["family"] = np.array([f"f{index % families}" for index in range(params.size)])
    return RunTable.from_columns(columns)
