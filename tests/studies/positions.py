"""Losses by position: the two statements of Kaplan et al. 2020, appendix D.5.

    python -m tests.studies.positions [--seeds 0] [--draws 1000]

Measured on nano-context: transformers of four sizes trained on contexts of 8, 64 and 512 bytes. The
largest size is forecast from the three smaller ones, and beside each answer stands what was
measured of it. With `--seeds`, simulated too: contexts of 8, 64 and 1,024 tokens, four sizes, loss
a power of position with noise of 1 %, its exponent .3 of which a share of .25 counts against longer
contexts.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

import bayes_scaling as bs
from bayes_scaling.runs import RunTable

Asked = tuple[int, int, int, int]
"""A position and its context, and those it is compared with."""


def questions(length: int) -> dict[str, Asked]:
    """Return the two statements about contexts of 8 and of a length."""
    return {
        f"token 4 of 8 below 4 of {length}": (4, 8, 4, length),
        f"token {length} of {length} below 8 of 8": (length, length, 8, 8),
    }


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


def answer(runs: RunTable, params: float, asked: dict[str, Asked], draws: int) -> None:
    """Fit losses by position and print the answers at a size."""
    began = time.process_time()
    fit = bs.fit("context", runs, draws=draws, random_seed=1, progress=False)
    spent = time.process_time() - began
    rhat = max(each.r_hat for each in fit.mixing.values())
    print(f"{fit.status}, R-hat {rhat:.3f}, {spent:.1f} CPU s")
    for name, (position, context, other, length) in asked.items():
        found = fit.accept_unconverged().positions(
            params, position=position, context=context, against_position=other,
            against_context=length,
        )  # fmt: skip
        row = found.rows()[0]
        print(f"  {name}: P {row['lower']:.3f}; ratio {row['ratio']:.3f} "
              f"[{row['ratio_lower']:.3f}, {row['ratio_upper']:.3f}]; falls with params P "
              f"{row['falls']:.2f}", flush=True)  # fmt: skip


def measured(draws: int) -> None:
    """Print what was said of the largest size of nano-context, and what was measured.

    A power of the context need not join three lengths, so the two that are compared are fitted.
    """
    runs = bs.load_dataset("nano-context")
    sizes = np.unique(runs["params"])

    def loss(params: float, position: int, context: int) -> float:
        at = (runs["params"] == params) & (runs["position"] == position)
        return float(runs["loss"][at & (runs["context_length"] == context)][0])

    for length in (64, 512):
        asked = questions(length)
        two = runs.take(np.isin(runs["context_length"], (8, length)))
        smaller = two.take(two["params"] < sizes[-1])
        print(f"nano-context, {sizes[-1]:.0f} params from {sizes[:-1].astype(int)}: ", end="")
        answer(smaller, float(sizes[-1]), asked, draws)
        for name, (position, context, other, against) in asked.items():
            ratios = [loss(n, position, context) / loss(n, other, against) for n in sizes]
            print(f"  measured, {name}: ratios by size {np.round(ratios, 3)}")
        print("nano-context, all sizes: ", end="")
        answer(two, float(sizes[-1]), asked, draws)
    for context in np.unique(runs["context_length"]).astype(int):
        own = np.unique(runs["position"][runs["context_length"] == context]).astype(int)
        falls = [np.log(loss(sizes[0], p, context) / loss(sizes[-1], p, context)) for p in own]
        said = ", ".join(f"{p}: {fall:+.3f}" for p, fall in zip(own, falls, strict=True))
        print(f"  context {context}, fall of log loss from the least size to the largest: {said}")


def main() -> None:
    """Print what nano-context says, then both answers for each simulated seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--draws", type=int, default=1000)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    measured(asked.draws)
    for seed in range(asked.seeds):
        print(f"simulated, seed {seed}: ", end="")
        answer(simulated(seed), 1e8, questions(1024), asked.draws)


if __name__ == "__main__":
    main()
