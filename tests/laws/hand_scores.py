"""Laws of scores as printed, in error rates; see tests/laws/hand.py."""

from __future__ import annotations

from math import exp

from tests.laws.hand_curves import Hand, Values


def downstream_exp(c: Values, s: Values) -> float:
    """Gadre et al. 2024, equation 5, down to a thousandth of what guessing leaves."""
    return max(c["e"] - c["k"] * exp(-c["gamma"] * s["loss"]), 0.001 * c["e"])


def downstream_sigmoid(c: Values, s: Values) -> float:
    """Bhagia et al. 2024: a score between chance and the best one, in the loss."""
    rise = 1 / (1 + exp(c["k"] * (s["loss"] - c["L_0"])))
    return 1 - (c["chance"] + (c["best_score"] - c["chance"]) * rise)


def with_shape(law: Hand) -> Hand:
    """Log odds of an error in width per layer over that of the reference."""

    def shifted(c: Values, s: Values) -> float:
        error = law(c, s)
        aspect = s["width"] / s["depth"] / (c["width_ref"] / c["depth_ref"])
        odds = error / (1 - error) * aspect ** c["t_A"]
        return float(odds / (1 + odds))

    return shifted


def score_in_compute(c: Values, s: Values) -> float:
    """The same in the log of compute."""
    floor, top = 1 - c["best_score"], 1 - c["chance"]
    return float(floor + (top - floor) / (1 + (s["flops"] / c["C_mid"]) ** c["h"]))


def emergence(c: Values, s: Values) -> float:
    """A score that stays at chance and then rises to another one."""
    jumped = 1 / (1 + (c["C_jump"] / s["flops"]) ** c["steep"])
    return float(1 - (c["chance"] + (c["after"] - c["chance"]) * jumped))


def loss_shift(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, section 3.2.2: an offset, and a slope near one."""
    return c["offset"] + c["slope"] * s["loss"]


def loss_to_loss(c: Values, s: Values) -> float:
    """Brandfonbrener et al. 2024: a power between two floors."""
    return float(c["K"] * (s["loss"] - c["E_0"]) ** c["kappa"] + c["E_1"])
