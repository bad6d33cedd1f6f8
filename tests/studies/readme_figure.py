"""Draw the figure of the README from the shipped sweep.

Run it as ``python -m tests.studies.readme_figure .github/forecast.png``.
"""

from __future__ import annotations

import sys
import warnings

from bayes_scaling.datasets import load_dataset
from bayes_scaling.inference import fit_ensemble
from bayes_scaling.report.plots import plot_loss
from bayes_scaling.runs import best_of_cells

BEYOND = 100.0
"""How far beyond the largest run the planned one lies."""


def main(path: str) -> None:
    """Fit the best run of each cell, forecast the run at the best split, draw."""
    warnings.simplefilter("ignore")
    runs = best_of_cells(load_dataset("nano-lm"))
    result = fit_ensemble(runs, random_seed=0)
    budget = BEYOND * float(runs["flops"].max())
    best = result.allocate(flops=budget).rows()[0]
    planned = result.forecast({"params": best["params"], "tokens": best["tokens"]})
    ax = plot_loss(result, flops_to=10 * budget, planned=planned)
    ax.set_title("nano-lm: forecast of a run with 100x the compute", fontsize=10)
    ax.figure.savefig(path, dpi=150, bbox_inches="tight")  # type: ignore[union-attr]


if __name__ == "__main__":
    main(sys.argv[1])
