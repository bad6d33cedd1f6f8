"""Laws as their papers print them, in plain Python: one function for each form.

Each takes the published constants of a model (its parameters and derived quantities) and the sizes
of one run, and knows nothing of reference sizes, parsers or hoisting.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log, log10, sqrt

from bayes_scaling.laws import Model
from tests.laws.hand_curves import (
    Hand,
    Values,
    broken,
    saturating_m1,
    saturating_m2,
    saturating_m3,
    saturating_m4,
)
from tests.laws.hand_kaplan import (
    context,
    critical_batch,
    decoder_flops,
    decoder_params,
    kaplan_c,
    kaplan_cmin,
    kaplan_d,
    kaplan_n,
    kaplan_nd,
    kaplan_ns,
    kaplan_ns_batch,
    kaplan_ns_by_size,
    least_steps,
    least_tokens,
    of_pf_days,
    overfitting_bound,
    schedule,
    steps_at_batch,
    stop_above,
    stop_at,
    tokens_at_batch,
)
from tests.laws.hand_scores import (
    downstream_exp,
    downstream_sigmoid,
    emergence,
    loss_shift,
    loss_to_loss,
    score_in_compute,
    with_shape,
)
from tests.laws.hand_shapes import (
    gradient_noise,
    log_width,
    moe_granularity,
    moe_joint,
    width_depth,
    with_aspect,
    with_heads,
    with_setting,
)

# ---- the forms -----------------------------------------------------------------------------------


def chinchilla(c: Values, s: Values) -> float:
    """Hoffmann et al. 2022, equation 2."""
    return float(c["E"] + c["A"] / s["params"] ** c["alpha"] + c["B"] / s["tokens"] ** c["beta"])


def coupled(c: Values, s: Values) -> float:
    """E + [(A / N^alpha)^(1/k) + (B / D^beta)^(1/k)]^k."""
    first = (c["A"] / s["params"] ** c["alpha"]) ** (1 / c["k"])
    second = (c["B"] / s["tokens"] ** c["beta"]) ** (1 / c["k"])
    return float(c["E"] + (first + second) ** c["k"])


def bent(c: Values, s: Values) -> float:
    """The coupled law below a ceiling, bent at the loss of the reference size."""
    reference = {name: c[f"{name}_ref"] for name in ("params", "tokens")}
    level = coupled(c, reference) - c["E"]
    u = (coupled(c, s) - c["E"]) / level
    share = c["saturation"]
    sigmoid = (1 - share) * u ** -c["sharpness"] + share
    return float(c["E"] + level * sigmoid ** (-1 / c["sharpness"]))


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
        off = uneven(log(s["learning_rate"] / best), c) / c["flank"]
        return float(law(c, s) * exp(c["h"] * c["flank"] ** 2 * (sqrt(1 + off**2) - 1)))

    return lifted


def with_batch_valley(law: Hand) -> Hand:
    """The same in learning rate and batch, whose distances make a quadratic form z' H z."""

    def lifted(c: Values, s: Values) -> float:
        n, d = s["params"] / c["params_ref"], s["tokens"] / c["tokens_ref"]
        rate = c["lr_best"] * n ** c["s_N"] * d ** c["s_D"]
        batch = c["batch_best"] * n ** c["r_N"] * d ** c["r_D"]
        x, y = log(s["learning_rate"] / rate), log(s["batch_size"] / batch)
        steep = c.get("steep", 1.0) ** 2 if x > c["tilt"] * y else 1.0
        cross = -c["tilt"] * c["h"] * steep
        corner = c["h_B"] + c["tilt"] ** 2 * c["h"] * steep
        form = c["h"] * steep * x * x + 2 * cross * x * y + corner * y * y
        width = c["flank"]
        return float(law(c, s) * exp(c["h"] * width**2 * (sqrt(1 + form / c["h"] / width**2) - 1)))

    return lifted


def uneven(distance: float, c: Values) -> float:
    """A distance from the best log rate, which counts for more above it where a law says so."""
    return distance * c.get("steep", 1.0) if distance > 0 else distance


def worth(distinct: float, total: float, wear: float) -> float:
    """Muennighoff et al. 2023: what repeats add wears out."""
    repeats = total / distinct - 1
    return distinct + distinct * wear * (1 - exp(-repeats / wear))


def params_fed(c: Values, unique: float, k: float = 1.0) -> float:
    """The params of the budget whose best tokens are those; k couples the two terms."""
    total = c["alpha"] + c["beta"]
    a, b = c["beta"] / total, c["alpha"] / total
    g = ((c["alpha"] / c["beta"]) ** k * c["A"] / c["B"]) ** (1 / total)
    return float(g * (g * unique) ** (a / b))


def data_constrained(c: Values, s: Values) -> float:
    """Muennighoff et al. 2023: repeats wear out, and so do parameters beyond the optimal ones."""
    unique = min(s["unique_tokens"], s["tokens"])
    tokens = worth(unique, s["tokens"], c["R_D"])
    params = worth(min(params_fed(c, unique), s["params"]), s["params"], c["R_N"])
    return chinchilla(c, {"params": params, "tokens": tokens})


def data_constrained_coupled(c: Values, s: Values) -> float:
    """The same in the coupled law, times what memory and repeats add, erring past 8 epochs."""
    unique = min(s["unique_tokens"], s["tokens"])
    fed = params_fed(c, unique, c["k"])
    tokens = worth(unique, s["tokens"], c["R_D"])
    params = worth(min(fed, s["params"]), s["params"], c["R_N"])
    z = s["params"] / fed * max(s["tokens"] / unique - 1, 1e-9)
    rise = (1 + (z / c["z_0"]) ** 3) ** (c["q"] / 3)
    beyond = max(s["tokens"] / unique / 8, 1)
    return float(coupled(c, {"params": params, "tokens": tokens}) * rise * beyond ** c["slip"])


def best_split(amount: str) -> Hand:
    """Hoffmann et al. 2022, equation 4: N* = G (C / 6)^a, D* = (C / 6)^b / G."""

    def law(c: Values, s: Values) -> float:
        total = c["alpha"] + c["beta"]
        g = (c["alpha"] * c["A"] / (c["beta"] * c["B"])) ** (1 / total)
        if amount == "params":
            return float(g * (s["flops"] / 6) ** (c["beta"] / total))
        return float((s["flops"] / 6) ** (c["alpha"] / total) / g)

    return law


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


def transfer(c: Values, s: Values) -> float:
    """Hernandez et al. 2021, equation 1.1."""
    return float(c["k_T"] * s["finetune_tokens"] ** c["alpha_T"] * s["params"] ** c["beta_T"])


def finetune(c: Values, s: Values) -> float:
    """Hernandez et al. 2021, equation 6.1; less what ossification takes of the data."""
    data = s["finetune_tokens"]
    if s["pretrained"]:
        data += transfer(c, s) - c["ossified"] * data
    ratio = c["alpha_N"] / c["alpha_D"]
    return float(((c["N_c"] / s["params"]) ** ratio + c["D_c"] / data) ** c["alpha_D"])


def moe(c: Values, s: Values) -> float:
    """Clark et al. 2022: experts up to a number that saturates."""
    extra = s["experts"] - 1 + 1 / (1 / c["E_start"] - 1 / c["E_max"])
    e, n = -log10(1 / extra + 1 / c["E_max"]), log10(s["params"])
    return float(10 ** (c["a"] * n + c["b"] * e + c["c"] * n * e + c["d"]))


def overtrain(c: Values, s: Values) -> float:
    """Gadre et al. 2024, equation 4, in compute and tokens per parameter."""
    flops, ratio = 6 * s["params"] * s["tokens"], s["tokens"] / s["params"]
    amount = c["a"] * ratio ** c["eta"] + c["b"] * ratio ** -c["eta"]
    return float(c["E"] + amount * flops ** -c["eta"])


def shifted(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, section 3.2.2: an offset, and a slope near one."""
    return c["offset"] + c["slope"] * chinchilla(c, s)


def power(level: str, *factors: tuple[str, str], unit: float = 1.0) -> Hand:
    """A level times powers of sizes, as rules of the best rate or batch are printed."""

    def rule(c: Values, s: Values) -> float:
        found = c[level]
        for size, exponent in factors:
            found *= (s[size] / unit) ** c[exponent]
        return float(found)

    return rule


def kaplan_rate(c: Values, s: Values) -> float:
    """Kaplan et al. 2020, appendix D.6."""
    return float(max(c["top"] - c["fall"] * log(s["params"]), 1e-12))


HAND: Mapping[str, Hand] = {
    "downstream-exp": downstream_exp,
    "downstream-sigmoid": downstream_sigmoid,
    "emergence": emergence,
    "loss-shift": loss_shift,
    "loss-to-loss": loss_to_loss,
    "score-c": score_in_compute,
    "aspect": with_aspect(chinchilla),
    "gradient-noise": gradient_noise,
    "heads-ffn": with_heads(chinchilla),
    "score-shape": with_shape(downstream_sigmoid),
    "log-width": log_width,
    "moe-granularity": moe_granularity,
    "moe-joint": moe_joint,
    "timescale-valley": with_setting(chinchilla, "tau"),
    "valley": with_setting(chinchilla),
    "width-depth": width_depth,
    "bjorck": power("eta", ("params", "s_N"), ("tokens", "s_D"), unit=1e9),
    "deepseek": power("eta", ("flops", "s_C")),
    "deepseek batch_size": power("b", ("flops", "r_C")),
    "kaplan-lr": kaplan_rate,
    "porian": power("eta", ("params", "s_N")),
    "porian batch_size": power("b", ("params", "r_N")),
    "step-law": power("eta", ("params", "s_N"), ("tokens", "s_D")),
    "step-law batch_size": power("b", ("tokens", "r_D")),
    "broken-1": broken(1),
    "broken-2": broken(2),
    "broken-3": broken(3),
    "chinchilla": chinchilla,
    "chinchilla-optimum": best_split("params"),
    "chinchilla-optimum tokens": best_split("tokens"),
    "chinchilla-lr": with_valley(chinchilla),
    "lr-batch-valley": with_batch_valley(chinchilla),
    "lr-batch-valley-steep": with_batch_valley(chinchilla),
    "lr-valley": with_valley(chinchilla),
    "lr-valley-steep": with_valley(chinchilla),
    "batch-tradeoff": steps_at_batch,
    "batch-tradeoff steps_min": least_steps,
    "batch-tradeoff tokens": tokens_at_batch,
    "batch-tradeoff tokens_min": least_tokens,
    "context": context,
    "critical-batch": critical_batch,
    "coupled": coupled,
    "data-constrained": data_constrained,
    "data-constrained-coupled": with_transient(data_constrained_coupled),
    "coupled-drift": with_transient(coupled),
    "coupled-drift-tempered": with_transient(coupled),
    "ceiling-drift": with_transient(bent),
    "ceiling-drift-tempered": with_transient(bent),
    "ceiling-tempered": with_transient(bent),
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
    "kaplan-ns-batch": kaplan_ns_batch,
    "kaplan-ns-by-size": kaplan_ns_by_size,
    "kaplan-optimum": of_pf_days("N_e", "p_N"),
    "kaplan-optimum batch_size": of_pf_days("B_e", "p_B"),
    "kaplan-optimum steps": of_pf_days("S_e", "p_S"),
    "kaplan-optimum tokens": of_pf_days("D_e", "p_D"),
    "transfer": transfer,
    "finetune": finetune,
    "moe": moe,
    "overfitting-bound": overfitting_bound,
    "overtrain": overtrain,
    "saturating-m1": saturating_m1,
    "saturating-m2": saturating_m2,
    "saturating-m3": saturating_m3,
    "saturating-m4": saturating_m4,
    "schedule": schedule,
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
