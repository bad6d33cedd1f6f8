"""Raw cells of a table to arrays: numbers as float64, text as str, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "nat"})
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
    """

    values: NDArray[np.float64]
    unread: Mapping[int, str]


def read_numbers(raw: Sequence[Any] | NDArray[Any], *, truth: bool = False) -> Numbers:
    """Read a column of numbers; integers of any size become float64.

    Parameters
    ----------
    raw : sequence, dims (row,)
        Numbers, text, None or NaN.
    truth : bool
        Whether the words true and false count as 1 and 0.

    Returns
    -------
    Numbers
    """
    if isinstance(raw, np.ndarray) and raw.dtype.kind in "biuf":
        return Numbers(values=raw.astype(np.float64), unread={})
    values = np.full(len(raw), np.nan)
    unread: dict[int, str] = {}
    for i, cell in enumerate(raw):
        try:
            values[i] = float(cell)
            continue
        except (TypeError, ValueError, OverflowError):
            pass
        text = as_text(cell)
        word = text.lower()
        if truth and word in _TRUTH:
            values[i] = _TRUTH[word]
        elif word not in MISSING:
            unread[i] = text
    return Numbers(values=values, unread=unread)


def read_text(raw: Sequence[Any] | NDArray[Any]) -> NDArray[np.str_]:
    """Read a column of text; None and NaN become "", whole numbers lose their ".0"."""
    return np.array([as_text(cell) for cell in raw], dtype=np.str_)


def as_text(cell: object) -> str:
    """Return one cell as text without surrounding space; "" for None, NaN and their kin."""
    if isinstance(cell, str):
        return cell.strip()
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


_MAGNITUDES = {"k": 3, "m": 6, "g": 9, "b": 9, "t": 12}


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
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text):
        return f"write {text.replace(',', '')}, without thousands separators"
    if re.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?", text):
        return f"write {text.replace(',', '.')}, with a decimal point"
    if match := re.fullmatch(r"([\d.]+)\s*([kmgbt])", text.lower()):
        try:
            value = float(match[1]) * 10.0 ** _MAGNITUDES[match[2]]
        except ValueError:
            pass
        else:
            return f"write {value:g}, without a letter for the magnitude"
    if re.fullmatch(r"[\d.]+\s*%", text):
        return "write a plain number, without the percent sign"
    return "write a plain number"
