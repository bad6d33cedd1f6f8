"""What small runs of variants of nano-lm say of a larger one, and what came there.

    python -m tests.studies.nano_arms [--table nano-arms|nano-recurrent] [--largest 1e12]

`nano-arms`: an output layer of its own, no weight decay, ten times as much, and a placebo (another
seed) against the baseline, one by one. `nano-recurrent`: a gated recurrence against attention, and
whether both families have one exponent. Runs up to `--largest` FLOP are fitted; those of one seed
and cell are pairs. What came is the difference of two single runs at the target: the multiplier is
that over the slope of nano-lm's best losses there, its interval that of the noise of its repeats.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import replace

import numpy as np

import bayes_scaling as bs
from bayes_scaling.intervals import quantiles
from bayes_scaling.laws import load_model
from bayes_scaling.laws.parameters import Pool
from bayes_scaling.questions.duel import Duel
from bayes_scaling.runs import RunTable

BASELINES = {"nano-arms": "baseline", "nano-recurrent": "transformer"}
BUDGETS = (1e10, 1e11, 1e12)
"""Scales inside the runs that are asked about [FLOP]."""
PAIRS = "seed/budget/width/depth"
"""Runs of one seed read the same bytes in the same order."""
TUNE, CHAINS = 600, 2
NOISE = 0.011
"""Standard deviation of log loss between seeds of nano-lm."""


def slope_at(target: float) -> float:
    """Fall of log loss per e-fold of compute, of nano-lm's best losses around a budget."""
    runs = bs.load_dataset("nano-lm")
    budgets = np.unique(runs["budget"])
    best = [runs["loss"][runs["budget"] == budget].min() for budget in budgets]
    near = np.argsort(np.abs(np.log(budgets / target)))[:3]
    return float(-np.polyfit(np.log(budgets[near]), np.log(np.array(best)[near]), 1)[0])


def came(runs: RunTable, a: str, arm: str, target: float) -> tuple[float, tuple[float, ...]]:
    """Log of the losses' ratio at a target, and its multiplier with the ends of 90 %.

    Parameters
    ----------
    runs : RunTable
    a, arm : str
        Baseline and variant; cells that both have count, on average.
    target : float
        Budget [FLOP].
    """
    there = runs.take(np.isclose(runs["budget"], target))
    cells = {
        name: {
            (width, depth): loss
            for width, depth, loss, family in zip(
                *(there[column] for column in ("width", "depth", "loss", "family")), strict=True
            )
            if family == name
        }
        for name in (a, arm)
    }
    both = sorted(cells[a].keys() & cells[arm].keys())
    gap = float(np.mean([np.log(cells[arm][cell] / cells[a][cell]) for cell in both]))
    spread = 1.645 * NOISE * np.sqrt(2 / len(both))
    ends = (gap, gap + spread, gap - spread)
    return gap, tuple(float(np.exp(-each / slope_at(target))) for each in ends)


def said_and_came(
    runs: RunTable, a: str, arm: str, largest: float, draws: int
) -> tuple[RunTable, Duel]:
    """Print the duel of an arm by its small runs, scale by scale, and what came beyond them."""
    targets = [float(each) for each in np.unique(runs["budget"]) if each > largest]
    small = runs.take(runs["budget"] <= largest)
    inside = [each for each in BUDGETS if each <= largest]
    began = time.process_time()
    found = bs.duel(
        small, a=a, b=arm, flops=[*inside, *targets],
        pairs=PAIRS,
        draws=draws, tune=TUNE, chains=CHAINS, random_seed=1, progress=False,
    )  # fmt: skip
    print(f"{time.process_time() - began:.0f} CPU s\n{found}")
    for place, target in enumerate(found.flops):
        middle, low, high = quantiles(found.multiplier[arm][:, place], found.probability)
        new = np.log(found.new_run[arm][:, place] / found.new_run[a][:, place])
        ends = quantiles(new, found.probability)
        said = (
            f"{arm} at {target:.3g}: multiplier {middle:.2f} [{low:.2f}, {high:.2f}], better "
            f"with P {found.chance(arm)[place]:.2f}; log loss of a run over the baseline's "
            f"{ends[0]:+.3f} [{ends[1]:+.3f}, {ends[2]:+.3f}]"
        )
        if target > largest:
            gap, (at, least, most) = came(runs, a, arm, target)
            said += (
                f"; came {gap:+.3f}, {'inside' if ends[1] <= gap <= ends[2] else 'outside'}: "
                f"multiplier {at:.2f} [{least:.2f}, {most:.2f}]"
            )
        print(said, flush=True)
    return small, found


def one_exponent(small: RunTable, found: Duel, draws: int) -> None:
    """Print whether the families have one exponent: by compute, then by params and tokens."""
    for name in found.loss:
        alone = small.take(small["family"] == name)
        budgets = np.unique(alone["budget"])
        best = [alone["loss"][alone["budget"] == budget].min() for budget in budgets]
        fall = -np.polyfit(np.log(budgets), np.log(best), 1)[0]
        lowest = ", ".join(f"{c:.0e}: {x:.3f}" for c, x in zip(budgets, best, strict=True))
        print(f"{name}: best losses {lowest}; log-log slope {fall:.3f}")
    ends = np.flatnonzero(found.flops <= budgets[-1])[[0, -1]]
    first, last = (np.log(found.multiplier["recurrent"][:, at]) for at in ends)
    change = (last - first) / np.log(found.flops[ends[1]] / found.flops[ends[0]])
    middle, low, high = quantiles(change)
    print(
        f"inside the runs the multiplier goes with compute to the power {middle:+.2f} [{low:+.2f}, "
        f"{high:+.2f}], which one exponent makes 0; it falls with P {np.mean(change < 0):.2f}"
    )
    law = load_model("chinchilla")
    pools = {"one": Pool(kind="shared"), "own": Pool(kind="separate")}
    laws = [
        replace(
            law,
            id=name,
            parameters=tuple(
                replace(item, pool=pool) if item.name in ("alpha", "beta") else item
                for item in law.parameters
            ),
        )
        for name, pool in pools.items()
    ]
    compared = bs.compare(
        small, laws, draws=draws, tune=TUNE, chains=CHAINS, random_seed=1, progress=False
    )
    print(compared)


def main() -> None:
    """Print one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", choices=tuple(BASELINES), default="nano-arms")
    parser.add_argument("--largest", type=float, default=1e12, help="Largest budget fitted.")
    parser.add_argument("--draws", type=int, default=500)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    runs = bs.best_of_cells(bs.load_dataset(asked.table))
    a = BASELINES[asked.table]
    for arm in (each for each in np.unique(runs["family"]) if each != a):
        small, found = said_and_came(runs, a, str(arm), asked.largest, asked.draws)
        if asked.table == "nano-recurrent":
            one_exponent(small, found, asked.draws)


if __name__ == "__main__":
    main()
