"""Averages of members, scored at home and abroad side by side.

python -m tests.studies.abroad --inner|--outer [--average AVERAGE ...] [--suites NAME ...]

An average is ``auto`` (the default members), or members and weights such as
``mine=ceiling-tempered:2,coupled-tempered,own.toml``. Every member is fitted once to each case and
kept under ``build/abroad``, by what the model and the runs are, so a further average of members
that were fitted costs seconds. ``--inner`` has deep splits inside fit sets, for choices;
``--outer`` has the targets, and notes every look in ``build/abroad/looks.txt``. The tasks are found
by ``BAYES_SCALING_BENCH`` (default ``../shared/bench``), whose `score.py` scores.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bayes_scaling.laws import Model, load_model
from bayes_scaling.posterior.members import PLAIN, default_members, floor_shares, shares
from tests.studies.homes import INNER, OUTER, SUITES, Case, load_cases
from tests.studies.kept_fits import (
    FOLDER,
    Average,
    Effort,
    Kept,
    Work,
    fits_model,
    make_all,
    mixed,
    read_average,
)
from tests.studies.tasks import load_tasks

SHOWN = {
    "coverage90": "cov90", "coverage50": "cov50", "interval_score90": "IS", "crps": "crps",
    "mare": "mare", "bias": "bias", "rmsle": "rmsle", "log_density": "logdens",
}  # fmt: skip

Row = Mapping[str, float]


def members_of(average: Average, case: Case) -> dict[str, Model]:
    """Return the members of an average for a case by id; none where the runs lack a size."""
    if not average.weights:
        models = default_members(case.split.fitted)
        return {model.id: model for model in models}
    models = tuple(load_model(name) for name in average.weights)
    if not all(fits_model(case, model) for model in models):
        return {}
    return dict(zip(average.weights, models, strict=True))


def scored(case: Case, said: Kept, parts: Sequence[Kept]) -> dict[tuple[str, str], Row]:
    """Score what was said of a case, by task and group."""
    score = load_tasks("score")
    assert score is not None
    found: dict[tuple[str, str], Row] = {}
    for task in dict.fromkeys(case.tasks.tolist()):
        asked = case.tasks == task
        draws, observed = said.draws[:, asked], case.split.observed[asked]
        found[task, case.group] = {
            **score.score(draws, observed),
            "log_density": float(said.log_density[asked].mean()),
            "targets": float(asked.sum()),
            "left out": float(sum(bool(part.failed) for part in parts)),
            "fits": float(len(parts)),
            "seconds": sum(part.seconds for part in parts),
        }
    return found


def judge(
    average: Average, cases: Sequence[Case], effort: Effort, folder: Path = FOLDER
) -> dict[str, dict[str, Row]]:
    """Score an average on the cases of every suite; tasks by name, and their ``MEAN``.

    Several cases of one task and group, such as cuts of a rolling forecast, count by their targets.
    """
    rows: dict[str, dict[tuple[str, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        if (said := judged(average, case, effort, folder)) is None:
            continue
        for key, row in scored(case, *said).items():
            rows[case.suite][key].append(row)
    return {suite: means_of_tasks(groups) for suite, groups in rows.items()}


def judged(
    average: Average, case: Case, effort: Effort, folder: Path = FOLDER
) -> tuple[Kept, Sequence[Kept]] | None:
    """Return what an average says of a case, and each member; None where a fit is missing."""
    members = members_of(average, case)
    found = [
        (kept, average.weights.get(name, 1.0))
        for name, model in members.items()
        if (kept := Work(case=case, model=model, effort=effort, folder=folder).load())
    ]
    if not found or len(found) < len(members):
        return None
    parts, weights = zip(*found, strict=True)
    if not average.weights and PLAIN[0] in members:
        telling = [part.odds for part in parts if np.isfinite(part.odds) and not part.failed]
        by_name = shares(telling[0] if telling else 0.0)
        weights = tuple(by_name[name] for name in members)
    elif not average.weights:
        known = {
            name: part for name, part in zip(members, parts, strict=True) if part.odds == part.odds
        }
        sure = {name: part.odds for name, part in known.items() if not part.failed}
        by_name = floor_shares(members, sure or {name: part.odds for name, part in known.items()})
        weights = tuple(by_name.values())
    return mixed(parts, weights), parts


def means_of_tasks(groups: Mapping[tuple[str, str], Sequence[Row]]) -> dict[str, Row]:
    """Average rows by task, and over tasks as ``MEAN``."""
    by_task: dict[str, list[Row]] = defaultdict(list)
    for (task, _), parts in groups.items():
        by_task[task].append(_mean(parts, [part["targets"] for part in parts]))
    tasks = {task: _mean(parts, [1.0] * len(parts)) for task, parts in by_task.items()}
    return {**tasks, "MEAN": _mean(list(tasks.values()), [1.0] * len(tasks))}


def _mean(parts: Sequence[Row], weights: Sequence[float]) -> Row:
    """Average rows; targets, fits and seconds are added up."""
    added = ("targets", "left out", "fits", "seconds")
    return {
        name: float(sum(part[name] for part in parts))
        if name in added
        else float(np.average([part[name] for part in parts], weights=weights))
        for name in parts[0]
    }


def show(average: Average, found: Mapping[str, Mapping[str, Row]], *, tasks: bool) -> None:
    """Print the scores of an average: means of suites, and every task."""
    print(f"\n{average.name}")
    print(" " * 28, *(name.rjust(8) for name in SHOWN.values()), "  left out of   s/fit   least")
    for suite, rows in found.items():
        for task, row in rows.items():
            if task != "MEAN" and not tasks and not suite.startswith("nano"):
                continue
            values = " ".join(f"{row[name]:8.4f}" for name in SHOWN)
            speed = row["seconds"] / row["fits"]
            least = min(each["coverage90"] for each in rows.values()) if task == "MEAN" else np.nan
            tail = f"{least:7.2f}" if task == "MEAN" else ""
            name = suite.upper() if task == "MEAN" else f"  {task}"
            print(
                f"{name:28s} {values} {row['left out']:8.0f} {row['fits']:4.0f} {speed:7.1f}{tail}"
            )


def main() -> None:
    """Fit what is missing, and print a table for each average."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    side = parser.add_mutually_exclusive_group(required=True)
    side.add_argument("--inner", action="store_true", help="deep splits inside fit sets")
    side.add_argument("--outer", action="store_true", help="the targets, to be looked at once")
    parser.add_argument("--average", nargs="+", default=["auto"], help="members and weights")
    parser.add_argument("--suites", nargs="+", choices=SUITES, help="some suites of that side")
    parser.add_argument("--only", default="", help="tasks whose name holds this")
    parser.add_argument("--every", type=int, default=1, help="every n-th curve only")
    parser.add_argument("--tasks", action="store_true", help="print every task")
    parser.add_argument("--jobs", type=int, default=2)
    for name, value in (("draws", 1000), ("tune", 600), ("chains", 2), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    allowed = INNER if given.inner else OUTER
    suites = [name for name in given.suites or allowed if name in allowed]
    effort = Effort(draws=given.draws, tune=given.tune, chains=given.chains, seed=given.seed)
    averages = [read_average(text) for text in given.average]
    cases = [case for case in load_cases(suites) if given.only in case.tasks[0]]
    curves = [case for case in cases if "curves" in case.suite]
    dropped = {id(case) for index, case in enumerate(curves) if index % given.every}
    cases = [case for case in cases if id(case) not in dropped]
    if given.outer:
        note_look(averages, suites)
    items = [
        Work(case=case, model=model, effort=effort, folder=FOLDER)
        for average in averages
        for case in cases
        for model in members_of(average, case).values()
    ]
    for problem in make_all(items, jobs=given.jobs):
        print(f"no fit: {problem}")
    for average in averages:
        show(average, judge(average, cases, effort), tasks=given.tasks)


def note_look(averages: Sequence[Average], suites: Sequence[str]) -> None:
    """Keep a record of every look at targets."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "looks.txt").open("a", encoding="utf-8") as file:
        names = "; ".join(f"{item.name} {dict(item.weights) or 'default'}" for item in averages)
        file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M} {', '.join(suites)}: {names}\n")


if __name__ == "__main__":
    main()
