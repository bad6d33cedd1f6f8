"""Numbers in words: large counts, ranges, factors and chances, as a reader wants them."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from bayes_scaling.intervals import PROBABILITY, format_kind, interval

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
"""Names of large counts: thousand, million, billion, trillion."""

LONGEST_PLAIN = 1e4
"""Counts below this are written out."""

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"


def write_number(value: float, digits: int = 3) -> str:
    """Write a number that carries no interval: ``1e23``, ``0.0031``, ``512``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1e-4 <= abs(value) < LONGEST_PLAIN:
        # Twice, for 99.98 to two digits is "1e+02" the first time.
        short = float(f"{value:.{digits}g}")
        return f"{short:.{max(digits, 4)}g}" if abs(value) < 1000 else f"{value:,.0f}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def write_count(value: float, digits: int = 2) -> str:
    """Write a count of parameters or tokens: ``71 B``, ``1.4 T``, ``7,168``."""
    if not math.isfinite(value) or value >= 1e15 or value <= 0:
        return write_number(value, digits)
    if value < LONGEST_PLAIN:
        return f"{value:,.0f}"
    rounded = float(f"{value:.{digits - 1}e}")
    size, unit = next((size, unit) for size, unit in UNITS if rounded >= size)
    scaled = rounded / size
    decimals = max(0, digits - 1 - math.floor(math.log10(scaled)))
    return f"{scaled:.{decimals}f} {unit}"


def write_counts(draws: ArrayLike, probability: float = PROBABILITY) -> str:
    """Write the median and interval of a count: ``71 B [62 B, 81 B] 90 % ETI``."""
    found = interval(draws, probability)
    width = found.upper - found.lower
    ends = (_of_width(value, width) for value in (found.median, found.lower, found.upper))
    median, lower, upper = ends
    return f"{median} [{lower}, {upper}] {format_kind(probability)}"


def without_kind(written: str) -> str:
    """Leave out the kind of a written interval, where a caption names it for the whole table."""
    head, bracket, _ = written.partition("]")
    return head + bracket


def _of_width(value: float, width: float) -> str:
    """Write an end of an interval down to the second digit of its width, two digits at least."""
    if not (math.isfinite(value) and value > 0):
        return write_count(value)
    if not (math.isfinite(width) and width > 0):
        return write_count(value, 3)
    digits = max(2, math.floor(math.log10(value)) + 2 - math.floor(math.log10(width)))
    return write_count(float(f"{value:.{min(digits, 12) - 1}e}"), min(digits, 12))


def write_factor(factor: float) -> str:
    """Write a ratio to two digits: ``100×``, ``7,700×``, ``1.4×``."""
    if not math.isfinite(factor):
        return "infinitely many times"
    if factor < 10:
        return f"{factor:.2g}{TIMES}"
    if factor >= 1e6:
        return f"{write_number(factor, 2)}{TIMES}"
    rounded = float(f"{factor:.1e}")
    return f"{rounded:,.0f}{TIMES}"


def write_chance(share: float, draws: int) -> str:
    """Say a probability in words.

    Parameters
    ----------
    share : float
        Share of the draws.
    draws : int
        How many draws there are, which bounds how small a chance can be told.

    Returns
    -------
    str
        Such as ``about 1 in 8``.
    """
    least = max(3.0 / draws, 1e-3)
    if share < least:
        return f"less than 1 in {_round_down(1 / least):,}"
    if share > 1 - least:
        return f"more than {_round_down(1 / least) - 1:,} in {_round_down(1 / least):,}"
    if share < 0.4:
        return f"about 1 in {_round_odds(1 / share):,}"
    if share <= 0.6:
        return "about even"
    if share <= 0.92:
        return f"about {round(10 * share)} in 10"
    odds = _round_odds(1 / (1 - share))
    return f"about {odds - 1:,} in {odds:,}"


def _round_odds(value: float) -> int:
    """Round odds to two digits: nobody wants to read 1 in 237."""
    return round(value) if value < 100 else int(float(f"{value:.1e}"))


def _round_down(value: float) -> int:
    """Round odds down to one digit, for a bound that still holds."""
    size = 10 ** math.floor(math.log10(value))
    return int(value // size * size)
