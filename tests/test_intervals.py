"""Intervals: quantiles by hand, and numbers whose digits follow the width."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import (
    Interval,
    check_probability,
    format_kind,
    format_numbers,
    interval,
    outward,
    quantiles,
    significant,
)


def test_quantiles_of_five_draws_by_hand() -> None:
    draws = [16.0, 1.0, 4.0, 2.0, 8.0]
    np.testing.assert_array_equal(quantiles(draws, 0.5), [4.0, 2.0, 8.0])
    np.testing.assert_allclose(quantiles(draws, 0.75), [4.0, 1.5, 12.0])


def test_quantiles_are_those_of_numpy_along_either_axis() -> None:
    draws = np.random.default_rng(0).normal(size=(200, 3))
    wanted = np.quantile(draws, [0.5, 0.05, 0.95], axis=0)
    np.testing.assert_allclose(quantiles(draws), wanted)
    np.testing.assert_allclose(quantiles(draws.T, axis=1), wanted)


def test_an_interval_holds_its_share_of_all_draws() -> None:
    draws = np.random.default_rng(1).normal(size=(4, 500))
    found = interval(draws, 0.8)
    assert np.mean((draws >= found.lower) & (draws <= found.upper)) == pytest.approx(0.8, abs=1e-3)
    assert np.mean(draws < found.lower) == pytest.approx(0.1, abs=1e-3)
    assert np.mean(draws < found.median) == pytest.approx(0.5)


@pytest.mark.parametrize("probability", [0, 1, -0.1, 90, math.nan, math.inf])
def test_a_probability_lies_between_0_and_1(probability: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        check_probability(probability)
    with pytest.raises(InputError, match="between 0 and 1"):
        quantiles([1.0, 2.0], probability)


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ((2.0123, 1.9412, 2.0934), ("2.01", "1.94", "2.09")),
        ((2.0123, 2.0119, 2.0131), ("2.0123", "2.0119", "2.0131")),
        ((12.4, 3.2, 47.9), ("12", "3", "48")),
        ((-0.5123, -0.61, -0.41), ("-0.51", "-0.61", "-0.41")),
        ((0.0, 0.0, 0.0), ("0", "0", "0")),
        ((1e21, 1e21, 1e21), ("1e+21", "1e+21", "1e+21")),
        ((math.nan, math.nan, math.nan), ("nan", "nan", "nan")),
        ((2.01234, 1.5, math.inf), ("2.012", "1.5", "inf")),
        ((7.374e14, 3.91e13, math.inf), ("7.4e14", "3.9e13", "inf")),
        ((1.1449e13, 3.1592e12, 6.927e15), ("1.1e13", "3.2e12", "6.9e15")),
        ((21.4, 0.9912, 466.3), ("21", "0.99", "470")),
        ((21.4, 0.1124, 466.3), ("21", "0.11", "470")),
        ((20.0, 0.112, 9996.0), ("20", "0.11", "10000")),
        ((9600.0, 0.112, 99600.0), ("9600", "0.11", "1e+05")),
        ((12345.0, 12345.0, 12345.0), ("12340", "12340", "12340")),
        ((56789.0, 1234.5, math.inf), ("56790", "1234", "inf")),
        ((2e-9, 1.1449e-9, 3e-5), ("2.0e-9", "1.1e-9", "3.0e-5")),
    ],
)
def test_numbers_in_print(numbers: tuple[float, float, float], shown: tuple[str, str, str]) -> None:
    assert format_numbers(*numbers) == shown


def test_large_and_small_numbers_are_in_powers_of_ten() -> None:
    for scale in (1e12, 1e-7):
        texts = format_numbers(4.0123 * scale, 3.512 * scale, 4.612 * scale)
        assert [text.split("e")[0] for text in texts] == ["4.0", "3.5", "4.6"]
        assert {int(text.split("e")[1]) for text in texts} == {round(math.log10(scale))}


def test_numbers_of_different_size_share_the_last_decimal_place() -> None:
    texts = format_numbers(1.5e10, 9.12e9, 2.3456e10)
    assert [float(text) for text in texts] == [1.5e10, 9.1e9, 2.3e10]
    assert format_numbers(0.5e-4, 0.0, 1e-4)[1] == "0"


def test_rounding_hides_little_of_the_width_and_shows_no_noise() -> None:
    rng = np.random.default_rng(2)
    for _ in range(300):
        size = 10 ** rng.uniform(-8, 24)
        width = size * 10 ** rng.uniform(-5, 0)
        values = (size, size - 0.4 * width, size + 0.6 * width)
        for value, text in zip(values, format_numbers(*values), strict=True):
            assert abs(float(text) - value) <= 0.0501 * width
            step = 10.0 ** -len(text.split("e")[0].partition(".")[2])
            step *= 10.0 ** int(text.partition("e")[2] or 0)
            # More than two digits of the width only where the number would else have just one,
            # or to the left of the decimal point.
            single = "e" in text and len(text.split("e")[0].replace(".", "")) == 2
            assert step > 0.0099 * width or single or step == 1


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(7123.4, 3, "7120"), (466.3, 2, "470"), (99.98, 2, "100"), (2.5e21, 3, "2.5e+21"),
     (1.0, 3, "1"), (-7123.4, 3, "-7120"), (0.00012, 3, "0.00012"), (99999.6, 4, "1e+05"),
     (math.inf, 2, "inf")],
)  # fmt: skip
def test_below_a_hundred_thousand_no_number_has_an_exponent(
    value: float, digits: int, text: str
) -> None:
    assert significant(value, digits) == text


def test_no_digit_of_an_interval_is_an_exponent_below_a_hundred_thousand() -> None:
    rng = np.random.default_rng(4)
    for _ in range(500):
        lower, median, upper = np.sort(10 ** rng.uniform(-3, np.log10(9.9e4), size=3))
        assert not any("e" in text for text in format_numbers(median, lower, upper))


def test_an_interval_says_its_kind_and_probability() -> None:
    shown = Interval(median=2.0123, lower=1.9412, upper=2.0934)
    assert str(shown) == "2.01 [1.94, 2.09] 90 % ETI"
    assert format_kind(0.07) == "7 % ETI"
    assert format_kind(0.945) == "94.5 % ETI"
    assert shown.to_dict() == {
        "median": 2.0123,
        "lower": 1.9412,
        "upper": 2.0934,
        "probability": 0.9,
        "kind": "ETI",
    }


@pytest.mark.parametrize(
    ("ends", "rounded"),
    [((3.26e9, 7.41e9), (3.2e9, 7.5e9)), ((1e9, 1e9), (1e9, 1e9)), ((0.0123, 99.1), (0.012, 100))],
)
def test_a_range_is_rounded_outward(
    ends: tuple[float, float], rounded: tuple[float, float]
) -> None:
    assert outward(*ends) == pytest.approx(rounded)
