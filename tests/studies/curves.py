"""A third size on an unseen schedule, from the curves of two sizes (public data).

    python -m tests.studies.curves inside     choose how rows of a run are treated
    python -m tests.studies.curves targets    forecast the third size at the end of each schedule

Fitted are 25M and 100M on all schedules but one, thinned to at most 40 rows a run; asked is the
loss at the end of training of 400M on the schedule that was left out. "Inside" asks for the fitted
sizes on that schedule instead.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import quantiles
from bayes_scaling.runs import RunTable, select_rows

DATA = Path("../shared/data/multipowerlaw_curves.csv")
WARMUP = 2160
"""Steps of warm-up of these curves, which begin when it ends."""

ROWS = 20
"""Rows of a run that are kept at each of two spacings: even, and even in the log."""

FORMS = {"independent": {"run_effect": False}, "run effect": {"run_effect": True},
         "correlated": {"correlated": True}}  # fmt: skip
CHOSEN = "correlated"
"""Of least error among those whose intervals hold inside, which are both of the dependent ones."""


def read() -> RunTable:
    """Read the curves, thinned, with the areas of their schedules; all as one group."""
    runs = bs.with_schedule_areas(bs.read_runs(DATA), warmup=WARMUP)
    columns = {**runs.columns, "family": np.full(len(runs), "one recipe")}
    return thinned(RunTable(columns=columns))


def thinned(runs: RunTable) -> RunTable:
    """Keep some rows of each run, among them the first and the last."""
    kept = []
    for run in np.unique(runs["run"]):
        rows = np.flatnonzero(runs["run"] == run)
        rows = rows[np.argsort(runs["steps"][rows])]
        places = [np.geomspace(1, rows.size, ROWS) - 1, np.linspace(0, rows.size - 1, ROWS)]
        kept.append(rows[np.unique(np.concatenate(places).round().astype(int))])
    return runs.take(np.concatenate(kept))


def ends(runs: RunTable) -> RunTable:
    """Return the last row of each run."""
    last = {run: i for i, run in sorted(enumerate(runs["run"]), key=lambda p: runs["steps"][p[0]])}
    return runs.take(np.array(sorted(last.values())))


def fitted(runs: RunTable, form: str) -> tuple[Fit, float]:
    """Fit the schedule law, and tell the seconds."""
    start = time.perf_counter()
    on = FORMS[form]
    found = bs.fit(
        "schedule", runs, run_effect=on.get("run_effect"), correlated=on.get("correlated"),
        draws=1000, tune=1000, chains=2, random_seed=1,
    )  # fmt: skip
    return found, time.perf_counter() - start


def tell(runs: RunTable, form: str, targets: RunTable) -> None:
    """Print the error of every held-out end, and how many intervals hold."""
    small = select_rows(runs, "params < 3e8")
    errors, hits, widths = [], [], []
    print(f"\n{form}")
    for schedule in np.unique(runs["schedule"]):
        found, spent = fitted(small.take(small["schedule"] != schedule), form)
        asked = ends(targets.take(targets["schedule"] == schedule))
        sizes = {name: asked[name] for name in found.model.inputs}
        draws = found.accept_unconverged().forecast(sizes).draws
        for index, truth in enumerate(asked["loss"]):
            median, low, high = quantiles(draws[:, index])
            errors.append(median / truth - 1)
            hits.append(low <= truth <= high)
            widths.append((high - low) / median)
            print(f"  {schedule:18s} {asked['params'][index] / 1e6:4.0f}M  {median:.3f} "
                  f"[{low:.3f}, {high:.3f}]  reached {truth:.3f}  {errors[-1]:+6.2%}  "
                  f"{found.status}, {found.stats['diverging'].sum()} divergent, {spent:.0f} s",
                  flush=True)  # fmt: skip
    print(f"  mean |error| {np.mean(np.abs(errors)):.2%}, bias {np.mean(errors):+.2%}; 90 % "
          f"intervals cover {sum(hits)} of {len(hits)}, width {np.mean(widths):.1%}")  # fmt: skip


def main(part: str = "targets") -> None:
    """Print one of the two parts."""
    warnings.simplefilter("ignore")
    runs = read()
    if part == "inside":
        for form in FORMS:
            tell(runs, form, select_rows(runs, "params < 3e8"))
    else:
        tell(runs, CHOSEN, select_rows(runs, "params > 3e8"))


if __name__ == "__main__":
    main(*sys.argv[1:2])
