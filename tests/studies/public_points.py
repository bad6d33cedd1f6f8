"""Decisions on the 240 public points of Hoffmann et al.: budgets, regret of published splits, N*.

    python -m tests.studies.public_points

Run on the points without the five marked as outliers, by the default ensemble and by `chinchilla`
alone. Regret is the compute beyond what the best split would need for the same loss. Beside N* is
that of a pairs bootstrap: the same sum of power laws by least squares of the log loss, 1000 times.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.runs import RunTable, select_rows
from bayes_scaling.validation.baselines import minimise

DATA = Path("../shared/data/chinchilla_epoch.csv")
BUDGETS = (5.76e23, 1e26)
PUBLISHED = {
    "Hoffmann, approach 1": "hoffmann-2022-approach-1",
    "Hoffmann, approach 2": "hoffmann-2022-approach-2",
    "Hoffmann, approach 3": "hoffmann-2022",
    "Kaplan, C_min": "kaplan-2020-optimum",
}
COUNT = 1000


def published_params(name: str, flops: float) -> float:
    """Params that a published law gives a budget."""
    law = bs.published(name)
    if "flops" in law.inputs:
        return float(law.compute("params", {"flops": np.array([flops])})[0])
    return float(law.allocate(flops=flops).rows()[0]["params"])


def tell(fit: Fit, name: str) -> None:
    """Print splits and regrets."""
    print(f"\n{name}: {fit!r}")
    start = time.perf_counter()
    for row in fit.accept_unconverged().allocate(flops=list(BUDGETS)).rows():
        told = {
            "N*": "params", "D*": "tokens", "D*/N*": "tokens_per_param", "loss": "loss",
        }  # fmt: skip
        parts = [f"{label} {row[key]:.4g} [{row[f'{key}_lower']:.4g}, {row[f'{key}_upper']:.4g}]"
                 for label, key in told.items()]  # fmt: skip
        flat = f"{row['flat_params_from']:.3g} to {row['flat_params_to']:.3g}"
        print(f"  {row['flops']:.3g} FLOP: {', '.join(parts)}; choose N "
              f"{row['choose_params']:.3g}, within 1 % of its loss N {flat}")  # fmt: skip
    for called, law in PUBLISHED.items():
        for budget in BUDGETS:
            params = published_params(law, budget)
            tokens = budget / 6 / params
            row = fit.accept_unconverged().risk(params=params, tokens=tokens).rows()[0]
            ends = f"[{row['wasted_share_lower']:.2%}, {row['wasted_share_upper']:.2%}]"
            mean = row["expected_wasted_share"]
            print(f"  {called:21s} at {budget:.3g}: N {params:.3g}, wastes "
                  f"{row['wasted_share']:.2%} {ends}, expected {mean:.2%}")  # fmt: skip
    print(f"  {time.perf_counter() - start:.0f} s of answers")


def bootstrap(runs: RunTable) -> NDArray[np.float64]:
    """N* at the budgets (COUNT, n_budgets) from resampled runs."""
    rng = np.random.default_rng(1)
    x = np.log(np.column_stack([runs["params"] / 1e9, runs["tokens"] / 1e10]))
    y = np.log(runs["loss"])
    first, _ = minimise(np.array([[0.6, -1.0, -1.0, 0.35, 0.35]]), x[None], y[None])
    rows = rng.integers(0, len(y), (COUNT, len(y)))
    theta, _ = minimise(np.repeat(first, COUNT, axis=0), x[rows], y[rows])
    _, a, b, alpha, beta = theta.T
    k = np.log(np.array(BUDGETS) / 6 / 1e19)
    at = (a - b + np.log(alpha / beta))[:, None] + beta[:, None] * k
    return np.asarray(1e9 * np.exp(at / (alpha + beta)[:, None]))


def main() -> None:
    """Print everything."""
    warnings.simplefilter("ignore")
    runs = select_rows(bs.read_runs(DATA), "epoch_outlier == 0")
    found = np.quantile(bootstrap(runs), [0.05, 0.5, 0.95], axis=0)
    for budget, (low, middle, high) in zip(BUDGETS, found.T, strict=True):
        print(f"pairs bootstrap, {budget:.3g} FLOP: N* {middle:.3g} [{low:.3g}, {high:.3g}]")
    tell(bs.fit("chinchilla", runs, random_seed=1), "chinchilla")
    tell(bs.fit_ensemble(runs, random_seed=1), "default ensemble")


if __name__ == "__main__":
    main()
