"""What a calibration found: where truths fell among the draws of their posteriors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

NOISE_FREE = "noise-free loss beyond"
NEW_RUN = "loss of a new run beyond"
"""What is asked of a run of 100 times the compute of the largest."""

DOUBT = 0.01
"""Chance that a calibrated fit is called miscalibrated, over all of its quantities."""

PROBABILITIES = (0.5, 0.9)


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Where the truth fell, by quantity.

    Attributes
    ----------
    model : str
        Id of the law.
    pit : mapping of str to array (n_simulations,)
        Share of the draws below the truth, by quantity; uniform where calibrated.
    converged : array of bool (n_simulations,)
        Which fits converged.
    runs : int
        Runs in each simulation.
    random_seed : int
        Seed of everything.
    """

    model: str
    pit: Mapping[str, NDArray[np.float64]]
    converged: NDArray[np.bool_]
    runs: int
    random_seed: int

    def __repr__(self) -> str:
        """Say how much there is; `table` has the numbers."""
        return f"Calibration({self.model}: {self.converged.size} simulations; see .table)"

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per quantity: shares of truths inside intervals, and how odd they are."""
        return [
            {"quantity": name}
            | {f"coverage{100 * p:.0f}": inside(places, p) for p in PROBABILITIES}
            | {"mean_place": float(places.mean()), "p_value": uniformity(places)}
            | {"verdict": "ok" if uniformity(places) > DOUBT / len(self.pit) else "fail"}
            for name, places in self.pit.items()
        ]

    @property
    def calibrated(self) -> bool:
        """Whether no quantity is called miscalibrated."""
        return all(row["verdict"] == "ok" for row in self.rows())

    @property
    def table(self) -> pd.DataFrame:
        """One row per quantity."""
        import pandas as pd

        return pd.DataFrame(self.rows())


def inside(places: NDArray[np.float64], probability: float) -> float:
    """Return the share of truths inside the central interval of a probability."""
    return float(np.mean(np.abs(places - 0.5) <= probability / 2))


def uniformity(places: NDArray[np.float64]) -> float:
    """Return the p-value of a Kolmogorov-Smirnov test that places are uniform."""
    from scipy.stats import kstest

    return float(kstest(places, "uniform").pvalue)
