"""Forecasts of other packages for the board, made in an environment of their own.

    python -m tests.studies.peers export build/peers
    python -m venv build/peer && build/peer/bin/pip install simple-scaling-laws==0.2.0
    build/peer/bin/python tests/studies/peer_forecasts.py build/peers
    python -m tests.studies.peers record build/peers

The first step writes the small runs of every case, and the sizes that are asked for; the third
forecasts them; the last scores the forecasts and writes `peers.csv`, of which the board is made. It
holds scores and no losses, so no data of others.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bayes_scaling.questions.tested_distance import EDGES
from bayes_scaling.scores import COLUMNS, LEVELS, score_quantiles
from tests.studies.homes import OUTER, Case, load_cases

RECORD = Path(__file__).with_suffix(".csv")

SIZES = ("params", "tokens")
EVERY = 3
"""Of curves only every third is asked for."""

LOW, HIGH = 1, LEVELS.size - 2
"""Places of the ends of the 90 % interval among the levels."""

Array = np.ndarray
Row = Mapping[str, str]


def board_cases(every: int = EVERY, only: str = "") -> list[Case]:
    """Return the cases of the board: of curves every n-th, of tasks those whose name holds a text.

    The shortest come last: there are many of them.
    """
    cases = [case for case in load_cases(OUTER) if only in case.tasks[0]]
    curves = [case for case in cases if "curves" in case.suite]
    dropped = {id(case) for index, case in enumerate(curves) if index % every}
    kept = [case for case in cases if id(case) not in dropped]
    return sorted(kept, key=lambda case: case.suite == "abroad curves")


def export(cases: Sequence[Case], folder: Path) -> None:
    """Write the small runs of every case, and the sizes of its targets."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        fitted, targets = case.split.fitted, case.split.targets
        names = [name for name in SIZES if name in fitted and np.ptp(fitted[name]) > 0]
        told = {
            "levels": LEVELS.tolist(),
            "fitted": {name: fitted[name].tolist() for name in (*names, "loss")},
            "asked": {name: targets[name].tolist() for name in names},
        }
        (folder / f"{case.key}.json").write_text(json.dumps(told), encoding="utf-8")


def inside_by_distance(case: Case, quantiles: Array, rows: Array) -> dict[str, str]:
    """Return, by distance, how many targets lie in their intervals, of how many."""
    observed = case.split.observed
    held = (quantiles[LOW] <= observed) & (observed <= quantiles[HIGH])
    place = np.digitize(np.exp(case.split.efolds), EDGES)
    found = {}
    for index in np.unique(place[rows]):
        own = rows & (place == index)
        found[f"inside_{index}"] = f"{held[own].sum()}/{own.sum()}"
    return found


def scored(cases: Sequence[Case], folder: Path) -> Iterator[dict[str, object]]:
    """Score what was said of each case, by task."""
    for case in cases:
        path = folder / f"{case.key}.said.json"
        if not path.exists():
            continue
        said = json.loads(path.read_text(encoding="utf-8"))
        for law, quantiles in said["quantiles"].items():
            values = np.array(quantiles, dtype=float)
            for task in dict.fromkeys(case.tasks.tolist()):
                rows = case.tasks == task
                scores = score_quantiles(values[:, rows], case.split.observed[rows])
                yield {
                    "package": said["package"],
                    "version": said["version"],
                    "law": law,
                    "task": task,
                    "group": case.group,
                    "case": case.key,
                    **{name: f"{scores[name]:.6g}" for name in COLUMNS},
                    **inside_by_distance(case, values, rows),
                }


def recorded() -> list[Row]:
    """Return the scores on record."""
    with RECORD.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Export the cases, or record what was said of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("step", choices=("export", "record"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=EVERY, help="every n-th curve only")
    given = parser.parse_args()
    cases = board_cases(given.every)
    if given.step == "export":
        export(cases, given.folder)
        return
    rows = list(scored(cases, given.folder))
    with RECORD.open("w", newline="", encoding="utf-8") as file:
        names = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(file, sorted(names, key=lambda name: name.startswith("inside")))
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} scores in {RECORD}")


if __name__ == "__main__":
    main()
