"""Active params and experts of a routed model for a budget, within the memory that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY, format_kind
from bayes_scaling.page import Grid, Page, Printed, beyond, called, cell
from bayes_scaling.questions.answer import draw_rows
from bayes_scaling.questions.limits import WITHOUT, Limits
from bayes_scaling.questions.sizes import Numbers, one_positive, positive
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import Source, surface

Array = NDArray[np.float64]

EXPERTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Numbers of experts that are looked at by default."""

SHARE = 2 / 3
"""Share of the active params that is one expert, by default: feed-forward blocks of 8 d^2 of 12."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExpertSplit(Printed):
    """The best split of a budget for each number of experts.

    Attributes
    ----------
    flops : float
        The budget [FLOP].
    experts, params_active, params, tokens : array (n_choices,)
        Number of experts, params that a token meets, all params, and training tokens.
    at_limit : array of bool (n_choices,)
        Whether all params are as many as are allowed.
    loss : array (n_draws, n_choices)
        Noise-free loss.
    extrapolation : mapping of str to array (n_choices,)
        E-folds of active params, tokens and experts beyond the fitted runs.
    left_out : tuple of float
        Numbers of experts for which the limits allow no size.
    probability : float
        Probability of the intervals.
    """

    flops: float
    experts: Array
    params_active: Array
    params: Array
    tokens: Array
    at_limit: NDArray[np.bool_]
    loss: Array
    extrapolation: Mapping[str, Array]
    left_out: tuple[float, ...] = ()
    probability: float = PROBABILITY

    @property
    def best(self) -> Array:
        """Probability of each number of experts to be the best (n_choices,)."""
        winner = np.argmin(self.loss, axis=1)
        return np.bincount(winner, minlength=self.experts.size) / winner.size

    @property
    def choose(self) -> int:
        """Place of the number of experts with the least expected loss."""
        return int(np.argmin(self.loss.mean(axis=0)))

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per number of experts."""
        rows = draw_rows({"loss": self.loss}, self.extrapolation, self.probability)
        names = ("experts", "params_active", "params", "tokens")
        return [
            {name: float(getattr(self, name)[place]) for name in names}
            | {"at_limit": bool(self.at_limit[place]), "chance_best": float(self.best[place])}
            | row
            for place, row in enumerate(rows)
        ]

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        chosen = self.rows()[self.choose]
        return {"choose": chosen["experts"], "left_out": list(self.left_out)}

    def page(self) -> Page:
        """Return what is printed: a row per number of experts, and which to choose."""
        rows = self.rows()
        loss = f"{called('loss')}, {format_kind(self.probability)}"
        grid = Grid(
            heading=("experts", "active params", "all params", "tokens", loss, "best"),
            rows=[
                (f"{row['experts']:g}", f"{row['params_active']:.3g}",
                 f"{row['params']:.3g}" + (" (limit)" if row["at_limit"] else ""),
                 f"{row['tokens']:.3g}", cell(row, "loss"), f"{row['chance_best']:.2f}")
                for row in rows
            ],
        )  # fmt: skip
        row = rows[self.choose]
        said = (
            f"{row['experts']:g} experts, {row['params_active']:.3g} active of {row['params']:.3g} "
            f"params, {row['tokens']:.3g} tokens"
        )
        lines = {"choose": said, "extrapolation": beyond(row)}
        if self.left_out:
            lines["no room for"] = ", ".join(f"{each:g}" for each in self.left_out) + " experts"
        return [[grid, lines]]


def expert_split(
    source: Source,
    flops: float,
    *,
    experts: Numbers | None = None,
    expert_share: float = SHARE,
    limits: Limits | None = None,
    family: str | None = None,
    inputs: Mapping[str, float] | None = None,
) -> ExpertSplit:
    """Split a budget into active params, experts and tokens of a routed model.

    Parameters
    ----------
    source : Fit
        A posterior of a law in active params, experts and tokens: moe-joint.
    flops : float
        Budget [FLOP]: 6 x active params x tokens.
    experts : float or sequence of float, optional
        Numbers of experts to look at; 1, 2, 4 to 128 by default.
    expert_share : float
        Share of the active params that is one expert: all params are active ones x (1 + share x
        (experts - 1)).
    limits : Limits, optional
        Limits of the split; max_params is about all params, such as fit a device.
    family : str, optional
        The group, where the fit has several.
    inputs : mapping of str to float, optional
        Other inputs of the law.

    Returns
    -------
    ExpertSplit

    Raises
    ------
    InputError
        The law reads no experts or no tokens, a number cannot be used, or nothing is allowed.
    """
    silent = [law.id for law in source.members.values() if "experts" not in law.reads.inputs]
    if silent:
        raise InputError(
            f"{', '.join(silent)} reads no experts: fit moe-joint on runs that vary them",
            source="experts",
        )
    flops = one_positive("flops", flops)
    if not 0 < expert_share <= 1:
        raise InputError(f"expert_share is in (0, 1], got {expert_share!r}", source="experts")
    menu = np.unique(positive("experts", EXPERTS if experts is None else experts))
    for each in menu:
        if each < 1 or each != np.floor(each):
            raise InputError(f"experts are 1 or more, and whole, got {each:g}", source="experts")
    allowed = limits or WITHOUT
    found, left_out, losses = [], [], []
    for count in menu:
        times = 1 + expert_share * (count - 1)
        law = surface(source, group=family, inputs={**(inputs or {}), "experts": float(count)})
        room = replace(allowed, max_params=allowed.max_params / times)
        try:
            split = expected_split(law, flops, room)
        except InputError as error:
            left_out.append(float(count))
            refused = error
            continue
        found.append((count, split.params, split.params * times, split.tokens))
        losses.append(split.loss)
    if not found:
        raise refused
    counts, active, params, tokens = np.array(found).T
    return ExpertSplit(
        flops=flops,
        experts=counts,
        params_active=active,
        params=params,
        tokens=tokens,
        at_limit=params > 0.999 * allowed.max_params,
        loss=np.stack(losses, axis=1),
        extrapolation=law.beyond({"params": active, "tokens": tokens, "experts": counts}),
        left_out=tuple(left_out),
    )
