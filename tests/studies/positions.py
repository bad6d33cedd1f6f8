"""Simulated losses by position: the two statements of Kaplan et al. 2020, appendix D.5.

    python -m tests.studies.positions [--seeds 5] [--draws 400]

Simulated, not measured: contexts of 8, 64 and 1,024 tokens, four sizes, loss a power of position
with noise of 1 %, its exponent .3 of which a share of .25 counts against longer contexts.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

import bayes_scaling as bs
from bayes_scaling.runs import RunTable

QUESTIONS = {"token 4 of 8 below 4 of 1,024": (4, 8, 4, 1024),
             "token 1,024 of 1,024 below 8 of 8": (1024, 1024, 8, 8)}  # fmt: skip


def simulated(seed: int) -> RunTable:
    """Return losses by position, the first token included, which does not fall with size."""
    rng = np.random.default_rng(seed)
    rows = []
    for params in np.geomspace(1e5, 1e8, 4):
        for context in (8, 64, 1024):
            for position in np.unique(np.geomspace(1, context, 7).round()):
                fall = position**-0.3 * context ** (0.25 * 0.3)
                loss = 2.2 * (params / 1e7) ** -0.06 * (0.45 + 0.55 * fall)
                loss = 7.0 if position == 1 else loss
                rows.append((params, context, position, loss * np.exp(0.01 * rng.normal())))
    names = ("params", "context_length", "position", "loss")
    columns = dict(zip(names, np.array(rows, float).T, strict=True))
    return RunTable(columns={**columns, "run": np.arange(len(rows)).astype(str)})


def main() -> None:
    """Print both answers for each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--draws", type=int, default=400)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for seed in range(asked.seeds):
        began = time.process_time()
        fit = bs.fit("context", simulated(seed), draws=asked.draws, chains=2, random_seed=1,
                     progress=False)  # fmt: skip
        spent = time.process_time() - began
        rhat = max(each.r_hat for each in fit.mixing.values())
        print(f"seed {seed}: {fit.status}, R-hat {rhat:.3f}, {spent:.1f} CPU s")
        for name, (position, context, other, length) in QUESTIONS.items():
            found = fit.accept_unconverged().positions(
                1e8, position=position, context=context, against_position=other,
                against_context=length,
            )  # fmt: skip
            row = found.rows()[0]
            print(f"  {name}: P {row['lower']:.3f}; ratio {row['ratio']:.3f} "
                  f"[{row['ratio_lower']:.3f}, {row['ratio_upper']:.3f}]; falls with params P "
                  f"{row['falls']:.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
