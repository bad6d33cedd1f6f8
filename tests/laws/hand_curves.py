"""Laws of one size as their papers print them; see tests/laws/hand.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, log

Values = Mapping[str, float]
Hand = Callable[[Values, Values], float]

LOOKED_AT = ("tokens", "params", "flops", "steps")
"""Inputs that may be the x of a law of one size."""


def x_of(s: Values) -> float:
    """The only size that a law of one size is given."""
    (name,) = (name for name in LOOKED_AT if name in s)
    return s[name]


def bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """The place between two others where a rising function is zero."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return (low + high) / 2


def saturating_m1(c: Values, s: Values) -> float:
    """Alabdulmohsin et al. 2022: a power of x."""
    return float(c["A"] * x_of(s) ** -c["alpha"])


def saturating_m2(c: Values, s: Values) -> float:
    """Alabdulmohsin et al. 2022: a power of x above a floor."""
    return float(c["E"] + c["A"] * x_of(s) ** -c["alpha"])


def saturating_m3(c: Values, s: Values) -> float:
    """Alabdulmohsin et al. 2022: a shifted power of 1 / x."""
    return float(c["A"] * (1 / x_of(s) + c["G"]) ** c["alpha"])


def saturating_m4(c: Values, s: Values) -> float:
    """Alabdulmohsin et al. 2022: (L - E) / (E_0 - L)^d = A x^-alpha, solved for L."""
    wanted = log(c["A" if "A" in c else "B"]) - c["alpha"] * log(x_of(s))
    span = c["E_0"] - c["E"]

    def above(z: float) -> float:  # z is the logit of where L lies between the plateaus
        share = 1 / (1 + exp(-z))
        return log(span * share) - c["d"] * log(span / (1 + exp(z))) - wanted

    return c["E"] + span / (1 + exp(-bisect(above, -600, 600)))


def broken(breaks: int) -> Hand:
    """Caballero et al. 2022, with so many breaks."""

    def law(c: Values, s: Values) -> float:
        def fall(x: float) -> float:
            value = x ** -c["c_0"]
            for i in range(1, breaks + 1):
                turn = 1 + (x / c[f"d_{i}"]) ** (1 / c[f"w_{i}"])
                value *= turn ** (-c[f"c_{i}"] * c[f"w_{i}"])
            return float(value)

        (reference,) = (c[f"{name}_ref"] for name in LOOKED_AT if name in s)
        b = (c["c"] - c["E"]) / fall(reference)
        return c["E"] + b * fall(x_of(s))

    return law
