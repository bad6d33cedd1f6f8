"""Forecasters side by side over the public tasks: `build/board.html`, and the table of the README.

    python -m tests.studies.board [--draws N] [--jobs N] [--only TASK] [--without-fits]

Every forecaster is given the small runs of a task and asked for its large ones. Ours is the default
average; M4 a law of Alabdulmohsin et al. 2022, sampled, in compute where params vary; least squares
is a law fitted with its bootstrap, carry forward the last small run. Other packages are on record:
see `tests.studies.peers`. Fits are those that `python -m tests.studies.abroad
--outer` keeps; with ``--without-fits`` none is made. Of every task the mean over its targets
counts; coverage is its mean over tasks, any other score its median, over the tasks that every
forecaster was given.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bayes_scaling.page import SCORES
from bayes_scaling.questions.tested_distance import EDGES
from bayes_scaling.scores import quantiles_at_levels, score_quantiles
from bayes_scaling.validation.baselines import baseline_quantiles
from tests.studies.abroad import judged, members_of, note_look
from tests.studies.homes import OUTER, Case
from tests.studies.kept_fits import FOLDER, Average, Effort, Work, make_all, read_average
from tests.studies.peers import EVERY, HIGH, LOW, board_cases, recorded

PAGE = Path(__file__).resolve().parents[2] / "build" / "board.html"

OURS, M4 = "bayes-scaling", "M4"
SHOWN = ("mare", "coverage50", "coverage90", "width90", "interval_score90", "crps")
Array = np.ndarray
Row = Mapping[str, float]


def forecasters(case: Case) -> dict[str, Average]:
    """Return what is fitted to a case, by its name on the board."""
    law = "saturating-m4-c" if "params" in case.split.fitted else "saturating-m4"
    return {OURS: read_average("auto"), M4: read_average(f"{M4}={law}")}


def said_of(case: Case, effort: Effort) -> Iterator[tuple[str, Array]]:
    """Return what each forecaster says of a case: quantiles (39, n_targets)."""
    yield from baseline_quantiles(case.split, np.random.SeedSequence(1)).items()
    for name, average in forecasters(case).items():
        found = judged(average, case, effort)
        if found is not None:
            yield name, quantiles_at_levels(found[0].draws)


def board(cases: Sequence[Case], effort: Effort) -> tuple[dict[str, Row], dict[str, list[str]]]:
    """Score every forecaster: means over its tasks, and coverage by distance in words."""
    rows: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    held: dict[str, dict[int, dict[str, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for case in cases:
        observed, place = case.split.observed, np.digitize(np.exp(case.split.efolds), EDGES)
        for name, quantiles in said_of(case, effort):
            for task in dict.fromkeys(case.tasks.tolist()):
                asked = case.tasks == task
                rows[name][task].append(score_quantiles(quantiles[:, asked], observed[asked]))
            inside = (quantiles[LOW] <= observed) & (observed <= quantiles[HIGH])
            for index in np.unique(place):
                held[name][int(index)][str(case.tasks[0])] += inside[place == index].tolist()
    on_board = {case.key: str(case.tasks[0]) for case in cases}
    for row in recorded():
        if row["case"] in on_board:
            rows[row["package"]][row["task"]].append({key: float(row[key]) for key in SHOWN})
            for index in range(len(EDGES)):
                inside, _, asked = (row.get(f"inside_{index}") or "0/0").partition("/")
                flags = [1.0] * int(inside) + [0.0] * (int(asked) - int(inside))
                if flags:
                    held[row["package"]][index][on_board[row["case"]]] += flags
    shared = set.intersection(*(set(tasks) for tasks in rows.values()))
    print(f"{len(shared)} tasks that every forecaster was given", flush=True)
    scores: dict[str, Row] = {
        name: {
            "tasks": float(len(shared)),
            **{key: _over_tasks(key, [tasks[task] for task in sorted(shared)]) for key in SHOWN},
        }
        for name, tasks in rows.items()
    }
    distances = {
        name: [
            f"{np.mean([np.mean(each) for each in places[index].values()]):.2f}"
            if index in places
            else ""
            for index in range(len(EDGES))
        ]
        for name, places in held.items()
    }
    return scores, distances


def _over_tasks(key: str, tasks: Sequence[Sequence[Row]]) -> float:
    """Summarise a score: mean coverage; median of all others, which one task can spoil."""
    found = [float(np.mean([row[key] for row in parts])) for parts in tasks]
    return float(np.mean(found) if key.startswith("coverage") else np.median(found))


def markdown(scores: Mapping[str, Row], distances: Mapping[str, Sequence[str]]) -> str:
    """Write the board as a table."""
    ends = [f"{low:g}-{high:g}x" for low, high in zip((1.0, *EDGES), EDGES, strict=False)]
    heading = ["forecast by", "tasks", *(SCORES[key] for key in SHOWN)]
    heading += [f"in 90 % at {each}" for each in ends]
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    for name, row in sorted(scores.items(), key=lambda item: item[1]["crps"]):
        cells = [name, f"{row['tasks']:.0f}"]
        cells += [f"{row[key]:.2f}" if "coverage" in key else f"{row[key]:.4f}" for key in SHOWN]
        lines.append("| " + " | ".join([*cells, *distances[name]]) + " |")
    return "\n".join(lines)


def page(table: str) -> str:
    """Write the static page."""
    head, _, *body = [line.strip("|").split("|") for line in table.splitlines()]
    rows = "".join(
        "<tr>" + "".join(f"<{tag}>{cell.strip()}</{tag}>" for cell in line) + "</tr>\n"
        for tag, lines in (("th", [head]), ("td", body))
        for line in lines
    )
    return (
        "<!doctype html><meta charset=utf-8><title>Forecasters side by side</title>"
        "<style>body{font:16px sans-serif;margin:2em}td,th{padding:.3em .8em;text-align:right}"
        "td:first-child,th:first-child{text-align:left}</style>"
        f"<h1>Forecasters side by side</h1><p>{(__doc__ or '').split('    python')[0]}"
        f"Made {datetime.now(UTC):%Y-%m-%d}. Shares of the observed loss; 50 and 90 % of the "
        f"targets should lie in the intervals, and of the others less is better.</p>"
        f"<table>{rows}</table>"
    )


def main() -> None:
    """Fit what is missing, print the table and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="tasks whose name holds this")
    parser.add_argument("--every", type=int, default=EVERY, help="every n-th curve only")
    parser.add_argument("--without-fits", action="store_true", help="make no fit")
    given = parser.parse_args()
    effort = Effort(draws=given.draws)
    cases = board_cases(given.every, given.only)
    averages = {str(each): each for case in cases for each in forecasters(case).values()}
    note_look(list(averages.values()), OUTER)
    if not given.without_fits:
        items = [
            Work(case=case, model=model, effort=effort, folder=FOLDER)
            for case in cases
            for average in forecasters(case).values()
            for model in members_of(average, case).values()
        ]
        for problem in make_all(items, jobs=given.jobs):
            print(f"no fit: {problem}")
    table = markdown(*board(cases, effort))
    print(table)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(table), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
