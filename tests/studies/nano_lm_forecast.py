"""Forecasts of the largest runs of nano-lm, made from the small ones, against what they reached.

Run it as ``python -m tests.studies.nano_lm_forecast``. Nothing is tuned here: the coverage is what
it is.
"""

from __future__ import annotations

import warnings

import numpy as np

from bayes_scaling.datasets import load_dataset
from bayes_scaling.fitting import fit
from bayes_scaling.intervals import quantiles
from bayes_scaling.questions.forecast import Forecast
from bayes_scaling.runs import best_of_cells, select_rows

CUTS = (1e11, 1e12)
LARGEST = 9e12
SLACK = 1.02
"""Budgets are nominal: a run may exceed its budget by the rounding of its steps."""


def show(label: str, forecast: Forecast, observed: np.ndarray) -> None:
    """Print one line per held-out run, and the coverage."""
    median, lower, upper = quantiles(forecast.draws)
    inside = (lower <= observed) & (observed <= upper)
    print(f"\n{label}: 90 % intervals cover {inside.sum()} of {inside.size}, ", end="")
    print(f"median error {np.median(median / observed - 1):+.1%}")
    for index, row in enumerate(forecast.rows()):
        print(
            f"  {row['params']:9.0f} params {row['tokens']:10.3g} tokens  observed "
            f"{observed[index]:.3f}  forecast {median[index]:.3f} "
            f"[{lower[index]:.3f}, {upper[index]:.3f}]{'' if inside[index] else '  missed'}"
        )


def main() -> None:
    """Fit below each cut, forecast the largest runs, compare."""
    warnings.simplefilter("ignore")
    runs = load_dataset("nano-lm")
    largest = select_rows(runs, f"flops >= {LARGEST}")
    best = best_of_cells(largest)
    for cut in CUTS:
        small = select_rows(runs, f"flops <= {SLACK * cut}")
        tuned = fit("chinchilla-lr", small, random_seed=1)
        at_rate = {name: largest[name] for name in ("params", "tokens", "learning_rate")}
        show(
            f"chinchilla-lr, {len(small)} runs <= {cut:g}", tuned.forecast(at_rate), largest["loss"]
        )
        cells = best_of_cells(small)
        plain = fit("chinchilla", cells, random_seed=1)
        sizes = {name: best[name] for name in ("params", "tokens")}
        show(
            f"chinchilla, {len(cells)} best of cell <= {cut:g}", plain.forecast(sizes), best["loss"]
        )


if __name__ == "__main__":
    main()
