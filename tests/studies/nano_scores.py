"""Scores of our own models: foretold of larger ones, by shape, and under two metrics.

    python -m tests.studies.nano_scores [large | shape | metric] [--draws 500] [--seed 1]

`large`: from the runs up to 1e12 FLOP, the scores of the four at 3e12 and 1e13, by the loss and
then the score; beside it no change from the run of the lowest loss. `shape`: from shapes of the two
smaller budgets, which of two shapes is better at the third, by the loss and by each task; and what
width per layer does to a score at an equal loss. `metric`: the best run of each budget up to 1e12,
its bytes counted one by one, and eight at once: what both foretell of 3e12 and 1e13.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.datasets.nano_lm.shape_sweep import SHAPES
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.facade import Fit
from bayes_scaling.runs import RunTable
from tests.studies.shape import BYTES

TASKS = ("next-byte", "eight-bytes", "matched-line")
LARGE = 2e12
"""Budget between what is fitted and what is asked [FLOP]."""


def read() -> RunTable:
    """Return the scores, a task a group."""
    runs = bs.load_dataset("nano-scores")
    return RunTable.from_columns({**runs.columns, "family": runs["metric"]})


def once(runs: RunTable) -> RunTable:
    """Return the runs, each once, for laws of the loss."""
    first = runs.take(runs["metric"] == TASKS[0])
    kept = {name: first[name] for name in first.columns if name not in ("score", "error", "items")}
    return RunTable.from_columns({**kept, "family": np.full(len(first), "nano-lm")})


def fit_of(runs: RunTable, law: str | list[str] | None, draws: int, seed: int) -> Fit:
    """Fit quietly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        return bs.fit(runs, law, draws=draws, random_seed=seed).accept_unconverged()


def large(draws: int, seed: int) -> pd.DataFrame:
    """Foretell the scores of the larger runs."""
    runs, rows = read(), []
    small = runs.take(runs["budget"] < LARGE)
    loss = fit_of(once(small), None, draws, seed)
    score = fit_of(small, "downstream-sigmoid", draws, seed)
    both = bs.two_steps(loss, score)
    print(f"loss {loss.status}, score {score.status}")
    for task in TASKS:
        known = small.take(small["metric"] == task)
        carried = float(known["score"][np.argmin(known["loss"])])
        held = runs.take((runs["budget"] > LARGE) & (runs["metric"] == task))
        asked = {name: held[name] for name in ("params", "tokens")}
        said = both.forecast({**asked, "family": task})
        at_loss = score.forecast({"loss": held["loss"], "family": task})
        for place in range(len(held)):
            true = float(held["score"][place])
            row = {"task": task, "run": held["run"][place], "true": true, "carried": carried}
            for name, found in (("by sizes", said), ("at its loss", at_loss)):
                low, middle, high = np.quantile(1 - found.draws[:, place], (0.05, 0.5, 0.95))
                row |= {name: middle, f"{name}, ends": f"{low:.3f} {high:.3f}"}
                row |= {f"{name}, inside": low <= true <= high}
            rows.append(row)
    found = pd.DataFrame(rows)
    for name in ("by sizes", "at its loss", "carried"):
        error = (found[name] - found["true"]).abs().groupby(found["task"]).mean()
        print(f"mean absolute error, {name}: {error.round(4).to_dict()}")
    return found


def shape(draws: int, seed: int) -> pd.DataFrame:
    """Foretell which of two shapes is better at the largest budget of the shapes."""
    runs = read()
    runs = runs.take(runs["purpose"] == "shape")
    budget = max(SHAPES)
    small = runs.take(runs["budget"] < budget)
    loss = fit_of(once(small), "coupled+aspect", draws, seed)
    score = fit_of(small, "downstream-sigmoid+score-shape", draws, seed)
    whole = fit_of(runs, "downstream-sigmoid+score-shape", draws, seed)
    print(f"loss {loss.status}, score {score.status}, of all budgets {whole.status}")
    both = bs.two_steps(loss, score)
    sizes = SHAPES[budget]
    table = {"width": [float(w) for w, _ in sizes], "depth": [float(d) for _, d in sizes]}
    up = loss.rank_shapes(table, flops=budget, layout=BYTES)
    rows = []
    for task in TASKS:
        for fit, name in ((score, "small"), (whole, "all")):
            slope = fit.flat["t_A"][..., fit.groups.index(task)]
            ends = np.quantile(slope, (0.05, 0.5, 0.95)).round(3)
            print(f"t_A of {task}, {name} budgets: {ends}, below 0 with P {np.mean(slope < 0):.2f}")
        down = both.rank_shapes(table, flops=budget, layout=BYTES, family=task)
        held = runs.take((runs["budget"] == budget) & (runs["metric"] == task))
        place = {
            (w, d): i for i, (w, d) in enumerate(zip(held["width"], held["depth"], strict=True))
        }
        order = [place[float(w), float(d)] for w, d in sizes]
        true, true_loss = held["score"][order], held["loss"][order]
        pairs = up.differ(down)
        for (one, other), pair in zip(combinations(range(len(sizes)), 2), pairs, strict=True):
            rows.append(
                {"task": task, "pair": f"{pair['shape']} / {pair['other']}"}
                | {"by loss": pair["better_by_loss"], "by score": pair["better_by_score"]}
                | {"differ": pair["orders_differ"]}
                | {"came by loss": true_loss[one] < true_loss[other]}
                | {"came by score": true[one] > true[other]}
            )
    found = pd.DataFrame(rows)
    found["came differ"] = found["came by loss"] != found["came by score"]
    for task, each in found.groupby("task"):
        for said, came in (
            ("by loss", "came by loss"),
            ("by score", "came by score"),
            ("differ", "came differ"),
        ):
            brier = float(((each[said] - each[came]) ** 2).mean())
            right = float(((each[said] > 0.5) == each[came]).mean())
            print(
                f"{task}, {said}: said {each[said].mean():.2f}, came {each[came].mean():.2f}; "
                f"right {right:.2f}, Brier {brier:.3f}"
            )
    return found


def frontier() -> RunTable:
    """Return the best run of each budget."""
    runs = read()
    best = runs.take(runs["metric"] == TASKS[0]).frame
    names = set(best.loc[best.groupby("budget")["loss"].idxmin(), "run"])
    return runs.take(np.isin(runs["run"], sorted(names)))


def metric(draws: int, seed: int) -> pd.DataFrame:
    """Foretell a thresholded metric, and the smooth one of the same runs."""
    runs, fits, rows = frontier(), {}, []
    for task in TASKS[:2]:
        own = runs.take(runs["metric"] == task)
        small = own.take(own["budget"] < LARGE)
        fits[task] = fit_of(small, ["score-c", "emergence"], draws, seed)
        weights = ", ".join(f"{law} {w:.2f}" for law, w in fits[task].weights.items())
        print(f"{task}: {len(small)} runs, {fits[task].status}, {weights}")
        held = own.take(own["budget"] > LARGE)
        found = fits[task].forecast({"flops": held["flops"]})
        for place in range(len(held)):
            low, middle, high = np.quantile(1 - found.draws[:, place], (0.05, 0.5, 0.95))
            true = float(held["score"][place])
            rows.append(
                {"task": task, "budget": held["budget"][place], "true": true, "said": middle}
                | {"ends": f"{low:.3f} {high:.3f}", "inside": low <= true <= high}
            )
    smooth, sharp = (fits[task] for task in TASKS[:2])
    print(sharp.emergence([1e13], beside=smooth))
    return pd.DataFrame(rows)


PARTS: dict[str, Callable[[int, int], pd.DataFrame]] = {
    "large": large,
    "shape": shape,
    "metric": metric,
}


def main() -> None:
    """Print what was said, and what came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for name, part in PARTS.items():
        if asked.part in (None, name):
            print(f"## {name}")
            print(part(asked.draws, asked.seed).to_string(index=False))


if __name__ == "__main__":
    main()
