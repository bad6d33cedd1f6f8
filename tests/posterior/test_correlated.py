"""Rows that remember each other along a run: what a fit recovers, and what ignoring it costs."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.intervals import quantiles
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable

TRUTH = {"a": 2.5, "r": 0.4 / 2.5, "alpha_N": 0.09, "alpha_S": 0.6, "sigma": 0.006, "memory": 0.8}
SEEDS = 6
SETTINGS = {"draws": 400, "tune": 500, "chains": 2}


def curves(seed: int) -> RunTable:
    """Twelve curves of 30 rows around the learning curve of Kaplan et al."""
    rng = np.random.default_rng(seed)
    steps = np.tile(np.geomspace(300, 30_000, 30), 12)
    params = np.repeat(np.geomspace(1e7, 1e9, 12), 30)
    runs = np.repeat([f"r{index:02d}" for index in range(12)], 30)
    kept = np.exp(-np.log(100) / 29 / TRUTH["memory"])
    shocks = TRUTH["sigma"] * rng.standard_normal((12, 30))
    deviation = shocks.copy()
    for row in range(1, 30):
        deviation[:, row] = kept * deviation[:, row - 1] + np.sqrt(1 - kept**2) * shocks[:, row]
    references = {"params_ref": 1e8, "steps_ref": 3e3}
    law = load_model("kaplan-ns").predict(
        {name: np.array(value) for name, value in TRUTH.items()},
        {"params": params, "steps": steps},
        references,
    )
    loss = law * np.exp(deviation.ravel())
    return RunTable.from_columns(
        {"run": runs, "params": params, "params_nonembedding": params, "steps": steps, "loss": loss}
    )


@pytest.mark.slow
def test_the_memory_is_found_and_intervals_hold_that_would_not() -> None:
    held = {"correlated": 0, "independent": 0}
    found_memory = 0
    for seed in range(SEEDS):
        runs = curves(seed)
        for name, switches in (
            ("correlated", {"correlated": True}),
            ("independent", {"run_effect": False}),
        ):
            fit = bs.fit("kaplan-ns", runs, **switches, **SETTINGS, random_seed=seed)  # type: ignore[arg-type]
            assert fit.stats["diverging"].mean() < 0.01
            for parameter in ("alpha_N", "alpha_S", "a", "r"):
                _, low, high = quantiles(fit.flat[parameter])
                held[name] += bool(low <= TRUTH[parameter] <= high)
            if name == "correlated":
                _, low, high = quantiles(fit.flat["memory"])
                found_memory += bool(low <= TRUTH["memory"] <= high)
    assert found_memory >= 4
    assert held["correlated"] >= 0.75 * 4 * SEEDS
    assert held["independent"] < held["correlated"]
