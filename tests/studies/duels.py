"""Simulated duels: how often intervals of the compute multiplier hold, and verdicts are wrong.

Usage: python -m tests.studies.duels [FIRST] [LAST]. A duel takes 10 to 25 CPU s.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.runs import RunTable

LEAST, MOST = 0.7, 1.5
"""Compute multipliers."""

FROM, TO, TARGET = 1e18, 1e20, 1e21
"""Compute of the runs, and of the target [FLOP]."""

NOISE = 0.004
SETTINGS = {"draws": 300, "tune": 500, "chains": 2}


def simulate(multiplier: float, runs: int, seed: int) -> RunTable:
    """Return runs of a baseline and of a variant whose params and tokens count for more."""
    rng = np.random.default_rng(seed)
    parts = []
    for gain in (1.0, multiplier):
        flops = np.exp(rng.uniform(np.log(FROM), np.log(TO), runs))
        params = np.sqrt(flops / 6 / 20) * np.exp(0.4 * rng.standard_normal(runs))
        tokens = flops / 6 / params
        factor = np.sqrt(gain)
        loss = 1.69 + 406.4 / (params * factor) ** 0.34 + 410.7 / (tokens * factor) ** 0.28
        parts.append((params, tokens, loss * np.exp(NOISE * rng.standard_normal(runs))))
    params, tokens, loss = (np.concatenate(each) for each in zip(*parts, strict=True))
    family = np.repeat(["a", "b"], runs)
    return RunTable.from_columns(
        {"params": params, "tokens": tokens, "loss": loss, "family": family}
    )


def main(first: int, last: int) -> None:
    """Print each duel, then coverage inside the runs and at the target, and wrong verdicts."""
    warnings.simplefilter("ignore", BayesScalingWarning)
    held, wrong, decided = [], 0, 0
    for seed in range(first, last):
        rng = np.random.default_rng(1000 + seed)
        true = float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
        count = int(rng.integers(3, 21))
        found = bs.duel(
            simulate(true, count, seed),
            a="a",
            b="b",
            flops=[1e19, TARGET],
            random_seed=seed,
            **SETTINGS,  # type: ignore[arg-type]
        )
        rows = found.rows()
        held.append([row["multiplier_lower"] <= true <= row["multiplier_upper"] for row in rows])
        verdict = found.verdict("b")
        decided += verdict != "undecided"
        wrong += verdict == ("drop" if true > 1 else "promote")
        print(f"{seed}: {true:.2f} from {count} runs each\n{found}", flush=True)
    inside, at_target = np.mean(held, axis=0)
    print(
        f"{last - first} duels: 90 % intervals held {inside:.2f} of the time inside the runs, "
        f"{at_target:.2f} at the target; {wrong} of {decided} verdicts were wrong"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3])) if len(sys.argv) == 3 else main(0, 24)
