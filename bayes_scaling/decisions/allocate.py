"""Allocate: the best split of a compute budget between parameters and tokens, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.decisions.asked_law import Numbers, of_fit, other_inputs
from bayes_scaling.decisions.choice import WITHOUT, Choice, expected_split
from bayes_scaling.decisions.forecast import extrapolation
from bayes_scaling.decisions.limits import Limits, split_within
from bayes_scaling.decisions.new_budget import at_new_budget
from bayes_scaling.decisions.optimum import SOLVERS, Index, Loss
from bayes_scaling.decisions.sizes import group_index
from bayes_scaling.decisions.spread import spread_shares
from bayes_scaling.decisions.stated import stated_split, states_split
from bayes_scaling.decisions.tabulate import interval_rows, member_rows
from bayes_scaling.errors import InputError
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.laws.features import SIZES as LAW_SIZES
from bayes_scaling.runs import training_flops
from bayes_scaling.runs.columns import SIZES

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
        return {
            "params": self.params,
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


def allocate(
    fit: Fit,
    *,
    flops: Numbers | None = None,
    params: Numbers | None = None,
    tokens: Numbers | None = None,
    family: str | None = None,
    inputs: Mapping[str, float] | None = None,
    limits: Limits | None = None,
    probability: float = PROBABILITY,
    allow_unconverged: bool = False,
) -> Allocation:
    """Find the split of compute that minimises the noise-free loss on C = 6 N D, per draw.

    Parameters
    ----------
    fit : Fit
        The posterior of a law in params and tokens.
    flops, params, tokens : float or sequence of float
        Exactly one: a budget to split, or a size whose compute-optimal partner is wanted.
    family : str, optional
        The group it is asked for, where the fit has several.
    inputs : mapping of str to float, optional
        Other inputs of the law, such as unique_tokens, where data are repeated.
    limits : Limits, optional
        Sizes that a budget may be spent on, and tokens that the model will serve, whose compute
        the budget then includes.
    probability : float
        Probability of the equal-tailed intervals.
    allow_unconverged : bool
        Whether to go on with a fit that did not converge.

    Returns
    -------
    Allocation

    Raises
    ------
    InputError
        Not exactly one size is given, it is not positive, the law has no sizes to trade, or the
        limits allow no split.
    UnconvergedError
        The fit did not converge.

    Notes
    -----
    The search assumes no formula: a grid in log params finds the valley of every draw, and a root
    of the loss's slope along the budget, by finite differences, finds its bottom. For
    ``chinchilla`` the result equals the closed form of Hoffmann et al. 2022, eq. 4.

    Examples
    --------
    >>> fit.allocate(flops=[1e21, 1e23]).table  # doctest: +SKIP
    """
    check_probability(probability)
    limits = limits or WITHOUT
    fit.require_converged(allow_unconverged=allow_unconverged)
    given, values = _one_given(flops=flops, params=params, tokens=tokens)
    stated = states_split(fit)
    if limits and (stated or given != "flops"):
        raise InputError("limits are for a budget that is split by a law in params and tokens")
    read = [name for name in fit.model.inputs if name not in LAW_SIZES]
    settled, problems = other_inputs(read, inputs or {}, fit.model.id)
    if not stated:
        problems += _no_two_sizes(fit, settled)
    if problems:
        raise InputError(problems)
    fit, family = at_new_budget(fit, family)
    group, labels, problems = group_index(fit, family, 1)
    if problems:
        raise InputError(problems, source="allocate")
    loss = _loss_function(fit, int(group[0]), settled)
    draws = np.arange(fit.n_draws)
    solved = [
        stated_split(fit, given, float(np.log(value)), int(group[0]))
        if stated
        else split_within(loss, float(np.log(value)), draws, limits)
        if limits
        else SOLVERS[given](loss, float(np.log(value)), draws)
        for value in values
    ]
    splits = given == "flops" and not stated
    law = of_fit(fit, family=family, inputs=inputs) if splits else None
    log_params = np.stack([item[0] for item in solved], axis=1)
    log_tokens = np.stack([item[1] for item in solved], axis=1)
    sizes = {"params": np.exp(log_params), "tokens": np.exp(log_tokens)}
    sizes["flops"] = training_flops(sizes["params"], sizes["tokens"])
    sizes[given] = np.broadcast_to(values, log_params.shape)
    medians = {name: np.median(values, axis=0) for name, values in sizes.items()}
    return Allocation(
        given=given,
        params=sizes["params"],
        tokens=sizes["tokens"],
        flops=sizes["flops"],
        loss=loss(log_params, log_tokens, draws[:, None]),
        tuned=fit.tuned({**sizes, **settled}, group=group),
        extrapolation=extrapolation(fit, medians, labels * len(values)),
        edge=np.stack([item[2] for item in solved], axis=1),
        choose=None if law is None else partial(expected_split, law, limits=limits),
        limits=limits,
        group_column=fit.model.group,
        label=labels[0],
        probability=probability,
        member=np.zeros(len(draws), dtype=np.int64),
        members=(fit.model.id,),
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


def _no_two_sizes(fit: Fit, settled: Mapping[str, Array]) -> list[str]:
    """Say what keeps a law from trading params against tokens."""
    read = [name for name in SIZES if name in fit.model.inputs]
    if len(read) < 2:
        return [
            f"{fit.model.id} reads {', '.join(fit.model.inputs)}: only a law in params and tokens "
            "(or in one of them and flops) can split a budget; fit chinchilla, coupled or isoflop"
        ]
    others = [name for name in fit.model.sizes if name not in SIZES and name not in settled]
    return [f"{fit.model.id} also needs {name}, which has no tuned value: give it among the inputs"
            for name in others]  # fmt: skip


def _loss_function(fit: Fit, group: int, settled: Mapping[str, Array]) -> Loss:
    def loss(log_params: Array, log_tokens: Array, draw: Index) -> Array:
        sizes = {**settled, "params": np.exp(log_params), "tokens": np.exp(log_tokens)}
        sizes["flops"] = training_flops(sizes["params"], sizes["tokens"])
        return fit.predict(sizes, group=np.asarray(group), draw=draw)

    return loss
