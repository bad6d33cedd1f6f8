"""Runs in flight: forecast of their end, false alarms, and what an alarm finds.

    python -m tests.studies.monitor inside     runs of nano-lm of 3e10 to 3e11 FLOP, from smaller
    python -m tests.studies.monitor nano       runs of nano-lm beyond 3e11 FLOP, from smaller ones
    python -m tests.studies.monitor schedule   400M from 25M and 100M, every schedule (public data)
    python -m tests.studies.monitor unseen     400M on a schedule that was left out (public data)

Healthy runs of nano-lm are the best of their size; those with a rate off by 4 or more are not. A
spike is a loss 20 % up at 40 % of the way, gone by 60 %.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterable, Mapping

import numpy as np

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.questions.monitor import Monitor, monitor
from bayes_scaling.questions.sizes import Sizes
from bayes_scaling.runs import RunTable, select_rows
from tests.studies.curves import CHOSEN, fitted, read

SMALL = 3.1e11
SHARES = (0.05, 0.1, 0.25, 0.5)
OFF = 4.0
SPIKE = 0.2


def rows_of(runs: RunTable, name: str, clock: str) -> RunTable:
    """Return the curve of one run, in order."""
    found = runs.take(runs["run"] == name)
    return found.take(np.argsort(found[clock], kind="stable"))


def spiked(curve: RunTable, clock: str) -> RunTable:
    """Add a spike to a curve."""
    way = curve[clock] / curve[clock][-1]
    up = 1 + SPIKE * np.clip(1 - (way - 0.4) / 0.2, 0, 1) * (way >= 0.4)
    return RunTable(columns={**curve.columns, "loss": curve["loss"] * up})


def after(found: Monitor, share: float) -> int:
    """Return how many looks were made by a share of the way."""
    return int(np.sum(found.progress <= share * (1 + 1e-9)))


def tell(cases: Iterable[tuple[Fit, RunTable, Sizes]], finished: RunTable | None = None) -> None:
    """Print errors and coverage of the end by share of the way, false alarms and spikes found."""
    start = time.perf_counter()
    errors, covered, widths, alarms, spikes = [], [], [], [], []
    for fit, curve, plan in cases:
        found = monitor(fit, curve, plan, finished=finished)
        truth = float(curve["loss"][-1])
        looks = [after(found, share) for share in (0.0, *SHARES)]
        reach = 1.6448536 * found.end_spread[looks]
        errors.append(np.exp(found.end[looks]) / truth - 1)
        covered.append(np.abs(np.log(truth) - found.end[looks]) <= reach)
        widths.append(2 * reach)
        alarms.append(found.alarm is not None)
        broken = spiked(curve, found.clock)
        spike = monitor(fit, broken, plan, finished=finished)
        spikes.append(spike.alarm is not None)
        print(f"  {curve['run'][0]:26s} {truth:.3f} " + " ".join(
            f"{e:+.2%}/{w:.1%}" for e, w in zip(errors[-1], widths[-1], strict=True))
            + f"  {found.status}", flush=True)  # fmt: skip
    for index, share in enumerate((0.0, *SHARES)):
        size = np.abs(np.array(errors)[:, index])
        print(f"at {share:4.0%}: median |error| {np.median(size):.2%}, mean {size.mean():.2%}, "
              f"90 % intervals hold {np.mean(np.array(covered)[:, index]):.2f}, median width "
              f"{np.median(np.array(widths)[:, index]):.1%}")  # fmt: skip
    print(f"false alarms {sum(alarms)} of {len(alarms)}; spikes found {sum(spikes)}; "
          f"{time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip


def nano(fitted_to: float, up_to: float) -> None:
    """Follow the larger runs of nano-lm."""
    runs, curves = bs.load_dataset("nano-lm"), bs.load_dataset("nano-lm-curves")
    best = bs.best_of_cells(runs)
    fit = bs.fit_ensemble(select_rows(best, f"flops <= {fitted_to}"), random_seed=1)
    large = select_rows(best, f"flops > {fitted_to} and flops <= {up_to}")

    def case(name: str) -> tuple[Fit, RunTable, Mapping[str, float]]:
        curve = rows_of(curves, name, "tokens")
        return fit, curve, {"params": curve["params"][0], "tokens": curve["tokens"][-1]}

    tell([case(name) for name in large["run"]], finished=curves)
    rates = dict(zip(zip(large["params"], large["tokens"], strict=True),
                     large["learning_rate"], strict=True))  # fmt: skip
    found, off = 0, 0
    for row in range(len(runs)):
        known = rates.get((runs["params"][row], runs["tokens"][row]))
        if known and abs(np.log(runs["learning_rate"][row] / known)) >= np.log(OFF) * 0.999:
            off += 1
            watched = monitor(*case(runs["run"][row]), finished=curves)
            found += watched.alarm is not None
    print(f"rates off by {OFF:g} or more: alarms on {found} of {off}")


def schedules(*, unseen: bool) -> None:
    """Follow the 400M runs, from 25M and 100M, with or without their schedule among those."""
    runs = read()
    small, large = select_rows(runs, "params < 3e8"), select_rows(runs, "params > 3e8")
    cases: list[tuple[Fit, RunTable, Sizes]] = []
    for schedule in np.unique(runs["schedule"]):
        if unseen or not cases:
            fit, _ = fitted(small.take(small["schedule"] != schedule) if unseen else small, CHOSEN)
        curve = large.take(large["schedule"] == schedule)
        cases.append((fit, rows_of(curve, curve["run"][0], "steps"), plan_of(curve)))
    tell(cases)


def plan_of(curve: RunTable) -> RunTable:
    """Return the schedule of a run: what the law reads, and the steps."""
    names = ("params", "steps", "rate_area", "annealing_area", "family")
    return RunTable(columns={name: curve[name] for name in names})


def main(part: str = "nano") -> None:
    """Print one of the parts."""
    warnings.simplefilter("ignore")
    if part == "nano":
        nano(SMALL, 1e15)
    elif part == "inside":
        nano(SMALL / 10, SMALL)
    else:
        schedules(unseen=part == "unseen")


if __name__ == "__main__":
    main(*sys.argv[1:2])
