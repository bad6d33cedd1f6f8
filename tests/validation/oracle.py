"""A sampler's stand-in for backtests: posteriors around the truth, on whatever runs are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_scaling.facade import Fit
from bayes_scaling.fitting import ensemble_of
from bayes_scaling.laws import Model, load_model
from bayes_scaling.posterior import Check
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.runs import RunTable
from tests.synthetic import OK, UNCONVERGED, changed, synthetic_fit, synthetic_runs

SHORT: dict[str, Any] = {"draws": 50, "tune": 50, "chains": 2, "random_seed": 3}


def simulated(families: Sequence[str] = ("all",), model: str = "chinchilla") -> RunTable:
    """Simulate 16 runs of every family at the truth, at four budgets."""
    return synthetic_runs(load_model(model), families=families, seed=1)


class Oracle:
    """Its `sample` stands in for `bayes_scaling.fit`; it remembers what it was given.

    Its draws scatter by 2 % around the parameters that `simulated` runs have, so forecasts are
    good anywhere; they depend on the seed and the model, and not on the losses.
    """

    def __init__(self, *, unconverged: frozenset[str] = frozenset()) -> None:
        self.unconverged = unconverged
        self.given: list[RunTable] = []
        self.seeds: list[int] = []

    def fit(self, model: Model, runs: RunTable, *, random_seed: int, **settings: Any) -> Fit:
        self.given.append(runs)
        self.seeds.append(random_seed)
        bad = any(label in self.unconverged for label in runs.labels("family"))
        checks: tuple[Check, ...] = UNCONVERGED if bad else OK
        made = synthetic_fit(
            model.id,
            families=runs.groups("family"),
            spread=0.01,
            checks=checks,
            seed=random_seed % 1000,
        )
        times = {"compile_seconds": "2.5", "sample_seconds": "0.5"}
        return changed(
            made,
            runs=runs,
            settings=Settings(random_seed=random_seed, draws=100, chains=4, tune=100),
            provenance={**made.provenance, **times},
            stats={**made.stats, "diverging": np.arange(400).reshape(4, 100) < 4},
        )

    def sample(self, runs: RunTable, model: Model | Sequence[Model] | None, **settings: Any) -> Fit:
        if isinstance(model, Model):
            return self.fit(model, runs, **settings)
        models = model or (load_model("chinchilla"), load_model("coupled"))
        return ensemble_of([self.fit(one, runs, **settings) for one in models])
