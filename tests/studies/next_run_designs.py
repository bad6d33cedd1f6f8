"""Which recorded runs to add next: ours against plain designs of equal budget, on nano-lm.

    python -m tests.studies.next_run_designs

Known are four fifths of the best runs up to 1e11 FLOP, drawn anew for every seed; candidates are
those from there to 1e12, and the target is the mean size of the runs beyond 3e12, which are only
looked at to score. After each design the same law is fitted again. Scored are the width of the 90 %
interval, its mean over the budgets (the area), and the error of the median at those largest runs.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import quantiles
from bayes_scaling.runs import RunTable, select_rows

SEEDS = 20
BUDGETS = (1e12, 3e12)
SIZES = ("params", "tokens")


def sampled(runs: RunTable, seed: int) -> Fit:
    """Fit the law that is tested."""
    return bs.fit(runs, "coupled", drift=True, random_seed=seed, draws=500, tune=800, chains=2)


def scored(found: Fit, largest: RunTable) -> tuple[float, float]:
    """Width of the interval and error of the median at the largest runs, both means of logs."""
    draws = found.accept_unconverged().forecast({name: largest[name] for name in SIZES}).draws
    median, low, high = quantiles(draws)
    error = np.abs(np.log(median / largest["loss"]))
    return float(np.mean(np.log(high / low))), float(np.median(error))


def main(seeds: str = str(SEEDS)) -> None:
    """Print width and error by design."""
    warnings.simplefilter("ignore")
    best = bs.best_of_cells(bs.load_dataset("nano-lm"))
    small = select_rows(best, "flops <= 1.02e11")
    candidates = select_rows(best, "flops > 1.02e11 and flops <= 1.02e12")
    largest = select_rows(best, "flops > 2.9e12")
    target = {name: float(np.exp(np.mean(np.log(largest[name])))) for name in SIZES}
    offered = {name: candidates[name] for name in SIZES}
    results: dict[str, list[tuple[float, float]]] = {}
    start = time.perf_counter()
    for seed in range(int(seeds)):
        rng = np.random.default_rng(seed)
        known = small.take(np.sort(rng.choice(len(small), 4 * len(small) // 5, replace=False)))
        before = sampled(known, seed)
        results.setdefault("before", []).append(scored(before, largest))
        scores: dict[str, list[tuple[float, float]]] = {}
        for budget in BUDGETS:
            asked = before.accept_unconverged().next_runs(budget, candidates=offered, target=target)
            for name, picked in {"this": asked.chosen, **asked.designs}.items():
                chosen = candidates.take(np.array(sorted(picked), dtype=int))
                columns = {key: np.concatenate([known[key], chosen[key]]) for key in known.columns}
                after = sampled(RunTable(columns=columns), seed)
                scores.setdefault(name, []).append(scored(after, largest))
        for name, scored_after in scores.items():
            width, error = np.mean(scored_after, axis=0)
            results.setdefault(name, []).append((float(width), float(error)))
        told = "; ".join(f"{name} {rows[-1][0]:.3f} {rows[-1][1]:.3f}"
                         for name, rows in results.items())  # fmt: skip
        print(f"seed {seed}: {told}", flush=True)
    for name, rows in results.items():
        width, error = np.array(rows).T
        print(f"{name:20s} area under width {width.mean():.4f}, median error "
              f"{np.median(error):.2%}, mean {error.mean():.2%}")  # fmt: skip
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:2])
