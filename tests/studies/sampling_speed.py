"""Effective draws per second: this package against PyMC's `pm.sample` with its defaults.

    python -m tests.studies.sampling_speed [runs.csv]

The same laws and priors, written by hand in PyMC as a user would; the same number of chains;
compiling excluded on both sides; smallest bulk effective sample size over the parameters; the
median of five runs each, taken in turns. The 240 public points come from the data set
``chinchilla``; the last line is on 40 runs simulated with Kaplan's constants.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import Design, make_design
from bayes_scaling.laws.target import make_target
from bayes_scaling.posterior.diagnostics import elements, mixing
from bayes_scaling.posterior.sampler import Settings, sample
from bayes_scaling.runs import RunTable, read_runs, select_rows
from tests.studies.recovery import simulate_kaplan

TERMS = {
    "chinchilla": (("E", 0.5), ("a", -0.7), ("b", -0.7)),
    "kaplan-nd": (("a", 1.0), ("b", 1.0)),
}
"""Loss terms at the reference size and the median of their log, in the handwritten models."""

CHAINS = 4
REPEATS = 5


def handwritten(model_id: str, design: Design, *, published: bool = False) -> object:
    """Write the model as a user of PyMC would: powers of sizes, and a prior on each constant.

    `published` puts the priors of kaplan-nd on N_c and D_c, as the paper writes the law.
    """
    import pymc as pm

    n = design.inputs["params"] / design.references["params_ref"]
    d = design.inputs["tokens"] / design.references["tokens_ref"]
    with pm.Model() as built:
        sigma, nu = pm.LogNormal("sigma", -5.0, 1.5), pm.LogNormal("nu", 2.0, 0.75)
        if model_id == "chinchilla":
            e, a, b = (pm.LogNormal(name, mu, 1.0) for name, mu in TERMS["chinchilla"])
            alpha, beta = (pm.LogNormal(name, -1.05, 0.5) for name in ("alpha", "beta"))
            loss = e + a * n**-alpha + b * d**-beta
        else:
            alpha, beta = (pm.LogNormal(name, -2.3, 0.7) for name in ("alpha_N", "alpha_D"))
            if published:
                n_c, d_c = pm.LogNormal("N_c", 31.0, 3.0), pm.LogNormal("D_c", 30.0, 3.0)
                terms = (n_c / design.inputs["params"]) ** (alpha / beta)
                loss = (terms + d_c / design.inputs["tokens"]) ** beta
            else:
                a, b = (pm.LogNormal(name, mu, 0.7) for name, mu in TERMS["kaplan-nd"])
                loss = (a ** (1 / beta) * n ** (-alpha / beta) + b ** (1 / beta) / d) ** beta
        pm.StudentT("y", nu=nu, mu=pm.math.log(loss), sigma=sigma, observed=np.log(design.response))
    return built


def smallest_ess(draws: dict[str, np.ndarray]) -> float:
    """Smallest bulk effective sample size over scalar parameters."""
    return min(mixing(values).ess for _, values in elements(draws, ()))


def ours(model_id: str, design: Design, seed: int) -> float:
    """Effective draws per second of this package."""
    sampled = sample(load_model(model_id), design, Settings(chains=CHAINS, random_seed=seed))
    return smallest_ess(dict(sampled.draws)) / sampled.sample_seconds


def theirs(built: object, names: list[str], seed: int) -> float:
    """Effective draws per second of `pm.sample` with its defaults, by its own clock."""
    import pymc as pm

    with built:  # type: ignore[attr-defined]
        tree = pm.sample(chains=CHAINS, random_seed=seed, progressbar=False)
    posterior = tree["posterior"].dataset
    draws = {name: np.asarray(posterior[name].values, float) for name in names}
    return smallest_ess(draws) / sampling_seconds(tree)


def sampling_seconds(tree: object) -> float:
    """Seconds `pm.sample` says it sampled for."""
    for group in ("posterior", "sample_stats"):
        found = tree[group].attrs.get("sampling_time")  # type: ignore[index]
        if found is not None:
            return float(found)
    raise KeyError("pm.sample reports no sampling_time")


def compare(model_id: str, runs: RunTable, *, published: bool = False) -> None:
    """Print both medians and their ratio for one model."""
    model = load_model(model_id)
    design = make_design(model, runs)
    make_target(model, design)
    built = handwritten(model_id, design, published=published)
    names = [variable.name for variable in built.free_RVs]  # type: ignore[attr-defined]
    pairs = np.array(
        [(ours(model_id, design, seed), theirs(built, names, seed)) for seed in range(REPEATS)]
    )
    medians = np.median(pairs, axis=0)
    label = f"{model_id}{' (N_c, D_c)' if published else ''}"
    print(
        f"{label:24s} ours {medians[0]:8.0f}/s   pm.sample {medians[1]:8.0f}/s   "
        f"ratio {np.median(pairs[:, 0] / pairs[:, 1]):.1f} "
        f"(each run: {', '.join(f'{a / b:.1f}' for a, b in pairs)})"
    )


def timed(work: Callable[[], object]) -> float:
    """Wall seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Compare on the 240 points, and time a refit of them."""
    warnings.simplefilter("ignore")
    from bayes_scaling.datasets import load_dataset
    from bayes_scaling.fitting import fit

    runs = read_runs(sys.argv[1]) if len(sys.argv) > 1 else load_dataset("chinchilla")
    runs = select_rows(runs, "epoch_outlier == 0")
    compare("chinchilla", runs)
    compare("kaplan-nd", runs)
    compare("kaplan-nd", runs, published=True)
    compare("kaplan-nd", simulate_kaplan(0), published=True)
    print(f"refit of the {len(runs)} points: {timed(lambda: fit('chinchilla', runs)):.2f} s")


if __name__ == "__main__":
    main()
