"""Runs from scratch and runs fine-tuned after another text, in one table.

``pretrained_on`` names the first text; a run from scratch has none. Data of the text that is
learned are ``finetune_tokens`` in both: of a run from scratch they are all its data,
``unique_tokens`` where text was repeated, else ``tokens``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.runs.cells import Rows

SCRATCH = "scratch"
"""Label of runs that start from fresh weights."""

NOTHING = ("", "none", "nothing", "no", "nan", SCRATCH)
"""What ``pretrained_on`` may say of them, in any case."""

CHARACTERS = re.compile(r"(?i)char(acter)?s?(?![a-z])")
"""Names of columns that count characters."""


@dataclass(frozen=True, kw_only=True)
class Arms:
    """What follows from ``pretrained_on``.

    Attributes
    ----------
    columns : mapping of str to array (n_rows,)
        ``pretrained_on`` with `SCRATCH` where there is no text, ``pretrained``, and
        ``finetune_tokens``, NaN where a fine-tuned run has none.
    notes : tuple of str
        What was filled in.
    """

    columns: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...] = ()


def was_pretrained(labels: ArrayLike) -> NDArray[np.float64]:
    """Return 1 where a label names a first text, 0 where it says that there was none."""
    said = np.char.lower(np.char.strip(np.asarray(labels, dtype=np.str_)))
    return np.where(np.isin(said, NOTHING), 0.0, 1.0)


def finetuning_of(columns: Mapping[str, NDArray[Any]]) -> Arms:
    """Complete what a table says of fine-tuning; given values are never changed."""
    texts = np.asarray(columns["pretrained_on"], dtype=np.str_)
    pretrained = was_pretrained(texts)
    labels = np.where(pretrained == 0, SCRATCH, np.char.strip(texts))
    found: dict[str, NDArray[Any]] = {"pretrained_on": labels, "pretrained": pretrained}
    notes = []
    blank = np.full(len(texts), np.nan)
    data = columns.get("finetune_tokens", blank)
    own = columns.get("unique_tokens", blank)
    own = np.where(np.isnan(own), columns.get("tokens", blank), own)
    gap = (pretrained == 0) & (np.isnan(data) | (data == 0)) & np.isfinite(own)
    if gap.any():
        data = np.where(gap, own, data)
        notes.append(
            "finetune_tokens of runs from scratch are their own data "
            f"({gap.sum()} of {gap.size} rows)"
        )
    found["finetune_tokens"] = data
    return Arms(columns=found, notes=tuple(notes))


def finetuning_problems(columns: Mapping[str, NDArray[Any]], rows: Rows) -> list[str]:
    """Return what keeps the runs of a table from being compared: no data, or data in two units.

    Parameters
    ----------
    columns : mapping of str to array (n_rows,)
        Completed.
    rows : Rows
        Names of the rows, for the messages.
    """
    problems = []
    if "pretrained_on" in columns:
        problems += [
            f"column {name!r} counts characters, and tokens are counted beside it: a law has one "
            "unit for all data; convert one of them, call both by their canonical names, and say "
            "in data_unit which it is"
            for name in columns
            if CHARACTERS.search(name) and {"tokens", "finetune_tokens"} & set(columns)
        ]
        bare = (columns["pretrained"] > 0) & ~(columns["finetune_tokens"] > 0)
        if bare.any():
            first = str(columns["pretrained_on"][bare][0])
            problems.append(
                f"{rows.say(bare)}: pretrained_on is {first!r} and finetune_tokens is empty or 0; "
                "give the data of the fine-tuning text, or leave pretrained_on empty for a run "
                "from scratch"
            )
    if "data_unit" in columns:
        units = np.char.lower(np.char.strip(np.asarray(columns["data_unit"], dtype=np.str_)))
        named = np.unique(units[units != ""])
        if named.size > 1:
            shown = "; ".join(f"{rows.say(units == unit)}: {unit}" for unit in named.tolist())
            problems.append(
                f"data_unit: data are counted in several units ({shown}), and a law has one for "
                "all data: convert them, at about 4 characters to a token of English, or measure "
                "the ratio of your tokenizer"
            )
    return problems
