"""Whether the default average says the same in any unit: losses, params and tokens multiplied.

    python -m tests.studies.any_unit

Shift of median and ends of the forecast of a run with 100 times the compute of the largest, as a
share of the width of its 90 % interval. The first line of each sweep is another seed: what sampling
alone moves. Public tables are found by ``BAYES_SCALING_PUBLIC_DATA`` (default ``../shared/data``).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable, select_rows
from tests.laws.examples import example

DATA = Path(os.environ.get("BAYES_SCALING_PUBLIC_DATA", "../shared/data"))

UNITS = {
    "other seed": (1.0, 1.0, 1.0),
    "losses x 1e-4": (1e-4, 1.0, 1.0),
    "losses x 1e4": (1e4, 1.0, 1.0),
    "params x 1e3": (1.0, 1e3, 1.0),
    "tokens x 1e6": (1.0, 1.0, 1e6),
}


def sweeps() -> Iterator[tuple[str, RunTable]]:
    """Sweeps at home and abroad, and simulated ones."""
    points = bs.read_runs(DATA / "chinchilla_epoch.csv")
    yield "240 points", select_rows(points, "epoch_outlier == 0 and flops <= 1e20")
    yield "nano-lm", bs.best_of_cells(bs.load_dataset("nano-lm"))
    for family in ("clm", "mlm"):
        where = f"family == '{family}' and flops <= 3.3e19"
        yield f"protein {family}", bs.read_runs(DATA / "abroad" / "protein.csv", where=where)
    for seed in range(3):
        yield f"simulated {seed}", example(load_model("coupled"), seed=seed, rows=30).runs


def forecast(runs: RunTable, units: tuple[float, float, float], seed: int) -> np.ndarray:
    """Median and 90 % interval (3,) of the loss beyond the runs, in the unit of the table."""
    loss, params, tokens = units
    moved = {
        "params": runs["params"] * params,
        "tokens": runs["tokens"] * tokens,
        "loss": runs["loss"] * loss,
    }
    fit = bs.fit(RunTable.from_columns(moved), random_seed=seed)
    largest = int(np.argmax(runs["params"] * runs["tokens"]))
    sizes = {name: 10 * moved[name][largest] for name in ("params", "tokens")}
    return np.quantile(fit.forecast(sizes).draws[:, 0], [0.05, 0.5, 0.95]) / loss


def main() -> None:
    """Print the shifts."""
    warnings.simplefilter("ignore")
    for name, runs in sweeps():
        usual = forecast(runs, (1.0, 1.0, 1.0), 1)
        for label, units in UNITS.items():
            found = forecast(runs, units, 2 if label == "other seed" else 1)
            low, median, high = (found - usual) / (usual[2] - usual[0])
            print(f"{name:14s} {label:14s} {low:+.3f} {median:+.3f} {high:+.3f}", flush=True)


if __name__ == "__main__":
    main()
