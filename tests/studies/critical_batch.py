"""Can a grid of batches and rates tell the critical batch? And are curves those of one size?

    python -m tests.studies.critical_batch batch    Step Law: each (N, D, batch) at its best rate
    python -m tests.studies.critical_batch size     learning curves of nano-lm and of a public sweep

The first fits L(N, S, B) of Kaplan et al., with all batches and without those below the best one of
their cell, where the law says that loss can only fall as batches shrink; it prints what runs do.
The second asks how the parameters of a curve change with the size of its model.
"""

from __future__ import annotations

import sys
import time
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import quantiles
from bayes_scaling.laws.density import log_law
from bayes_scaling.laws.design import make_design
from bayes_scaling.runs import RunTable, select_rows
from bayes_scaling.runs.designs import best_of

DATA = Path("../shared/data")
SETTINGS: dict[str, Any] = {"draws": 1000, "tune": 1000, "chains": 2, "random_seed": 1}
LOSSES = (2.8, 2.5, 2.2)
NARROW = np.log(1.4)
"""Log factor below the best batch at which a batch counts as smaller."""

ROWS = 20
"""Rows of a curve that are kept, evenly spaced in log steps."""


def numbers(runs: RunTable, *columns: str) -> NDArray[np.int64]:
    """Number of the cell of each row by some columns."""
    keys = np.stack([runs[name] for name in columns])
    return np.unique(keys, axis=1, return_inverse=True)[1].ravel()


def below_best(runs: RunTable) -> NDArray[np.float64]:
    """Log factor of each batch over the best one of its (N, D) cell."""
    cell = numbers(runs, "params", "tokens")
    best = {c: runs["batch_size"][rows[np.argmin(runs["loss"][rows])]]
            for c in np.unique(cell) for rows in [np.flatnonzero(cell == c)]}  # fmt: skip
    return np.asarray(np.log(runs["batch_size"] / np.array([best[c] for c in cell])))


def fitted(law: str, runs: RunTable, **options: Any) -> Fit:
    """Fit, and print how it went."""
    start = time.perf_counter()
    found = bs.fit(law, runs, **SETTINGS, **options)
    print(f"\n{law}, {len(runs)} rows: {found.status}, {found.stats['diverging'].sum()} divergent, "
          f"{time.perf_counter() - start:.0f} s")  # fmt: skip
    return found


def told(found: Fit, *names: str) -> None:
    """Print medians and 90 % intervals."""
    for name in names:
        median, low, high = quantiles(found.flat[name])
        print(f"  {name:12s} {median:.4g} [{low:.4g}, {high:.4g}]")


def tell_batch() -> None:
    """Print the posterior of the critical batch with both choices of rows, and the residuals."""
    runs = bs.read_runs(DATA / "steplaw_dense.csv")
    best = best_of(runs, numbers(runs, "params", "tokens", "batch_size"))
    off = below_best(best)
    told(fitted("kaplan-ns", best, run_effect=False), "sigma")
    for label, rows in (("all batches", off > -np.inf), ("from the best one up", off > -NARROW)):
        found = fitted("kaplan-ns-batch", best.take(rows), run_effect=False)
        print(f"  {label}; published alpha_B .21, B_star 2e8")
        told(found, "sigma", "alpha_B", "B_star")
        for loss in LOSSES:
            asked = found.accept_unconverged().query("critical-batch", {"loss_reached": loss})
            median, low, high = quantiles(asked.draws["batch_size"][:, 0])
            print(f"  critical batch at {loss}: {median:.3g} [{low:.3g}, {high:.3g}] tokens")
        if label == "all batches":
            design = make_design(found.model, found.runs)
            law = np.median(log_law(found.model, design, found.flat), axis=0)
            residual = np.log(best["loss"]) - law
            edges = np.log(2.0) * np.array([-9, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 9])
            for low, high in pairwise(edges):
                own = (off >= low) & (off < high)
                print(f"    batch over the best one {np.exp(low):6.2g} to {np.exp(high):6.2g}: "
                      f"{own.sum():3d} cells lie {residual[own].mean():+.2%} off")  # fmt: skip


def curves(name: str) -> RunTable:
    """Some rows of every curve of a set, after the first tenth of it."""
    if name == "nano-lm-curves":
        runs = bs.load_dataset(name)
    else:
        runs = bs.read_runs(DATA / name)
        runs = select_rows(runs, "portion > 0.1 and learning_rate == 0.002")
    kept = []
    for run in np.unique(runs["run"]):
        rows = np.flatnonzero(runs["run"] == run)
        rows = rows[np.argsort(runs["steps"][rows])]
        rows = rows[runs["steps"][rows] >= 0.1 * runs["steps"][rows[-1]]]
        places = np.geomspace(1, rows.size, min(ROWS, rows.size)) - 1
        kept.append(rows[np.unique(places.round().astype(int))])
    return runs.take(np.concatenate(kept))


def tell_size() -> None:
    """Print the powers of params in the parameters of a curve."""
    for name in ("nano-lm-curves", "misfitting_checkpoints.csv"):
        runs = curves(name)
        print(f"\n{name}: {np.unique(runs['run']).size} runs of {np.unique(runs['params']).size} "
              "sizes")  # fmt: skip
        found = fitted("kaplan-ns-by-size", runs, correlated=True)
        told(found, "alpha_S", "slope_s", "slope_alpha", "memory", "sigma")
        for power in ("slope_s", "slope_alpha"):
            near = np.mean(np.abs(found.flat[power]) < 0.05)
            print(f"  P(|{power}| < .05) {near:.2f}")


def main(part: str = "batch") -> None:
    """Print one of the two parts."""
    warnings.simplefilter("ignore")
    {"batch": tell_batch, "size": tell_size}[part]()


if __name__ == "__main__":
    main(*sys.argv[1:2])
