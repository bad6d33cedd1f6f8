"""Amounts as people write them; a comma is never guessed at."""

from __future__ import annotations

import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.questions.units import count_of, flops_of
from bayes_scaling.runs.amounts import (
    comma_of,
    commas_of,
    compute_factor,
    count_factor,
    parts_of,
    plain_number,
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
