"""The public benchmark: forecasts of larger runs on many sweeps, beside baseline and prototype.

python -m tests.studies.benchmark size|deep|curves|data [--models NAME ...] [--baseline] [--pooled]

The tasks are found by ``BAYES_SCALING_BENCH`` (default ``../shared/bench``). Every group of a task
is fitted by itself; with ``--pooled`` all groups of a task in one fit; ``--baseline`` samples
nothing.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling import scores
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.laws import Model, load_model
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.baselines import baseline_quantiles
from bayes_scaling.validation.holdout import HeldOut, Task, forecast_targets
from bayes_scaling.validation.split import Split, make_splits
from bayes_scaling.validation.tasks import run_tasks
from tests.studies.saturating_m4 import forecast as forecast_m4
from tests.studies.tasks import load_tasks

Array = NDArray[np.float64]

SOURCES = {
    "size": "size_tasks", "deep": "deep_tasks", "curves": "curve_tasks",
    "data": "data_constrained_tasks",
}  # fmt: skip

KEPT = (
    "params", "tokens", "loss", "unique_tokens", "learning_rate", "batch_size", "steps", "width",
    "depth",
)  # fmt: skip
"""Columns that a model may read; flops are 6 N D with the N that the tasks name."""

PUBLISHED: dict[str, dict[str, dict[str, float]]] = {
    "size": {
        "published baseline": {
            "mare": 0.0288, "bias": 0.005, "coverage50": 0.34, "coverage90": 0.68,
            "width90": 0.074, "interval_score90": 0.202, "crps": 0.0215,
        },
        "prototype A + B": {
            "mare": 0.0122, "bias": 0.002, "coverage50": 0.60, "coverage90": 0.92,
            "interval_score90": 0.082, "crps": 0.0094,
        },
        "prototype A + B + BL": {
            "mare": 0.0118, "bias": 0.001, "coverage90": 0.95, "interval_score90": 0.079,
            "crps": 0.0091,
        },
    },
    "deep": {
        "published baseline": {"coverage90": 0.60, "interval_score90": 0.333, "crps": 0.040},
        "prototype A + B": {
            "bias": 0.012, "coverage90": 1.0, "interval_score90": 0.103, "crps": 0.0128,
        },
    },
    "curves": {
        "M4 as published": {"rmsle": 0.0116},
        "prototype, drift": {"rmsle": 0.0131, "coverage90": 0.88, "log_density": 3.65},
    },
    "data": {},
}  # fmt: skip
"""Means over tasks from ``STATISTICS.md`` of the benchmark."""

SHOWN = (*scores.COLUMNS, "log_density")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fit of a task of the benchmark."""

    task: str
    split: Split


def cases(source: str, *, pooled: bool, only: str) -> list[Case]:
    """Read the tasks whose name holds `only`, group by group or pooled."""
    bench = load_tasks()
    if bench is None:
        sys.exit("no benchmark tasks; set BAYES_SCALING_BENCH to their folder")
    by_task: dict[str, list[RunTable]] = {}
    for task, group, table, fit, target in getattr(bench, SOURCES[source])():
        if only not in task:
            continue
        columns = {name: table[name].to_numpy(float) for name in KEPT if name in table}
        columns["part"] = fit.to_numpy(float) - target.to_numpy(float)
        family = np.full(len(table), group)
        by_task.setdefault(task, []).append(_table({**columns, "family": family}))
    return [
        Case(task=task, split=split)
        for task, tables in by_task.items()
        for runs in (_joined(tables) if pooled else tables)
        for split in make_splits(runs, runs["part"] > 0, runs["part"] < 0, by=None)
    ]


def _table(columns: dict[str, NDArray[Any]]) -> RunTable:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        return RunTable.from_columns(columns)


def _joined(tables: Sequence[RunTable]) -> list[RunTable]:
    shared = set.intersection(*(set(table.columns) for table in tables)) - {"run"}
    return [
        _table({name: np.concatenate([table[name] for table in tables]) for name in sorted(shared)})
    ]


def rows_of(
    method: str, found: Sequence[Case], quantiles: Sequence[Array], density: Sequence[Array | None]
) -> list[dict[str, Any]]:
    """Score every group: one row each, with its task."""
    rows = []
    for case, q, log_density in zip(found, quantiles, density, strict=True):
        labels = case.split.targets.labels("family")
        for label in np.unique(labels):
            chosen = labels == label
            row = scores.score_quantiles(q[:, chosen], case.split.observed[chosen])
            if log_density is not None:
                row["log_density"] = float(np.mean(log_density[chosen]))
            rows.append({"method": method, "task": case.task, "group": str(label), **row})
    return rows


def task_means(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean over the groups of each task, and ``MEAN`` over tasks."""
    names = [name for name in SHOWN if name in rows[0]]

    def mean(parts: Sequence[dict[str, Any]]) -> dict[str, float]:
        return {name: float(np.mean([part[name] for part in parts])) for name in names}

    tasks = dict.fromkeys(row["task"] for row in rows)
    found = {task: mean([row for row in rows if row["task"] == task]) for task in tasks}
    return {**found, "MEAN": mean(list(found.values()))}


def show(head: str, table: dict[str, dict[str, float]]) -> None:
    """Print rows of scores."""
    print(head.ljust(28), *(name.rjust(16) for name in SHOWN))
    for name, row in table.items():
        values = (f"{row[key]:16.4f}" if key in row else " " * 15 + "-" for key in SHOWN)
        print(name[:28].ljust(28), *values)
    print()


def run_models(
    found: Sequence[Case], models: tuple[Model, ...] | None, settings: dict[str, int], jobs: int
) -> list[HeldOut]:
    """Fit and forecast every case."""
    seeds = np.random.SeedSequence(settings["random_seed"]).spawn(len(found))
    tasks = [
        Task(
            split=case.split,
            models=models,
            settings=Settings(**{**settings, "random_seed": int(seed.generate_state(1)[0])}),
        )
        for case, seed in zip(found, seeds, strict=True)
    ]
    if jobs == 1:
        return list(_one_by_one(tasks, [case.task for case in found]))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as executor:
        return run_tasks(forecast_targets, tasks, executor)


def _one_by_one(tasks: Sequence[Task], names: Sequence[str]) -> Iterator[HeldOut]:
    for number, (task, name) in enumerate(zip(tasks, names, strict=True), start=1):
        started = time.perf_counter()
        yield forecast_targets(task)
        took = time.perf_counter() - started
        print(f"{number}/{len(tasks)} {name} {took:.1f} s", file=sys.stderr)


def say_cost(answers: Sequence[HeldOut], wall: float) -> None:
    """Print time, compiles, divergences and what did not converge."""
    members = [member for each in answers for member in each.members]
    sampled = [member for member in members if "sample_seconds" in member]
    compiles = [m["compile_seconds"] for m in sampled if m["compile_seconds"] > 0.5]
    seconds = [m["sample_seconds"] for m in sampled]
    divergent = [m["divergent"] for m in sampled]
    left_out = sum(m["weight"] == 0 for m in members)
    unconverged = sum(each.status != "converged" for each in answers)
    print(f"{wall:.0f} s in all for {len(answers)} forecasts, {len(sampled)} fits kept;")
    print(f"sampling {np.mean(seconds):.2f} s a fit, at most {np.max(seconds):.2f} s;")
    print(f"{len(compiles)} compiles, {np.sum(compiles):.0f} s;")
    print(f"divergent draws {np.mean(divergent):.3%} on average, {np.max(divergent):.3%} at most,")
    print(f"more than .5 % in {np.sum(np.array(divergent) > 0.005)} fits;")
    print(f"{left_out} members left out, {unconverged} forecasts of unconverged fits\n")


def write(path: Path, found: Sequence[Case], quantiles: Sequence[Array]) -> None:
    """Write the forecasts as ``score.py`` of the benchmark reads them."""
    names = [f"q{round(1000 * level):03d}" for level in scores.LEVELS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "group", "observed", *names])
        for case, q in zip(found, quantiles, strict=True):
            labels = case.split.targets.labels("family")
            for index, observed in enumerate(case.split.observed):
                writer.writerow([case.task, labels[index], observed, *q[:, index]])


def m4_rmsle(found: Sequence[Case]) -> float:
    """Mean over curves of the RMSLE of M4 by least squares."""
    errors = []
    for case in found:
        fitted, targets = case.split.fitted, case.split.targets
        law = forecast_m4(np.log(fitted["tokens"]), fitted["loss"], np.log(targets["tokens"]))
        errors.append(np.sqrt(np.mean(np.log(law / case.split.observed) ** 2)))
    return float(np.mean(errors))


def main() -> None:
    """Run the chosen tasks and print means beside the published ones."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", choices=SOURCES)
    parser.add_argument("--models", nargs="+", help="one model, or several to average")
    parser.add_argument("--baseline", action="store_true", help="the baselines only")
    parser.add_argument("--pooled", action="store_true", help="fit the groups of a task together")
    parser.add_argument("--only", default="", help="tasks whose name holds this")
    parser.add_argument("--out", type=Path, help="CSV of the forecasts, for score.py")
    parser.add_argument("--groups", action="store_true", help="print every group")
    parser.add_argument("--jobs", type=int, default=1)
    for name, value in (("draws", 1000), ("tune", 600), ("chains", 2), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    found = cases(given.source, pooled=given.pooled, only=given.only)
    means: dict[str, dict[str, float]] = {}
    if not given.baseline:
        models = tuple(load_model(name) for name in given.models) if given.models else None
        settings = {name: getattr(given, name) for name in ("draws", "tune", "chains")}
        started = time.perf_counter()
        answers = run_models(found, models, {**settings, "random_seed": given.seed}, given.jobs)
        wall = time.perf_counter() - started
        ours = [each.quantiles for each in answers]
        rows = rows_of("ours", found, ours, [each.log_density for each in answers])
        if given.groups:
            show("group", {f"{row['task']} {row['group']}": row for row in rows})
        means["ours"] = (table := task_means(rows))["MEAN"]
        show("ours", table)
        say_cost(answers, wall)
        if given.out:
            write(given.out, found, ours)
    started = time.perf_counter()
    seeds = np.random.SeedSequence(given.seed).spawn(len(found))
    rivals = [baseline_quantiles(case.split, seed) for case, seed in zip(found, seeds, strict=True)]
    print(f"baselines: {time.perf_counter() - started:.1f} s")
    for name in rivals[0]:
        theirs = [each[name] for each in rivals]
        table = task_means(rows_of(name, found, theirs, [None] * len(found)))
        means[name] = table["MEAN"]
        show(name, table)
    if given.source == "curves":
        means["M4, least squares"] = {"rmsle": m4_rmsle(found)}
    show("mean over tasks", {**means, **PUBLISHED[given.source]})
    if given.out and given.baseline:
        write(given.out, found, [each["least squares"] for each in rivals])


if __name__ == "__main__":
    main()
