"""Reliability of P(loss <= target): said and come true, over rolling backtests of public sweeps.

    python -m tests.studies.reliability

Every held-out run of every cut is asked whether it reaches targets that do not look at it: those at
-2, -1, 0, 1 and 2 % from the median of the least-squares baseline. Runs of one cut are not
independent of each other.
"""

from __future__ import annotations

import sys
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np

import bayes_scaling as bs
from bayes_scaling.runs import RunTable, select_rows
from bayes_scaling.scores import LEVELS

DATA = Path("../shared/data")
OFFSETS = (-0.02, -0.01, 0.0, 0.01, 0.02)
EDGES = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
SETTINGS = {"draws": 500, "tune": 800, "chains": 2}


def sweeps() -> dict[str, RunTable]:
    """Return the sweeps, each of one group."""
    gadre = bs.read_runs(DATA / "gadre2024_losses.csv")
    found = {
        "nano-lm": bs.best_of_cells(bs.load_dataset("nano-lm")),
        "chinchilla": select_rows(
            bs.read_runs(DATA / "chinchilla_epoch.csv"), "epoch_outlier == 0"
        ),
    }
    for family in ("c4_original", "rpj", "rw_original"):
        rows = (gadre["family"] == family) & (gadre["metric"] == gadre["metric"][0])
        if rows.sum() > 20:
            found[f"gadre {family}"] = bs.best_of_cells(gadre.take(rows))
    return found


def main(models: str = "coupled") -> None:
    """Print the table, by sweep and for all."""
    warnings.simplefilter("ignore")
    start, said, came = time.perf_counter(), [], []
    for name, runs in sweeps().items():
        result = bs.backtest(runs, models=models, rolling=True, random_seed=1, **SETTINGS)  # type: ignore[arg-type]
        rival = next(key for key in result.rivals if "least" in key or "baseline" in key)
        own, hits = [], []
        for split, answer, base in zip(
            result.splits, result.answers, result.rivals[rival], strict=True
        ):
            for offset in OFFSETS:
                targets = base[LEVELS.size // 2] * (1 + offset)
                for index, target in enumerate(targets):
                    quantiles = answer.quantiles[:, index]
                    own.append(float(np.interp(target, quantiles, LEVELS, left=0.01, right=0.99)))
                    hits.append(bool(split.observed[index] <= target))
        said += own
        came += hits
        brier = np.mean((np.array(own) - np.array(hits)) ** 2)
        print(f"{name}: {len(result.splits)} cuts, {len(own)} questions, Brier {brier:.3f}, "
              f"{time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip
    values, hit = np.array(said), np.array(came)
    for low, high in pairwise(EDGES):
        inside = (values >= low) & ((values < high) | (high == 1))
        if inside.any():
            print(f"said {low:.1f} to {high:.1f}: mean {values[inside].mean():.2f}, came true "
                  f"{hit[inside].mean():.2f} of {inside.sum()}")  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:2])
