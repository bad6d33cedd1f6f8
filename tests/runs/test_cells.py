"""Amounts as people write them, and columns of cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.questions.units import count_of, flops_of
from bayes_scaling.runs import read_runs
from bayes_scaling.runs.cells import (
    Rows,
    as_text,
    comma_of,
    commas_of,
    compute_factor,
    count_factor,
    number_advice,
    parts_of,
    plain_number,
    read_numbers,
    read_text,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("20M", (20.0, "M")),
        ("75.3 B", (75.3, "B")),
        ("2.00x10^19", (2e19, "")),
        ("1.80×10¹⁷ FLOP", (1.8e17, "FLOP")),
        ("10^-4", (1e-4, "")),
        ("1 000 000", (1e6, "")),
        ("1’000’000", (1e6, "")),
        ("3,8964", (3.8964, "")),
        ("1.234.567,8", (1234567.8, "")),
        ("\u22123", (-3.0, "")),
        ("1,500", None),
        ("1,00,000", None),
        ("12 34", None),
        ("M20", None),
        ("9" * 300, None),
        ("1x10^999", None),
    ],
)
def test_parts(text: str, parts: tuple[float, str] | None) -> None:
    assert parts_of(text) == parts


def test_commas() -> None:
    assert [comma_of(text) for text in ("3,5", "1,234,567", "1,234", "0,123", "7")] == [
        "decimal",
        "thousands",
        None,
        "decimal",
        None,
    ]
    assert commas_of(["3,5", "1,234"]) == "decimal"
    assert commas_of(["3,5", "1,234,567"]) is None
    assert plain_number("1,234", commas="decimal") == 1.234
    assert plain_number("1,234", commas="thousands") == 1234.0
    assert plain_number("1.234", commas="decimal") is None


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("M", 1e6),
        ("billions of tokens", 1e9),
        ("x 1e9", 1e9),
        ("10⁹", 1e9),
        ("tokens", 1.0),
        ("Mio", 1e6),
        ("foo", None),
        ("MB", None),
        ("per step", None),
    ],
)
def test_count_units(unit: str, factor: float | None) -> None:
    assert count_factor(unit) == factor


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("PF-days", 8.64e19),
        ("petaflop/s-days", 8.64e19),
        ("PFLOPS days", 8.64e19),
        ("GFLOPs", 1e9),
        ("FLOP x 1e18", 1e18),
        ("10^18 FLOPs", 1e18),
        ("zettaFLOP", 1e21),
        ("GPU-hours", None),
        ("TFLOP/s", None),
    ],
)
def test_compute_units(unit: str, factor: float | None) -> None:
    assert compute_factor(unit) == factor


def test_options_refuse_a_comma_that_is_ambiguous() -> None:
    assert count_of("300k") == 3e5
    assert count_of("1,000,000") == 1e6
    assert flops_of("1.5e5 h100-hours") > 1e23
    with pytest.raises(InputError, match="the comma may separate decimals or thousands"):
        count_of("1,5")


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


def test_points_that_part_thousands_say_what_commas_are(tmp_path: Path) -> None:
    assert comma_of("10.000.000") == "decimal"
    assert comma_of("10.000") is None
    advice = number_advice("1.600.000.000,5")
    assert advice.startswith("its points part thousands: --commas decimal")
    assert advice.endswith("or write 1600000000.5")
    path = tmp_path / "runs.csv"
    path.write_text("params;tokens;loss\n10.000.000;400.000.000;4,968\n40.000.000;2e9;3,104\n")
    runs = read_runs(path)
    assert runs["params"].tolist() == [1e7, 4e7]
    assert runs["loss"].tolist() == [4.968, 3.104]
    path.write_text("params,host,loss\n1e7,192.168.100.200,4.968\n4e7,192.168.100.201,3.104\n")
    assert read_runs(path)["loss"].tolist() == [4.968, 3.104]
