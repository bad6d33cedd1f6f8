"""Measures of which more is better: accuracies, rewards and their kin, which are no losses.

A law of the loss falls with size. An accuracy read as a loss would be taken for one of runs that
get worse as they grow, so a file that has one and no loss is told how it is read: as a score, or
as what it lacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.cells import Rows, read_numbers
from bayes_scaling.runs.columns import SIZES, canonical_name, fold, shown_in_formula
from bayes_scaling.runs.error_rates import sounds_like_error_rate
from bayes_scaling.runs.resolve import (
    is_held_out,
    is_training,
    say_which,
    sounds_like_loss,
    words_of,
)
from bayes_scaling.runs.wishes import rises_in

Columns = Mapping[str, NDArray[Any]]
Array = NDArray[np.float64]

PERCENT = 100.0
"""Largest value of a share in percent."""

FEWEST, LIKE_SIZES = 4, 0.6
"""Rows, and the correlation of their ranks, from which a column rises with the sizes."""

MOST_ROWS = 20_000
"""Rows of one family in which a loss that rises with size is looked for."""

_SHARES = frozenset(
    "acc accuracy accuracies auc auroc auprc roc recall precision ap miou iou dice mrr ndcg bleu "
    "sacrebleu chrf rouge meteor em score correct winrate".split()
)
_OPEN = frozenset("reward rewards return returns psnr elo profit utility".split())
_SAID = re.compile(r"f1|(?:pass|hits|recall|precision)@?\d+|exact_match|(?:win|success|pass)_rate")
_OTHERWISE = frozenset(
    "loss losses nll error errors err wer cer eer std sd se sem stderr var variance ci lower upper "
    "interval crps brier fid risk chance baseline target count n num min perplexity ppl diff "
    "delta normalized normalised".split()
)


def sounds_like_score(name: str) -> bool:
    """Whether a heading names a measure of which more is better.

    Examples
    --------
    >>> sounds_like_score("top1_acc"), sounds_like_score("return"), sounds_like_score("acc_stderr")
    (True, True, False)
    """
    words = set(words_of(name))
    if words & _OTHERWISE:
        return False
    return bool(words & (_SHARES | _OPEN)) or _SAID.search(fold(name)) is not None


def score_advice(name: str, values: NDArray[Any] | None = None) -> str:
    """Return what to type for a column of which more is better.

    Parameters
    ----------
    name : str
        As the file has it.
    values : array, dims (row,), optional
        Its numbers, or its text.

    Returns
    -------
    str
        Read as a score where it is a share, or one in percent; else as what lacks to the best.
    """
    shown = shown_in_formula(name)
    known = np.empty(0)
    if values is not None:
        read = read_numbers(values, target="score").values
        known = read[np.isfinite(read)]
    if known.size and not (known.min() >= 0 and known.max() <= 1):
        if known.min() >= 0 and known.max() <= PERCENT and not set(words_of(name)) & _OPEN:
            return f"in percent, --columns 'score={shown}/100'"
        return f"--columns 'loss=BEST-{shown}' with the best that can be reached for BEST"
    return f"{say_which(name, 'score')}, or what it lacks, --columns 'loss=1-{shown}'"


def scores_advice(given: Iterable[str], columns: Columns) -> str | None:
    """Return what to do with a score in place of a loss; None where no column sounds like one.

    Parameters
    ----------
    given : iterable of str
        Names as the file has them.
    columns : Mapping of str to array, dims (row,)

    Returns
    -------
    str or None
    """
    scores = [n for n in given if canonical_name(n) is None and sounds_like_score(n)]
    if not scores:
        left = [n for n in given if canonical_name(n) is None]
        scores = left if len(left) == 1 and _rises(columns.get(left[0].strip()), columns) else []
        if scores:
            said = f"{left[0]!r} rises with the sizes, so that it may be better the more there is"
            return f"{said}: {score_advice(left[0], columns[left[0].strip()])}"
    held = [n for n in scores if is_held_out(n)] or [n for n in scores if not is_training(n)]
    name = next(iter(held or scores), None)
    if name is None:
        return None
    return f"{name!r} is better the more there is: {score_advice(name, columns.get(name.strip()))}"


def _rises(values: NDArray[Any] | None, columns: Columns) -> bool:
    """Whether a column of numbers is nearly in the order of the sizes."""
    size = next((columns[name] for name in ("flops", *SIZES) if name in columns), None)
    if values is None or size is None:
        return False
    read = read_numbers(values, target="score").values
    known = np.isfinite(read) & np.isfinite(size)
    if np.count_nonzero(known) < FEWEST or np.ptp(size[known]) == 0:
        return False
    own, order = (np.argsort(np.argsort(each[known])) for each in (read, size))
    return float(np.corrcoef(own, order)[0, 1]) > LIKE_SIZES


def rising_loss(label: str, values: NDArray[Any], *, formula: bool = False) -> str | None:
    """Doubt a loss that is called as a score is, or was made of one and rises with it.

    Parameters
    ----------
    label : str
        What the file calls the loss, or the expression that made it.
    values : array, dims (row,)
        The loss.
    formula : bool
        Whether it is an expression.

    Returns
    -------
    str or None
    """
    name = rises_in(label) if formula else label
    if name is None or not sounds_like_score(name):
        return None
    advice = f"--columns 'score={label}'" if formula else score_advice(name, values)
    return (
        f"loss is {label!r}, which is better the more there is, and the loss of every law falls: "
        f"{advice}"
    )


def rising_losses(done: Columns, rows: Rows, label: str, formula: bool) -> list[str]:
    """Doubt a loss that is the better the more there is, by its name or by what it does.

    Parameters
    ----------
    done : Mapping of str to array, dims (row,)
        Canonical columns, completed.
    rows : Rows
        Names of the rows.
    label : str
        What the file calls the loss, or the expression that made it.
    formula : bool
        Whether it is an expression.

    Returns
    -------
    list of str
        One doubt at most.
    """
    if "loss" not in done:
        return []
    said = rising_loss(label, done["loss"], formula=formula)
    if said is not None:
        return [said]
    size = next((name for name in SIZES if name in done), None)
    if size is None or ("budget" in done and "tokens" not in done):
        return []
    known = formula or sounds_like_loss(label) or label == "loss" or sounds_like_error_rate(label)
    return _rises_with(size, done, "" if known else label)


def _rises_with(name: str, done: Columns, unknown: str) -> list[str]:
    """Doubt a loss that is higher where models are larger and saw no less."""
    size, loss = done[name], done["loss"]
    tokens = done.get("tokens", np.ones(len(size)))
    use = np.isfinite(size) & np.isfinite(loss) & (loss > 0) & np.isfinite(tokens)
    family = done.get("family", np.full(len(size), ""))
    metric = done.get("metric", family)
    risen = []
    for one in np.unique(family)[:50]:
        seen = []
        for kind in np.unique(metric[family == one])[:20]:
            chosen = np.flatnonzero(use & (family == one) & (metric == kind))
            if chosen.size > MOST_ROWS:
                continue
            cells = _best_of_cells(size[chosen], tokens[chosen], loss[chosen])
            if not 4 <= cells.shape[1] <= 400:
                continue
            n, d, best = np.log(cells)
            above = (n[:, None] > n + np.log(1.5)) & (d[:, None] >= d - 0.05)
            worse = above & (best[:, None] > best + 0.01)
            seen.append(above.sum() >= 3 and worse.sum() > 0.4 * above.sum())
        if seen and np.mean(seen) > 0.5:
            risen.append(str(one))
    if not risen:
        return []
    where = f" ({', '.join(dict.fromkeys(filter(None, risen)))})" if any(risen) else ""
    first = "larger models that saw no less" if name == "params" else f"runs of more {name}"
    found = (
        f"loss rises with {name}{where}: {first} have the higher loss, which no law that decreases "
        "describes; "
    )
    if unknown:
        return [
            f"{found}is {unknown!r} better the more there is? Then {score_advice(unknown, loss)}"
        ]
    return [
        f"{found}are they overfitted, trained on too few tokens or at a poor learning rate? A "
        "forecast of larger ones would be wrong"
    ]


def _best_of_cells(size: Array, tokens: Array, loss: Array) -> Array:
    """Return params, tokens and the lowest loss of each cell, dims (3, n_cells)."""
    cells = np.unique(np.column_stack([size, tokens]), axis=0, return_inverse=True)
    best = np.full(len(cells[0]), np.inf)
    np.minimum.at(best, cells[1].ravel(), loss)
    return np.vstack([cells[0].T, best])
