"""Which runs metz-mlp makes: twelve widths, twelve rates a factor 2 apart, three seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator

WIDTHS = tuple(round(32 * 32 ** (k / 11)) for k in range(12))
"""Units of each hidden layer, 32 to 1024, evenly spaced on the log scale."""
RATES = tuple(2.0**-k for k in range(3, 15))
"""Learning rates, 2^-3 down to 2^-14."""
SEEDS = (0, 1, 2)


def planned_runs() -> Iterator[tuple[int, float, int]]:
    """Width, learning rate and seed of every run, seed by seed and from the narrowest."""
    for seed in SEEDS:
        for width in WIDTHS:
            for rate in RATES:
                yield width, rate, seed


def run_id(width: int, learning_rate: float, seed: int) -> str:
    """Name of a run, such as `w32-lr2^-7-s0`."""
    return f"w{width}-lr2^{math.log2(learning_rate):.0f}-s{seed}"
