"""What the approaches to the compute-optimal split found, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.facade import Fit
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.posterior import Check
from bayes_scaling.questions.tabulate import interval_rows

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Approach:
    """A way to the compute-optimal split.

    Attributes
    ----------
    name : str
        What it is called beside the others.
    rows : str
        What it is fitted to: ``"curves"``, ``"lines"`` or ``"all"``.
    published : float or None
        Exponent of the best params in compute that its authors report.
    """

    name: str
    rows: str
    published: float | None = None


APPROACHES: Mapping[str, Approach] = {
    "envelope": Approach(name="1, envelope", rows="curves", published=0.50),
    "isoflop": Approach(name="2, isoFLOP", rows="lines", published=0.49),
    "isoflop-cubic": Approach(name="2, isoFLOP with a cubic term", rows="lines"),
    "chinchilla": Approach(name="3, parametric", rows="all", published=0.46),
    "coupled": Approach(name="3, parametric, coupled", rows="all"),
}
"""By the law of each; the published exponents are those of Hoffmann et al. 2022, table 2."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """The best splits of some budgets by one approach.

    Attributes
    ----------
    flops : array (n_budgets,)
        The budgets [FLOP].
    params, tokens : array (n_draws, n_budgets)
        Best sizes, draw by draw.
    exponent : array (n_draws, n_budgets)
        Local exponent of the best params in compute.
    loss : array (n_draws, n_budgets)
        Noise-free loss at the best split (nats per token).
    beyond : array (n_budgets,)
        E-folds of compute beyond the rows of the approach.
    """

    flops: Array
    params: Array
    tokens: Array
    exponent: Array
    loss: Array
    beyond: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Approaches:
    """The compute-optimal split by every approach that the data allow.

    Attributes
    ----------
    fits : mapping of str to Fit
        By the law of the approach; `Fit.runs` are the rows it took.
    at : mapping of str to Splits
        The splits of the budgets that were asked for.
    path : mapping of str to Splits
        Those along the way from the smallest run to the largest of these budgets.
    skipped : mapping of str to str
        Why an approach could not be taken.
    why : tuple of str
        Why they differ, from the posteriors and the rows.
    family : str
        The runs it holds for.
    probability : float
        Probability of the intervals in `table`.
    """

    fits: Mapping[str, Fit]
    at: Mapping[str, Splits]
    path: Mapping[str, Splits]
    skipped: Mapping[str, str]
    why: tuple[str, ...]
    family: str = "all"
    probability: float = PROBABILITY

    def __repr__(self) -> str:
        """Say how much there is; `table` has the numbers."""
        budgets = next(iter(self.at.values())).flops.size
        return f"Approaches({', '.join(self.fits)}; {budgets} budgets; see .table and .why)"

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of every fit, by its name."""
        return tuple(check.of(name) for name, one in self.fits.items() for check in one.checks)

    @property
    def trustworthy(self) -> bool:
        """Whether no check of any fit failed."""
        return all(one.trustworthy for one in self.fits.values())

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per budget and approach, of plain numbers and texts."""
        found = {name: self._rows_of(name) for name in self.fits}
        count = next(iter(self.at.values())).flops.size
        return [rows[index] for index in range(count) for rows in found.values()]

    def _rows_of(self, law: str) -> list[dict[str, Any]]:
        split, one, approach = self.at[law], self.fits[law], APPROACHES[law]
        quantities = {
            "params": split.params,
            "tokens": split.tokens,
            "tokens_per_param": split.tokens / split.params,
            "exponent": split.exponent,
            "loss": split.loss,
        }
        rows = interval_rows(quantities, {"flops": split.beyond}, self.probability)
        return [
            {
                "flops": float(split.flops[index]),
                "approach": approach.name,
                "law": law,
                **row,
                "published_exponent": approach.published,
                "rows": len(one.runs),
                "status": one.status,
            }
            for index, row in enumerate(rows)
        ]

    @property
    def table(self) -> pd.DataFrame:
        """One row per budget and approach: N*, D*, tokens per param, exponent, with intervals."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it, draws aside."""
        return {
            "family": self.family,
            "rows": self.rows(),
            "why": list(self.why),
            "skipped": dict(self.skipped),
            "checks": [
                {"name": c.name, "verdict": c.verdict, "evidence": c.evidence, "advice": c.advice}
                for c in self.checks
            ],
        }
