"""Learning rate and batch of unseen larger cells, on the public Step Law grids.

    python -m tests.studies.step_law inside     choose the form inside the fit set
    python -m tests.studies.step_law targets    score the chosen form on the cells beyond

Fitted are the cells below 5e8 parameters; asked are those above. The regret of a choice is the loss
at the grid point nearest to it (in log rate and log batch) over the least loss of the cell, minus
1. "Inside" leaves the largest of the fitted sizes out and asks for that.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.facade import Fit
from bayes_scaling.fitting import fit
from bayes_scaling.intervals import quantiles
from bayes_scaling.runs import RunTable, read_runs, select_rows
from bayes_scaling.runs.designs import best_of

Array = NDArray[np.float64]
Choose = Callable[[float, float], tuple[float, float]]
"""From parameters and tokens to a learning rate and a batch."""

DATA = Path("../shared/data/steplaw_dense.csv")
SPLITS = {
    "inside": ("params < 4e8", "params > 4e8 and params < 5e8"),
    "targets": ("params < 5e8", "params > 5e8"),
}
FORMS = ("lr-batch-valley", "lr-batch-valley-steep", "coupled+lr-batch-valley-steep")
CHOSEN = "lr-batch-valley-steep"
"""The form of least regret inside."""


def cells(runs: RunTable) -> NDArray[np.int64]:
    """Number of the cell of each row."""
    sizes = np.stack([runs["params"], runs["tokens"]])
    return np.unique(sizes, axis=1, return_inverse=True)[1].ravel()


def each_cell(runs: RunTable) -> Iterator[RunTable]:
    """Yield the rows of every cell."""
    index = cells(runs)
    for number in np.unique(index):
        yield runs.take(index == number)


def regret(cell: RunTable, rate: float, batch: float) -> float:
    """Loss at the nearest grid point over the least of the cell, minus 1."""
    far = np.log(cell["learning_rate"] / rate) ** 2 + np.log(cell["batch_size"] / batch) ** 2
    return float(cell["loss"][np.argmin(far)] / cell["loss"].min() - 1)


def plain_regression(runs: RunTable) -> Choose:
    """Least squares of the best log rate and log batch of each cell on log params, log tokens."""
    best = best_of(runs, cells(runs))
    x = np.stack([np.ones(len(best)), np.log(best["params"]), np.log(best["tokens"])], axis=1)
    y = np.stack([np.log(best["learning_rate"]), np.log(best["batch_size"])], axis=1)
    slopes = np.linalg.lstsq(x, y, rcond=None)[0]

    def choose(params: float, tokens: float) -> tuple[float, float]:
        rate, batch = np.exp(np.array([1.0, np.log(params), np.log(tokens)]) @ slopes)
        return float(rate), float(batch)

    return choose


def published_rule(params: float, tokens: float) -> tuple[float, float]:
    """Li et al. (2025), whose authors saw every cell."""
    return 1.79 * params**-0.713 * tokens**0.307, 0.58 * tokens**0.571


def covered(result: Fit, cell: RunTable) -> tuple[bool, bool]:
    """Whether the 90 % intervals of rate and batch hold the grid's best within half a step."""
    found = result.accept_unconverged().tune(cell["params"][0], cell["tokens"][0])
    best = int(np.argmin(cell["loss"]))
    held = []
    for name in ("learning_rate", "batch_size"):
        steps = np.diff(np.log(np.unique(cell[name])))
        half = float(np.median(steps[steps > 0.01])) / 2
        _, low, high = np.log(quantiles(found.best[name][:, 0], 0.9))
        held.append(bool(low - half <= np.log(cell[name][best]) <= high + half))
    return held[0], held[1]


def main(which: str) -> None:
    """Print regrets, and how many of the grid's best lie in the intervals."""
    warnings.simplefilter("ignore")
    table = read_runs(DATA)
    runs = RunTable(columns={**table.columns, "params": table["params_nonembedding"]})
    small, large = (select_rows(runs, condition) for condition in SPLITS[which])
    asked = list(each_cell(large))
    print(f"{len(small)} rows of {len(set(cells(small)))} cells; {len(asked)} cells beyond")

    def tell(name: str, choose: Choose) -> None:
        found = [regret(c, *choose(c["params"][0], c["tokens"][0])) for c in asked]
        print(f"{name:34s} mean {np.mean(found):.3%}  {' '.join(f'{x:.3%}' for x in found)}")

    tell("plain regression of best points", plain_regression(small))
    tell("published rule", published_rule)
    for form in FORMS if which == "inside" else (CHOSEN,):
        began = time.perf_counter()
        result = fit(form, small, draws=1000, tune=800, chains=2, random_seed=1)
        seconds = time.perf_counter() - began

        def choose(params: float, tokens: float, result: Fit = result) -> tuple[float, float]:
            found = result.accept_unconverged().tune(params, tokens)
            return tuple(float(found.recommended[n][0]) for n in ("learning_rate", "batch_size"))  # type: ignore[return-value]

        tell(form, choose)
        held = np.array([covered(result, cell) for cell in asked])
        likelihood = float(np.mean(result.stats["logp"]))
        print(f"  {result.status}, {seconds:.0f} s; best within the 90 % interval and half a grid "
              f"step: rate {held[:, 0].sum()}, batch {held[:, 1].sum()} of {len(asked)}; mean log "
              f"posterior {likelihood:.1f}")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
