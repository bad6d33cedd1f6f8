"""Sizes at which models are compared: those a user names, or far beyond the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.laws import Model
from bayes_scaling.questions.sizes import FACTOR, Sizes, Values
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.columns import SIZES, canonical_name
from bayes_scaling.validation.split import size_columns


def targets(runs: RunTable, models: Sequence[Model], at: Sizes | None) -> Sizes:
    """Return the sizes that forecasts are asked for, in every group unless groups are named.

    Parameters
    ----------
    runs : RunTable
        The runs that are fitted.
    models : sequence of Model
        Those that are asked; they have their groups in the same column.
    at : mapping, DataFrame or RunTable, optional
        What the user named; without a size in it, `default_target`.

    Returns
    -------
    mapping, DataFrame or RunTable

    Raises
    ------
    InputError
        A model needs more than a mapping has.
    """
    if at is not None and not isinstance(at, Mapping):
        return at
    group, labels = models[0].group, runs.groups(models[0].group)
    asked = dict(at or {})
    if not set(asked) - {group}:
        mine = np.isin(runs.labels(group), np.atleast_1d(asked.get(group, labels)))
        asked |= default_target(runs.take(mine) if mine.any() else runs)
    known = {canonical_name(str(name)) or str(name) for name in asked}
    if len(known & set(SIZES)) > 1:
        known |= set(SIZES)
    problems = [
        f"{model.id} needs {name!r} at the target; give two of params, tokens and flops, and what "
        "else the model reads"
        for model in models
        for name in model.sizes
        if name not in known
    ]
    if problems:
        raise InputError(problems, source="compare")
    sizes = {name: np.atleast_1d(np.asarray(value)) for name, value in asked.items()}
    count = max(values.size for values in sizes.values())
    if group in asked or len(labels) < 2 or {values.size for values in sizes.values()} - {1, count}:
        return asked
    spread: dict[str, Values] = {
        name: np.tile(np.broadcast_to(values, count), len(labels)) for name, values in sizes.items()
    }
    return {**spread, group: np.repeat(labels, count).tolist()}


def default_target(runs: RunTable) -> dict[str, Values]:
    """Return the size of a run of 100 times the largest compute.

    Its tokens per parameter are the geometric mean of the runs. A table that knows only one of
    params, tokens and flops is carried 100 times further along it.

    Raises
    ------
    InputError
        No column of sizes holds for every run.
    """
    known = size_columns(runs)
    if not known:
        raise InputError(
            "no column of params, tokens or flops holds for every run; say at which sizes to "
            "forecast (at)",
            source="compare",
        )
    if len(known) < 3:
        name = known[-1]
        return {name: FACTOR * float(np.max(runs[name]))}
    largest = int(np.argmax(runs["flops"]))
    ratio = float(np.exp(np.mean(np.log(runs["tokens"] / runs["params"]))))
    # Runs whose flops are not exactly 6 N D keep their own count.
    per_pair = float(runs["flops"][largest] / (runs["params"] * runs["tokens"])[largest])
    params = float(np.sqrt(FACTOR * runs["flops"][largest] / per_pair / ratio))
    asked: dict[str, Values] = {"params": params, "tokens": ratio * params}
    if "params_nonembedding" in runs:
        share = runs["params_nonembedding"] / runs["params"]
        asked["params_nonembedding"] = params * float(share[largest])
    return asked
