"""`Drawn`: an answer of draws, as rows of medians and intervals: of all draws, or by member."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import KIND, quantiles
from bayes_scaling.page import Block, Printed, of_members

if TYPE_CHECKING:
    import pandas as pd

Draws = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Drawn(Printed):
    """An answer whose draws come from members; intervals are taken when it is looked at.

    Attributes
    ----------
    extrapolation : mapping of str to array (n_cases,)
        E-folds beyond the fitted runs.
    probability : float
        Probability of the intervals.
    member : array of int (n_draws,)
        Member that each draw comes from.
    members : tuple of str
        Ids of the models.
    weights : tuple of float
        Of the members; they sum to 1.
    """

    extrapolation: Mapping[str, Draws]
    probability: float
    member: NDArray[np.int64]
    members: tuple[str, ...]
    weights: tuple[float, ...]

    @property
    @abstractmethod
    def quantities(self) -> Mapping[str, Draws]:
        """What is told of each case with its interval (n_draws, n_cases)."""

    @property
    def statements(self) -> Mapping[str, Flags]:
        """What holds or not (n_draws, n_cases), told by its probability."""
        return {}

    @abstractmethod
    def _asked(self, index: int) -> dict[str, Any]:
        """Return what was asked of one case."""

    def _beside(self, index: int) -> dict[str, Any]:
        """Return what else is told of one case."""
        return {}

    @property
    def is_point(self) -> bool:
        """Whether it is that of one draw, as a published law has: numbers without intervals."""
        return self.member.size == 1

    def _rows(self) -> list[dict[str, Any]]:
        rows = draw_rows(
            self.quantities, self.extrapolation, self.probability, statements=self.statements
        )
        return [
            {**self._asked(index), **row, **self._beside(index)} for index, row in enumerate(rows)
        ]

    def member_rows(self, probability: float | None = None) -> list[dict[str, Any]]:
        """Return what each member says of each case by itself, with its weight."""
        own = [self.member == position for position in range(len(self.members))]
        parts = [
            draw_rows(
                {name: draws[mine] for name, draws in self.quantities.items()},
                {},
                probability or self.probability,
                statements={name: held[mine] for name, held in self.statements.items()},
                alone=self.is_point,
            )
            for mine in own
        ]
        return [
            {"member": name, "weight": float(weight), **self._asked(index), **rows[index]}
            for index in range(len(parts[0]))
            for name, weight, rows in zip(self.members, self.weights, parts, strict=True)
        ]

    @property
    def by_member(self) -> pd.DataFrame:
        """One row per case and member, as of `member_rows`."""
        import pandas as pd

        return pd.DataFrame(self.member_rows())

    def _member_blocks(self, names: Mapping[str, str]) -> Iterator[list[Block]]:
        """Tabulate what each of several members says, case by case, under headings by name."""
        return of_members(self.member_rows(), len(self.members), names)


def draw_rows(
    quantities: Mapping[str, Draws],
    extrapolation: Mapping[str, Draws],
    probability: float,
    *,
    statements: Mapping[str, Flags] | None = None,
    alone: bool | None = None,
) -> list[dict[str, Any]]:
    """Tabulate draws.

    Parameters
    ----------
    quantities : mapping of str to array (n_draws, n_rows)
        Draws of each quantity.
    extrapolation : mapping of str to array (n_rows,)
        E-folds beyond the fitted runs.
    probability : float
        Probability of the equal-tailed intervals.
    statements : mapping of str to array of bool (n_draws, n_rows), optional
        What holds or not, told by its share of the draws.
    alone : bool, optional
        Whether there are no intervals to tell; by default where there is one draw, as a published
        law has.

    Returns
    -------
    list of dict
        Per row: ``x``, ``x_lower`` and ``x_upper`` of every quantity, ``efolds_x`` of every
        extrapolation, the probability and kind of the intervals.
    """
    if alone is None:
        alone = len(next(iter(quantities.values()))) == 1
    columns: dict[str, NDArray[Any]] = {}
    for name, draws in quantities.items():
        if alone:
            columns[name] = draws[0]
        else:
            ends = quantiles(draws, probability)
            columns |= dict(zip((name, f"{name}_lower", f"{name}_upper"), ends, strict=True))
    for name, held in (statements or {}).items():
        columns[name] = held[0] if alone else held.mean(axis=0)
    columns |= {f"efolds_{name}": beyond for name, beyond in extrapolation.items()}
    about = {} if alone else {"probability": probability, "kind": KIND}
    count = next(iter(quantities.values())).shape[1]
    return [
        {name: np.asarray(values)[index].item() for name, values in columns.items()} | about
        for index in range(count)
    ]
