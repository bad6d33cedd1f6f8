"""Cells: what reads as a number, what as a gap, and how rows are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.runs.cells import Rows, as_text, number_advice, read_numbers, read_text

ROWS = Rows(label="line", numbers=np.arange(2, 52))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1e9", 1e9),
        (" 7 ", 7.0),
        (10**30, 1e30),
        (np.int64(3), 3.0),
        ("-2.5", -2.5),
        (True, 1.0),
        ("1E+05", 1e5),
    ],
)
def test_numbers(cell: Any, value: float) -> None:
    read = read_numbers([cell])
    assert read.values.dtype == np.float64
    assert read.values.tolist() == [value]
    assert not read.unread


@pytest.mark.parametrize("cell", ["", "  ", "NA", "NaN", "null", "None", "N/A", None, float("nan")])
def test_gaps(cell: Any) -> None:
    read = read_numbers([cell])
    assert np.isnan(read.values).all()
    assert not read.unread


@pytest.mark.parametrize("cell", ["70B", "1,000,000", "diverged", "5 %", "true", "[1]"])
def test_text_is_not_a_number(cell: str) -> None:
    assert read_numbers([cell]).unread == {0: cell}


def test_truth_values_count_where_allowed() -> None:
    assert read_numbers(["True", "false", ""], truth=True).values[:2].tolist() == [1.0, 0.0]


def test_integer_arrays_become_float64() -> None:
    values = np.array([2**62, 7], dtype=np.int64)
    assert read_numbers(values).values.tolist() == [float(2**62), 7.0]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("70B", "write 7e+10, without a letter"),
        ("1.5 M", "write 1.5e+06, without a letter"),
        ("1,000,000", "write 1000000, without thousands"),
        ("1,5", "write 1.5, with a decimal point"),
        ("45 %", "without the percent sign"),
        ("diverged", "write a plain number"),
        ("..B", "write a plain number"),
    ],
)
def test_advice(text: str, advice: str) -> None:
    assert advice in number_advice(text)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (" a ", "a"),
        (None, ""),
        (float("nan"), ""),
        (3.0, "3"),
        (2.5, "2.5"),
        (7, "7"),
        (b"x", "x"),
        ("None", "None"),
    ],
)
def test_text(cell: Any, text: str) -> None:
    assert as_text(cell) == text
    assert read_text([cell]).tolist() == [text]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ([5], "line 7"),
        ([1, 5], "lines 3 and 7"),
        ([1, 5, 7], "lines 3, 7 and 9"),
        (range(6), "lines 2, 3, 4, 5, 6 and 7"),
        (range(41), "lines 2, 3, 4, ... (41 lines)"),
    ],
)
def test_rows_are_named_as_their_owner_counts(where: Any, said: str) -> None:
    assert ROWS.say(list(where)) == said


def test_rows_by_mask() -> None:
    mask = np.zeros(50, dtype=bool)
    mask[5] = True
    assert ROWS.say(mask) == "line 7"
