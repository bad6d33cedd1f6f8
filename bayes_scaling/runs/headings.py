"""What a heading says: the column it means, and the unit that stands in it.

``Compute (PF-days)``, ``tokens_M``, ``Params, millions``, ``log10(flops)`` and ``lr [1e-4]`` name a
column of the vocabulary and how its numbers are to be read. A name with dots or slashes, as loggers
write them, means what its last part means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.cells import compute_factor, count_factor, loss_factor, parts_of
from bayes_scaling.runs.columns import COLUMNS, LOOSE, canonical_name, fold

Scale = Literal["", "log10", "log2", "ln"]

SCALED = frozenset(
    "params params_nonembedding params_active tokens flops budget unique_tokens finetune_tokens "
    "batch_size steps context_length learning_rate loss".split()
)
"""Columns whose heading may carry a unit."""

_COMPUTE = frozenset({"flops", "budget"})
_LOGS: Mapping[str, Scale] = {
    "log10": "log10",
    "lg": "log10",
    "log_10": "log10",
    "log2": "log2",
    "ln": "ln",
    "loge": "ln",
}
_INVERSE: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "log10": lambda x: np.power(10.0, x),
    "log2": np.exp2,
    "ln": np.exp,
}
_BRACKETS = re.compile(r"(.*?)\s*[(\[{<]\s*([^()\[\]{}]*(?:\([^()]*\))?[^()\[\]{}]*)\s*[)\]}>]\s*")
_NOT_THE_LOG = r"(?![\s_-]*(?:lik|prob|odds))"  # a log likelihood is itself what is measured
_GLUED = re.compile(r"([kKMGBT])((?i:params|parameters|tokens|toks?))")
_GLUED_BEHIND = re.compile(r"((?i:params|parameters|tokens))([KMGBT])")
_FLOPS = re.compile(
    r"(?i)(.*?)[\s_./-]*(?<![a-z0-9])((?:[kmgtpezy]|kilo|mega|giga|tera|peta|exa|zetta|yotta)"
    r"(?:flops?|flop/s|f/?s|f)(?:[\s_-]*(?:days?|hours?|d|h))?)"
)


@dataclass(frozen=True, kw_only=True)
class Heading:
    """How a column is to be read.

    Parameters
    ----------
    target : str
        The canonical column.
    factor : float
        What its numbers are multiplied by.
    scale : {"", "log10", "log2", "ln"}
        Whose inverse is taken of them first.
    unit : str
        The unit as the heading has it; "" without one.
    certainty : int
        0 for a name of the vocabulary, 1 for a looser one or one with a unit, 2 for the last part
        of a longer one.
    """

    target: str
    factor: float = 1.0
    scale: Scale = ""
    unit: str = ""
    certainty: int = 0

    @property
    def converts(self) -> bool:
        """Whether the numbers change."""
        return self.factor != 1.0 or bool(self.scale)

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the numbers (n_rows,) in the unit of the vocabulary."""
        with np.errstate(all="ignore"):
            return self.factor * (_INVERSE[self.scale](values) if self.scale else values)

    def say(self, name: str) -> str:
        """Return "'tokens (M)' x 1e+06", for a note."""
        inner = f"{name!r}"
        if self.scale:
            base = {"log10": "10", "log2": "2", "ln": "e"}[self.scale]
            inner = f"{base} to the power of {inner}"
        return inner if self.factor == 1.0 else f"{inner} x {self.factor:.4g}"


@lru_cache(maxsize=16384)
def read_heading(name: str) -> Heading | None:
    """Read the name of a column."""
    name = name.strip()
    if target := canonical_name(name):
        return Heading(target=target, certainty=int(fold(name) in LOOSE))
    if found := _with_unit(name):
        return found
    bare = name.removesuffix(".value")
    if re.search(r"\.(min|max|mean|std|count)$", bare):
        return None
    for sign in re.finditer(r"[./:]", bare):
        last = bare[sign.end() :].strip()
        if len(last) == 1 and (last not in ("N", "D", "C") or sign.start() == 1):
            continue
        if target := canonical_name(last):
            return Heading(target=target, certainty=2)
        if (inner := _with_unit(last)) is not None:
            return replace(inner, certainty=2)
    return None


def in_sequences(name: str) -> bool:
    """Whether a heading names a batch that counts sequences, as in ``batch_size (sequences)``."""
    found = re.fullmatch(
        r"(?i)(?:global_|train_)?(?:batch|batch_size|bs)[\s_]*[(\[]?(?:in[\s_])?"
        r"(sequences?|seqs?|samples|examples)[)\]]?",
        name.strip(),
    )
    return found is not None


def log_of(name: str) -> Scale | None:
    """Return of which base a heading says that it is a log, as ``log10_mse``; None where of none.

    Examples
    --------
    >>> log_of("log10_mse"), log_of("ln(error)"), log_of("logloss"), log_of("log_likelihood")
    ('log10', 'ln', None, None)
    """
    found = re.search(
        r"(?i)(?<![a-z])(log_?10|lg|log2|ln|loge|log)(?![a-z0-9])" + _NOT_THE_LOG, name
    )
    return None if found is None else _LOGS.get(found[1].lower(), "ln")


def unknown_unit(name: str) -> str | None:
    """Return the column a heading would mean if its unit in brackets were known, else None."""
    found = _BRACKETS.fullmatch(name.strip())
    target = canonical_name(found[1]) if found else None
    return target if target in SCALED and read_heading(name) is None else None


def _with_unit(name: str) -> Heading | None:
    return (
        _of_logs(name)
        or _in_brackets(name)
        or _of_flops(name)
        or _glued(name)
        or _after_a_sign(name)
        or _last_words(name)
        or _first_word(name)
    )


def _made(target: str | None, unit: str) -> Heading | None:
    """Return the heading of a column in a unit; None where the unit is not one of its kind."""
    if target not in SCALED or not unit.strip():
        return None
    factor: float | None
    if target in _COMPUTE:
        factor = compute_factor(unit)
    elif target == "loss":
        factor = loss_factor(unit)
    elif target == "learning_rate":
        shown = re.sub(r"^[\sx×*]+", "", unit)
        read = parts_of(shown) if re.match(r"1|10", shown) else None
        factor = read[0] if read is not None and not read[1] else None
        if factor is not None and factor > 1.0:
            factor = 1.0 / factor  # "lr x 1e4" has been multiplied by it
    else:
        factor = count_factor(unit)
    if factor is None:
        return None
    return Heading(target=target, factor=factor, unit=unit.strip(), certainty=1)


def _of_logs(name: str) -> Heading | None:
    """Read log10(params), log10_params, ln N, lg flops and tokens_log10."""
    sign = "log10|log_10|log2|lg|ln|loge"
    if found := re.fullmatch(rf"(?i)({sign})[\s_]*[(\[]?\s*(.+?)\s*[)\]]?", name):
        word, inner = found[1], found[2]
    elif found := re.fullmatch(rf"(?i)(.+?)[\s_]+({sign})", name):
        word, inner = found[2], found[1]
    else:
        return None
    target = canonical_name(inner)
    if target in SCALED and COLUMNS[target].kind in ("count", "positive"):
        return Heading(target=target, scale=_LOGS[word.lower()], unit=word, certainty=1)
    return None


def _in_brackets(name: str) -> Heading | None:
    found = _BRACKETS.fullmatch(name)
    if found is None:
        return None
    base, unit = found[1], found[2]
    scale = _LOGS.get(unit.lower().strip())
    target = canonical_name(base)
    if scale is not None and target in SCALED:
        return Heading(target=target, scale=scale, unit=unit, certainty=1)
    if made := _made(target, unit) or _made(canonical_name(f"{unit} {base}"), "1e0"):
        return made
    for both in (f"{base} {unit}", f"{unit} {base}", f"{unit} {target}"):
        if special := canonical_name(both):
            return Heading(target=special, certainty=1)
    inner = _of_flops(unit)
    if inner is not None and target in (None, *_COMPUTE) and "flop" in base.lower():
        return inner
    return None


def _of_flops(name: str) -> Heading | None:
    """Read GFLOPs, compute_pflops, train EFLOP and pf_days."""
    found = _FLOPS.fullmatch(name)
    if found is None:
        return None
    base = found[1].strip(" _-./")
    target = canonical_name(base) if base else "flops"
    if target is None:
        target = canonical_name(f"{base}_flops")
    if target not in _COMPUTE or (factor := compute_factor(found[2])) is None:
        return None
    return Heading(target=target, factor=factor, unit=found[2], certainty=1)


def _glued(name: str) -> Heading | None:
    """Read Mparams, Gtokens and tokensB."""
    if found := _GLUED.fullmatch(name):
        return _made(canonical_name(found[2]), found[1])
    found = _GLUED_BEHIND.fullmatch(name)
    return _made(canonical_name(found[1]), found[2]) if found else None


def _after_a_sign(name: str) -> Heading | None:
    """Read ``Params, millions``, ``tokens / 1e9``, ``D in billions`` and ``flops x 1e18``."""
    for sign in (
        r"\s*,\s+",
        r"\s*/\s*(?=1|[a-zA-Z])",
        r"\s+in\s+|_in_",
        r"\s*[x×*]\s*(?=1)",
        r":\s+",
    ):
        parts = re.split(sign, name, maxsplit=1)
        if len(parts) < 2 or count_noun_only(parts[1]):
            continue
        if made := _made(canonical_name(parts[0]), parts[1]):
            return made
    return None


def _last_words(name: str) -> Heading | None:
    """Read tokens_M, params_billions, compute_pf_days, loss_bits and flops_1e18."""
    words = re.split(r"[\s_\-]+", name)
    for count in range(1, min(4, len(words))):
        base, unit = "_".join(words[:-count]), " ".join(words[-count:])
        target = canonical_name(base)
        if target is None or (len(base) == 1 and len(unit) == 1):
            continue
        if target == "learning_rate":
            unit = re.sub(r"^1e (\d+)$", r"1e-\1", unit)
        if count_noun_only(unit):
            continue
        if made := _made(target, unit):
            return made
    return None


def _first_word(name: str) -> Heading | None:
    """Read million_params, billions of tokens and ``M tokens``."""
    words = [word for word in re.split(r"[\s_\-]+", name) if word.lower() != "of"]
    if len(words) < 2:
        return None
    target = canonical_name("_".join(words[1:]))
    if target is None or target in ("learning_rate", "loss", *_COMPUTE):
        return None
    return None if count_noun_only(words[0]) else _made(target, words[0])


def count_noun_only(unit: str) -> bool:
    """Whether a would-be unit only names what is counted, so that it may be part of the name."""
    return count_factor(unit) == 1.0 and not re.search(r"\d", unit)


def describe_unit(target: str) -> str:
    """Return the unit of a column in the vocabulary, "" for text and plain numbers."""
    column: Any = COLUMNS.get(target)
    return "" if column is None or column.unit == "1" else str(column.unit)
