"""Draw the figures of the README from the shipped sweeps.

Run it as ``python -m tests.studies.readme_figures .github``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

import bayes_scaling as bs
from bayes_scaling.figures import (
    plot_allocation,
    plot_chance,
    plot_isoflop,
    plot_loss,
    plot_members,
    plot_monitor,
    plot_next_runs,
    plot_tune,
)
from bayes_scaling.runs import select_rows

BEYOND = 100.0
"""How far beyond the largest run the planned one lies."""

TARGET = 0.8
SMALL = "flops <= 3.1e11"
"""Runs that are fitted where a larger one is followed."""


def headline(runs: bs.RunTable, result: bs.Fit) -> Axes:
    """Draw the forecast of the run at the best split."""
    budget = BEYOND * float(runs["flops"].max())
    best = result.allocate(flops=budget).choices[0]
    planned = result.forecast({"params": best.params, "tokens": best.tokens})
    ax = plot_loss(result, flops_to=10 * budget, planned=planned)
    ax.set_title("nano-lm: forecast of a run with 100x the compute", fontsize=10)
    return ax


def gallery(runs: bs.RunTable, result: bs.Fit) -> Iterator[tuple[str, Axes]]:
    """Draw what else a fit is asked."""
    budget = BEYOND * float(runs["flops"].max())
    curve = result.loss_curve(to=10 * budget)
    assert curve.allocation is not None
    yield (
        "allocation",
        plot_allocation(
            curve.allocation, runs=runs, published=[bs.published("hoffmann-2022-approach-2")]
        ),
    )
    yield "isoflop", plot_isoflop(result.valleys([1e12, 1e13, 1e14]), runs=runs)
    yield "chance", plot_chance(curve, TARGET, planned=budget)
    best = result.allocate(flops=budget).choices[0]
    yield "members", plot_members(result.forecast({"params": best.params, "tokens": best.tokens}))
    yield "next_runs", plot_next_runs(result.next_runs(1e13))
    yield "monitor", plot_monitor(followed(runs))
    rates = bs.fit("coupled+lr-valley-steep", bs.load_dataset("nano-lm"), random_seed=0)
    yield "tune", plot_tune(rates.tune(1e6, 5e7))


def followed(runs: bs.RunTable) -> bs.Monitor:
    """Follow the largest run up to half of its way, by a law and curves of smaller ones."""
    small = select_rows(runs, SMALL)
    fit = bs.fit("coupled-drift", small, random_seed=0)
    curves = bs.load_dataset("nano-lm-curves")
    row = int(np.argmax(runs["flops"]))
    own = curves.take(curves["run"] == runs["run"][row])
    own = own.take(np.argsort(own["tokens"], kind="stable"))
    plan = {"params": float(runs["params"][row]), "tokens": float(runs["tokens"][row])}
    so_far = own.take(own["tokens"] <= 0.5 * plan["tokens"])
    finished = curves.take(np.isin(curves["run"], small["run"]))
    return fit.monitor(so_far, plan, finished=finished)


def main(folder: Path) -> None:
    """Fit the best run of each cell, and draw."""
    warnings.simplefilter("ignore")
    runs = bs.best_of_cells(bs.load_dataset("nano-lm"))
    result = bs.fit_ensemble(runs, random_seed=0)
    headline(runs, result).figure.savefig(  # type: ignore[union-attr]
        folder / "forecast.png", dpi=150, bbox_inches="tight"
    )
    for name, ax in gallery(runs, result):
        ax.figure.savefig(folder / f"{name}.png", dpi=110)  # type: ignore[union-attr]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
