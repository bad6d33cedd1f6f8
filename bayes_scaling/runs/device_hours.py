"""Hours and days among the columns: of accelerators, which are compute, or of recordings, data."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.columns import shown_in_formula

ACCELERATORS: Mapping[str, float] = {
    "v100": 125e12,
    "a100": 312e12,
    "h100": 989e12,
    "h200": 989e12,
    "b200": 2250e12,
    "mi300x": 1307e12,
    "tpu-v4": 275e12,
    "tpu-v5e": 197e12,
    "tpu-v5p": 459e12,
    "tpu-v6e": 918e12,
}
"""Dense 16-bit peak [FLOP/s] as their makers state it."""

UTILISATION = 0.4
"""Share of the peak that training reaches, by default; large runs report .3 to .5."""

HOUR = 3600.0
"""Seconds of an hour."""

DEFAULT = "h100"
"""What an hour is of where nothing says it."""

_SPANS: Mapping[str, float] = {"hour": HOUR, "day": 24 * HOUR}
_HOURS = frozenset("hour hours hrs hr gpuh gpuhours".split())
_DAYS = frozenset("day days".split())
_DEVICES = frozenset(
    "gpu gpus gpuh gpuhours tpu tpus device devices accelerator accelerators chip chips card "
    "cards".split()
)
_RECORDED = frozenset(
    "audio speech video recording recordings recorded footage labelled labeled unlabelled "
    "unlabeled transcribed data".split()
)
_HEARD = frozenset("wer cer audio speech asr utterances speakers".split())
_COUNTS = frozenset("n num number count no".split())


def device_of(text: str) -> str | None:
    """Return the accelerator that a text names, or None.

    Examples
    --------
    >>> device_of("A100-SXM4-80GB"), device_of("TPU v4"), device_of("gpu")
    ('a100', 'tpu-v4', None)
    """
    said = re.sub(r"[\s_-]+", "", text.lower())
    return next((name for name in ACCELERATORS if name.replace("-", "") in said), None)


def span_of(text: str) -> str | None:
    """Return "hour" or "day" for a heading or a unit of time in them, else None."""
    words = _words(text)
    if text.strip() in ("h", "d"):
        return "hour" if text.strip() == "h" else "day"
    return "day" if words & _DAYS else "hour" if words & _HOURS else None


def compute_of(span: str, device: str = DEFAULT) -> tuple[str, str]:
    """Return what an hour or a day of an accelerator computes, as a number and in words.

    Examples
    --------
    >>> compute_of("day", "a100")
    ('1.1e19', 'a day of an A100 that is used to 40 % is 1.1e19 FLOP')
    """
    number = f"{ACCELERATORS[device] * UTILISATION * _SPANS[span]:.2g}".replace("e+", "e")
    first = "an" if span == "hour" else "a"
    article = "an" if device[0] in "ahm" else "a"
    return number, (
        f"{first} {span} of {article} {device.upper()} that is used to {UTILISATION:.0%} is "
        f"{number} FLOP"
    ).replace("40%", "40 %")


def hours_advice(
    name: str, given: Collection[str] = (), columns: Mapping[str, NDArray[Any]] | None = None
) -> str:
    """Return how a column of hours or days would be used.

    Parameters
    ----------
    name : str
        Its heading.
    given : collection of str
        All headings of the file.
    columns : Mapping of str to array, dims (row,), optional
        The columns, one of which may name the accelerator.

    Returns
    -------
    str
        As compute; as data where the heading, or another one, tells of recordings.
    """
    shown = shown_in_formula(name)
    data = f"--columns 'tokens={shown}'"
    words = _words(name)
    of_devices = bool(words & _DEVICES) or device_of(name) is not None
    if words & _RECORDED and not of_devices:
        return f"{data} (hours of data)"
    span = span_of(name) or "hour"
    others = [other for other in given if other != name]
    count = next(filter(_counts_devices, others), None)
    if not of_devices and count is None and any(_words(other) & _HEARD for other in others):
        return f"{data} (hours of recordings)"
    devices = {device_of(name)} - {None} or _devices_of(columns or {})
    device = min(filter(None, devices)) if len(devices) == 1 else DEFAULT
    number, said = compute_of(span, device)
    factor = "" if count is None or of_devices else f"*{shown_in_formula(count)}"
    if len(devices) > 1:
        said += f"; the table has {' and '.join(sorted(d.upper() for d in devices if d))}"
    either = "" if of_devices or factor else f"; of recordings, {data}"
    return f"--columns 'flops={shown}{factor}*{number}' ({said}){either}"


def _counts_devices(name: str) -> bool:
    """Whether a heading counts accelerators: gpus, n_gpu, ``number of devices``."""
    words = _words(name)
    if words & (_HOURS | _DAYS | {"type", "name", "memory", "model"}):
        return False
    plural = {word for word in words & _DEVICES if word.endswith("s")}
    return bool(plural or (words & _DEVICES and words & _COUNTS))


def _devices_of(columns: Mapping[str, NDArray[Any]]) -> set[str | None]:
    """Return the accelerators that columns of text name."""
    found: set[str | None] = set()
    for values in columns.values():
        if values.dtype.kind == "U":
            found |= {device_of(text) for text in np.unique(values)[:50].tolist()}
    return found - {None}


def _words(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.findall(r"[a-z]+", spaced.lower()))
