"""Simulated duels: how often intervals of the compute multiplier hold, and verdicts are wrong.

Usage: python -m tests.studies.duels [FIRST] [LAST] [plain|pairs]. A duel takes 10 to 25 CPU s.

Both variants are run at the same sizes with the same seeds, and half the variance of the noise is
that of the seed. A third of the variants are placebos: any verdict on them is wrong. Beside the
verdicts stand those of practice: the variant that is better at the largest size, and a paired
t-test of the losses, each side at the same nominal error.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter

import numpy as np

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.questions.duel import ERROR
from bayes_scaling.runs import RunTable

LEAST, MOST = 0.7, 1.5
"""Compute multipliers."""

FROM, TO, TARGET = 1e18, 1e20, 1e21
"""Compute of the runs, and of the target [FLOP]."""

NOISE = 0.004
SETTINGS = {"draws": 200, "tune": 400, "chains": 2}


def simulate(multiplier: float, runs: int, seed: int) -> RunTable:
    """Return runs of a baseline and of a variant whose params and tokens count for more."""
    rng = np.random.default_rng(seed)
    flops = np.exp(rng.uniform(np.log(FROM), np.log(TO), runs))
    params = np.sqrt(flops / 6 / 20) * np.exp(0.4 * rng.standard_normal(runs))
    tokens, common = flops / 6 / params, rng.standard_normal(runs)
    losses = []
    for gain in (1.0, multiplier):
        factor = np.sqrt(gain)
        loss = 1.69 + 406.4 / (params * factor) ** 0.34 + 410.7 / (tokens * factor) ** 0.28
        own = (common + rng.standard_normal(runs)) / np.sqrt(2)
        losses.append(loss * np.exp(NOISE * own))
    return RunTable.from_columns(
        {
            "params": np.tile(params, 2),
            "tokens": np.tile(tokens, 2),
            "loss": np.concatenate(losses),
            "family": np.repeat(["a", "b"], runs),
            "seed": np.tile(np.arange(runs), 2),
        }
    )


def practice(table: RunTable) -> dict[str, str]:
    """Return the verdicts of the largest common size, and of a paired t-test."""
    from scipy import stats

    first = table["family"] == "a"
    gap = np.log(table["loss"][~first] / table["loss"][first])
    largest = gap[np.argmax(table["flops"][first])]
    low = float(stats.ttest_1samp(gap, 0.0, alternative="less").pvalue)
    high = float(stats.ttest_1samp(gap, 0.0, alternative="greater").pvalue)
    tested = "promote" if low <= ERROR else "drop" if high <= ERROR else "undecided"
    return {"largest size": "promote" if largest < 0 else "drop", "t-test": tested}


def is_wrong(verdict: str, multiplier: float) -> bool:
    """Whether a verdict is wrong; on a placebo any one is."""
    right = "promote" if multiplier > 1 else "drop" if multiplier < 1 else "undecided"
    return verdict not in ("undecided", right)


def main(first: int, last: int, how: str = "plain") -> None:
    """Print each duel, then coverage inside the runs and at the target, and wrong verdicts."""
    warnings.simplefilter("ignore", BayesScalingWarning)
    held, widths, told = [], [], Counter[tuple[str, str]]()
    started = time.process_time()
    for seed in range(first, last):
        rng = np.random.default_rng(1000 + seed)
        true = float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST)))) if seed % 3 else 1.0
        count = int(rng.integers(3, 21))
        table = simulate(true, count, seed)
        found = bs.duel(
            table,
            a="a",
            b="b",
            flops=[1e19, TARGET],
            pairs="seed" if how == "pairs" else None,
            random_seed=seed,
            **SETTINGS,  # type: ignore[arg-type]
        )
        rows = found.rows()
        held.append([row["multiplier_lower"] <= true <= row["multiplier_upper"] for row in rows])
        widths.append([np.log(row["multiplier_upper"] / row["multiplier_lower"]) for row in rows])
        for name, verdict in {"duel": found.verdict("b"), **practice(table)}.items():
            kind = "placebo" if true == 1 else "real"
            outcome = "wrong" if is_wrong(verdict, true) else verdict
            told[name, f"{kind} {'right' if outcome in ('promote', 'drop') else outcome}"] += 1
        print(f"{seed}: {true:.2f} from {count} runs each\n{found}", flush=True)
        inside, at_target = np.mean(held, axis=0)
        near, far = np.median(widths, axis=0)
        said = "; ".join(
            f"{name}: "
            + ", ".join(f"{told[each, k]} {k}" for each, k in sorted(told) if each == name)
            for name in ("duel", "t-test", "largest size")
        )
        print(
            f"{len(held)} {how} duels, {time.process_time() - started:.0f} CPU s: 90 % intervals "
            f"held {inside:.2f} inside the runs, {at_target:.2f} at the target, median log width "
            f"{near:.2f} and {far:.2f}. {said}",
            flush=True,
        )


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]), int(given[1]), *given[2:]) if len(given) >= 2 else main(0, 24)
