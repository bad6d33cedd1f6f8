"""The best learning rate of an unseen larger cell, by `chinchilla-lr`, on the public Step Law grid.

Run it as ``python -m tests.studies.best_rate steplaw_dense.csv``. The largest cell is left out;
elsewhere each learning rate is taken at its best batch size, as the grid's best is.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayes_scaling.fitting import fit
from bayes_scaling.intervals import Interval, interval
from bayes_scaling.runs import RunTable, read_runs, select_rows
from bayes_scaling.runs.designs import best_of

LARGEST = "params_nonembedding > 1.07e9 and tokens > 5.6e10"


@dataclass(frozen=True, kw_only=True)
class RateForecast:
    """The forecast learning rate of the largest cell, and the best of the grid there."""

    forecast: Interval
    grid_best: float
    status: str


def best_batches(runs: RunTable) -> RunTable:
    """Keep the best batch size at every size and learning rate."""
    names = ("params_nonembedding", "tokens", "learning_rate")
    cell = np.unique(np.stack([runs[name] for name in names]), axis=1, return_inverse=True)[1]
    return best_of(runs, cell.ravel())


def forecast_rate(path: Path) -> RateForecast:
    """Fit below the largest cell and ask for its best rate."""
    runs = read_runs(path)
    largest = select_rows(runs, LARGEST)
    small = best_batches(select_rows(runs, f"not ({LARGEST})"))
    result = fit("chinchilla-lr", small, random_seed=1)
    sizes = {"params": largest["params"][0], "tokens": largest["tokens"][0]}
    answer = result.accept_unconverged().forecast(sizes)
    return RateForecast(
        forecast=interval(answer.tuned["learning_rate"]),
        grid_best=float(largest["learning_rate"][np.argmin(largest["loss"])]),
        status=result.status,
    )


def main(path: str) -> None:
    """Print the forecast and the grid's best."""
    warnings.simplefilter("ignore")
    found = forecast_rate(Path(path))
    print(f"forecast {found.forecast}, grid best {found.grid_best:g} ({found.status})")
    print(f"factor {found.grid_best / found.forecast.median:.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
