"""Error rates among the columns of a file: a response between 0 and 1, the lower the better.

A law explains an error rate as its loss. What tells it from nats per token is the column ``metric``
(`bayes_scaling.runs.metrics`); a file without one says it by the name of the column, or by giving a
score. So it is written here, once, when a file is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.cells import Commas, read_numbers
from bayes_scaling.runs.columns import SIZES, canonical_name, listed, shown_in_formula
from bayes_scaling.runs.metrics import ERROR, read_unit
from bayes_scaling.runs.resolve import (
    is_held_out,
    is_training,
    say_which,
    sounds_like_loss,
    words_of,
)
from bayes_scaling.runs.wishes import made_of

Cells = Mapping[str, Sequence[Any] | NDArray[Any]]
Columns = dict[str, NDArray[Any]]

PERCENT = 100.0
"""Largest value of a rate in percent."""

_NO_RATE = frozenset(
    "std sd se sem stderr standard squared square sq mean absolute abs mae mse rmse relative rel "
    "fit fitted predicted pred reconstruction bar bars margin count "
    "loss losses nll bpb bpc xent crossentropy perplexity ppl".split()
)
_SCALES = frozenset((*SIZES, "params_nonembedding", "params_active", "steps", "width", "depth"))


def sounds_like_error_rate(name: str) -> bool:
    """Whether a heading, or an expression of columns, names an error rate.

    Examples
    --------
    >>> sounds_like_error_rate("top1_error"), sounds_like_error_rate("mean squared error")
    (True, False)
    """
    if set(words_of(name)) & _NO_RATE:
        return False
    return read_unit(name) == ERROR


def choose_error_rate(
    raw: Cells, columns: Mapping[str, str] | None, *, commas: Commas | None = None
) -> tuple[dict[str, str], list[str]]:
    """Take an error rate for the loss, where a file has neither a loss nor a score.

    Parameters
    ----------
    raw : Mapping of str to sequence, dims (row,)
        Columns by their given names.
    columns : Mapping of str to str, optional
        What the user says of them.
    commas : {"decimal", "thousands"}, optional
        What commas in numbers are.

    Returns
    -------
    columns : dict of str to str
        With the error rate as the loss.
    problems : list of str
        Several could be meant, or the values are no shares.
    """
    asked = dict(columns or {})
    targets = {canonical_name(target) or target for target in asked.values()}
    plain = [name for name in raw if name not in asked]
    if targets & {"loss", "score"} or any(
        sounds_like_loss(name) or canonical_name(name) == "score" for name in plain
    ):
        return asked, []
    if "error" in targets or any(canonical_name(name) == "error" for name in plain):
        return asked, []  # it is one of the vocabulary, and is completed
    rates = {
        name: known
        for name in plain
        if sounds_like_error_rate(name)
        and (known := _known(raw[name], commas)).size
        and 0 <= known.min()
        and known.max() <= PERCENT
    }
    held = [name for name in rates if is_held_out(name)]
    best = held or [name for name in rates if not is_training(name)] or list(rates)
    if len(best) > 1:
        return asked, [
            f"columns {listed(best)} are error rates; say which is to be forecast: "
            f"{say_which(best[0], 'loss')}"
        ]
    for name in best:
        if rates[name].max() > 1:
            return asked, [_in_percent(name)]
        asked[name] = "loss"
    return asked, []


def name_error_rate(
    given: Columns, called: Mapping[str, str], notes: Iterable[str]
) -> tuple[Columns, list[str], list[str]]:
    """Say by the column ``metric`` that a loss is an error rate, where its name or a score tells.

    Parameters
    ----------
    given : dict of str to array, dims (row,)
        Canonical columns before completion.
    called : Mapping of str to str
        What the file calls them.
    notes : iterable of str
        What was done so far; ``loss = EXPRESSION`` names a loss that was computed.

    Returns
    -------
    columns : dict of str to array, dims (row,)
    notes, doubts : list of str
    """
    given, metric = dict(given), given.get("metric")
    if "loss" not in given:
        made = _from_score(given)
        if made is None or (metric is not None and np.unique(metric).size > 1):
            return given, [], []
        given["loss"], said = made
        label, formula = "error", False
    else:
        label, formula = label_of_loss(called, notes)
        if not sounds_like_error_rate(label):
            return given, [], []
        said = f"loss is {label!r}"
    values = given["loss"][np.isfinite(given["loss"])]
    if not values.size or values.min() < 0:
        return given, [], []
    if values.max() > 1:
        return given, [], [_in_percent(label, formula=formula)] if values.max() <= PERCENT else []
    if metric is None:
        given["metric"] = np.full(given["loss"].size, label if label.isidentifier() else "error")
    else:
        given["metric"] = np.array([_as_error(text) for text in metric.tolist()])
    said += (
        ", an error rate: a share between 0 and 1, whose noise acts on the log odds, under the "
        "ceiling of guessing"
    )
    return given, [said], []


def label_of_loss(called: Mapping[str, str], notes: Iterable[str]) -> tuple[str, bool]:
    """Return what the file calls the loss, or what made it, and whether that is an expression."""
    label = called.get("loss", "loss")
    formula = made_of(notes).get("loss", "")
    return (formula, True) if label == "loss" and formula else (label, False)


def _as_error(metric: str) -> str:
    """Name the metric of an error rate: what it was measured on, and that it is one."""
    unit = read_unit(metric)
    if unit is None:
        return f"{metric} error".strip()
    return f"1 - {metric}" if unit.rises else metric


def _from_score(given: Columns) -> tuple[NDArray[np.float64], str] | None:
    """Return the error rate of a table that gives it, or a score; None where no loss can be it."""
    found = None
    if not _SCALES & set(given):
        return None  # the loss is no scale for itself
    if "error" in given:
        found = given["error"], "loss is the column 'error'"
    elif "score" in given:
        found = 1 - given["score"], "loss is 1 - score"
    return found if found is not None and bool((found[0] > 0).all()) else None


def _known(cells: Sequence[Any] | NDArray[Any], commas: Commas | None) -> NDArray[np.float64]:
    read = read_numbers(cells, target="error", commas=commas)
    if read.unread:
        return np.empty(0)
    return read.values[np.isfinite(read.values)]


def _in_percent(name: str, *, formula: bool = False) -> str:
    shown = f"({name})" if formula else shown_in_formula(name)
    return (
        f"{name!r} sounds like an error rate and goes beyond 1: if it is in percent, "
        f"--columns 'loss={shown}/100'"
    )
