"""How an ensemble mixes its members: checked weights, and which draws of each are taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.model import Model
from bayes_scaling.runs import RunTable

LEAST = 0.01
"""Weight below which a member is left out: it would have too few draws to answer by itself."""


def stratify(weights: Sequence[float], sizes: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
    """Choose the draws of each member that stand for it in the mixture, nothing at random.

    Parameters
    ----------
    weights : sequence of float
        Weights of the members; they sum to 1.
    sizes : sequence of int
        Draws that each member has.

    Returns
    -------
    tuple of array of int (n_taken,)
        Rows of each member, evenly spread over its draws. Their numbers are in proportion to the
        weights, rounded so that they add up, and as large as can be without taking a draw twice:
        members of equal weight and size give all their draws.
    """
    shares = np.asarray(weights, float)
    total = int(np.floor(np.min(np.asarray(sizes) / shares) + 1e-6))
    exact = shares * total
    counts = np.floor(exact + 1e-9).astype(np.int64)
    rest = total - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:rest]] += 1
    return tuple(
        ((np.arange(count) + 0.5) * size / count).astype(np.int64)
        for count, size in zip(counts.tolist(), sizes, strict=True)
    )


def mixed[Number: (np.float64, np.bool_)](
    parts: Sequence[NDArray[Number]], rows: Sequence[NDArray[np.int64]]
) -> NDArray[Number]:
    """Take from what each member says (n_draws, ...) the draws that stand in the mixture."""
    taken = [part[own] for part, own in zip(parts, rows, strict=True)]
    return taken[0] if len(taken) == 1 else np.concatenate(taken, axis=0)


def equal_weights(names: Iterable[str]) -> dict[str, float]:
    """Return the same weight for every name."""
    return dict.fromkeys(names, 1.0)


def renormalised(weights: Mapping[str, float]) -> dict[str, float]:
    """Return weights in the same proportions that sum to 1."""
    total = sum(weights.values())
    return {name: value / total for name, value in weights.items()}


def weight_problems(weights: Mapping[str, float], names: Sequence[str]) -> list[str]:
    """Say what is wrong with the weights a user gave for members of these names."""
    known = ", ".join(names)
    problems = [
        f"weight of {name!r}, which is no member; members are {known}"
        for name in weights
        if name not in names
    ]
    problems += [
        f"no weight of {name!r}; give one to each of {known}"
        for name in names
        if name not in weights
    ]
    bad = [name for name, value in weights.items() if not (np.isfinite(value) and value >= 0)]
    problems += [f"weight of {name!r} must be 0 or more, got {weights[name]!r}" for name in bad]
    if not problems and sum(weights.values()) <= 0:
        problems.append("every weight is 0; one at least must be above")
    return problems


def repeated_ids(models: Sequence[Model], called: str) -> list[str]:
    """Say which ids several models have; `called` is what they are to the reader."""
    names = [model.id for model in models]
    return [
        f"{names.count(name)} {called} are called {name!r}; give each an id of its own"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]


def model_problems(models: Sequence[Model]) -> list[str]:
    """Say why models cannot be members of one ensemble: they must read and explain the same."""
    if not models:
        return ["an ensemble needs a member; name a model"]
    problems = repeated_ids(models, "members")
    first = models[0]
    for model in models[1:]:
        for what, one, other in (
            ("explains", [first.response], [model.response]),
            ("reads", first.inputs, model.inputs),
            ("must be given", first.sizes, model.sizes),
            ("has its groups in", [first.group], [model.group]),
            ("reads instead", dict(first.columns).values(), dict(model.columns).values()),
        ):
            if list(one) != list(other):
                problems.append(
                    f"{model.id} {what} {_list(other)} and {first.id} {_list(one)}: members must "
                    "agree in this; fit them apart"
                )
    return problems


def row_problems(models: Sequence[Model], runs: RunTable) -> list[str]:
    """Say which models take other rows of a table than the first: their answers do not compare."""
    first, *others = models
    wanted = first.rows_of(runs)
    return [
        f"{model.id} takes the rows {model.select or 'all'!r} of the table, {len(taken)} of "
        f"{len(runs)}, and {first.id} {first.select or 'all'!r}, {len(wanted)}: members must agree "
        "in this; fit them apart, or to rows that you choose yourself"
        for model in others
        for taken in (model.rows_of(runs),)
        if taken.content_hash != wanted.content_hash
    ]


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
