"""What a tuning tells: best rates and batches, the choice to make, and what others cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.decisions.sizes import Plan
from bayes_scaling.decisions.tabulate import interval_rows
from bayes_scaling.intervals import PROBABILITY

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Excess = Callable[[Mapping[str, float]], Array]
"""From a choice of rate and batch at one size to the loss over the best, minus 1 (n_draws,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tuning:
    """How to tune runs of some sizes.

    Attributes
    ----------
    plan : Plan
        The runs.
    best : mapping of str to array (n_draws, n_runs)
        Best learning rate, and batch size in tokens where the law finds one, draw by draw.
    recommended : mapping of str to array (n_runs,)
        The choice of least expected noise-free loss.
    regret : array (n_draws, n_runs)
        Loss of the recommended choice over that of the best one, minus 1.
    penalties : tuple of dict
        What a choice off by a factor costs: per run, what is changed, and the factor.
    rules : tuple of dict
        What published rules choose for each run, and what the law says that costs.
    swept : mapping of str to (float, float)
        Least and largest value of what is tuned in the fitted runs.
    extrapolation : mapping of str to array (n_runs,)
        E-folds of the sizes beyond the fitted runs.
    warnings : tuple of str
        Where the answer lies outside what was swept.
    probability : float
        Probability of the intervals.
    excess : tuple of callable
        Of each run, from a choice to its loss over that of the best one, minus 1 (n_draws,).
    """

    plan: Plan
    best: Mapping[str, Array]
    recommended: Mapping[str, Array]
    regret: Array
    penalties: tuple[dict[str, Any], ...]
    rules: tuple[dict[str, Any], ...] = ()
    swept: Mapping[str, tuple[float, float]]
    extrapolation: Mapping[str, Array] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    probability: float = PROBABILITY
    excess: tuple[Excess, ...]

    def __repr__(self) -> str:
        """Say how much there is; `table` has the numbers."""
        return f"Tuning({', '.join(self.best)} of {len(self.plan)} runs; see .table)"

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per run, of plain numbers and texts."""
        quantities = {f"best_{name}": draws for name, draws in self.best.items()}
        rows = interval_rows(quantities | {"regret": self.regret}, self.extrapolation,
                             self.probability)  # fmt: skip
        return [
            sizes_of(self.plan, index)
            | {name: float(values[index]) for name, values in self.recommended.items()}
            | {"expected_regret": float(self.regret[:, index].mean())}
            | row
            for index, row in enumerate(rows)
        ]

    def rules_of(self, index: int) -> list[dict[str, Any]]:
        """Return what published rules choose for one of the runs."""
        own = sizes_of(self.plan, index)
        return [row for row in self.rules if own.items() <= row.items()]

    def penalties_of(self, index: int) -> list[dict[str, Any]]:
        """Return what other choices cost for one of the runs."""
        own = sizes_of(self.plan, index)
        return [row for row in self.penalties if own.items() <= row.items()]

    @property
    def table(self) -> pd.DataFrame:
        """One row per run: the recommended choice, the best one with its interval, regret."""
        import pandas as pd

        return pd.DataFrame(self.rows())


def sizes_of(plan: Plan, index: int) -> dict[str, Any]:
    """Return what was asked of one of the runs: its sizes and its group."""
    sizes = {name: float(values[index]) for name, values in plan.columns.items()}
    return sizes | {plan.group_column: plan.labels[index]}
