"""Decisions on an ensemble: the answers of its members, mixed draw by draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.posterior.ensemble import Ensemble
from bayes_scaling.posterior.weights import stratify
from bayes_scaling.questions.allocate import Allocation, allocate
from bayes_scaling.questions.asked_law import Answerer, Numbers, of_any
from bayes_scaling.questions.choice import WITHOUT, expected_split
from bayes_scaling.questions.forecast import Forecast, extrapolation, farthest, forecast
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.sizes import Sizes
from bayes_scaling.questions.typical import Tuned, check_tuned

Array = NDArray[np.float64]


def mixed_forecast(
    ensemble: Ensemble,
    sizes: Sizes,
    *,
    tuning: Tuned = "tuned",
    probability: float = PROBABILITY,
    allow_unconverged: bool = False,
) -> Forecast:
    """Forecast the loss of runs from the mixture of the members.

    Parameters
    ----------
    ensemble : Ensemble
        The weighted posteriors.
    sizes, tuning, probability, allow_unconverged
        As in `bayes_scaling.questions.forecast.forecast`; members that know of no mistuned runs
        forecast tuned ones.

    Returns
    -------
    Forecast
        Its draws are those of the members, as many of each as its weight says, evenly taken.

    Raises
    ------
    InputError
        The sizes cannot be used, or no member knows of mistuned runs.
    UnconvergedError
        No member converged.
    """
    check_probability(probability)
    ensemble.require_converged(allow_unconverged=allow_unconverged)
    members = ensemble.members
    check_tuned(tuning, *(fit.model for fit in members.values()))
    asked: Mapping[str, Tuned] = {
        name: tuning if fit.model.tuned or fit.model.mistuned.on else "tuned"
        for name, fit in members.items()
    }
    parts = [
        forecast(fit, sizes, tuning=asked[name], probability=probability, allow_unconverged=True)
        for name, fit in members.items()
    ]
    return mix_forecasts(dict(zip(ensemble.members, parts, strict=True)), ensemble.weights)


def mix_forecasts(forecasts: Mapping[str, Forecast], weights: Mapping[str, float]) -> Forecast:
    """Mix forecasts of the same runs.

    Parameters
    ----------
    forecasts : mapping of str to Forecast
        By the id of the model; the models may read different inputs.
    weights : mapping of str to float
        Of each; they sum to 1.

    Returns
    -------
    Forecast
        Its draws are those of the models, as many of each as its weight says, evenly taken. It has
        the tuned inputs that all of them have, and lies as far beyond the runs as the farthest
        says.
    """
    parts, shares = list(forecasts.values()), [weights[name] for name in forecasts]
    rows = stratify(shares, [len(part.draws) for part in parts])
    drifts = any(part.redrawn is not None for part in parts)
    redrawn = [part.noise_free if part.redrawn is None else part.redrawn for part in parts]
    return Forecast(
        plan=parts[0].plan,
        noise_free=_mix(rows, [part.noise_free for part in parts]),
        draws=_mix(rows, [part.draws for part in parts]),
        tuned={
            name: _mix(rows, [part.tuned[name] for part in parts])
            for name in parts[0].tuned
            if all(name in part.tuned for part in parts)
        },
        extrapolation=farthest(part.extrapolation for part in parts),
        probability=parts[0].probability,
        tuning="typical" if any(part.tuning == "typical" for part in parts) else "tuned",
        member=np.repeat(np.arange(len(rows)), [len(taken) for taken in rows]),
        members=tuple(forecasts),
        weights=tuple(shares),
        redrawn=_mix(rows, redrawn) if drifts else None,
        form_variance=sum(
            share * part.form_variance for share, part in zip(shares, parts, strict=True)
        ),
    )


def mixed_allocation(
    ensemble: Ensemble,
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
    """Find the best split of compute under the mixture of the members.

    Parameters
    ----------
    ensemble : Ensemble
        The weighted posteriors.
    flops, params, tokens, family, inputs, limits, probability, allow_unconverged
        As in `bayes_scaling.questions.allocate.allocate`.

    Returns
    -------
    Allocation
        Its draws are those of the members, as many of each as its weight says, evenly taken.

    Raises
    ------
    InputError
        Not exactly one size is given, it is not positive, or a law has no sizes to trade.
    UnconvergedError
        No member converged.
    """
    check_probability(probability)
    ensemble.require_converged(allow_unconverged=allow_unconverged)
    parts = [
        allocate(
            fit,
            flops=flops,
            params=params,
            tokens=tokens,
            family=family,
            inputs=inputs,
            limits=limits,
            probability=probability,
            allow_unconverged=True,
        )
        for fit in ensemble.members.values()
    ]
    first, rows = parts[0], ensemble.rows
    sizes = {
        name: _mix(rows, [getattr(part, name) for part in parts])
        for name in ("params", "tokens", "flops")
    }
    medians = {name: np.median(draws, axis=0) for name, draws in sizes.items()}
    law = None if first.choose is None else of_any(ensemble, family=family, inputs=inputs)
    return Allocation(
        given=first.given,
        params=sizes["params"],
        tokens=sizes["tokens"],
        flops=sizes["flops"],
        loss=_mix(rows, [part.loss for part in parts]),
        share=first.share,
        tuned={name: _mix(rows, [part.tuned[name] for part in parts]) for name in first.tuned},
        extrapolation=extrapolation(ensemble, medians, (first.label,) * first.params.shape[1]),
        edge=_mix(rows, [part.edge for part in parts]),
        choose=None if law is None else partial(expected_split, law, limits=limits or WITHOUT),
        limits=limits or WITHOUT,
        group_column=first.group_column,
        label=first.label,
        probability=probability,
        member=ensemble.member,
        members=tuple(ensemble.members),
        weights=tuple(ensemble.weights[name] for name in ensemble.members),
    )


def _mix[Number: (np.float64, np.bool_)](
    rows: Sequence[NDArray[np.int64]], parts: Sequence[NDArray[Number]]
) -> NDArray[Number]:
    """Take from every member the draws that stand for it (n_draws, ...)."""
    return np.concatenate([part[taken] for part, taken in zip(parts, rows, strict=True)], axis=0)


def any_allocation(
    fit: Answerer,
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
    """Find the best split of compute under whatever answers; see `allocate`."""
    asked: dict[str, Any] = {"flops": flops, "params": params, "tokens": tokens}
    asked |= {"family": family, "inputs": inputs, "limits": limits, "probability": probability}
    if isinstance(fit, Ensemble):
        return mixed_allocation(fit, **asked, allow_unconverged=allow_unconverged)
    return allocate(fit, **asked, allow_unconverged=allow_unconverged)
