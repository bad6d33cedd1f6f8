"""Allocate: the best split of a compute budget between parameters and tokens, draw by draw."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.decisions.allocation import Allocation
from bayes_scaling.decisions.asked_law import Numbers, of_fit, other_inputs
from bayes_scaling.decisions.choice import WITHOUT, expected_split
from bayes_scaling.decisions.forecast import extrapolation
from bayes_scaling.decisions.limits import Limits, split_within
from bayes_scaling.decisions.new_budget import at_new_budget
from bayes_scaling.decisions.optimum import SOLVERS, Index, Loss
from bayes_scaling.decisions.routed import active_share
from bayes_scaling.decisions.sizes import group_index
from bayes_scaling.decisions.stated import stated_split, states_split
from bayes_scaling.errors import InputError
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.laws.features import SIZES as LAW_SIZES
from bayes_scaling.runs import training_flops
from bayes_scaling.runs.columns import SIZES

Array = NDArray[np.float64]


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
    share = active_share(fit)
    loss = _loss_function(fit, int(group[0]), settled, share)
    draws = np.arange(fit.n_draws)
    in_params = values / share if given == "flops" else values
    solved = [
        stated_split(fit, given, float(np.log(value)), int(group[0]))
        if stated
        else split_within(loss, float(np.log(value)), draws, limits)
        if limits
        else SOLVERS[given](loss, float(np.log(value)), draws)
        for value in in_params
    ]
    splits = given == "flops" and not stated
    law = of_fit(fit, family=family, inputs=inputs) if splits else None
    log_params = np.stack([item[0] for item in solved], axis=1)
    log_tokens = np.stack([item[1] for item in solved], axis=1)
    sizes = {"params": np.exp(log_params), "tokens": np.exp(log_tokens)}
    sizes["flops"] = training_flops(share * sizes["params"], sizes["tokens"])
    sizes[given] = np.broadcast_to(values, log_params.shape)
    medians = {name: np.median(values, axis=0) for name, values in sizes.items()}
    return Allocation(
        given=given,
        params=sizes["params"],
        tokens=sizes["tokens"],
        flops=sizes["flops"],
        loss=loss(log_params, log_tokens, draws[:, None]),
        share=share,
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


def _loss_function(fit: Fit, group: int, settled: Mapping[str, Array], share: float) -> Loss:
    def loss(log_params: Array, log_tokens: Array, draw: Index) -> Array:
        sizes = {**settled, "params": np.exp(log_params), "tokens": np.exp(log_tokens)}
        sizes["flops"] = training_flops(share * sizes["params"], sizes["tokens"])
        return fit.predict(sizes, group=np.asarray(group), draw=draw)

    return loss
