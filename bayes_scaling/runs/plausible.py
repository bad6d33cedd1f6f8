"""Whether sizes make sense together: a count in millions, compute in PF-days, a perplexity.

Nothing is converted here. A doubt says what the numbers look like and the one option that would
confirm it, as in ``--columns 'tokens=tokens*1e6'``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.cells import Rows
from bayes_scaling.runs.columns import shown_in_formula
from bayes_scaling.runs.counting import PF_DAY, model_size
from bayes_scaling.runs.loss_units import counts_things, counts_tokens

Columns = Mapping[str, NDArray[Any]]
Array = NDArray[np.float64]

FEWEST_PER_PARAM, MOST_PER_PARAM = 0.02, 3e4
"""Tokens per parameter between which the median of a table is believed."""

USUAL_PER_PARAM = 20.0
"""What it is compared to when a unit is guessed."""

LARGEST_VOCABULARY = 262_144
"""Of models in use [tokens]; a loss above its log is worse than guessing."""

FEW_ABOVE = 0.02
"""Share of the rows that may lie there: of a sweep of learning rates a few do."""

FEWEST_PER_STEP, MOST_PER_STEP = 32.0, 1e9
"""Tokens per step between which the median of a table is believed."""

SMALL_BATCH, MANY_STEPS = 65536.0, 1e6
"""A batch up to this many, which would mean more steps than that, counts sequences [tokens]."""

_WORDS = {1e3: "thousands", 1e6: "millions", 1e9: "billions", 1e12: "trillions"}
_COMPUTE = {
    **{10.0**power: f"units of 1e{power} FLOP" for power in (9, 12, 15, 18, 21)},
    PF_DAY: "PF-days (8.64e19 FLOP)",
}
_COUNTS = ("params", "params_nonembedding", "params_active", "tokens")


def implausible(
    given: Columns, done: Columns, rows: Rows, called: Mapping[str, str], *, text: bool = True
) -> list[str]:
    """Return a doubt for every size that does not go with the others.

    Parameters
    ----------
    given, done : Mapping of str to array, dims (row,)
        Canonical columns, before and after completion.
    rows : Rows
        Names of the rows.
    called : Mapping of str to str
        What the file calls them.
    text : bool
        Whether the losses are of text in nats per token, which others are not held against.

    Returns
    -------
    list of str
    """
    found = [*_logarithms(given, called)]
    if not found:
        found += _some_rows(given, rows, called)
    if not found:
        found += _small(given, called)
    if not found:
        found += _per_param(given, done, rows, called) or (_too_low(done, called) if text else [])
    return [
        *found,
        *_more_active(given, rows),
        *_per_step(given, rows, called),
        *_rates(given, called),
        *(_losses(given, done, rows, called) if text else ()),
    ]


def option(name: str, called: str, change: str) -> str:
    """Return the option that makes a column from itself.

    Parameters
    ----------
    name : str
        The canonical column.
    called : str
        What the file calls it.
    change : str
        With ``{}`` where the column goes, such as ``"{}*1e6"``.

    Returns
    -------
    str
    """
    shown = shown_in_formula(called)
    return f"--columns '{name}={change.format(shown)}'"


def _logarithms(given: Columns, called: Mapping[str, str]) -> list[str]:
    """Doubt sizes that are nearly all between 3 and 30 and not whole: they are logs."""
    found = []
    for name in (*_COUNTS, "flops"):
        values = _known(given, name)
        if values.size < 3:
            continue
        broken = np.mean(values != np.round(values)) > 0.5
        low, high = (12.0, 28.0) if name == "flops" else (4.0, 14.0)
        if not (broken and low <= values.min() and values.max() <= high and np.ptp(values) < 8):
            continue
        if name != "flops" and np.median(values) < 5.5:
            continue
        label = called.get(name, name)
        found.append(
            f"{_label(name, label)} runs from {values.min():g} to {values.max():g}, in fractions: "
            f"it looks like log10; if so, {option(name, label, '10**{}')}"
        )
    return found


def _small(given: Columns, called: Mapping[str, str]) -> list[str]:
    found = []
    for name in (*_COUNTS, "flops"):
        values = _known(given, name)
        if name == "tokens" and counts_things(called.get(name, name)):
            continue
        limit = 1e9 if name == "flops" else 1e3
        params = _known(given, "params")
        if name == "tokens" and (not params.size or params.max() < 1e3):
            limit = 1e5
        if not values.size or values.max() >= limit:
            continue
        label = called.get(name, name)
        if name == "flops":
            if {"params", "tokens", *_COUNTS} & set(given):
                continue  # 6ND tells more
            found.append(
                f"{_label(name, label)} runs up to {values.max():g}: compute is in FLOP; if these "
                f"are units of 1e18 FLOP, {option(name, label, '{}*1e18')}, if PF-days, "
                f"{option(name, label, '{}*8.64e19')}"
            )
            continue
        factor = _best_factor(given, name, values)
        found.append(
            f"{_label(name, label)} runs up to {values.max():g}: counts are plain numbers, not "
            f"millions or billions (write 7e9 for 7 billion); if these are {_WORDS[factor]}, "
            f"{option(name, label, f'{{}}*{factor:.0e}'.replace('e+0', 'e'))}"
        )
    return found


def _best_factor(given: Columns, name: str, values: Array) -> float:
    """Return whether a small count goes better with the other in millions or in billions."""
    other = _known(given, "params" if name == "tokens" else "tokens")
    if other.size and np.median(other) >= 1e6:
        wanted = np.median(other) * (USUAL_PER_PARAM if name == "tokens" else 1 / USUAL_PER_PARAM)
        return min((1e6, 1e9), key=lambda f: abs(np.log(np.median(values) * f / wanted)))
    return 1e9 if name == "tokens" and values.max() < 1e3 else 1e6


def _some_rows(given: Columns, rows: Rows, called: Mapping[str, str]) -> list[str]:
    """Doubt counts that fall into two heaps a power of a thousand apart."""
    found = []
    for name in (*_COUNTS, "flops", "unique_tokens"):
        values = given.get(name)
        if values is None or np.count_nonzero(values > 0) < 3:
            continue
        known = np.where(values > 0, values, np.nan)
        logs = np.sort(np.log10(known[np.isfinite(known)]))
        gaps = np.diff(logs)
        place = int(np.argmax(gaps))
        if gaps[place] < 2.0:
            continue
        low = known < 10 ** ((logs[place] + logs[place + 1]) / 2)
        lower, upper = known[low], known[~low & np.isfinite(known)]
        bound = 1e6 if name == "flops" else 1e5
        if lower.max() >= bound or (name != "flops" and upper.min() < 1e5):
            continue
        factors = _COMPUTE if name == "flops" else _WORDS
        fits = [
            f
            for f in factors
            if lower.min() * f < 10 * upper.max() and lower.max() * f > upper.min() / 10
        ]
        if not fits:
            continue
        middle = float(np.median(np.log(upper)))
        factor = min(fits, key=lambda f: abs(np.log(f) + float(np.median(np.log(lower))) - middle))
        label = called.get(name, name)
        found.append(
            f"{rows.say(low)}: {_label(name, label)} is {_span(lower)} where other rows have "
            f"{_span(upper)}: these rows look like {factors[factor]}; write all rows in one unit"
        )
    return found


def _per_param(given: Columns, done: Columns, rows: Rows, called: Mapping[str, str]) -> list[str]:
    """Doubt tables whose tokens per parameter cannot be."""
    if "tokens" not in done:
        return []
    size = model_size(done, len(rows))[0]
    used = model_size(given, len(rows))[1]
    ratio = done["tokens"] / size
    known = ratio[np.isfinite(ratio) & (ratio > 0)]
    if not known.size:
        return []
    middle = float(np.median(known))
    if FEWEST_PER_PARAM <= middle <= MOST_PER_PARAM:
        return []
    label = called.get("tokens", "tokens")
    if "tokens" in given and counts_things(label):
        return []
    found = f"tokens per parameter of {_span(known)} cannot be"
    if not used and "flops" in given and "tokens" in given:
        params = done["params"][np.isfinite(done["params"])]
        said = f"params from flops / (6 x tokens) come out as {_span(params)}"
        # with flops in a larger unit there are more params, and fewer tokens for each
        factor = min(_COMPUTE, key=lambda size: abs(np.log(middle / size / USUAL_PER_PARAM)))
        label, shown = called.get("flops", "flops"), f"{factor:.3g}".replace("e+", "e")
        return [
            f"{said}, {found}: {_label('flops', label)} looks like {_COMPUTE[factor]}; if so, "
            f"{option('flops', label, '{}*' + shown)}"
        ]
    if "tokens" in given and np.isfinite(given["tokens"]).any():
        if middle < FEWEST_PER_PARAM:
            if not counts_tokens(label):
                factor, change = _unit_near(middle, _WORDS, USUAL_PER_PARAM)
                return [
                    f"tokens per parameter are {_span(known)}, far below those of text: if "
                    f"{label!r} counts tokens, it looks like {_WORDS[factor]}, "
                    f"{option('tokens', label, '{}*' + change)}; of pairs, images, hours or the "
                    "like nothing is wrong"
                ]
            swapped = 1e-3 < middle and "params" in given
            said = _looks(found, "tokens", middle, _WORDS, called)
            return [said + ", or are params and tokens swapped?" * swapped]
        return [_looks(found, used[0] if used else "params", 1 / middle, _WORDS, called)]
    if "flops" in given and np.isfinite(given["flops"]).any():
        tokens = done["tokens"][np.isfinite(done["tokens"])]
        said = (
            f"tokens from flops / (6 x {used[0] if used else 'params'}) come out as {_span(tokens)}"
        )
        if middle < FEWEST_PER_PARAM:
            return [_looks(f"{said}, {found}", "flops", middle, _COMPUTE, called)]
        name = used[0] if used else "params"
        return [_looks(f"{said}, {found}", name, middle**-0.5, _WORDS, called)]
    return [f"{found}; batch_size counts tokens: see whether yours counts sequences"] * (
        "batch_size" not in given
    )


def _too_low(done: Columns, called: Mapping[str, str]) -> list[str]:
    """Doubt fewer tokens than parameters with a loss below what text costs at such sizes."""
    if not {"params", "tokens", "loss"} <= set(done):
        return []
    ratio = _over_usual(done["params"], done["tokens"], done["loss"])
    per_param = done["tokens"] / done["params"]
    known = np.isfinite(ratio) & np.isfinite(per_param)
    if np.count_nonzero(known) < 3 or np.median(per_param[known]) >= 1.0:
        return []
    if not 0.2 < np.median(ratio[known]) < 0.85:
        return []
    label = called.get("tokens", "tokens")
    return [
        f"tokens per parameter are {_span(per_param[known])}, and the losses "
        f"{np.median(ratio[known]):.2g} times what text usually costs at these sizes: is "
        f"{_label('tokens', label)} in thousands ({option('tokens', label, '{}*1e3')}), or are "
        "params and tokens swapped?"
    ]


def _over_usual(params: Array, tokens: Array, loss: Array) -> Array:
    """Return losses (n,) over what text usually costs models of these sizes."""
    with np.errstate(all="ignore"):
        return loss / (1.7 + 400 / params**0.34 + 1500 / tokens**0.36)


def _looks(
    found: str, name: str, ratio: float, units: Mapping[float, str], called: Mapping[str, str]
) -> str:
    """Say which unit would bring tokens per parameter near to the usual."""
    target = USUAL_PER_PARAM if name in ("tokens", "flops") else 1 / USUAL_PER_PARAM
    factor, shown = _unit_near(ratio, units, target)
    label = called.get(name, name)
    return (
        f"{found}: {_label(name, label)} looks like {units[factor]}; if so, "
        f"{option(name, label, '{}*' + shown)}"
    )


def _unit_near(ratio: float, units: Mapping[float, str], target: float) -> tuple[float, str]:
    """Return the unit that brings a ratio nearest to its target, and how it is written."""
    factor = min(units, key=lambda size: abs(np.log(ratio * size / target)))
    return factor, f"{factor:.3g}".replace("e+0", "e").replace("e+", "e")


def _more_active(given: Columns, rows: Rows) -> list[str]:
    if not {"params", "params_active"} <= set(given):
        return []
    more = given["params_active"] > 1.001 * given["params"]
    if not more.any():
        return []
    return [f"{rows.say(more)}: params_active is above params, of which it is a part; swapped?"]


def _per_step(given: Columns, rows: Rows, called: Mapping[str, str]) -> list[str]:
    """Doubt batches: tokens over steps, and steps that a batch of so few tokens would need."""
    tokens, steps, batch = (given.get(name) for name in ("tokens", "steps", "batch_size"))
    size = model_size(given, len(rows))[0]
    things = counts_things(called.get("tokens", "tokens"))
    if tokens is not None and steps is not None and batch is None and not things:
        per_step = tokens / steps
        known = per_step[np.isfinite(per_step) & (per_step > 0)]
        if known.size and not FEWEST_PER_STEP <= np.median(known) <= MOST_PER_STEP:
            which = "tokens" if np.median(known) < FEWEST_PER_STEP else "steps"
            return [
                f"tokens per step are {_span(known)}, which cannot be: see the unit of "
                f"{_label(which, called.get(which, which))}, as in "
                f"{option(which, called.get(which, which), '{}*1e6')}"
            ]
    if batch is None or "context_length" in given:
        return []
    label = _label("batch_size", called.get("batch_size", "batch_size"))
    tell = (
        option("batch_size", called.get("batch_size", "batch_size"), "{}*2048")
        + " with your context length for 2048"
    )
    if tokens is not None and steps is None:
        implied = tokens / batch
        few = np.isfinite(implied) & (batch <= SMALL_BATCH) & (implied > MANY_STEPS)
        if few.any() and np.count_nonzero(few) >= 0.25 * np.count_nonzero(np.isfinite(implied)):
            return [
                f"{rows.say(few)}: a {label} of {_span(batch[few])} tokens means "
                f"{_span(implied[few])} steps; it counts tokens, so if yours counts sequences, "
                f"multiply by their length: {tell}"
            ]
    missing = np.isnan(tokens) if tokens is not None else np.ones(len(rows), dtype=bool)
    if steps is None:
        return []
    product = np.where(missing, batch * steps, np.nan)
    ratio = product / size
    short = np.isfinite(product) & (batch <= SMALL_BATCH)
    known = ratio[np.isfinite(ratio) & short]
    doubted = bool(known.size) and (np.median(known) < 1.0 and known.min() < 0.3)
    if short.any() and (doubted or batch[short].max() <= 2048):
        per = f", {_span(known)} tokens per parameter" if known.size else ""
        return [
            f"{rows.say(short)}: tokens come from batch_size x steps with batch_size at most "
            f"{batch[short].max():g}{per}; it counts tokens, so multiply sequences by their "
            f"length: {tell}"
        ]
    return []


def _rates(given: Columns, called: Mapping[str, str]) -> list[str]:
    rates = _known(given, "learning_rate")
    if not rates.size or np.median(rates) < 0.5:
        return []
    label = called.get("learning_rate", "learning_rate")
    return [
        f"{_label('learning_rate', label)} runs up to {rates.max():g}: it looks like units of 1e-4 "
        f"or 1e-3; if so, {option('learning_rate', label, '{}*1e-4')}"
    ]


# ---- the loss ------------------------------------------------------------------------------------


def _losses(given: Columns, done: Columns, rows: Rows, called: Mapping[str, str]) -> list[str]:
    loss = given.get("loss")
    known = _known(given, "loss")
    if loss is None or not known.size:
        return []
    label = called.get("loss", "loss")
    named = _label("loss", label)
    if known.size >= 4 and len(np.unique(known)) >= 2 and (known == np.round(known)).all():
        return [
            f"{named} is a whole number in every row ({_span(known)}): a loss has fractions; is it "
            "layers, or a rank?"
        ]
    bound = np.log(_vocabulary(given))
    above = loss > bound * 1.02
    if np.count_nonzero(above) > FEW_ABOVE * known.size:
        tell = option("loss", label, "log({})")
        return [
            f"{rows.say(above)}: {named} is {_span(loss[above])}, above {bound:.3g}, the log of "
            f"{'the' if bound < np.log(LARGEST_VOCABULARY) else 'the largest'} vocabulary, which "
            f"is the loss of guessing: if it is a perplexity, {tell}; if the model diverged, "
            "mark it by 1 in a column 'diverged'"
        ]
    return _unlike_text(done, known, named, label)


def _vocabulary(given: Columns) -> float:
    for name in ("vocab_size", "vocabulary", "vocab", "n_vocab", "vocabulary_size"):
        values = given.get(name)
        if values is not None and values.dtype.kind == "f" and (values > 1).any():
            return float(np.nanmax(values))
    return float(LARGEST_VOCABULARY)


def _unlike_text(done: Columns, known: Array, named: str, label: str) -> list[str]:
    """Doubt losses that are too high for text at these sizes: bits, or a perplexity."""
    if not {"params", "tokens", "loss"} <= set(done):
        return []
    params, tokens, loss = done["params"], done["tokens"], done["loss"]
    large = (params >= 1e7) & (tokens >= 5e8) & np.isfinite(loss)
    if np.count_nonzero(large) < 3:
        return []
    ratio = _over_usual(params[large], tokens[large], loss[large])
    middle, spread = float(np.median(ratio)), float(np.std(np.log(ratio)))
    if middle > 1.8:
        return [
            f"{named} of {_span(loss[large])} is {middle:.2g} times what text usually costs models "
            f"of this size: if it is a perplexity, {option('loss', label, 'log({})')}; if it is "
            f"in bits, {option('loss', label, '{}*0.6931')}"
        ]
    if 1.33 < middle < 1.56 and spread < 0.1:
        return [
            f"{named} of {_span(loss[large])} is {middle:.3g} times what text usually costs models "
            f"of this size, in nats per token: if it is in bits, "
            f"{option('loss', label, '{}*0.6931')}"
        ]
    return []


def _known(columns: Columns, name: str) -> Array:
    values = columns.get(name)
    if values is None or values.dtype.kind != "f":
        return np.empty(0)
    known: Array = values[np.isfinite(values) & (values > 0)]
    return known


def _label(name: str, called: str) -> str:
    return name if name == called else f"{called!r} ({name})"


def _span(values: Array) -> str:
    low, high = f"{np.min(values):.3g}", f"{np.max(values):.3g}"
    return low if low == high else f"{low} to {high}"
