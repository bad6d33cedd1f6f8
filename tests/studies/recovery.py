"""Do intervals cover the truth on simulated runs, and does pooling help?

python -m tests.studies.recovery
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.facade import Fit
from bayes_scaling.fitting import fit
from bayes_scaling.intervals import quantiles
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.diagnostics import elements
from bayes_scaling.runs import RunTable

KAPLAN = {"alpha_N": 0.076, "alpha_D": 0.103, "N_c": 6.4e13, "D_c": 1.8e13}
"""Table 2 of Kaplan et al. 2020."""

CHINCHILLA = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37}
"""The refit of Besiroglu et al. 2024."""


def sizes(rng: np.random.Generator, count: int) -> dict[str, NDArray[np.float64]]:
    """Params and tokens of a plausible sweep: isoFLOP lines from 1e17 to 1e20."""
    flops = 10 ** rng.uniform(17, 20, count)
    ratio = np.exp(rng.uniform(np.log(3), np.log(300), count))
    params = np.sqrt(flops / 6 / ratio)
    return {"params": params, "tokens": ratio * params}


def kaplan_loss(params: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equation 1.5 of Kaplan et al. 2020, as printed."""
    c = KAPLAN
    terms = (c["N_c"] / params) ** (c["alpha_N"] / c["alpha_D"]) + c["D_c"] / tokens
    return np.asarray(terms ** c["alpha_D"])


def simulate_kaplan(seed: int, *, count: int = 40, noise: float = 0.01) -> RunTable:
    """Runs of Kaplan's law with noise on the log of the loss."""
    rng = np.random.default_rng(seed)
    columns = sizes(rng, count)
    loss = kaplan_loss(**columns) * np.exp(noise * rng.standard_normal(count))
    return RunTable.from_columns(
        {**columns, "params_nonembedding": columns["params"], "loss": loss}
    )


def covers(result: Fit, truth: dict[str, float]) -> dict[str, bool]:
    """Whether the 90 % interval of each quantity holds its true value."""
    found = {}
    for name, value in truth.items():
        _, lower, upper = quantiles(result.flat[name])
        found[name] = bool(lower <= value <= upper)
    return found


def kaplan_coverage(seeds: range, noise: float = 0.01) -> dict[str, int]:
    """In how many of the seeds each interval covers."""
    counts: dict[str, int] = dict.fromkeys([*KAPLAN, "sigma"], 0)
    for seed in seeds:
        runs = simulate_kaplan(seed, noise=noise)
        result = fit("kaplan-nd", runs, random_seed=seed)
        for name, hit in covers(result, {**KAPLAN, "sigma": noise}).items():
            counts[name] += hit
    return counts


@dataclass(frozen=True, kw_only=True)
class Families:
    """Simulated families: their runs and the true exponents (n_families, 2)."""

    runs: RunTable
    exponents: NDArray[np.float64]


def simulate_families(
    seed: int, *, families: int = 6, count: int = 8, spread: float = 0.05, noise: float = 0.01
) -> Families:
    """Families whose exponents scatter around the chinchilla refit; E, A, B scatter too."""
    rng = np.random.default_rng(seed)
    truth = CHINCHILLA
    exponents = np.array([truth["alpha"], truth["beta"]]) * np.exp(
        spread * rng.standard_normal((families, 2))
    )
    parts = []
    for alpha, beta in exponents:
        columns = sizes(rng, count)
        scale = np.exp(0.1 * rng.standard_normal(3))
        # The terms scatter at 1e8 params and 2e9 tokens, so that the exponent tilts them there.
        a = truth["A"] * 1e8 ** -truth["alpha"] * scale[1]
        b = truth["B"] * 2e9 ** -truth["beta"] * scale[2]
        loss = truth["E"] * scale[0] + a * (columns["params"] / 1e8) ** -alpha
        loss = loss + b * (columns["tokens"] / 2e9) ** -beta
        parts.append({**columns, "loss": loss * np.exp(noise * rng.standard_normal(count))})
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    table["family"] = np.repeat([f"family-{index}" for index in range(families)], count)
    return Families(runs=RunTable.from_columns(table), exponents=exponents)


def family_exponents(result: Fit) -> NDArray[np.float64]:
    """Posterior median exponents (n_families, 2)."""
    medians = {
        name: float(np.median(values)) for name, values in elements(result.draws, result.groups)
    }
    if len(result.groups) == 1:
        return np.array([[medians["alpha"], medians["beta"]]])
    return np.array(
        [[medians[f"{name}[{label}]"] for name in ("alpha", "beta")] for label in result.groups]
    )


def pooling_errors(seed: int) -> tuple[float, float, float]:
    """Mean squared log error of family exponents: pooled, separate; and the divergent share."""
    simulated = simulate_families(seed)
    pooled = fit("chinchilla", simulated.runs, random_seed=seed)
    model = load_model("chinchilla")
    labels = simulated.runs.labels("family")
    separate = np.concatenate(
        [
            family_exponents(fit(model, simulated.runs.take(labels == label), random_seed=seed))
            for label in pooled.groups
        ]
    )
    errors = [
        float(np.mean(np.log(estimate / simulated.exponents) ** 2))
        for estimate in (family_exponents(pooled), separate)
    ]
    return errors[0], errors[1], float(np.mean(pooled.stats["diverging"]))


def ratio_interval(
    pooled: NDArray[np.float64], separate: NDArray[np.float64], seed: int = 0
) -> tuple[float, float, float]:
    """Ratio of mean squared errors over seeds, with a 90 % bootstrap interval over seeds."""
    rng = np.random.default_rng(seed)
    index = rng.integers(0, pooled.size, (4000, pooled.size))
    ratios = pooled[index].mean(axis=1) / separate[index].mean(axis=1)
    low, high = np.quantile(ratios, [0.05, 0.95])
    return float(pooled.mean() / separate.mean()), float(low), float(high)


def main() -> None:
    """Print coverage and the gain of pooling over 20 seeds."""
    seeds = range(20)
    print("kaplan-nd, 20 seeds, intervals that cover:", kaplan_coverage(seeds))
    results = np.array([pooling_errors(seed) for seed in seeds])
    ratio, low, high = ratio_interval(results[:, 0], results[:, 1])
    print(f"pooled / separate mean squared error: {ratio:.3f} [{low:.3f}, {high:.3f}]")
    print(f"divergent draws in pooled fits: {results[:, 2].mean():.4%}")


if __name__ == "__main__":
    main()
