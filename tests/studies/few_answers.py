"""Scores that start near 0: simulated tasks, known from runs most of which solve next to nothing.

    python -m tests.studies.few_answers [--tasks 24] [--questions 200] [--draws 400]

Simulated, not measured. The score of each task is .9 / (1 + (C_mid / C)^h), with h of .5 to 1 and
C_mid of 2e21 to 2e22 FLOP, drawn beforehand; log odds of a run deviate by .1. Sixteen runs of 1e18
to 3e20 FLOP, each scored on so many questions, are fitted by `score-c`; asked is the score by the
law at 1e21, 3e21 and 1e22. Printed are shares inside the 90 % intervals, bias and mean absolute
error of the log of the median, and the width of the intervals on that log.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]
FLOPS = np.geomspace(1e18, 3e20, 16)
ASKED = np.array([1e21, 3e21, 1e22])
NOISE = 0.1


def log_odds(flops: Array, middle: float, steep: float) -> Array:
    """Return the log odds of the score of a task."""
    score = 0.9 / (1 + (middle / flops) ** steep)
    return np.asarray(np.log(score) - np.log1p(-score))


def main() -> None:
    """Print a line for each task, and what holds over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=24)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--draws", type=int, default=400)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    inside, off, wide, converged = [], [], [], 0
    for number in range(asked.tasks):
        rng = np.random.default_rng(number)
        steep, middle = rng.uniform(0.5, 1.0), 10 ** rng.uniform(21.3, 22.3)
        odds = log_odds(FLOPS, middle, steep) + NOISE * rng.standard_normal(FLOPS.size)
        solved = rng.binomial(asked.questions, 1 / (1 + np.exp(-odds)))
        items = np.full(FLOPS.size, float(asked.questions))
        runs = RunTable.from_columns(
            {"flops": FLOPS, "score": solved / asked.questions, "items": items}
        )
        fit = bs.fit("score-c", runs, random_seed=1, draws=asked.draws, chains=2, progress=False)
        converged += fit.status != "unconverged"
        found = fit.accept_unconverged().forecast({"flops": ASKED})
        low, median, high = 1 - np.quantile(found.noise_free, (0.95, 0.5, 0.05), axis=0)
        truth = 1 / (1 + np.exp(-log_odds(ASKED, middle, steep)))
        inside.append((low <= truth) & (truth <= high))
        off.append(np.log(median / truth))
        wide.append(np.log(high / low))
        ends = " ".join(
            f"{m:.3f} [{lo:.3f}, {hi:.3f}]" for lo, m, hi in zip(low, median, high, strict=True)
        )
        print(
            f"{number:2d} {(solved > 0).sum()} runs solve any; said {ends}; true {truth.round(3)}"
        )
    print(f"{converged} of {asked.tasks} fits converged; at {ASKED} FLOP:")
    print(f"inside {np.sum(inside, axis=0)}, bias {np.mean(off, axis=0).round(2)}, ", end="")
    error = np.mean(np.abs(off), axis=0)
    print(f"error {error.round(2)}, width {np.mean(wide, axis=0).round(2)}")


if __name__ == "__main__":
    main()
