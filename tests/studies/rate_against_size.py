"""Best learning rate against size on a public sweep of eight rates, each size left out in turn.

    python -m tests.studies.rate_against_size

Six cells of the sweep have eight rates; the others, three. For each of the six, all runs of its
size are left out, the valley is fitted to the rest, and its recommended rate is scored at the
nearest of the eight: loss over the least of the cell, minus 1. Beside it: a regression of the best
rates of the other five cells on log params, and the best rate of the next smaller (of the smallest:
larger) one.
The law was settled on another set (tests/studies/step_law.py).
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import bayes_scaling as bs
from bayes_scaling.intervals import quantiles
from bayes_scaling.runs import RunTable

DATA = Path("../shared/data/misfitting_lr_sweep.csv")
LAW = "chinchilla+lr-valley-steep"
SETTINGS: dict[str, Any] = {"draws": 1000, "tune": 1000, "chains": 2, "random_seed": 1}
RATES = 8


def cells(runs: RunTable) -> list[RunTable]:
    """Return the cells with all rates, in the order of size."""
    keys = np.stack([runs["params"], runs["tokens"]])
    _, index, count = np.unique(keys, axis=1, return_inverse=True, return_counts=True)
    full = [runs.take(index.ravel() == i) for i in np.flatnonzero(count == RATES)]
    return sorted(full, key=lambda cell: float(cell["params"][0]))


def best(cell: RunTable) -> float:
    """Return the rate of least loss."""
    return float(cell["learning_rate"][np.argmin(cell["loss"])])


def regret(cell: RunTable, rate: float) -> float:
    """Loss at the nearest of the rates over the least, minus 1."""
    near = np.argmin(np.abs(np.log(cell["learning_rate"] / rate)))
    return float(cell["loss"][near] / cell["loss"].min() - 1)


def main() -> None:
    """Print the posterior on all runs, and what each left-out size loses."""
    warnings.simplefilter("ignore")
    runs = bs.read_runs(DATA)
    whole = bs.fit(LAW, runs, **SETTINGS)
    print(f"{LAW} on {len(runs)} runs: {whole.status}, {whole.stats['diverging'].sum()} divergent")
    for name in ("s_N", "s_D", "h", "flank", "steep", "sigma"):
        median, low, high = quantiles(whole.flat[name])
        print(f"  {name:6s} {median:+.3f} [{low:+.3f}, {high:+.3f}]")
    full = cells(runs)
    lost: dict[str, list[float]] = {"valley": [], "regression": [], "next size": []}
    hits = 0
    for index, cell in enumerate(full):
        params, tokens = float(cell["params"][0]), float(cell["tokens"][0])
        start = time.perf_counter()
        found = bs.fit(LAW, runs.take(runs["params"] != params), **SETTINGS)
        tuned = found.accept_unconverged().tune(params, tokens)
        others = [other for other in full if other is not cell]
        sizes = np.log([other["params"][0] for other in others])
        line = np.polyfit(sizes, np.log([best(other) for other in others]), 1)
        rates = {
            "valley": float(tuned.recommended["learning_rate"][0]),
            "regression": float(np.exp(np.polyval(line, np.log(params)))),
            "next size": best(full[index - 1] if index else full[1]),
        }
        for name, rate in rates.items():
            lost[name].append(regret(cell, rate))
        median, low, high = quantiles(tuned.best["learning_rate"][:, 0])
        half = np.sqrt(2.0)  # the rates are a factor two apart
        hits += low / half <= best(cell) <= high * half
        print(f"  {params / 1e6:4.0f}M {tokens / 1e9:4.1f}B  best of eight {best(cell):.4f}, "
              f"valley {median:.4f} [{low:.4f}, {high:.4f}]  loses " + "  ".join(
                  f"{name} {values[-1]:.2%}" for name, values in lost.items()
              ) + f"  {found.status}, {time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip
    for name, values in lost.items():
        print(f"  {name:10s} mean regret {np.mean(values):.2%}, largest {max(values):.2%}")
    print(f"  90 % interval, widened by half a step of the grid, holds the best of eight in {hits} "
          f"of {len(full)}")  # fmt: skip


if __name__ == "__main__":
    main()
