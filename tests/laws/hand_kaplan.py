"""The laws of Kaplan et al. 2020 as printed, and counting; see tests/laws/hand.py."""

from __future__ import annotations

from math import exp, log

from tests.laws.hand_curves import Hand, Values, bisect


def kaplan_n(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equation 1.1."""
    return float((c["N_c"] / s["params"]) ** c["alpha_N"])


def kaplan_d(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equation 1.2."""
    return float((c["D_c"] / s["tokens"]) ** c["alpha_D"])


def kaplan_c(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equation 1.3, and its like for naive compute."""
    return float((c["C_c"] / s["flops"]) ** c["alpha_C"])


def kaplan_nd(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equation 1.5."""
    model = (c["N_c"] / s["params"]) ** (c["alpha_N"] / c["alpha_D"])
    return float((model + c["D_c"] / s["tokens"]) ** c["alpha_D"])


def kaplan_ns(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equation 1.6."""
    return float((c["N_c"] / s["params"]) ** c["alpha_N"] + (c["S_c"] / s["steps"]) ** c["alpha_S"])


def kaplan_cmin(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equations 1.3, 1.4 and 5.5: the loss that gives itself back."""

    def above(log_loss: float) -> float:
        critical = c["B_star"] / exp(log_loss / c["alpha_B"])
        least = s["flops"] / (1 + s["batch_size"] / critical)
        return log_loss - c["alpha_C"] * log(c["C_c"] / least)

    return exp(bisect(above, -20, 60))


def kaplan_ns_batch(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equations 1.4, 1.6 and 5.4: the loss that gives itself back."""

    def above(log_loss: float) -> float:
        critical = c["B_star"] / exp(log_loss / c["alpha_B"])
        least = s["steps"] / (1 + critical / s["batch_size"])
        return exp(log_loss) - kaplan_ns(c, {**s, "steps": least})

    return exp(bisect(above, -20, 60))


def critical_batch(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equation 1.4."""
    return float(c["B_star"] / s["loss_reached"] ** (1 / c["alpha_B"]))


def least_steps(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equation 1.6, for the steps to a loss."""
    return stop_at(c, {**s, "loss_limited": s["loss_reached"]})


def least_tokens(c: Values, s: Values) -> float:
    """McCandlish et al. 2018: the critical batch is the ratio of least tokens to least steps."""
    return least_steps(c, s) * critical_batch(c, s)


def steps_at_batch(c: Values, s: Values) -> float:
    """McCandlish et al. 2018, equation 2.11: (S / S_min - 1)(B S / D_min - 1) = 1, solved for S."""
    least, tokens, batch = least_steps(c, s), least_tokens(c, s), s["batch_size"]

    def above(log_steps: float) -> float:
        steps = exp(log_steps)
        return (steps / least - 1) * (batch * steps / tokens - 1) - 1

    return exp(bisect(above, log(max(least, tokens / batch)), 200))


def tokens_at_batch(c: Values, s: Values) -> float:
    """Tokens are steps of a batch."""
    return s["batch_size"] * steps_at_batch(c, s)


def kaplan_ns_by_size(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equation 1.6, with parameters of the curve that follow the size."""
    n, t = s["params"] / c["params_ref"], s["steps"] / c["steps_ref"]
    fall = t ** -(c["alpha_S"] * n ** c["slope_alpha"])
    still = c["a"] * c["r"] * n ** c["slope_s"] * fall
    return float((c["N_c"] / s["params"]) ** c["alpha_N"] + still)


def schedule(c: Values, s: Values) -> float:
    """Tissue et al. 2024, equation 1, relative to the loss and with a term for the size."""
    n, area = s["params"] / c["params_ref"], s["rate_area"] / c["rate_area_ref"]
    half, twice = 2 ** c["alpha"], 2 ** -c["alpha"]
    a = c["c"] * c["k_N"] * log(4) / (half - twice)  # as the loss falls from half to twice
    assert abs(c["E"] + a * (half + twice) / 2 + c["c"] * c["u"] - c["c"]) < 1e-9
    still = c["E"] + a * n ** -c["alpha"] + c["c"] * c["u"] * area ** -c["alpha_S"]
    return float(still * exp(-c["gain"] * n ** c["omega"] * s["annealing_area"]))


def context(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, appendix D.5, with the context length counted against the position.

    And at any position, with an exponent of its own.
    """
    n, at = s["params"] / c["params_ref"], s["position"] / c["position_ref"]
    longer = s["context_length"] / c["context_length_ref"]
    fall = n ** -c["eta"] * at ** -c["gamma"] * longer ** (c["u"] * c["gamma"])
    level = c["c"] * n ** -c["alpha"] * longer ** c["omega"]
    return float(level * (c["f"] + (1 - c["f"]) * fall))


def overfitting_bound(c: Values, s: Values) -> float:
    """The data at which Kaplan's L(N, D) is one plus the tolerance times L(N, inf)."""

    def above(log_tokens: float) -> float:
        loss = kaplan_nd(c, {**s, "tokens": exp(log_tokens)})
        return (1 + s["tolerance"]) * kaplan_n(c, s) - loss

    return exp(bisect(above, -300, 300))


def stop_above(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, appendix B.4: alpha_N / alpha_S above the converged loss."""
    return (1 + c["alpha_N"] / c["alpha_S"]) * kaplan_n(c, s)


def stop_at(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, section 5: the least steps to a loss."""
    return float(c["S_c"] / (s["loss_limited"] - kaplan_n(c, s)) ** (1 / c["alpha_S"]))


def of_pf_days(constant: str, exponent: str) -> Hand:
    """Kaplan et al. 2020, table 6: an amount as a power of compute in PF-days."""
    return lambda c, s: float(c[constant] * (s["flops"] / 8.64e19) ** c[exponent])


def decoder_params(c: Values, s: Values) -> float:
    """Queries, keys, values and output of every layer, and its feed-forward block."""
    attention = 4 * s["width"] ** 2
    return float(s["depth"] * (attention + c["m_mlp"] * s["width"] * s["d_ff"]))


def decoder_flops(c: Values, s: Values) -> float:
    """6 N per token, and attention: twice that per layer, width and place in the context."""
    pairs = s["depth"] * s["width"] * s["context_length"]
    return float(s["tokens"] * c["per_param"] * (s["params"] + 2 * pairs))
