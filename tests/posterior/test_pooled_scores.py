"""Scores of several tasks, pooled: also where a task never leaves 0, or has left chance at once."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable

CHANCE = (0.0, 0.0, 0.0, 0.25, 0.25, 0.5, 0.5, 0.0)
SLOPE = (2.0, 4.0, 8.0, 1.5, 3.0, 2.0, 4.0, 0.0)
BEST = (0.5, 0.8, 0.3, 0.6, 0.8, 0.9, 0.7, 0.0)
ITEMS = (1000, 5000, 30, 1200, 10_000, 100, 3000, 30)


def tasks() -> RunTable:
    rng = np.random.default_rng(3)
    loss = np.tile(np.linspace(2.6, 5.0, 24), len(CHANCE))
    chance, slope, best, items = (np.repeat(x, 24) for x in (CHANCE, SLOPE, BEST, ITEMS))
    score = chance + (best - chance) / (1 + np.exp(slope * (loss - 3.4)))
    error = 1 - rng.binomial(items, np.maximum(score, 0.0)) / items
    names = np.repeat([f"task{index}" for index in range(len(CHANCE))], 24)
    return RunTable(columns={"loss": loss, "error": error, "items": items * 1.0, "metric": names})


@pytest.mark.slow
@pytest.mark.parametrize("law", ["downstream-sigmoid", "downstream-exp"])
@pytest.mark.parametrize("told", [True, False])
def test_a_pooled_fit_converges_in_seconds(law: str, told: bool) -> None:
    runs = tasks()
    if not told:  # as scores are usually handed over: 24 equal numbers in the task that stays at 0
        clipped = np.clip(runs["error"], 1e-3, 1 - 1e-3)
        kept = {name: runs[name] for name in ("loss", "metric")}
        runs = RunTable(columns={**kept, "error": clipped})
    model = load_model(law).pooled_by("metric")
    fit = bs.fit(model, runs, draws=500, tune=500, chains=2, random_seed=1, progress=False)
    answers = [each for name, each in fit.mixing.items() if name.startswith("loss at")]
    assert max(each.r_hat for each in answers) < 1.05
    assert np.mean(fit.stats["diverging"]) < 0.005
    assert np.mean(fit.stats["n_steps"]) < 200, "a likelihood without bound takes 1,023"
