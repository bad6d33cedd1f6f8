"""Laws as their papers print them, in plain Python: one function for each form.

Each takes the published constants of a model (its parameters and derived quantities) and the sizes
of one run, and knows nothing of reference sizes, parsers or hoisting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, log, log10, sqrt

from bayes_scaling.laws import Model

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


# ---- the forms -----------------------------------------------------------------------------------


def chinchilla(c: Values, s: Values) -> float:
    """Hoffmann et al. 2022, equation 2."""
    return float(c["E"] + c["A"] / s["params"] ** c["alpha"] + c["B"] / s["tokens"] ** c["beta"])


def coupled(c: Values, s: Values) -> float:
    """E + [(A / N^alpha)^(1/k) + (B / D^beta)^(1/k)]^k."""
    first = (c["A"] / s["params"] ** c["alpha"]) ** (1 / c["k"])
    second = (c["B"] / s["tokens"] ** c["beta"]) ** (1 / c["k"])
    return float(c["E"] + (first + second) ** c["k"])


def with_transient(law: Hand) -> Hand:
    """Small runs lie above the law; the scale is N D."""

    def lifted(c: Values, s: Values) -> float:
        scale = s["params"] * s["tokens"] / c["scale_low"]
        return float(law(c, s) * exp(c["excess"] * scale ** -c["decay"]))

    return lifted


def with_valley(law: Hand) -> Hand:
    """A valley in the log learning rate, with straight flanks, around a best one that moves."""

    def lifted(c: Values, s: Values) -> float:
        n, d = s["params"] / c["params_ref"], s["tokens"] / c["tokens_ref"]
        best = c["lr_best"] * n ** c["s_N"] * d ** c["s_D"]
        off = log(s["learning_rate"] / best) / c["w"]
        return float(law(c, s) * exp(c["h"] * c["w"] ** 2 * (sqrt(1 + off**2) - 1)))

    return lifted


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


def data_constrained(c: Values, s: Values) -> float:
    """Muennighoff et al. 2023: repeats wear out, and so do parameters beyond the optimal ones."""

    def worth(distinct: float, total: float, wear: float) -> float:
        repeats = total / distinct - 1
        return distinct + distinct * wear * (1 - exp(-repeats / wear))

    total = c["alpha"] + c["beta"]
    a, b = c["beta"] / total, c["alpha"] / total
    g = (c["alpha"] * c["A"] / (c["beta"] * c["B"])) ** (1 / total)
    unique = min(s["unique_tokens"], s["tokens"])
    best = g * (g * unique) ** (a / b)  # N of the budget whose best D is that of the unique tokens
    tokens = worth(unique, s["tokens"], c["R_D"])
    params = worth(min(best, s["params"]), s["params"], c["R_N"])
    return chinchilla(c, {"params": params, "tokens": tokens})


def broken(breaks: int) -> Hand:
    """Caballero et al. 2022, equation 1, with so many breaks."""

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


def best_split(amount: str) -> Hand:
    """Hoffmann et al. 2022, equation 4: N* = G (C / 6)^a, D* = (C / 6)^b / G."""

    def law(c: Values, s: Values) -> float:
        total = c["alpha"] + c["beta"]
        g = (c["alpha"] * c["A"] / (c["beta"] * c["B"])) ** (1 / total)
        if amount == "params":
            return float(g * (s["flops"] / 6) ** (c["beta"] / total))
        return float((s["flops"] / 6) ** (c["alpha"] / total) / g)

    return law


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
    """Kaplan et al. 2020, equation 5.7: the least steps to a loss."""
    return float(c["S_c"] / (s["loss_limited"] - kaplan_n(c, s)) ** (1 / c["alpha_S"]))


def envelope(c: Values, s: Values) -> float:
    """Hoffmann et al. 2022, section 3.1: a floor and a power of compute."""
    return float(c["E"] + c["F"] * s["flops"] ** -c["g"])


def best_params(c: Values, s: Values) -> float:
    """Hoffmann et al. 2022, table 2: N = G C^a."""
    return float(c["G"] * s["flops"] ** c["a"])


def isoflop(c: Values, s: Values) -> float:
    """A parabola in the log of the distance from the best params, on what is above the floor."""
    off = log(s["params"] / best_params(c, s))
    skew = exp(c.get("s", 0.0) * off / 3)
    return c["E"] + (envelope(c, s) - c["E"]) * (1 + 0.5 * c["k"] * skew * off**2)


def farseer(c: Values, s: Values) -> float:
    """Li et al. 2025, with its nine constants."""
    floor = exp(c["a3"] * s["params"] ** c["g"] + c["b3"])
    level = exp(c["a2"] * s["params"] ** c["p"] + c["b2"])
    exponent = exp(c["a1"] * s["params"] ** c["q"] + c["b1"])
    return float(floor + level * s["tokens"] ** -exponent)


def moe(c: Values, s: Values) -> float:
    """Clark et al. 2022, equations 4 and 7."""
    extra = s["experts"] - 1 + 1 / (1 / c["E_start"] - 1 / c["E_max"])
    e, n = -log10(1 / extra + 1 / c["E_max"]), log10(s["params"])
    return float(10 ** (c["a"] * n + c["b"] * e + c["c"] * n * e + c["d"]))


def overtrain(c: Values, s: Values) -> float:
    """Gadre et al. 2024, equation 4, in compute and tokens per parameter."""
    flops, ratio = 6 * s["params"] * s["tokens"], s["tokens"] / s["params"]
    amount = c["a"] * ratio ** c["eta"] + c["b"] * ratio ** -c["eta"]
    return float(c["E"] + amount * flops ** -c["eta"])


def kaplan_cmin(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equations 1.3, 1.4 and 5.5: the loss that gives itself back."""

    def above(log_loss: float) -> float:
        critical = c["B_star"] / exp(log_loss / c["alpha_B"])
        least = s["flops"] / (1 + s["batch_size"] / critical)
        return log_loss - c["alpha_C"] * log(c["C_c"] / least)

    return exp(bisect(above, -20, 60))


def context(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, appendix D.5, with the context length counted against the position."""
    n, at = s["params"] / c["params_ref"], s["position"] / c["position_ref"]
    longer = s["context_length"] / c["context_length_ref"]
    fall = n ** -c["eta"] * at ** -c["gamma"] * longer ** (c["u"] * c["gamma"])
    return float(c["c"] * n ** -c["alpha"] * (c["f"] + (1 - c["f"]) * fall))


def shifted(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, section 3.2.2: an offset, and a slope near one."""
    return c["offset"] + c["slope"] * chinchilla(c, s)


def kaplan_ns(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, equation 1.6."""
    return float((c["N_c"] / s["params"]) ** c["alpha_N"] + (c["S_c"] / s["steps"]) ** c["alpha_S"])


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


HAND: Mapping[str, Hand] = {
    "broken-1": broken(1),
    "broken-2": broken(2),
    "broken-3": broken(3),
    "chinchilla": chinchilla,
    "chinchilla-optimum": best_split("params"),
    "chinchilla-optimum tokens": best_split("tokens"),
    "chinchilla-lr": with_valley(chinchilla),
    "context": context,
    "coupled": coupled,
    "data-constrained": data_constrained,
    "coupled-drift": with_transient(coupled),
    "coupled-drift-tempered": with_transient(coupled),
    "coupled-tempered": with_transient(coupled),
    "counting-flops": decoder_flops,
    "counting-params": decoder_params,
    "distribution-shift": chinchilla,
    "distribution-shift loss_shifted": shifted,
    "early-stop": stop_at,
    "early-stop loss": stop_above,
    "envelope": envelope,
    "envelope params": best_params,
    "farseer": farseer,
    "isoflop": isoflop,
    "isoflop-cubic": isoflop,
    "kaplan-cmin": kaplan_cmin,
    "kaplan-n": kaplan_n,
    "kaplan-d": kaplan_d,
    "kaplan-c": kaplan_c,
    "kaplan-nd": kaplan_nd,
    "kaplan-ns": kaplan_ns,
    "kaplan-optimum": of_pf_days("N_e", "p_N"),
    "kaplan-optimum batch_size": of_pf_days("B_e", "p_B"),
    "kaplan-optimum steps": of_pf_days("S_e", "p_S"),
    "kaplan-optimum tokens": of_pf_days("D_e", "p_D"),
    "moe": moe,
    "overfitting-bound": overfitting_bound,
    "overtrain": overtrain,
    "saturating-m1": saturating_m1,
    "saturating-m2": saturating_m2,
    "saturating-m3": saturating_m3,
    "saturating-m4": saturating_m4,
}
"""By id, or id and response; a law that only reads another size than its base is like its base."""


def hand_of(model: Model, bases: Mapping[str, Model]) -> Hand:
    """Return the hand computation of a model.

    Raises
    ------
    KeyError
        Nobody has written it.
    """
    if model.id in HAND:
        return HAND[model.id]
    base = bases.get(model.base or "")
    if base is not None and base.id in HAND and len(model.inputs) == len(base.inputs) == 1:
        return HAND[base.id]
    raise KeyError(f"write the hand formula of {model.id} in tests/laws/hand.py")
