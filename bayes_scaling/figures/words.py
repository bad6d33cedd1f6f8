"""Numbers and columns in words: counts, factors and chances, and names with their units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from bayes_scaling.intervals import PROBABILITY, format_kind, interval
from bayes_scaling.runs.columns import COLUMNS
from bayes_scaling.runs.loss_units import AS_GIVEN, NATS, unit_by_name
from bayes_scaling.runs.metrics import unit_of

if TYPE_CHECKING:
    from bayes_scaling.facade import Fit

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
"""Names of large counts: thousand, million, billion, trillion."""

LONGEST_PLAIN = 1e4
"""Counts below this are written out."""

LONGEST = 60
"""Longest name of a metric that is printed in full."""

AXES = {
    "flops": "training compute C = 6 N D [FLOP]",
    "params": "parameters N",
    "tokens": "training tokens D",
}
"""What axes of sizes are called."""

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


def write_amount(value: float) -> str:
    """Write money, hours or energy to three digits: ``253,000``, ``12.5``, ``0.0018``."""
    if not math.isfinite(value) or abs(value) < 1 or abs(value) >= 1e15:
        return write_number(value)
    short = float(f"{value:.3g}")
    return f"{short:,.0f}" if abs(short) >= 100 else f"{short:g}"


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


# ---- columns -------------------------------------------------------------------------------------


def law_label(fit: Fit) -> str:
    """Name a law, or say how many are averaged."""
    names = list(fit.members)
    return names[0] if len(names) == 1 else f"the average of {len(names)} laws"


def column_label(name: str) -> str:
    """Write the name of a column, with its unit where that says more than the name."""
    unit = COLUMNS[name].unit if name in COLUMNS else ""
    return f"{name} [{unit}]" if unit not in ("", "1", "parameters", name) else name


def axis_label(fit: Fit, name: str) -> str:
    """Name an axis with its unit, as the law counts it."""
    source = dict(fit.leading.model.columns).get(name)
    if source == "params_nonembedding" and source in fit.runs:
        return "non-embedding parameters N"
    return AXES.get(name) or column_label(name)


def response_label(fit: Fit) -> str:
    """Name the response with its unit; a metric that all runs share knows better what it is."""
    name, metric = fit.leading.model.response, _metric(fit)
    if not metric:
        said = unit_by_name(fit.runs) if name == "loss" else NATS
        if said == NATS:
            return column_label(name)
        return name if said == AS_GIVEN else f"{name} [{said}]"
    if response_unit(fit):
        return f"{name} [{metric}]"
    unit_read = unit_of(fit.runs)
    if unit_read is not None and unit_read.bounded and name in ("loss", "error"):
        plain = metric in (unit_read.name, f"{unit_read.name} rate")
        return "error rate" if plain else f"error rate ({metric})"
    unit = COLUMNS[name].unit if name in COLUMNS else "1"
    unit = "1" if unit_read is not None else unit  # the metric says it
    return f"{name} on {metric}" + (f" [{unit}]" if unit != "1" else "")


def response_unit(fit: Fit) -> str:
    """Return the unit of the response, where the metric of the runs names it; else nothing."""
    metric = _metric(fit)
    return metric if "nats" in metric or "bits" in metric else ""


def _metric(fit: Fit) -> str:
    """Return the metric that all runs share; empty where there is none, or it is too long."""
    metrics = fit.runs.groups("metric") if "metric" in fit.runs else ()
    return metrics[0] if len(metrics) == 1 and len(metrics[0]) <= LONGEST else ""
