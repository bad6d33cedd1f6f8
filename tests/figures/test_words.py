from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bayes_scaling.figures.words import (
    response_label,
    without_kind,
    write_chance,
    write_count,
    write_counts,
    write_factor,
    write_number,
)
from bayes_scaling.intervals import interval
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e23, "1e23"), (1.27e22, "1.27e22"), (0.002, "0.002"), (2048, "2,048"), (3e-6, "3e-6"),
     (0.0, "0"), (float("nan"), "nan")],
)  # fmt: skip
def test_plain_numbers(value: float, text: str) -> None:
    assert write_number(value) == text


@pytest.mark.parametrize(("value", "text"), [(99.98, "100"), (391.2, "390"), (6.83, "6.8")])
def test_plain_numbers_of_two_digits(value: float, text: str) -> None:
    assert write_number(value, 2) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(7.08e10, "71 B"), (1.4e12, "1.4 T"), (7168, "7,168"), (99_999, "100 K"), (9.96e8, "1.0 B"),
     (3e16, "3e16"), (1.5e14, "150 T")],
)  # fmt: skip
def test_counts_are_named(value: float, text: str) -> None:
    assert write_count(value) == text


def test_interval_of_a_count_has_the_digits_of_the_plain_one() -> None:
    draws = 7e10 * np.exp(0.08 * np.linspace(-2, 2, 1001))
    plain = interval(draws)
    assert str(plain) == "7.0e10 [6.1e10, 8.1e10] 90 % ETI"
    assert write_counts(draws) == "70 B [61 B, 81 B] 90 % ETI"
    assert without_kind(write_counts(draws)) == "70 B [61 B, 81 B]"


@pytest.mark.parametrize(
    ("ends", "text"),
    [((47e3, 58e3, 73e3), "58 K [47 K, 73 K]"), ((5.9e8, 9.1e8, 1.35e9), "910 M [590 M, 1.35 B]"),
     ((57_870, 58_000, 58_130), "58.00 K [57.87 K, 58.13 K]"),
     ((7134, 9211, 12_344), "9,200 [7,100, 12.3 K]"), ((1e9, 5e9, 21e9), "5.0 B [1.0 B, 21 B]"),
     ((58e3, 58e3, 58e3), "58.0 K [58.0 K, 58.0 K]")],
)  # fmt: skip
def test_digits_of_a_count_follow_the_width(ends: tuple[float, float, float], text: str) -> None:
    draws = np.interp(np.linspace(0, 1, 2001), (0.05, 0.5, 0.95), ends)
    assert without_kind(write_counts(draws)) == text


def test_interval_of_a_count_over_many_sizes() -> None:
    assert write_counts(np.geomspace(1e8, 1e13, 1001)).startswith("32 B [180 M, 5.6 T]")


@pytest.mark.parametrize(
    ("factor", "text"), [(100.0, "100×"), (1.44, "1.4×"), (7723.0, "7,700×"), (2.5e9, "2.5e9×")]
)
def test_factors(factor: float, text: str) -> None:
    assert write_factor(factor) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "less than 1 in 1,000"), (0.13, "about 1 in 8"), (0.0042, "about 1 in 240"),
     (0.32, "about 1 in 3"), (0.5, "about even"), (0.7, "about 7 in 10"), (0.95, "about 19 in 20"),
     (1.0, "more than 999 in 1,000")],
)  # fmt: skip
def test_chances_in_words(share: float, text: str) -> None:
    assert write_chance(share, 4000) == text


def test_few_draws_tell_no_small_chance() -> None:
    assert write_chance(0.0, 300) == "less than 1 in 100"


@pytest.mark.parametrize(
    ("called", "label"),
    [("top1_error", "error rate (top1_error)"), ("error", "error rate"),
     ("loss", "loss [nats per token]"), ("BPB", "loss [bits per byte]"),
     ("bits_per_character", "loss [bits per character]"), ("mse_loss", "loss")],
)  # fmt: skip
def test_an_error_rate_is_not_in_nats_per_token(called: str, label: str) -> None:
    runs = RunTable.from_columns({"flops": [1e18, 1e19, 1e20], called: [0.7, 0.5, 0.4]})
    leading = SimpleNamespace(model=load_model("kaplan-c"))
    assert response_label(cast("Any", SimpleNamespace(leading=leading, runs=runs))) == label
