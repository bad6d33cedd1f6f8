"""How often 90 % intervals of the default average held on public sweeps, by distance.

python -m tests.studies.by_distance [--draws N] [--jobs N]

Prints the table that `bayes_scaling.questions.tested_distance` holds. Cases and kept fits are those
of `python -m tests.studies.abroad --outer`: every sweep is fitted on its small runs and asked for
its large ones. A target counts one over the targets of its task at that distance, so that a task
of many runs does not outweigh the others.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.questions.tested_distance import EDGES, ON_EDGE
from tests.studies.abroad import judged, members_of, note_look
from tests.studies.homes import OUTER, load_cases
from tests.studies.kept_fits import FOLDER, Effort, Work, make_all, read_average


def main() -> None:
    """Fit what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--every", type=int, default=3, help="every n-th curve of fine-tuning")
    given = parser.parse_args()
    effort = Effort(draws=given.draws)
    average = read_average("auto")
    cases = load_cases(OUTER)
    curves = [case for case in cases if case.suite == "abroad curves"]
    dropped = {id(case) for index, case in enumerate(curves) if index % given.every}
    cases = [case for case in cases if id(case) not in dropped]
    note_look([average], OUTER)
    items = [
        Work(case=case, model=model, effort=effort, folder=FOLDER)
        for case in cases
        for model in members_of(average, case).values()
    ]
    for problem in make_all(items, jobs=given.jobs):
        print(f"no fit: {problem}")
    held: dict[int, dict[str, list[NDArray[np.bool_]]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        said = judged(average, case, effort)
        if said is None:
            continue
        mixture, _ = said
        lower, upper = np.quantile(mixture.draws, [0.05, 0.95], axis=0)
        inside = (case.split.observed >= lower) & (case.split.observed <= upper)
        place = np.digitize((1 - ON_EDGE) * np.exp(case.split.efolds), EDGES)
        for index in np.unique(place):
            rows = place == index
            task = "nano-lm" if case.suite == "nano-lm" else str(case.tasks[0])
            held[int(index)][task].append(inside[rows])
    for index in sorted(held):
        shares = {task: float(np.concatenate(each).mean()) for task, each in held[index].items()}
        count = sum(sum(map(len, each)) for each in held[index].values())
        low = EDGES[index - 1] if index else 1.0
        high = EDGES[index] if index < len(EDGES) else np.inf
        mean = float(np.mean(list(shares.values())))
        print(f"{low:g} to {high:g}: {count} targets of {len(shares)} tasks, {mean:.2f} held")
        print("   ", ", ".join(f"{task} {share:.2f}" for task, share in sorted(shares.items())))


if __name__ == "__main__":
    main()
