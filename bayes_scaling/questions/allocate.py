"""Allocate: the best split of a compute budget between parameters and tokens, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY, outward
from bayes_scaling.page import (
    Block,
    Page,
    beyond,
    called,
    shares,
    told,
)
from bayes_scaling.questions.answer import Drawn, Flags
from bayes_scaling.questions.limits import WITHOUT, Limits
from bayes_scaling.questions.sizes import Numbers
from bayes_scaling.questions.splits import (
    Choice,
    best_partner,
    best_split,
    expected_split,
    regret,
    stated_split,
)
from bayes_scaling.questions.spread import spread_shares
from bayes_scaling.questions.surface import Source, surface
from bayes_scaling.runs import training_flops

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Allocation(Drawn):
    """Compute-optimal sizes.

    Attributes
    ----------
    given : str
        What was fixed: ``"flops"``, ``"params"``, ``"tokens"``, or ``"lifetime_flops"`` where the
        model serves and a budget is one of training and serving.
    params, tokens, flops : array (n_draws, n_cases)
        Optimal sizes per draw, and the compute of training; what was given is constant over them.
    loss : array (n_draws, n_cases)
        Noise-free loss at each draw's own optimum (nats per token); nan of a published rule.
    share : float
        Share of params that is active, which is what flops count; 1 for dense models.
    tuned : mapping of str to array (n_draws, n_cases)
        Tuned value, at the optimum, of inputs such as the learning rate.
    extrapolation : mapping of str to array (n_cases,)
        E-folds of the median optimum beyond the fitted runs of the group.
    edge : array of bool (n_draws, n_cases)
        Draws without an optimum inside the range searched, or at a limit (see `at_limit`).
    choose : callable, optional
        From a budget to the one split of least expected loss, and how flat its valley is; absent
        where a size was given, or where the law states its split.
    limits : Limits
        What the split had to stay within.
    lifetime : array (n_draws, n_cases), optional
        Compute of training and of what the model serves; None where it serves nothing.
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
    response : str
        What the law explains, such as a loss.
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
    lifetime: Array | None = None
    group_column: str = "family"
    label: str = "all"
    probability: float = PROBABILITY
    member: NDArray[np.int64]
    members: tuple[str, ...]
    weights: tuple[float, ...] = (1.0,)
    response: str = "loss"

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """For each budget the one split to choose; empty where there is nothing to choose."""
        if self.choose is None:
            return ()
        return tuple(self.choose(float(budget)) for budget in self.draws[self.given][0])

    @property
    def tokens_per_param(self) -> Array:
        """Tokens per parameter at the optimum (n_draws, n_cases)."""
        return self.tokens / self.params

    @property
    def at_edge(self) -> Array:
        """Share of draws without an optimum inside what was searched and allowed (n_cases,)."""
        return np.asarray(self.edge.mean(axis=0))

    @property
    def at_limit(self) -> Array:
        """Share of draws whose best split is held back by a limit that was given (n_cases,)."""
        bound = self.limits.bind(self.params, self.tokens)
        return np.asarray((self.edge & bound).mean(axis=0))

    def page(self) -> Page:
        """Return what is printed: the best split of each budget, and what each member says."""
        names = {self._shown(name): self._label(name) for name in ("params", "tokens", "loss")}
        members = self._member_blocks(names)
        found: list[list[Block]] = []
        for row, by_member in zip(self.rows(), members, strict=True):
            found += [[self._lines(row)]]
            if by_member:
                found += [[*by_member, shares(row, "log tokens per param")]]
        return found

    def _lines(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Write one case."""
        lines = {self.group_column: self.label}
        lines |= {self._label(name): told(row, self._shown(name)) for name in self.draws}
        if "choose_params" in row:
            low, high = outward(row["flat_params_from"], row["flat_params_to"])
            lines["choose"] = (
                f"N {row['choose_params']:.3g}, D {row['choose_tokens']:.3g}; expected regret "
                f"{row['expected_regret']:.2g}"
            )
            lines["within 1 % of it"] = f"N {low:.2g} to {high:.2g}"
        if "kind" in row:
            lines["extrapolation"] = beyond(row)
        if held := row.get("at_limit", 0.0):
            lines["at a limit"] = f"{self.limits.told}, in {held:.0%} of the draws"
        if (share := row["at_edge"] - held) > 0:
            lines[called("at_edge")] = f"inside the range searched, in {share:.0%} of the draws"
        return lines

    def _label(self, name: str) -> str:
        """Tell what was found from what was given."""
        if name in self.tuned:
            return f"best {called(name)}"
        found = name != self.given and name in ("params", "params_active", "tokens")
        return f"{called(name)}*" if found else called(self._shown(name))

    @cached_property
    def spread(self) -> Mapping[str, Array]:
        """Shares (n_cases,) of ``form`` and ``within`` in the variance of log tokens per param.

        They sum to 1: what the members disagree about, and what each leaves open by itself. None
        of one draw.
        """
        if len(self.member) == 1:
            return {}
        found = spread_shares(self.tokens_per_param, member=self.member, weights=self.weights)
        return {"form": found["form"], "within": 1 - found["form"]}

    @property
    def draws(self) -> Mapping[str, Array]:
        """What is told of each case (n_draws, n_cases); no loss where the law has none."""
        loss = {} if np.isnan(self.loss).all() else {"loss": self.loss}
        return {
            "params": self.params,
            **({} if self.share == 1.0 else {"params_active": self.share * self.params}),
            "tokens": self.tokens,
            "flops": self.flops,
            **({} if self.lifetime is None else {"lifetime_flops": self.lifetime}),
            "tokens_per_param": self.tokens_per_param,
            **loss,
            **self.tuned,
        }

    @property
    def quantities(self) -> Mapping[str, Array]:
        """What was found, and not what was given, which is one number."""
        return {name: draws for name, draws in self.draws.items() if name != self.given}

    @property
    def statements(self) -> Mapping[str, Flags]:
        """Whether there is no optimum inside the range searched."""
        return {"at_edge": self.edge}

    def _beside(self, index: int) -> dict[str, Any]:
        beside: dict[str, Any] = {"at_edge": float(self.at_edge[index])}
        if self.limits.told:
            beside["at_limit"] = float(self.at_limit[index])
        beside |= {f"spread_{part}": float(share[index]) for part, share in self.spread.items()}
        if self.choose is None:
            return beside
        choice = self.choices[index]
        return beside | {
            "choose_params": choice.params,
            "choose_tokens": choice.tokens,
            "expected_regret": float(np.mean(regret(choice.loss, self.loss[:, index]))),
            "flat_params_from": choice.flat[0],
            "flat_params_to": choice.flat[1],
        }

    def _asked(self, index: int) -> dict[str, Any]:
        value = float(self.draws[self.given][0, index])
        return {"given": self.given, self.group_column: self.label, self.given: value}


def allocate(
    source: Source,
    *,
    flops: Numbers | None = None,
    params: Numbers | None = None,
    tokens: Numbers | None = None,
    family: str | None = None,
    inputs: Mapping[str, float] | None = None,
    limits: Limits | None = None,
) -> Allocation:
    """Find the split that minimises the noise-free loss on C = 6 N D, draw by draw.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A law in params and tokens, or one that states the best split. A published law has one draw.
    flops, params, tokens : float or sequence of float
        Exactly one: a budget to split, or a size whose compute-optimal partner is wanted.
    family : str, optional
        The group, where the fit has several.
    inputs : mapping of str to float, optional
        Other inputs of the law, such as unique_tokens, where data are repeated.
    limits : Limits, optional
        Sizes that a budget may be spent on, and tokens that the model will serve, whose compute
        the budget then includes.

    Returns
    -------
    Allocation

    Raises
    ------
    InputError
        Not exactly one size is given, it is not positive, the law has no sizes to trade, or the
        limits allow no split.

    Notes
    -----
    The search assumes no formula: a grid in log params finds the valley of every draw, and a root
    of the loss's slope along the budget, by finite differences, finds its bottom. For
    ``chinchilla`` the result equals the closed form of Hoffmann et al. 2022, eq. 4.

    Examples
    --------
    >>> fit.allocate(flops=[1e21, 1e23]).table  # doctest: +SKIP
    """
    limits = limits or WITHOUT
    given, values = _one_given(flops=flops, params=params, tokens=tokens)
    law = surface(source, group=family, inputs=inputs)
    stated = law.states_split
    if limits and (stated or given != "flops"):
        raise InputError("limits are for a budget that is split by a law in params and tokens")
    logs = np.log(values / law.share if given == "flops" else values).tolist()
    if stated:
        told = [stated_split(law, given, each) for each in logs]
        budgets = np.exp(np.stack([each[3] for each in told], axis=1))
        solved = [each[:3] for each in told]
    elif given == "flops":
        solved = [best_split(law.split_rank(), each, law.draws, limits) for each in logs]
    else:
        solved = [best_partner(law.split_rank(), given, each, law.draws) for each in logs]
    edge = np.stack([each[2] for each in solved], axis=1)
    best = {
        name: np.exp(np.stack([each[place] for each in solved], axis=1))
        for place, name in enumerate(("params", "tokens"))
    }
    if law.predicts:
        loss = law.at(best, law.draws[:, None])
        spent = training_flops(law.share * best["params"], best["tokens"])
    else:  # a published rule: it has sizes and no loss
        loss, spent = np.full(edge.shape, np.nan), budgets
    constant = np.broadcast_to(values, edge.shape)
    sizes = {**best, "flops": spent}
    lifetime = constant if limits.inference_tokens else None
    if lifetime is None:
        sizes[given] = constant
    return Allocation(
        given=given if lifetime is None else "lifetime_flops",
        params=sizes["params"],
        tokens=sizes["tokens"],
        flops=sizes["flops"],
        loss=loss,
        share=law.share,
        tuned=law.tuned(sizes) if law.predicts else {},
        extrapolation=law.beyond({name: np.median(each, axis=0) for name, each in sizes.items()}),
        edge=edge,
        choose=partial(expected_split, law, limits=limits)
        if given == "flops" and not stated
        else None,
        limits=limits,
        lifetime=lifetime,
        group_column=law.group_column,
        label=law.group,
        member=law.member,
        members=law.members,
        weights=law.weights,
        response=law.response,
    )


def _one_given(**sizes: Numbers | None) -> tuple[str, Array]:
    present = {name: value for name, value in sizes.items() if value is not None}
    if len(present) != 1:
        raise InputError(
            f"give exactly one of flops, params and tokens; got {', '.join(present) or 'none'}"
        )
    ((name, value),) = present.items()
    try:
        values = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number or numbers, got {value!r}") from None
    if values.ndim != 1 or values.size == 0 or not (np.isfinite(values) & (values > 6)).all():
        raise InputError(f"{name} must be finite and above 6, got {value!r}")
    return name, values
