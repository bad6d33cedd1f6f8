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

from bayes_scaling.inference.diagnostics import elements, mixing
from bayes_scaling.inference.sampler import Settings, compiled_model, sample
from bayes_scaling.laws import load_model, select_rows
from bayes_scaling.laws.design import Design, make_design
from bayes_scaling.runs import RunTable, read_runs
from tests.studies.recovery import simulate_kaplan

CHAINS = 4
REPEATS = 5


def handwritten(model_id: str, design: Design, *, published: bool = False) -> object:
    """Write the model as a user of PyMC would: powers of sizes, and a prior on each constant.

    `published` puts the priors of kaplan-nd on N_c and D_c, as the paper writes the law.
    """
    import pymc as pm

    n = design.inputs["params"] / design.references["params_ref"]
    d = design.inputs["tokens"] / design.references["tokens_ref"]
    model = load_model(model_id)
    with pm.Model() as built:
        p = {
            item.name: getattr(pm, item.prior.dist)(item.name, **dict(item.prior.args))
            for item in model.parameters
            if not (published and item.name in ("a", "b"))
        }
        if model_id == "chinchilla":
            loss = p["E"] + p["a"] * n ** -p["alpha"] + p["b"] * d ** -p["beta"]
        elif published:
            n_c = pm.LogNormal("N_c", 31.0, 3.0)
            d_c = pm.LogNormal("D_c", 30.0, 3.0)
            ratio = p["alpha_N"] / p["alpha_D"]
            n, d = design.inputs["params"], design.inputs["tokens"]
            loss = ((n_c / n) ** ratio + d_c / d) ** p["alpha_D"]
        else:
            ratio = p["alpha_N"] / p["alpha_D"]
            terms = p["a"] ** (1 / p["alpha_D"]) * n**-ratio + p["b"] ** (1 / p["alpha_D"]) / d
            loss = terms ** p["alpha_D"]
        pm.StudentT(
            "y",
            nu=p["nu"],
            mu=pm.math.log(loss),
            sigma=p["sigma"],
            observed=np.log(design.response),
        )
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
    compiled_model(model, design)
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
    from bayes_scaling.inference import fit

    runs = read_runs(sys.argv[1]) if len(sys.argv) > 1 else load_dataset("chinchilla")
    runs = select_rows(runs, "epoch_outlier == 0")
    compare("chinchilla", runs)
    compare("kaplan-nd", runs)
    compare("kaplan-nd", runs, published=True)
    compare("kaplan-nd", simulate_kaplan(0), published=True)
    print(f"refit of the {len(runs)} points: {timed(lambda: fit('chinchilla', runs)):.2f} s")


if __name__ == "__main__":
    main()
