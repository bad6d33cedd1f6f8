"""Credible intervals of draws, and how they are printed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.errors import InputError

PROBABILITY = 0.90
"""Probability of every interval unless another is asked for."""

KIND = "ETI"
"""Equal-tailed: as much probability below the interval as above it."""


PLAIN_BELOW = 1e5
"""From here on numbers are in powers of ten."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Median and equal-tailed interval of one quantity.

    Attributes
    ----------
    median, lower, upper : float
        In the unit of the quantity.
    probability : float
        Share of the draws inside.
    """

    median: float
    lower: float
    upper: float
    probability: float = PROBABILITY

    def __str__(self) -> str:
        """Write ``2.01 [1.94, 2.09] 90 % ETI``, with digits that follow the width."""
        numbers = format_numbers(self.median, self.lower, self.upper)
        return f"{numbers[0]} [{numbers[1]}, {numbers[2]}] {format_kind(self.probability)}"

    def to_dict(self) -> dict[str, float | str]:
        """Return the fields as JSON can hold them."""
        return {
            "median": self.median,
            "lower": self.lower,
            "upper": self.upper,
            "probability": self.probability,
            "kind": KIND,
        }


def check_probability(probability: float) -> float:
    """Return the probability of an interval, or say what is wrong with it.

    Raises
    ------
    InputError
        It is not strictly between 0 and 1.
    """
    if not 0 < probability < 1:
        raise InputError(
            f"probability must lie between 0 and 1, got {probability!r}; "
            "write 0.9 for a 90 % interval"
        )
    return float(probability)


def quantiles(
    draws: ArrayLike, probability: float = PROBABILITY, *, axis: int = 0
) -> NDArray[np.float64]:
    """Median and equal-tailed interval along one axis.

    Parameters
    ----------
    draws : array
        Posterior draws, any unit.
    probability : float
        Share of the draws inside the interval.
    axis : int
        The axis of the draws.

    Returns
    -------
    array (3, ...)
        Median, lower and upper end. Where one of the two draws around a quantile is infinite, so
        is the quantile.
    """
    tail = (1 - check_probability(probability)) / 2
    draws, levels = np.asarray(draws, float), [0.5, tail, 1 - tail]
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.quantile(draws, levels, axis=axis)
    if np.isfinite(draws).all():
        return found
    above = np.quantile(draws, levels, axis=axis, method="higher")
    return np.asarray(np.where(np.isinf(above) | np.isnan(found), above, found))


def interval(draws: ArrayLike, probability: float = PROBABILITY) -> Interval:
    """Median and equal-tailed interval of a set of draws (n_draws,)."""
    median, lower, upper = (float(value) for value in quantiles(np.ravel(draws), probability))
    return Interval(median=median, lower=lower, upper=upper, probability=probability)


def format_kind(probability: float = PROBABILITY) -> str:
    """Name the interval: ``90 % ETI``."""
    return f"{100 * probability:g} % {KIND}"


def format_numbers(median: float, lower: float, upper: float) -> tuple[str, str, str]:
    """Write three numbers with the digits their distance deserves (two of the width)."""
    values = (median, lower, upper)
    if not all(math.isfinite(value) for value in values):
        return (_open(median), _open(lower), _open(upper))
    size = max(abs(value) for value in values)
    width = abs(upper - lower)
    if size == 0:
        return ("0", "0", "0")
    if width == 0:
        return (significant(median), significant(lower), significant(upper))
    decimals = 1 - math.floor(math.log10(width))
    smallest = min(abs(value) for value in values)
    if smallest > 0 and round(smallest, decimals) == 0:
        return (_short(median), _short(lower), _short(upper))
    if 1e-3 <= size < PLAIN_BELOW:
        return (_plain(median, decimals), _plain(lower, decimals), _plain(upper, decimals))
    return (
        _scientific(median, decimals),
        _scientific(lower, decimals),
        _scientific(upper, decimals),
    )


def significant(value: float, digits: int = 4) -> str:
    """Write a number to some digits, below `PLAIN_BELOW` without an exponent.

    Examples
    --------
    >>> significant(466.3, 2), significant(7123.4, 3), significant(2.5e21, 3)
    ('470', '7120', '2.5e+21')
    """
    text = f"{value:.{digits}g}"
    if "e+" not in text or abs(float(text)) >= PLAIN_BELOW:
        return text
    return f"{float(text):.0f}"


def outward(lower: float, upper: float, digits: int = 2) -> tuple[float, float]:
    """Round the ends of a range away from each other, so that it holds what it held.

    Parameters
    ----------
    lower, upper : float
        Positive.
    digits : int
        Digits that are kept.

    Examples
    --------
    >>> outward(3.26e9, 7.41e9)
    (3200000000.0, 7500000000.0)
    """
    steps = [10.0 ** (math.floor(math.log10(value)) - digits + 1) for value in (lower, upper)]
    down, up = math.floor(lower / steps[0]), math.ceil(upper / steps[1])
    return float(f"{down * steps[0]:.{digits}g}"), float(f"{up * steps[1]:.{digits}g}")


def _short(value: float) -> str:
    """Write `value` with two digits, where one number of digits cannot serve all three."""
    return significant(value, 2) if 1e-3 <= abs(value) < PLAIN_BELOW else _two_digits(value)


def _open(value: float) -> str:
    """Write a number of an interval that has no end."""
    large = math.isfinite(value) and abs(value) >= PLAIN_BELOW
    return _two_digits(value) if large else significant(value)


def _two_digits(value: float) -> str:
    """Write `value` in powers of ten with two digits."""
    return _scientific(value, 1 - math.floor(math.log10(abs(value))))


def _plain(value: float, decimals: int) -> str:
    """Write `value` without an exponent, rounded to `decimals` places (to tens where negative)."""
    return f"{round(value, decimals):.{min(max(decimals, 0), 12)}f}"


def _scientific(value: float, decimals: int) -> str:
    """Write `value` in powers of ten, down to `decimals` decimal places, at least two digits."""
    if value == 0:
        return "0"
    digits = decimals + math.floor(math.log10(abs(value)))
    mantissa, exponent = f"{value:.{min(max(digits, 1), 12)}e}".split("e")
    return f"{mantissa}e{int(exponent)}"
