"""What an allocation tells: the best split draw by draw, and the one to choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.decisions.choice import WITHOUT, Choice
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.spread import spread_shares
from bayes_scaling.decisions.tabulate import interval_rows, member_rows
from bayes_scaling.intervals import PROBABILITY

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Allocation:
    """Compute-optimal sizes.

    Attributes
    ----------
    given : str
        What was fixed: ``"flops"``, ``"params"`` or ``"tokens"``.
    params, tokens, flops : array (n_draws, n_cases)
        Optimal sizes per draw; what was given is constant over the draws.
    loss : array (n_draws, n_cases)
        Noise-free loss at each draw's own optimum (nats per token).
    share : float
        Share of params that is active, which is what flops count; 1 for dense models.
    tuned : mapping of str to array (n_draws, n_cases)
        Tuned value, at the optimum, of inputs such as the learning rate.
    extrapolation : mapping of str to array (n_cases,)
        E-folds of the median optimum beyond the fitted runs of the group.
    edge : array of bool (n_draws, n_cases)
        Draws without an optimum inside the range searched, or at a limit.
    choose : callable, optional
        From a budget to the one split of least expected loss, and how flat its valley is; absent
        where a size was given, or where the law states its split.
    limits : Limits
        What the split had to stay within.
    group_column, label : str
        The column that names the groups, and the group it holds for.
    probability : float
        Probability of the intervals in `table`.
    member : array of int (n_draws,)
        Member that each draw comes from; all 0 for a single fit.
    members : tuple of str
        Ids of the models.
    weights : tuple of float
        Of the members; they sum to 1.
    """

    given: str
    params: Array
    tokens: Array
    flops: Array
    loss: Array
    share: float = 1.0
    tuned: Mapping[str, Array] = field(default_factory=dict)
    extrapolation: Mapping[str, Array] = field(default_factory=dict)
    edge: NDArray[np.bool_]
    choose: Callable[[float], Choice] | None = None
    limits: Limits = WITHOUT
    group_column: str = "family"
    label: str = "all"
    probability: float = PROBABILITY
    member: NDArray[np.int64]
    members: tuple[str, ...]
    weights: tuple[float, ...] = (1.0,)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """For each budget the one split to choose; empty where there is nothing to choose."""
        if self.choose is None:
            return ()
        return tuple(self.choose(float(budget)) for budget in self.flops[0])

    @property
    def tokens_per_param(self) -> Array:
        """Tokens per parameter at the optimum (n_draws, n_cases)."""
        return self.tokens / self.params

    @property
    def at_edge(self) -> Array:
        """Share of draws without an optimum inside the range searched (n_cases,)."""
        return np.asarray(self.edge.mean(axis=0))

    def __repr__(self) -> str:
        """Say how much there is; `table` has the numbers."""
        return f"Allocation({self.params.shape[1]} cases, {len(self.params)} draws; see .table)"

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per case, of plain numbers and texts."""
        rows = interval_rows(self._quantities, self.extrapolation, self.probability)
        return [
            self._asked(row)
            | {"at_edge": float(self.at_edge[index])}
            | self._chosen(index)
            | {f"spread_{part}": float(share[index]) for part, share in self.spread.items()}
            for index, row in enumerate(rows)
        ]

    def member_rows(self) -> list[dict[str, Any]]:
        """Return what each member says of each case by itself, with its weight."""
        rows = member_rows(
            self._quantities,
            member=self.member,
            members=self.members,
            weights=self.weights,
            probability=self.probability,
        )
        at_edge = {
            name: self.edge[self.member == position].mean(axis=0)
            for position, name in enumerate(self.members)
        }
        return [
            self._asked(row) | {"at_edge": float(at_edge[row["member"]][index])}
            for index, row in rows
        ]

    @cached_property
    def spread(self) -> Mapping[str, Array]:
        """Shares (n_cases,) of ``form`` and ``within`` in the variance of log tokens per param.

        They sum to 1: what the members disagree about, and what each leaves open by itself.
        """
        found = spread_shares(self.tokens_per_param, member=self.member, weights=self.weights)
        return {"form": found["form"], "within": 1 - found["form"]}

    @property
    def _quantities(self) -> Mapping[str, Array]:
        routed = {} if self.share == 1.0 else {"params_active": self.share * self.params}
        return {
            "params": self.params,
            **routed,
            "tokens": self.tokens,
            "flops": self.flops,
            "tokens_per_param": self.tokens_per_param,
            "loss": self.loss,
            **self.tuned,
        }

    def _chosen(self, index: int) -> dict[str, float]:
        """Tell what to choose, where that is known."""
        if self.choose is None:
            return {}
        choice = self.choices[index]
        return {
            "choose_params": choice.params,
            "choose_tokens": choice.tokens,
            "expected_regret": float(np.mean(choice.loss - self.loss[:, index])),
            "flat_params_from": choice.flat[0],
            "flat_params_to": choice.flat[1],
        }

    def _asked(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Put what was given first, without the interval that it does not have."""
        edges = {f"{self.given}_lower", f"{self.given}_upper"}
        return {"given": self.given, self.group_column: self.label} | {
            name: value for name, value in row.items() if name not in edges
        }

    @property
    def table(self) -> pd.DataFrame:
        """One row per case: N*, D*, C, tokens per parameter, loss, each with its interval."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    @property
    def by_member(self) -> pd.DataFrame:
        """One row per case and member: its weight, and its own split with intervals."""
        import pandas as pd

        return pd.DataFrame(self.member_rows())
