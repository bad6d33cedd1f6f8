"""Losses that fall by decades: simulated sweeps in one size without any irreducible loss.

    python -m tests.studies.squared_errors [--sweeps 10] [--draws 300]

Simulated, not measured: 7 to 15 runs of 1e2 to 1e5 samples whose loss is .2 (n / 100)^-alpha, with
alpha of .4 to 1.3 and noise of 3 %. Asked of the default average is the loss at the largest run,
and 10 and 100 times beyond; printed are the shares inside the 90 % intervals, the log of the median
over the truth, and the width of the intervals on that log.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

import bayes_scaling as bs
from bayes_scaling.runs import RunTable

ASKED = np.array([1e5, 1e6, 1e7])


def main() -> None:
    """Print a line for each sweep, and what holds over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=10)
    parser.add_argument("--draws", type=int, default=300)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    inside, off, wide = [], [], []
    for number in range(asked.sweeps):
        rng = np.random.default_rng(100 + number)
        alpha, runs = rng.uniform(0.4, 1.3), int(rng.integers(7, 16))
        samples = np.geomspace(1e2, 1e5, runs)
        loss = 0.2 * (samples / 100) ** -alpha * np.exp(0.03 * rng.standard_normal(runs))
        table = RunTable.from_columns({"tokens": samples, "loss": loss})
        fit = bs.fit(table, random_seed=1, draws=asked.draws, progress=False).accept_unconverged()
        draws = fit.forecast({"tokens": ASKED}).noise_free
        low, median, high = np.quantile(draws, (0.05, 0.5, 0.95), axis=0)
        truth = 0.2 * (ASKED / 100) ** -alpha
        inside.append((low <= truth) & (truth <= high))
        off.append(np.log(median / truth))
        wide.append(np.log(high / low))
        print(f"{number:2d} alpha {alpha:.2f}, {runs} runs: inside {inside[-1]}, ", end="")
        print(f"off {off[-1].round(2)}, width {wide[-1].round(2)}", flush=True)
    print(f"at {ASKED}: inside {np.sum(inside, axis=0)} of {asked.sweeps}, ", end="")
    print(f"off {np.mean(off, axis=0).round(2)}, width {np.mean(wide, axis=0).round(2)}")


if __name__ == "__main__":
    main()
