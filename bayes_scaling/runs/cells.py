"""Cells and amounts as people write them: 20M, 75.3 B, 2.00x10^19, 3,8964; columns as arrays.

A comma is never guessed at: ``1,000,000`` has groups of thousands, ``3,8964`` a decimal comma, and
``1,500`` could be either, which only its neighbours can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.columns import COLUMNS
from bayes_scaling.runs.device_hours import DEFAULT, compute_of, device_of, span_of

Commas = Literal["decimal", "thousands"]

BITS = float(np.log(2.0))
"""Nats per bit."""


COUNTS: Mapping[str, float] = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
"""Suffixes of a plain number; B is a billion, so bytes are spelled out or have a prefix."""

WORDS: Mapping[str, float] = {
    **COUNTS,
    **dict.fromkeys(("thousand", "kilo", "tsd"), 1e3),
    **dict.fromkeys(("million", "mega", "mil", "mill", "mio", "mln", "mn", "mm"), 1e6),
    **dict.fromkeys(("billion", "giga", "bil", "bill", "bln", "bn", "mrd"), 1e9),
    **dict.fromkeys(("trillion", "tera", "trn", "tn", "tr"), 1e12),
}
"""Suffixes and words that multiply a count."""

PREFIXES: Mapping[str, float] = {
    "": 1.0,
    "k": 1e3,
    "m": 1e6,
    "g": 1e9,
    "t": 1e12,
    "p": 1e15,
    "e": 1e18,
    "z": 1e21,
    "y": 1e24,
}

COMPUTE: Mapping[str, float] = {
    **{f"{prefix}flop": size for prefix, size in PREFIXES.items()},
    **{f"{prefix}f-day": PREFIXES[prefix] * 86400.0 for prefix in "gtpez"},
    **{f"{prefix}f-hour": PREFIXES[prefix] * 3600.0 for prefix in "gtpez"},
}
"""FLOP, and petaFLOP/s-days (PF-days) and -hours, with their prefixes [FLOP]."""

NOUNS = frozenset(
    "param params parameter parameters token tokens tok toks step steps iteration iterations "
    "seen total".split()
)
"""What may be counted; said after a number or a unit, it changes nothing."""

_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f\u2002\u2003", " "))
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_DIGITS = r"\d[\d.,'’_ ]*\d|\d|\.\d+|\d+\."
_NUMBER = re.compile(
    rf"([-+]?(?:{_DIGITS}|\d*\.\d+)(?:[eE][-+]?\d+)?)"
    r"(?:\s*[x×·⋅*]\s*10\s*(?:\^|\*\*)?\s*\(?([-+]?\d+)\)?)?\s*(.*)",
    re.DOTALL,
)
_POWER = re.compile(r"([-+]?)10\s*(?:\^|\*\*)\s*\(?([-+]?\d+)\)?\s*(.*)", re.DOTALL)
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+")
_POINTED = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3}){2,}(?:,\d*)?")
_COMMA_DECIMAL = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?|[-+]?\d{1,3}(?:\.\d{3})+,\d+")


def parts_of(text: str, *, commas: Commas | None = None) -> tuple[float, str] | None:
    """Part a text into its number and what is written after it.

    Parameters
    ----------
    text : str
        Such as ``"75.3 B"``, ``"1.80×10¹⁷"``, ``"10^19 FLOP"`` or ``"1 000 000"``.
    commas : {"decimal", "thousands"}, optional
        What commas are, where the text alone does not say.

    Returns
    -------
    (float, str) or None
        None where no number leads the text, or its commas can be read in two ways.
    """
    text = text.translate(_SPACES).replace("\u2212", "-").strip()
    if any(sign in text for sign in "⁰¹²³⁴⁵⁶⁷⁸⁹"):
        text = re.sub(r"10(?=[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹])", "10^", text).translate(_RAISED)
    if len(text) > 200:
        return None
    if power := _POWER.fullmatch(text):
        value = _scaled(1.0, power[2])
        return None if value is None else (-value if power[1] == "-" else value, power[3].strip())
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    plain = plain_number(found[1], commas=commas)
    value = None if plain is None else _scaled(plain, found[2])
    return None if value is None else (value, found[3].strip())


def plain_number(text: str, *, commas: Commas | None = None) -> float | None:
    """Return a number whose groups may be parted; None where it is none or ambiguous."""
    mantissa, _, exponent = text.lower().partition("e")
    for sign in " '’_":
        if sign in mantissa:
            if not re.fullmatch(rf"[-+]?\d{{1,3}}(?:{sign}\d{{3}})+(?:[.,]\d+)?", mantissa):
                return None
            mantissa = mantissa.replace(sign, "")
    if commas == "decimal" and not exponent and re.fullmatch(r"[-+]?[1-9]\d{0,2}\.\d{3}", mantissa):
        return None  # thousands, or a decimal point among commas
    if commas == "decimal" and re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3})+(?:,\d*)?", mantissa):
        mantissa = mantissa.replace(".", "").replace(",", ".")
    elif "," in mantissa:
        kind = comma_of(mantissa) or commas
        if kind == "decimal":
            mantissa = mantissa.replace(".", "").replace(",", ".")
        elif kind == "thousands" and re.fullmatch(rf"{_GROUPED.pattern}(?:\.\d*)?", mantissa):
            mantissa = mantissa.replace(",", "")
        else:
            return None
    try:
        return float(f"{mantissa}e{exponent}" if exponent else mantissa)
    except ValueError:
        return None


def comma_of(text: str) -> Commas | None:
    """Tell what the commas of a number are; None where there are none or it could be either."""
    text = text.strip()
    if _POINTED.fullmatch(text):
        return "decimal"  # two points part thousands, so a comma is the decimal one
    if "," not in text:
        return None
    if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+\.\d*", text) or re.fullmatch(
        r"[-+]?[1-9]\d{0,2}(?:,\d{3}){2,}", text
    ):
        return "thousands"
    if _COMMA_DECIMAL.fullmatch(text) and not re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", text):
        return "decimal"
    return None


def commas_of(texts: Iterable[str]) -> Commas | None:
    """Tell what commas are in numbers of one file; None where they do not say, or disagree."""
    found = {comma_of(text.translate(_SPACES).strip().split(" ")[0]) for text in texts}
    found.discard(None)
    return found.pop() if len(found) == 1 else None


def count_factor(unit: str) -> float | None:
    """Return what multiplies a count whose unit is written so, or None where it says nothing."""
    words = [word for word in re.split(r"[\s_]+", _tidy(unit)) if word not in ("of", "in", "units")]
    words = [word for word in words if word not in NOUNS and word != "#"]
    if not words:
        return 1.0
    text = " ".join(words).removesuffix(".")
    power = re.fullmatch(r"(?:[x×*]\s*)?(?:10\s*(?:\^|\*\*)\s*|1?(?:\.0)?e\+?)(-?\d+)", text)
    if power:
        return _scaled(1.0, power[1])
    for word in (text, text.removesuffix("s")):
        if word in WORDS:
            return WORDS[word]
    return None


def compute_factor(unit: str) -> float | None:
    """Return FLOP per unit of compute, or None for what is none (and for hours of a device)."""
    text = tidy_compute(unit)
    if re.search(r"/\s*s(?:ec)?$", unit.strip().lower()):
        return None  # a rate
    if text in COMPUTE:
        return COMPUTE[text]
    power = re.sub(r"\s*(?:of\s+)?flops?$", "", _tidy(unit)) if "flop" in text else unit
    power = re.sub(r"^(?:of\s+)?flops?\s*", "", power)
    return count_factor(power)


def tidy_compute(unit: str) -> str:
    """Write a unit of compute in one way: every spelling of PFLOP/s-days becomes ``pf-day``."""
    text = re.sub(r"[\s_]+", " ", unit.strip().lower())
    text = re.sub(r"(?<=.)[- ]?(hour|day|h|d)s?$", _hyphenated, text).replace("/s", "s")
    text = re.sub(
        r"^(giga|peta|tera|exa|zetta|kilo|mega|yotta)(?=f)", lambda name: name[1][0], text
    )
    text = re.sub(r"^(.)(?:flops?s|fs|flops?|f)-(day|hour)$", r"\1f-\2", text)
    return re.sub(r"(?<=[a-z]{2})s$", "", text)


def _hyphenated(found: re.Match[str]) -> str:
    return "-" + {"h": "hour", "d": "day"}.get(found[1], found[1])


def _tidy(unit: str) -> str:
    unit = unit.translate(_SPACES).replace("\u2212", "-").lower().strip()
    if any(sign in unit for sign in "⁰¹²³⁴⁵⁶⁷⁸⁹"):
        unit = re.sub(r"10(?=[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹])", "10^", unit).translate(_RAISED)
    return unit


def _scaled(value: float, power: str | None) -> float | None:
    if power is None:
        return value
    return value * 10.0 ** int(power) if abs(int(power)) <= 300 else None


MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "nat", "-", "--"})
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """How to speak of rows to the person who owns the file.

    Parameters
    ----------
    label : str
        "line" of a text file, "row" of anything else.
    numbers : array of int, dims (row,)
        The number of each row as its owner counts.
    """

    label: str
    numbers: NDArray[np.intp]

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.numbers)

    def say(self, where: Iterable[int] | NDArray[Any], most: int = 6) -> str:
        """Return "line 7", "lines 3 and 7" or "lines 3, 7, 9, ... (41 lines)".

        Parameters
        ----------
        where : array of bool, dims (row,), or of positions from 0
        most : int
            Longest list to print in full.
        """
        chosen = np.asarray(where)
        numbers = [str(n) for n in self.numbers[chosen]]
        if len(numbers) == 1:
            return f"{self.label} {numbers[0]}"
        if len(numbers) > most:
            head = ", ".join(numbers[: most // 2])
            return f"{self.label}s {head}, ... ({len(numbers)} {self.label}s)"
        return f"{self.label}s {', '.join(numbers[:-1])} and {numbers[-1]}"


def positions(count: int) -> Rows:
    """Return the names of rows that count from 1."""
    return Rows(label="row", numbers=np.arange(1, count + 1))


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A column read as numbers.

    Parameters
    ----------
    values : array of float64, dims (row,)
        NaN where a cell is empty or could not be read.
    unread : Mapping of int to str
        Position to text of the cells that are not numbers.
    amounts : Mapping of int to str
        Position to text of the cells that were read with a unit or parted digits.
    """

    values: NDArray[np.float64]
    unread: Mapping[int, str]
    amounts: Mapping[int, str] = field(default_factory=dict)


def read_numbers(
    raw: Sequence[Any] | NDArray[Any],
    *,
    truth: bool = False,
    target: str | None = None,
    commas: Commas | None = None,
) -> Numbers:
    """Read a column of numbers; integers of any size become float64.

    Parameters
    ----------
    raw : sequence, dims (row,)
        Numbers, text, None or NaN.
    truth : bool
        Whether the words true and false count as 1 and 0.
    target : str, optional
        The canonical column, whose amounts such as ``20M`` or ``3 PF-days`` are read.
    commas : {"decimal", "thousands"}, optional
        What commas are in this file.

    Returns
    -------
    Numbers
    """
    if isinstance(raw, np.ndarray) and raw.dtype.kind in "biuf":
        return Numbers(values=raw.astype(np.float64), unread={})
    if commas is None and len(raw) > 1000 and (quick := _all_plain(raw)) is not None:
        return Numbers(values=quick, unread={})
    values = np.full(len(raw), np.nan)
    unread: dict[int, str] = {}
    amounts: dict[int, str] = {}
    for i, cell in enumerate(raw):
        if not (commas == "decimal" and isinstance(cell, str) and "." in cell):
            try:
                values[i] = float(cell)
                continue
            except (TypeError, ValueError, OverflowError):
                pass
        text = as_text(cell)
        word = text.lower()
        if truth and word in _TRUTH:
            values[i] = _TRUTH[word]
        elif word in MISSING:
            continue
        elif target is not None and (value := read_amount(text, target, commas)) is not None:
            values[i] = value
            amounts[i] = text
        else:
            unread[i] = text
    return Numbers(values=values, unread=unread, amounts=amounts)


def read_amount(text: str, target: str, commas: Commas | None = None) -> float | None:
    """Return the number that a text means in a column, or None."""
    column = COLUMNS.get(target)
    parts = parts_of(text, commas=commas)
    if column is None or parts is None:
        return None
    value, unit = parts
    if not unit:
        return value
    if (column.kind in ("positive", "fraction", "number") and unit[:1] in "±") or unit[:2] == "+-":
        return value
    if (column.kind == "fraction" or target == "loss") and unit == "%":
        return value / 100.0
    factor: float | None = None
    if target in ("flops", "budget"):
        factor = compute_factor(unit)
    elif target == "loss":
        factor = loss_factor(unit)
    elif column.kind in ("count", "nonnegative"):
        factor = count_factor(unit)
    return None if factor is None else value * factor


def _all_plain(raw: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64] | None:
    """Read a long column at once; None where some cell is no plain number."""
    try:
        return np.array(raw, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None


def read_text(raw: Sequence[Any] | NDArray[Any]) -> NDArray[np.str_]:
    """Read a column of text; None and NaN become "", whole numbers lose their ".0"."""
    if all(type(cell) is str for cell in raw) and "".join(raw).isascii():
        return np.array([cell.strip() for cell in raw], dtype=np.str_)
    return np.array([as_text(cell) for cell in raw], dtype=np.str_)


def as_text(cell: object) -> str:
    """Return one cell as text without surrounding space; "" for None, NaN and their kin."""
    if isinstance(cell, str):
        text = cell.strip()
        return text if text.isascii() else text.encode(errors="replace").decode()
    if isinstance(cell, bytes):
        return cell.decode(errors="replace").strip()
    if cell is None:
        return ""
    if isinstance(cell, float | np.floating):
        value = float(cell)
        if np.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    text = str(cell)
    return "" if text in {"<NA>", "NaT"} else text


def number_advice(text: str) -> str:
    """Return what to write in place of a text that was meant to be a number."""
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}([eE][+-]?\d+)?", text):
        return (
            "the comma could part thousands or decimals; say which with --commas thousands or "
            "--commas decimal (in Python commas=)"
        )
    if _POINTED.fullmatch(text):
        return (
            f"its points part thousands: --commas decimal (in Python commas='decimal'), or write "
            f"{text.replace('.', '').replace(',', '.')}"
        )
    if comma_of(text) == "thousands":
        return f"write {text.replace(',', '')}, without thousands separators"
    if comma_of(text) == "decimal":
        return f"write {text.replace('.', '').replace(',', '.')}, with a decimal point"
    if re.fullmatch(r"[\d.]+\s*%", text):
        return "write a plain number, without the percent sign"
    if (parts := parts_of(text)) is not None and (factor := count_factor(parts[1])) is not None:
        return f"write {parts[0] * factor:g}, without a letter for the magnitude"
    if parts is not None and (span := span_of(parts[1])) is not None:
        device = device_of(parts[1])
        if device is None and not re.search(r"(?i)[gt]pu", parts[1]):
            return f"write {parts[0]:g}, and the unit in the name of the column"
        each, said = compute_of(span, device or DEFAULT)
        return (
            f"{span}s of a device are no FLOP: write {parts[0] * float(each):.3g} ({said}), or "
            f"give {span}s in a column of their own and --columns 'flops=gpu_{span}s*{each}'"
        )
    return "write a plain number"


def loss_factor(unit: str) -> float | None:
    """Return nats per unit of a loss: 1 for nats, ln 2 for bits per token; None for others."""
    text = re.sub(r"[\s_]+", " ", unit.lower().strip())
    text = re.sub(r"\s*(?:/|per)\s*", "/", text)
    if text in ("nat", "nats", "nats/token", "nat/token", "nats/tok"):
        return 1.0
    if text in ("bit", "bits", "bits/token", "bit/token", "bits/tok", "shannon"):
        return BITS
    return None
