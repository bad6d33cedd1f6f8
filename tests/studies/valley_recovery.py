"""Simulation-based calibration of the valleys: slopes and curvature, at the designs of two sweeps.

    python -m tests.studies.valley_recovery [steplaw|nano-lm] [--seeds 20]

Parameters are drawn from the prior, with losses between 1.2 and 12 as the one condition, and runs
are simulated at the sizes, rates and batches of the sweep. Ranks of the truth among the draws of
the posterior should be uniform, so that intervals hold as often as they promise.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

import bayes_scaling as bs
from bayes_scaling.laws import Model
from bayes_scaling.laws.density import draw_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.noise import sample_noise
from bayes_scaling.runs import RunTable, select_rows

DATA = Path("../shared/data/steplaw_dense.csv")
LAWS = {"steplaw": "lr-batch-valley-steep", "nano-lm": "lr-valley-steep"}
LOSSES = (1.2, 12.0)
ASKED = ("s_N", "s_D", "r_N", "r_D", "tilt", "h", "h_B", "steep", "flank")


def sizes_of(name: str) -> RunTable:
    """Return the runs whose sizes, rates and batches are taken."""
    if name == "nano-lm":
        return bs.load_dataset(name)
    return select_rows(bs.read_runs(DATA), "params < 5e8")


def simulate(model: Model, runs: RunTable, seed: int) -> tuple[RunTable, dict[str, float]]:
    """Draw parameters from the prior and losses from the law; again until losses are possible."""
    rng = np.random.default_rng([seed, 11])
    design = make_design(model, runs)
    while True:
        drawn = {key: np.asarray(value)[0] for key, value in draw_prior(model, (1,), rng).items()}
        law = np.asarray(model.predict(drawn, design.inputs, design.references))
        if np.isfinite(law).all() and LOSSES[0] < law.min() and law.min() < law.max() < LOSSES[1]:
            break
    loss = law * np.exp(sample_noise(model.noise, drawn, law.shape, rng))
    truth = {item.name: float(drawn[item.name]) for item in model.parameters}
    return RunTable(columns={**runs.columns, "loss": loss}), truth


def main() -> None:
    """Print coverage, mean rank, divergences and seconds of each asked parameter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("designs", nargs="*", default=list(LAWS))
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in given.designs:
        model = bs.load_model(LAWS[name])
        runs = sizes_of(name)
        runs = RunTable(columns={**runs.columns, "family": np.full(len(runs), "one")})
        ranks: dict[str, list[float]] = {}
        divergent, unconverged, seconds = 0, 0, []
        for seed in range(given.seeds):
            table, truth = simulate(model, runs, seed)
            start = time.perf_counter()
            found = bs.fit(model, table, draws=500, tune=800, chains=2, random_seed=seed,
                           run_effect=False)  # fmt: skip
            seconds.append(time.perf_counter() - start)
            divergent += int(found.stats["diverging"].sum())
            unconverged += found.status == "unconverged"
            for key in ASKED:
                if key in truth:
                    ranks.setdefault(key, []).append(float(np.mean(found.flat[key] < truth[key])))
            print(f"  {name} {seed}: {found.status}, {seconds[-1]:.0f} s", flush=True)
        print(f"{model.id} at the {len(runs)} runs of {name}: {divergent} divergent draws of "
              f"{1000 * given.seeds}, {unconverged} of {given.seeds} fits unconverged, median "
              f"{np.median(seconds):.0f} s a fit, first {seconds[0]:.0f} with compile")  # fmt: skip
        for key, values in ranks.items():
            rank = np.array(values)
            held = {share: int((np.abs(rank - 0.5) < share / 2).sum()) for share in (0.5, 0.9)}
            print(f"  {key:6s} 50 % interval holds {held[0.5]:2d}, 90 % {held[0.9]:2d} of "
                  f"{rank.size}; mean rank {rank.mean():.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
