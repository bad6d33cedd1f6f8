"""Do runs off the frontier bend the law, and does the one-sided excess cure it?

    python -m tests.studies.mistuned simulated    30 % of the runs lie 5-20 % above a known law
    python -m tests.studies.mistuned public       Step Law and nano-lm, learning rates hidden

Simulated are 48 runs of `chinchilla` on isoFLOP lines. Of the public sets all runs are fitted by a
law that reads no learning rate, with and without mistuned runs; the oracle is the same law on the
best run of each cell alone. Asked are the best losses of larger cells, and which of the fitted runs
have a rate more than 4x from the best of their cell.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import quantiles
from bayes_scaling.runs import RunTable, best_of_cells, select_rows
from bayes_scaling.runs.designs import best_of

Array = NDArray[np.float64]
SETTINGS = {"draws": 500, "tune": 800, "chains": 2}
SEEDS = 20
BUDGETS = (1e18, 4e18, 1.6e19, 6.4e19)
TRUTH = {"E": 1.7, "a": 0.5, "b": 0.45, "alpha": 0.34, "beta": 0.31}
ASKED = {"params": [8e9], "tokens": [1.3e11]}
"""A hundred times the largest of the budgets."""

MATERIAL = (0.0, 0.005, 0.01, 0.02, 0.05)
"""Relative excess from which a run counts as off the law."""

FAR = np.log(4.0)
"""Log factor from the best rate at which a run counts as mistuned."""


def law(params: Array, tokens: Array) -> Array:
    """Loss of tuned runs of the simulation."""
    n, d = params / 1e8, tokens / 2e9
    power = TRUTH["a"] * n ** -TRUTH["alpha"] + TRUTH["b"] * d ** -TRUTH["beta"]
    return np.asarray(TRUTH["E"] + power)


def simulated(seed: int) -> RunTable:
    """Runs of which 30 % lie above the law."""
    rng = np.random.default_rng(seed)
    flops = np.repeat(BUDGETS, 12)
    ratio = np.exp(rng.uniform(np.log(2), np.log(200), flops.size))
    params = np.sqrt(flops / 6 / ratio)
    off = rng.random(flops.size) < 0.3
    excess = np.where(off, rng.uniform(0.05, 0.2, flops.size), 0.0)
    noise = 0.004 * rng.standard_t(6, flops.size)
    loss = law(params, ratio * params) * np.exp(noise + excess)
    return RunTable.from_columns({"params": params, "tokens": ratio * params, "loss": loss})


def sampled(runs: RunTable, mistuned: bool, seed: int) -> tuple[Fit, float]:
    """Fit, and tell the seconds."""
    start = time.perf_counter()
    found = bs.fit("chinchilla", runs, mistuned=mistuned, random_seed=seed, **SETTINGS)  # type: ignore[arg-type]
    return found, time.perf_counter() - start


def tell_simulated() -> None:
    """Print bias, coverage, width and trouble over seeds, with and without mistuned runs."""
    wanted = {"noise_free": float(law(np.array(ASKED["params"]), np.array(ASKED["tokens"]))[0])}
    wanted |= {"E": TRUTH["E"], "alpha": TRUTH["alpha"], "beta": TRUTH["beta"]}
    for mistuned in (False, True):
        errors: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in wanted}
        divergent, unconverged, seconds = 0, 0, 0.0
        for seed in range(SEEDS):
            found, spent = sampled(simulated(seed), mistuned, seed)
            asked = found.accept_unconverged().forecast(ASKED)
            draws = {**found.flat, "noise_free": asked.noise_free[:, 0]}
            for name, truth in wanted.items():
                median, low, high = quantiles(draws[name])
                errors[name].append(
                    (float(median / truth - 1), float((high - low) / truth), low <= truth <= high)
                )
            divergent += int(found.stats["diverging"].sum())
            unconverged += found.status == "unconverged"
            seconds += spent
        print(f"\nmistuned={mistuned}: {divergent} divergent draws in {SEEDS} fits, {unconverged} "
              f"unconverged, {seconds / SEEDS:.1f} s a fit")  # fmt: skip
        for name, rows in errors.items():
            bias, width, cover = np.array(rows, float).T
            print(f"  {name:10s} bias {np.mean(bias):+7.2%}  median |error| "
                  f"{np.median(np.abs(bias)):6.2%}  width {np.mean(width):6.2%}  "
                  f"90 % interval covers {int(cover.sum())} of {SEEDS}")  # fmt: skip


def auc(score: Array, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a mistuned run scores above a tuned one."""
    order = np.argsort(np.argsort(score)) + 1.0
    ranks = order[positive].sum()
    n, m = positive.sum(), (~positive).sum()
    return float((ranks - n * (n + 1) / 2) / (n * m))


def cells(runs: RunTable) -> NDArray[np.intp]:
    """Number of the cell of each run (n_runs,)."""
    sizes = np.stack([runs["params"], runs["tokens"]])
    return np.unique(sizes, axis=1, return_inverse=True)[1].ravel()


def above_best(runs: RunTable) -> Array:
    """Log loss of each run above the best one of its cell (n_runs,)."""
    cell, found = cells(runs), np.log(runs["loss"])
    return np.asarray(found - np.array([found[cell == each].min() for each in cell]))


def at_best_batch(runs: RunTable) -> RunTable:
    """Return the runs at the batch size of the best run of their cell."""
    best = best_of(runs, cells(runs))
    batch = {(p, d): b for p, d, b in zip(best["params"], best["tokens"], best["batch_size"],
                                          strict=True)}  # fmt: skip
    wanted = [batch[p, d] for p, d in zip(runs["params"], runs["tokens"], strict=True)]
    return runs.take(np.isclose(runs["batch_size"], wanted))


def off_rate(runs: RunTable) -> Array:
    """Log factor between the rate of each run and the best one of its cell (n_runs,)."""
    best = best_of(runs, cells(runs))
    place = {(p, d): r for p, d, r in zip(best["params"], best["tokens"], best["learning_rate"],
                                          strict=True)}  # fmt: skip
    rates = np.array([place[p, d] for p, d in zip(runs["params"], runs["tokens"], strict=True)])
    return np.asarray(np.abs(np.log(runs["learning_rate"] / rates)))


def tell_public(name: str, small: RunTable, large: RunTable) -> None:
    """Print errors and coverage on larger cells, and how well mistuned runs are found."""
    large = best_of_cells(large)
    print(f"\n{name}: {len(small)} runs of {len(best_of_cells(small))} cells; {len(large)} asked")
    for label, runs, mistuned in (("all runs", small, False), ("all runs, mistuned", small, True),
                                  ("best of each cell", best_of_cells(small), False)):  # fmt: skip
        found, spent = sampled(runs, mistuned, 1)
        sizes = {key: large[key] for key in ("params", "tokens")}
        draws = found.accept_unconverged().forecast(sizes).draws
        median, low, high = quantiles(draws)
        hits = (low <= large["loss"]) & (large["loss"] <= high)
        print(f"  {label:20s} {found.status:11s} median error "
              f"{np.median(median / large['loss'] - 1):+6.2%}  covers {hits.sum()} of {hits.size}  "
              f"width {np.median((high - low) / median):.1%}  {spent:.0f} s")  # fmt: skip
        if mistuned:
            tell_found(found, off_rate(runs) > FAR)


def tell_found(found: Fit, far: NDArray[np.bool_]) -> None:
    """Print how well runs with a rate far from the best are told from the others."""
    ceiling = auc(above_best(found.runs), far)
    print(f"    rate off by more than 4x: {far.sum()} of {far.size}; ROC-AUC {ceiling:.2f} for one "
          "who knows the best loss of each cell")  # fmt: skip
    for material in MATERIAL:
        told = bs.off_law(found, material=material)
        sure = told.off > 0.9
        print(f"    an excess above {material:.1%} counts: ROC-AUC {auc(told.off, far):.2f}, by "
              f"expected excess {auc(told.excess, far):.2f}; called off with probability > .9: "
              f"{(sure & far).sum()} of these, {(sure & ~far).sum()} of the {(~far).sum()} "
              "others")  # fmt: skip


def main(part: str = "simulated") -> None:
    """Print one of the two parts."""
    warnings.simplefilter("ignore")
    if part == "simulated":
        tell_simulated()
        return
    nano = bs.load_dataset("nano-lm")
    tell_public("nano-lm", *(select_rows(nano, f"params {sign} 1e5") for sign in ("<", ">")))
    path = Path("../shared/data/steplaw_dense.csv")
    if path.is_file():
        step = bs.read_runs(path)
        small, large = (select_rows(step, f"params {sign} 5e8") for sign in ("<", ">"))
        tell_public("Step Law", small, large)
        tell_public("Step Law, each cell at its best batch", at_best_batch(small), large)


if __name__ == "__main__":
    main(*sys.argv[1:2])
