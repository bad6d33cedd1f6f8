"""Raw cells of a table to arrays: numbers as float64, text as str, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.amounts import (
    Commas,
    comma_of,
    compute_factor,
    count_factor,
    parts_of,
)
from bayes_scaling.runs.columns import COLUMNS
from bayes_scaling.runs.headings import loss_factor

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
    """Return the number that a text means in a column, or None.

    Parameters
    ----------
    text : str
        Such as ``"75.3 B"``, ``"1.2e3 PF-days"``, ``"1,000,000"`` or ``"3.90 ± 0.02"``.
    target : str
        The canonical column.
    commas : {"decimal", "thousands"}, optional
        What commas are in this file.

    Returns
    -------
    float or None
    """
    column = COLUMNS.get(target)
    parts = parts_of(text, commas=commas)
    if column is None or parts is None:
        return None
    value, unit = parts
    if not unit:
        return value
    if (column.kind in ("positive", "fraction", "number") and unit[:1] in "±") or unit[:2] == "+-":
        return value
    if column.kind == "fraction" and unit == "%":
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
    """Return what to write in place of a text that was meant to be a number.

    Parameters
    ----------
    text : str
        The cell as given.

    Returns
    -------
    str
    """
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}([eE][+-]?\d+)?", text):
        return (
            "the comma could part thousands or decimals; say which with --commas thousands or "
            "--commas decimal (in Python commas=)"
        )
    if comma_of(text) == "thousands":
        return f"write {text.replace(',', '')}, without thousands separators"
    if comma_of(text) == "decimal":
        return f"write {text.replace('.', '').replace(',', '.')}, with a decimal point"
    if re.fullmatch(r"[\d.]+\s*%", text):
        return "write a plain number, without the percent sign"
    if (parts := parts_of(text)) is not None and (factor := count_factor(parts[1])) is not None:
        return f"write {parts[0] * factor:g}, without a letter for the magnitude"
    if parts is not None and re.search(r"(?i)hours?$|gpu", parts[1]):
        return (
            "hours of a device are no FLOP: write FLOP, or give hours in a column of their own "
            "and --columns 'flops=gpu_hours*1.4e18'"
        )
    return "write a plain number"
