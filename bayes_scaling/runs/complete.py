"""Fill in what 6ND and batch_size x steps imply, and say so.

N in 6ND is ``params_active`` where a row has it, then ``params``, then ``params_nonembedding``.
Everything is float64: 6 N D overflows int64 near 9.2e18.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN
from bayes_scaling.runs.finetuning import finetuning_of

COUNTS = ("params_active", "params", "params_nonembedding")


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A table with its sizes filled in.

    Parameters
    ----------
    columns : Mapping of str to array, dims (row,)
        All columns, new ones last.
    notes : tuple of str
        What was filled in, and from what.
    """

    columns: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...]


def complete(columns: Mapping[str, NDArray[Any]]) -> Completed:
    """Complete params, tokens and flops, row by row; given values are never changed.

    Parameters
    ----------
    columns : Mapping of str to array, dims (row,)
        Canonical columns, NaN where a cell is empty.

    Returns
    -------
    Completed
    """
    done = dict(columns)
    notes: list[str] = []
    rows = len(next(iter(columns.values()), ()))

    def put(name: str, values: NDArray[np.float64], said: str) -> None:
        old = done.get(name)
        gap = np.isfinite(values) if old is None else np.isnan(old) & np.isfinite(values)
        count = int(np.count_nonzero(gap))
        if count:
            done[name] = np.where(gap, values, np.nan if old is None else old)
            share = "" if count == rows else f" ({count} of {rows} rows)"
            notes.append(said + share)

    with np.errstate(all="ignore"):
        if "batch_size" in done and "steps" in done:
            put("tokens", done["batch_size"] * done["steps"], "tokens from batch_size x steps")
        count_of, used = model_size(done, rows)
        name = " or ".join(used) if used else "params"
        per_token = FLOPS_PER_PARAM_TOKEN * count_of
        blank = np.full(rows, np.nan)
        tokens, flops = done.get("tokens", blank), done.get("flops", blank)
        put("flops", per_token * tokens, f"flops from 6 x {name} x tokens")
        put("tokens", flops / per_token, f"tokens from flops / (6 x {name})")
        unknown = np.where(np.isnan(count_of), flops / (FLOPS_PER_PARAM_TOKEN * tokens), np.nan)
        home = "params_active" if "params_active" in done and "params" not in done else "params"
        put(home, unknown, f"{home} from flops / (6 x tokens)")
    if "score" in done:
        put("error", 1 - done["score"], "error from 1 - score")
    for other in ("params_nonembedding", "params_active"):
        if other in done:
            put("params", done[other], f"params taken from {other}")
    if "pretrained_on" in done:
        arms = finetuning_of(done)
        done |= arms.columns
        notes += arms.notes
    return Completed(columns=done, notes=tuple(notes))


def model_size(
    columns: Mapping[str, NDArray[Any]], rows: int
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the N of 6ND for each row, and the columns it came from.

    Parameters
    ----------
    columns : Mapping of str to array, dims (row,)
    rows : int
        Number of rows.

    Returns
    -------
    array of float64, dims (row,)
        Parameters; NaN where none is given.
    tuple of str
        Columns that were used, in the order of preference.
    """
    size = np.full(rows, np.nan)
    used = []
    for name in COUNTS:
        if name in columns:
            gap = np.isnan(size) & np.isfinite(columns[name])
            if gap.any():
                size = np.where(gap, columns[name], size)
                used.append(name)
    return size, tuple(used)
