"""Amounts as people write them: 7B parameters, 300 GB of text, 100 PF-days."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping

from bayes_scaling.errors import InputError
from bayes_scaling.questions.rig import Rig
from bayes_scaling.runs.cells import COMPUTE, COUNTS, PREFIXES, parts_of, tidy_compute
from bayes_scaling.runs.device_hours import ACCELERATORS

BYTES: Mapping[str, float] = {
    "byte": 1.0, "character": 1.0, "char": 1.0,
    **{f"{prefix}b": PREFIXES[prefix] for prefix in "kmgtp"},
    **{f"{prefix}ib": 1024.0**power for power, prefix in enumerate("kmgtp", start=1)},
}  # fmt: skip
"""Units of text [bytes, or characters]."""

THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
TOKENS, SEQUENCES = ("token", "tok"), ("sequence", "seq")


def count_of(amount: str | float) -> float:
    """Return a plain number that may carry k, M, B (or G) or T, such as ``"7B"``.

    Parameters
    ----------
    amount : str or float
        The number; ``1_000`` and ``1,000`` are read as well, but no comma that could be a decimal
        one, as in ``1,5T`` and ``1,500T``.

    Returns
    -------
    float
        The number.

    Raises
    ------
    InputError
        It is not a number, has another unit, or a comma that may be a decimal one.
    """
    number, unit = _parts(amount)
    if unit not in COUNTS:
        raise InputError(f"{amount!r}: a number, with k, M, B or T after it where it is large")
    return number * COUNTS[unit]


def flops_of(amount: str | float, *, rig: Rig | None = None) -> float:
    """Return compute in FLOP, from FLOP, PF-days or hours of an accelerator.

    Parameters
    ----------
    amount : str or float
        Such as ``"1e23"``, ``"5 ZFLOP"``, ``"100 PF-days"``, ``"2e5 GPU-hours"`` (of `rig`) or
        ``"2e5 a100-hours"`` (as well used as `rig`).
    rig : Rig, optional
        What an hour buys: by default an H100 that is used to 40 %.

    Returns
    -------
    float [FLOP]

    Raises
    ------
    InputError
        The unit is not one of compute.
    """
    number, unit = _parts(amount)
    if unit in COUNTS:
        return number * COUNTS[unit]
    if unit in COMPUTE:
        return number * COMPUTE[unit]
    rig = rig or Rig()
    named = unit.removesuffix("-hour")
    if named != unit and named in ("gpu", "tpu", "accelerator"):
        return rig.flops(hours=number)
    if named != unit and named in ACCELERATORS:
        other = Rig(accelerator=named, utilisation=rig.utilisation, overhead=rig.overhead)
        return other.flops(hours=number)
    hours = [f"{name}-hour" for name in ("gpu", *ACCELERATORS)]
    raise InputError(
        f"{amount!r}: compute is in FLOP, PF-days or GPU-hours (or {hours[2]}s and the like)"
        + _near(unit, [*COMPUTE, *hours])
    )


def tokens_of(
    amount: str | float, *, per_token: float | None = None, sequence_length: float | None = None
) -> float:
    """Return tokens, from a number of them, from text or from sequences.

    Parameters
    ----------
    amount : str or float
        Such as ``"1.4T"``, ``"300 GB"``, ``"2e11 characters"`` or ``"5M sequences"``.
    per_token : float, optional [bytes/token, characters/token]
        How much text a token of your tokenizer stands for; about 4 for English text and a
        vocabulary of some ten thousands. Needed for text.
    sequence_length : float, optional [tokens]
        Needed for sequences.

    Returns
    -------
    float [tokens]

    Raises
    ------
    InputError
        The unit is not one of data, or what it needs is missing.
    """
    number, unit = _parts(amount)
    scale, _, what = unit.rpartition(" ")
    factor = COUNTS.get(scale.strip())
    if unit in COUNTS:
        return number * COUNTS[unit]
    if factor is not None and what in TOKENS:
        return number * factor
    if factor is not None and what in SEQUENCES:
        if not _positive(sequence_length):
            raise InputError(f"{amount!r}: say how many tokens a sequence has")
        return number * factor * (sequence_length or 1.0)
    if factor is not None and what in BYTES:
        if not _positive(per_token):
            raise InputError(
                f"{amount!r}: say how many bytes (or characters) a token of your tokenizer stands "
                "for; about 4 in English text"
            )
        return number * factor * BYTES[what] / (per_token or 1.0)
    raise InputError(
        f"{amount!r}: data are in tokens, bytes (kB, MB, GB, TB), characters or sequences"
        + _near(what, [*BYTES, *TOKENS, *SEQUENCES])
    )


def is_compute(amount: str) -> bool:
    """Tell whether an amount has a unit of compute."""
    _, unit = _parts(amount)
    return unit in COMPUTE or unit.endswith("-hour")


def _parts(amount: str | float) -> tuple[float, str]:
    """Part an amount into its number and its unit: lower case, singular, hyphenated."""
    text = str(amount)
    shown = re.match(r"\s*([-+]?[\d_]*,[\d_,]*\.?\d*(?:[eE][-+]?\d+)?)\s*(.*)", text)
    if shown is not None and not _thousands(shown[1], shown[2].strip()):
        decimal, plain = (re.sub(",", mark, text) for mark in (".", ""))
        raise InputError(
            f"{text!r}: the comma may separate decimals or thousands; write {decimal} or {plain}"
        )
    found = parts_of(text, commas="thousands")
    if found is None:
        raise InputError(
            f"{amount!r} is not a number with a unit, such as 7B, 300GB or '8 PF-days'"
        )
    number, unit = found
    if not math.isfinite(number) or number < 0:
        raise InputError(f"{amount!r}: an amount is a finite number that is not below 0")
    return number, tidy_compute(unit)


def _thousands(number: str, unit: str) -> bool:
    """Whether the commas of a number separate thousands, and cannot be decimal ones."""
    sure = number.count(",") > 1 or "." in number or not unit
    return sure and THOUSANDS.fullmatch(number) is not None


def _positive(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value > 0


def _near(unit: str, known: list[str]) -> str:
    near = difflib.get_close_matches(unit, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
