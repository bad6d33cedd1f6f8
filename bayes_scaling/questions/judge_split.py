"""Judge how runs split their compute: too few tokens for the model, or too many.

"Was Gopher undertrained?" asks whether it saw fewer tokens than the best split of its compute
would have given it, and what that cost: loss, or compute that would have done as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.questions.answer import Answer, Found, answer_of, located
from bayes_scaling.questions.distance import efolds_beyond_runs
from bayes_scaling.questions.sizes import Sizes, read_plan, run_names
from bayes_scaling.questions.splits import best_partner, best_split, cheapest, stated_split
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.runs import RunTable, training_flops

Array = NDArray[np.float64]

ROUNDING = 1e-6
"""Share by which tokens may fall short of the best without being fewer."""


def judge_split(
    source: Source,
    runs: Sizes,
    *,
    family: str | None = None,
) -> Answer:
    """Judge how runs split their compute between params and tokens.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A law in params and tokens, or one that states the best split (that has no losses for runs
        off it).
    runs : mapping, DataFrame or RunTable
        Two of params, tokens and flops of each run, as in a forecast; `bs.published_runs()` has
        the big published ones.
    family : str, optional
        The group they are judged by, where the fit has several and the runs do not say.

    Returns
    -------
    Answer
        Per run: ``undertrained``, the probability that it saw fewer tokens than the best split of
        its compute; that split (``best_params``, ``best_tokens``); ``tokens_for_params``, for
        which its own params would be the best; its noise-free ``loss``, and ``loss_lost``, how
        far that lies above the loss of the best split; and ``flops_enough``, the least compute
        that reaches its loss.

    Raises
    ------
    InputError
        The sizes cannot be used, or the law has no params and tokens to trade.

    Notes
    -----
    Compute is 6 N D, and nothing of what its makers knew of a run enters but its sizes.

    Examples
    --------
    >>> fit.judge_split(bs.published_runs()).table  # doctest: +SKIP
    """
    sizes: Any = runs
    first = source.leading
    if family is not None:
        table = runs.columns if isinstance(runs, RunTable) else runs
        sizes = {**{name: table[name] for name in table}, first.reads.group: family}
    plan = read_plan(first, sizes)
    missing = [name for name in ("params", "tokens") if name not in plan.columns]
    if missing:
        raise InputError(f"a split is of params and tokens; {' and '.join(missing)} are missing")
    laws = {label: surface(source, group=label) for label in dict.fromkeys(plan.labels)}
    parts = [
        (_stated if laws[label].states_split else find_split)(
            laws[label], plan.columns["params"][[i]], plan.columns["tokens"][[i]]
        )
        for i, label in enumerate(plan.labels)
    ]
    found = Found(
        draws={n: np.hstack([part.draws[n] for part in parts]) for n in parts[0].draws},
        flags={n: np.hstack([part.flags[n] for part in parts]) for n in parts[0].flags},
    )
    asked: dict[str, NDArray[Any]] = {**run_names(runs)}
    if len(source.groups) > 1:
        asked[first.reads.group] = np.array(plan.labels)
    asked |= {name: np.asarray(plan.columns[name]) for name in ("params", "tokens", "flops")}
    beyond = efolds_beyond_runs(source.members.values(), located(asked, found.draws), plan.labels)
    law = laws[plan.labels[0]]
    return replace(answer_of(law, found, given=asked), extrapolation=beyond)


def _stated(law: Surface, params: Array, tokens: Array) -> Found:
    """Judge by a law that states the best split, and knows no losses beside it."""
    flops = training_flops(params, tokens)
    best = [stated_split(law, "flops", float(np.log(value)))[:2] for value in flops]
    own = [stated_split(law, "params", float(np.log(value)))[1] for value in params]
    best_params, best_tokens = (np.exp(np.stack(part, axis=1)) for part in zip(*best, strict=True))
    return Found(
        draws={
            "best_params": best_params,
            "best_tokens": best_tokens,
            "tokens_for_params": np.exp(np.nan_to_num(np.stack(own, axis=1), nan=np.inf)),
        },
        flags={"undertrained": fewer_tokens(tokens, best_tokens)},
    )


def find_split(law: Surface, params: Array, tokens: Array) -> Found:
    """Judge the splits of runs (n_runs,) under one law."""
    found = [
        _one(law, float(u), float(v)) for u, v in zip(np.log(params), np.log(tokens), strict=True)
    ]
    columns = {name: np.stack([each[name] for each in found], axis=1) for name in found[0]}
    return Found(
        draws=columns, flags={"undertrained": fewer_tokens(tokens, columns["best_tokens"])}
    )


def fewer_tokens(tokens: Array, best: Array) -> NDArray[np.bool_]:
    """Whether runs saw fewer tokens than the best, by more than rounding."""
    return np.asarray(tokens < best * (1 - ROUNDING))


def _one(law: Surface, u: float, v: float) -> dict[str, Array]:
    """Judge one run, of log params and log tokens."""
    draws, loss, rank = law.draws, law.split_loss(), law.split_rank()
    log_flops = float(np.log(training_flops(np.exp(u), np.exp(v))))
    own = loss(np.asarray(u), np.asarray(v), draws)
    best_u, best_v, edge = best_split(rank, log_flops, draws)
    if edge.all():
        raise InputError(f"{law.id} has no best split of {np.exp(log_flops):.3g} FLOP")
    best = loss(best_u, best_v, draws)
    partner = best_partner(rank, "params", u, draws)[1]
    same = np.log(rank(np.asarray(u), np.asarray(v), draws))
    enough_u, enough_v = cheapest(rank, same, draws, log_flops)
    return {
        "best_params": np.exp(best_u),
        "best_tokens": np.exp(best_v),
        "tokens_for_params": np.exp(np.nan_to_num(partner, nan=np.inf)),
        "loss": own,
        "loss_lost": np.maximum(own - best, 0.0),
        "flops_enough": law.share
        * np.minimum(training_flops(np.exp(enough_u), np.exp(enough_v)), np.exp(log_flops)),
    }
