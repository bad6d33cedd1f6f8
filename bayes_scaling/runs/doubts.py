"""What is suspicious about a table without being wrong: said, and the values kept."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import significant
from bayes_scaling.runs.cells import Rows, count_factor, parts_of
from bayes_scaling.runs.columns import COLUMNS, fold, listed, shown_in_formula, where_option
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN, PF_DAY, model_size
from bayes_scaling.runs.faults import unfinished
from bayes_scaling.runs.headings import read_heading, unknown_unit
from bayes_scaling.runs.loss_units import PERHAPS, THINGS
from bayes_scaling.runs.named_runs import equal_rows
from bayes_scaling.runs.resolve import (
    advice_on_size,
    is_beside,
    is_held_out,
    is_training,
    low_words,
    magnitude,
    say_which,
    sounds_like_size,
    tells_unique,
    words_of,
)

Columns = Mapping[str, NDArray[Any]]
MOST = 12  # doubts of one kind
_SUMMARIES = frozenset("mean average avg median total sum std stdev min max count".split())
_DATA = THINGS | PERHAPS | frozenset("data dataset seen reads".split())
_MODELS = frozenset("model models weights size net network parameters neurons".split())
LIKE = 0.85  # of two names, from which one may be the other misspelt
TOLERANCE = 1.3  # a ratio beyond this, either way, is a disagreement


ITEMS = 100.0
"""Questions of an evaluation that does not say how many it has."""

SPREADS = 3.0
"""Standard deviations below chance from which a score is no longer that of guessing."""


def doubts(given: Columns, rows: Rows) -> tuple[str, ...]:
    """Return every doubt about a table.

    Parameters
    ----------
    given : Mapping of str to array, dims (row,)
        Canonical columns before completion.
    rows : Rows
        Names of the rows.

    Returns
    -------
    tuple of str
    """
    return (
        *_compute_disagrees(given, rows),
        *_tokens_disagree(given, rows),
        *_batch_in_sequences(given, rows),
        *_identical_rows(given, rows),
        *_mixed_counts(given, rows),
        *_unnamed_group(given, rows),
        *_summary_rows(given, rows),
        *_splits(given),
        *_below_chance(given, rows),
        *unfinished(given, rows),
    )


def misspelt(names: Mapping[str, str], has: Iterable[str]) -> tuple[str, ...]:
    """Return a doubt for every column whose name is close to one that the table lacks."""
    lacking = [name for name in COLUMNS if name not in set(has)]
    found: list[str] = []
    for given, target in names.items():
        if target in COLUMNS or len(found) >= MOST:
            continue
        folded = fold(given)
        near = [
            name
            for name in lacking
            if abs(len(name) - len(folded)) <= 0.3 * len(name)
            and (folded[:1] == name[0] or folded[-1:] == name[-1])
        ]
        close = difflib.get_close_matches(folded, near, n=1, cutoff=LIKE) if near else []
        if close:
            found.append(
                f"column {given!r} is kept and no law reads it; did you mean {close[0]!r}? Then "
                f"{say_which(given, close[0])}"
            )
    return tuple(found)


def unread_columns(names: Mapping[str, str], done: Columns) -> list[str]:
    """Return a doubt for every unread column that may be one which laws read."""
    has = set(done)
    found = [*misspelt(names, has), *unread_sizes(names, done)]
    left = {name: done[target] for name, target in names.items() if target not in COLUMNS}
    if "params" in has and "params_active" not in has:
        found += [
            f"no law reads the column {name!r}; if it counts the parameters that each token "
            f"passes, which cost compute, --columns 'params_active={shown_in_formula(name)}"
            f"{magnitude(name)}'"
            for name, values in left.items()
            if low_words(name) & {"active", "activated"} and values.dtype.kind == "f"
        ]
    return found or _of_one_size(left, has)


def unread_sizes(names: Mapping[str, str], done: Columns) -> list[str]:
    """Return a doubt for every column that sounds like a size and is read by no law.

    Where params, tokens and flops are all known only epochs can change what is fitted.
    """
    has = set(done)
    left = [
        name
        for name, target in names.items()
        if target not in COLUMNS
        and ((heading := read_heading(name)) is None or heading.target not in has)
    ]
    whole = {"params", "tokens", "flops"} <= has
    sizes = [
        name
        for name in left
        if (sounds_like_size(name) or unknown_unit(name))
        and (not whole or _repeats(name, done[names[name]], has))
    ]
    if any("epoch" in name.lower() for name in sizes):
        sizes = [name for name in sizes if not tells_unique(name)]  # one factor of a product
    found = [
        f"no law reads the column {name!r}, which sounds like a size; if it is one, "
        f"{advice_on_size(name, list(names), done)}"
        for name in sizes[:MOST]
    ]
    if "budget" in has and not {"flops", "tokens"} & has:
        called = next(name for name, target in names.items() if target == "budget")
        found.append(
            f"no law reads the column {called!r} (budget, the nominal compute of an isoFLOP line); "
            f"if it is the compute of each run, --columns '{called}=flops'"
        )
    batch = next((name for name in left if {"batch", "bs"} & set(words_of(name))), None)
    if batch is not None and "steps" in has and "tokens" not in has and batch not in sizes:
        shown = shown_in_formula(batch)
        found.append(
            f"no law reads the column {batch!r}, and steps alone do not tell tokens; if it counts "
            f"sequences, --columns 'tokens={shown}*2048*steps' with your context length for 2048"
        )
    if "unique_tokens" in has and "tokens" not in has:
        called = next(name for name, target in names.items() if target == "unique_tokens")
        epochs = next((name for name in left if "epoch" in name.lower()), None)
        if epochs is None:
            found.append(
                f"{called!r} counts distinct tokens, and no column tells how many a run saw; if "
                f"each was seen once, --columns 'tokens={called}'"
            )
    return found


def _repeats(name: str, values: NDArray[Any], has: set[str]) -> bool:
    """Whether a column counts epochs, which may repeat tokens; parts of one epoch do not."""
    within_one = values.dtype.kind == "f" and bool((values <= 1).all() and (values < 1).any())
    return "epoch" in name.lower() and "unique_tokens" not in has and not within_one


def _of_one_size(left: Columns, has: set[str]) -> list[str]:
    """Doubt a table of one size, where an unread column could be the other."""
    if {"flops", "steps"} & has or len({"params", "tokens"} & has) != 1:
        return []
    known, lacking = ("params", "tokens") if "params" in has else ("tokens", "params")
    if lacking == "params" and {"width", "depth"} <= has:
        return [
            "tokens is the only size that is read, so all runs count as alike in params; of a "
            "decoder's layers, --columns 'params=12*depth*width**2'"
        ]
    for name, values in left.items():
        if lacking == "params" and values.dtype.kind == "U" and all(map(_ends_in_size, values)):
            return [
                f"tokens is the only size that is read, and {name!r} names models by their size "
                f"({str(values[0])!r}): write it in a column 'params'"
            ]
    likely = [name for name, values in left.items() if _may_be_size(name, values)]
    if not likely:
        return []
    first = max(likely, key=lambda name: _likeness(name, left[name], lacking))
    change = shown_in_formula(first) + magnitude(first)
    return [
        f"{known} is the only size that is read, so all runs count as alike in {lacking}; no law "
        f"reads {listed(likely, most=5)}: if {'it tells' if len(likely) == 1 else 'one tells'} "
        f"{lacking}, --columns '{lacking}={change}'"
    ]


def _likeness(name: str, values: NDArray[Any], lacking: str) -> tuple[bool, float]:
    """Rank columns that may be a size: by what they count, then by how far they reach."""
    counts = bool(low_words(name) & (_DATA if lacking == "tokens" else _MODELS))
    known = values[np.isfinite(values) & (values > 0)] if values.dtype.kind == "f" else [1e6]
    return counts, float(np.median(known))


def _ends_in_size(text: str) -> bool:
    """Whether a name ends in a size, as pythia-70m does."""
    return re.fullmatch(r"[^\d]+.*[-_ ]\d+(?:[._]\d+)?[kKmMbB]", text) is not None


def _may_be_size(name: str, values: NDArray[Any]) -> bool:
    """Whether an unread column holds several numbers above 1, or amounts such as 20M."""
    if values.dtype.kind != "f":
        amounts = [parts_of(text) for text in values[:50].tolist()]
        return all(part is not None and part[1] and count_factor(part[1]) for part in amounts)
    known = values[np.isfinite(values)]
    if is_beside(name) or not known.size or known.min() <= 0 or known.max() <= 1:
        return False
    return bool(np.ptp(known) > 0)


def _compute_disagrees(given: Columns, rows: Rows) -> list[str]:
    if "flops" not in given or "tokens" not in given:
        return []
    size, used = model_size(given, len(rows))
    ratio = _ratio(given["flops"], FLOPS_PER_PARAM_TOKEN * size * given["tokens"])
    off = _beyond(ratio)
    if not off.any():
        return []
    hint = _unit_hint("flops", ratio[off])
    other = given.get("params_nonembedding")
    if not hint and other is not None and "params_nonembedding" not in used:
        again = _ratio(given["flops"], FLOPS_PER_PARAM_TOKEN * other * given["tokens"])
        if not _beyond(again[off]).any():
            hint = "; they agree with 6 x params_nonembedding x tokens"
    return [
        f"{rows.say(off)}: flops disagree with 6 x {' or '.join(used)} x tokens by more than "
        f"30 % ({_span(ratio[off])} times it){hint}; the given values are kept"
    ]


def _tokens_disagree(given: Columns, rows: Rows) -> list[str]:
    if not {"tokens", "batch_size", "steps"} <= set(given):
        return []
    ratio = _ratio(given["tokens"], given["batch_size"] * given["steps"])
    off = _beyond(ratio)
    if not off.any():
        return []
    middle = float(np.median(ratio[off]))
    hint = ""
    if 32 <= middle <= 65536 and np.ptp(np.log(ratio[off])) < 0.1:
        hint = (
            f"; batch_size counts tokens, and here it looks like sequences of about "
            f"{middle:.0f} tokens"
        )
    elif middle >= 32:
        hint = (
            "; batch_size is in tokens here; if yours counts sequences, multiply by the "
            "context length"
        )
    return [
        f"{rows.say(off)}: tokens disagree with batch_size x steps by more than 30 % "
        f"({_span(ratio[off])} times it){hint}; the given values are kept"
    ]


def _batch_in_sequences(given: Columns, rows: Rows) -> list[str]:
    batch = given.get("batch_size")
    if batch is None:
        return []
    context = given.get("context_length")
    if context is not None and (small := batch < context).any():
        return [
            f"{rows.say(small)}: batch_size is smaller than context_length; it counts tokens, "
            "so multiply sequences by their length: --columns "
            "'batch_size=batch_size*context_length'"
        ]
    return []


def _identical_rows(given: Columns, rows: Rows) -> list[str]:
    groups = copies(given)
    if not groups:
        return []
    where = np.sort(np.concatenate(groups))
    return [
        f"{rows.say(where)}: identical in every column, and there is no column 'run' to tell "
        "repeats of a run from a row pasted twice; they are counted once"
    ]


def copies(given: Columns) -> list[NDArray[np.intp]]:
    """Return the groups of rows that are the same in every column, where none has a name."""
    return [] if "run" in given else equal_rows(given, list(given))


def _mixed_counts(given: Columns, rows: Rows) -> list[str]:
    if "params" not in given:
        return []
    empty = np.isnan(given["params"])
    found = []
    for name in ("params_nonembedding", "params_active"):
        if name in given:
            taken = empty & np.isfinite(given[name])
            if taken.any() and not taken.all():
                found.append(
                    f"{rows.say(taken)}: params is empty and taken from {name}, while other "
                    "rows give params: two kinds of count in one column"
                )
            empty &= ~taken
    return found


def _summary_rows(given: Columns, rows: Rows) -> list[str]:
    """Doubt rows that are called mean or total: a spreadsheet adds them below its runs."""
    if "run" not in given:
        return []
    where = np.isin(np.char.lower(given["run"]), list(_SUMMARIES))
    if not where.any() or where.all():
        return []
    name = str(given["run"][where][0])
    return [f"{rows.say(where)}: called {name!r}, which is no run but a summary; delete it"]


def _splits(given: Columns) -> list[str]:
    """Doubt losses of training and of held-out text in one column, told apart by another."""
    for name, values in given.items():
        if name in COLUMNS or values.dtype.kind != "U":
            continue
        labels = [str(label) for label in np.unique(values)[:50]]
        held = [label for label in labels if is_held_out(label)]
        if held and any(map(is_training, labels)) and len(labels) <= 6:
            return [
                f"{name!r} is {' or '.join(map(repr, labels))}: losses of training text count as "
                f"runs beside the others; keep one kind by {where_option(name, held[0])}"
            ]
    return []


def _unnamed_group(given: Columns, rows: Rows) -> list[str]:
    family = given.get("family")
    if family is None:
        return []
    empty = family == ""
    if not empty.any() or empty.all():
        return []
    return [f"{rows.say(empty)}: family is empty; these rows form a group of their own"]


def _below_chance(given: Columns, rows: Rows) -> list[str]:
    """Doubt scores that are worse than guessing by more than the noise of their questions."""
    if not {"score", "chance"} <= set(given):
        return []
    score, chance = given["score"], given["chance"]
    items = given.get("items", np.full(score.shape, ITEMS))
    with np.errstate(all="ignore"):
        low = score < chance - SPREADS * np.sqrt(chance * (1 - chance) / items)
    if not low.any():
        return []
    shown = ", ".join(f"{value:g}" for value in score[low][:3])
    return [
        f"{rows.say(low)}: score {shown} is below chance by more than the noise of the questions: "
        "are answers read in the wrong order, or is it an error rate (call that column error)?"
    ]


def _ratio(value: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return value / expected where both are positive and finite, else NaN."""
    with np.errstate(all="ignore"):
        ratio = value / expected
    return np.where((value > 0) & (expected > 0) & np.isfinite(ratio), ratio, np.nan)


def _beyond(ratio: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (ratio > TOLERANCE) | (ratio < 1 / TOLERANCE)


def _unit_hint(name: str, ratio: NDArray[np.float64]) -> str:
    middle = float(np.median(ratio))
    units = {f"units of 1e{power} FLOP": 10.0**power for power in (9, 12, 15, 18, 21)}
    for unit, size in (units | {"PF-days (8.64e19 FLOP)": PF_DAY}).items():
        if abs(np.log(middle * size)) < np.log(TOLERANCE):
            return f"; {name} look like {unit}"
    return ""


def _span(ratio: NDArray[np.float64]) -> str:
    low, high = (significant(float(end), 3) for end in (ratio.min(), ratio.max()))
    return low if low == high else f"{low} to {high}"
