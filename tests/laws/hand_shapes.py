"""Laws of shapes, routed models and settings as printed; see tests/laws/hand.py."""

from __future__ import annotations

from math import exp, log, sqrt

from tests.laws.hand_curves import Hand, Values


def width_depth(c: Values, s: Values) -> float:
    """E + a / width^p + b / depth^q + d / tokens^r."""
    width = c["a_W"] / s["width"] ** c["p"]
    depth = c["b_L"] / s["depth"] ** c["q"]
    return float(c["E"] + width + depth + c["d_D"] / s["tokens"] ** c["r"])


def valley_of(distance: float, curvature: float, flank: float) -> float:
    """A parabola in a log distance with straight flanks, as a factor of the loss."""
    return exp(curvature * flank**2 * (sqrt(1 + (distance / flank) ** 2) - 1))


def with_aspect(law: Hand) -> Hand:
    """A valley in width per layer around a best one that is a power of params."""

    def lifted(c: Values, s: Values) -> float:
        best = c["aspect_best"] * (s["params"] / c["params_ref"]) ** c["slope_A"]
        off = log(s["width"] / s["depth"] / best)
        off *= c["wide"] if off > 0 else 1.0
        return float(law(c, s) * valley_of(off, c["h_A"], c["flank_A"]))

    return lifted


def with_heads(law: Hand) -> Hand:
    """Powers of head size and feed-forward ratio over those of the reference."""

    def lifted(c: Values, s: Values) -> float:
        size, inner = s["width"] / s["heads"], s["d_ff"] / s["width"]
        size_ref = c["width_ref"] / c["heads_ref"]
        inner_ref = c["d_ff_ref"] / c["width_ref"]
        factor = (size / size_ref) ** c["t_H"] * (inner / inner_ref) ** c["t_F"]
        return float(law(c, s) * factor)

    return lifted


def with_setting(law: Hand, setting: str = "setting") -> Hand:
    """A valley in one setting, or in the time over which weights decay."""

    def lifted(c: Values, s: Values) -> float:
        n, d = s["params"] / c["params_ref"], s["tokens"] / c["tokens_ref"]
        best = c["setting_best"] * n ** c["x_N"] * d ** c["x_D"]
        if setting == "tau":
            step = s["learning_rate"] * s["weight_decay"]
            off = log(s["batch_size"] / (step * s["tokens"]) / best)
        else:
            off = log(s[setting] / best)
        return float(law(c, s) * valley_of(off, c["h_X"], c["flank_X"]))

    return lifted


def moe_joint(c: Values, s: Values) -> float:
    """a Eh^delta N^-(alpha - gamma ln Eh) + b Eh^omega D^-(beta - zeta ln Eh) + E."""
    extra = s["experts"] - 1 + 1 / (1 / c["E_start"] - 1 / c["E_max"])
    seen = 1 / (1 / extra + 1 / c["E_max"])
    in_params = c["a"] * seen ** c["delta_0"]
    in_params *= s["params"] ** (-c["alpha_0"] + c["gamma"] * log(seen))
    in_tokens = c["b"] * seen ** c["omega_0"]
    in_tokens *= s["tokens"] ** (-c["beta_0"] + c["zeta"] * log(seen))
    return float(c["E"] + in_params + in_tokens)


def moe_granularity(c: Values, s: Values) -> float:
    """Krajewski et al. 2024."""
    split = c["g"] / s["granularity"] ** c["gamma"] + c["A"]
    return float(c["E"] + split / s["params"] ** c["alpha"] + c["B"] / s["tokens"] ** c["beta"])


def log_width(c: Values, s: Values) -> float:
    """A line in the log of the width."""
    return float(c["a"] - c["b"] * log(s["width"]))


def gradient_noise(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equations 1.6 and 5.4, with a critical batch that was measured."""
    least = s["steps"] / (1 + c["k_B"] * s["gradient_noise"] / s["batch_size"])
    return float((c["N_c"] / s["params"]) ** c["alpha_N"] + (c["S_c"] / least) ** c["alpha_S"])
