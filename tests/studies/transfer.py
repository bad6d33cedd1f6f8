"""Is what fine-tuning was simulated with recovered, and does the law hold on runs of our own?

python -m tests.studies.transfer              20 simulated seeds, then nano-transfer
python -m tests.studies.transfer --nano       nano-transfer alone
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import quantiles, quantiles as with_infinity
from bayes_scaling.questions.transfer_answer import Transfer
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.finetuning import SCRATCH

Array = NDArray[np.float64]

SIZES = np.geomspace(1e6, 1e9, 5)
DATA = np.geomspace(1e5, 1e9, 5)
TEXTS = ("prose", "prose+code")
PUBLISHED = {"prose": (1.9e4, 0.18), "prose+code": (2.1e5, 0.096)}
"""k and alpha of Hernandez et al. 2021, in characters."""
BETA = 0.38
LEVEL = {"alpha_N": 0.076, "alpha_D": 0.103, "N_c": 6.4e13, "D_c": 1.8e13}
"""From scratch: table 2 of Kaplan et al. 2020."""

ASKED = (3e9, 1e7)
"""Params beyond the simulated ones, and data, at which multipliers are asked."""

LAWS = ("finetune", "chinchilla+finetune", "coupled+finetune")


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """Runs of three arms, and what they were simulated with."""

    runs: RunTable
    k: Mapping[str, float]
    alpha: Mapping[str, float]
    beta: float
    ossified: float

    def multiplier(self, text: str, params: float, data: float) -> float:
        """Effective over fine-tuning data."""
        moved = self.k[text] * data ** self.alpha[text] * params**self.beta
        return float(1 - self.ossified + moved / data)


def from_scratch(params: Array, data: Array) -> Array:
    """Loss of a run from scratch, equation 1.5 of Kaplan et al. as printed."""
    terms = (LEVEL["N_c"] / params) ** (LEVEL["alpha_N"] / LEVEL["alpha_D"]) + LEVEL["D_c"] / data
    return np.asarray(terms ** LEVEL["alpha_D"])


def simulate(seed: int, *, noise: float = 0.005) -> Simulated:
    """Five sizes by five amounts of data by three arms, around the published constants."""
    rng = np.random.default_rng([20, seed])
    beta = float(BETA * np.exp(0.15 * rng.standard_normal()))
    ossified = float(rng.choice([0.0, 0.25]))
    alpha = {t: float(PUBLISHED[t][1] * np.exp(0.2 * rng.standard_normal())) for t in TEXTS}
    # k follows, so that the worth of the text stays as published at 3e7 params and 1e7 characters
    k = {
        text: PUBLISHED[text][0]
        * 1e7 ** (PUBLISHED[text][1] - alpha[text])
        * 3e7 ** (BETA - beta)
        * float(np.exp(0.3 * rng.standard_normal()))
        for text in TEXTS
    }
    params, data = (grid.ravel() for grid in np.meshgrid(SIZES, DATA))
    columns: dict[str, list[object]] = {"pretrained_on": []}
    columns |= {name: [] for name in ("params", "finetune_tokens", "loss")}
    for text in ("", *TEXTS):
        moved = k[text] * data ** alpha[text] * params**beta - ossified * data if text else 0.0
        loss = from_scratch(params, data + moved) * np.exp(noise * rng.standard_normal(data.size))
        columns["pretrained_on"] += [text] * data.size
        columns["params"] += params.tolist()
        columns["finetune_tokens"] += data.tolist()
        columns["loss"] += loss.tolist()
    columns["params_nonembedding"] = columns["params"]
    return Simulated(
        runs=RunTable.from_columns(columns), k=k, alpha=alpha, beta=beta, ossified=ossified
    )


def covered(fit: Fit, truth: Simulated) -> dict[str, bool]:
    """Whether the 90 % interval of each quantity holds its true value."""
    found = fit.transfer(params=ASKED[0], finetune_tokens=ASKED[1])
    draws = {"beta": (found.beta, truth.beta)}
    for text in TEXTS:
        k = np.log(found.transferred[text][:, 0])
        exact = truth.k[text] * ASKED[1] ** truth.alpha[text] * ASKED[0] ** truth.beta
        draws |= {
            f"alpha {text}": (found.alpha[text], truth.alpha[text]),
            f"D_T {text} at 3x the largest N": (k, np.log(exact)),
            f"D_E/D_F {text} at 3x the largest N": (
                found.multiplier[text][:, 0],
                truth.multiplier(text, *ASKED),
            ),
        }
    hits = {}
    for name, (values, true) in draws.items():
        _, low, high = quantiles(values)
        hits[name] = bool(low <= true <= high)
    if truth.ossified:
        values = fit.flat["ossified"]
        _, low, high = quantiles(values)
        hits["ossified, where there is some"] = bool(low <= truth.ossified <= high)
    return hits


def hurt(fit: Fit, truth: Simulated) -> list[tuple[float, bool]]:
    """Return the stated probability that pre-training hurts, and whether it does, case by case."""
    params, data = np.repeat([1e9, 3e9, 1e10], 2), np.tile([1e10, 1e11], 3)
    asked = fit.transfer(params=params.tolist(), finetune_tokens=data.tolist())
    found = []
    for text in TEXTS:
        for case, (size, amount) in enumerate(zip(params, data, strict=True)):
            factor = truth.multiplier(text, float(size), float(amount))
            pair = from_scratch(np.array([size, size]), np.array([factor * amount, amount]))
            found.append((float(asked.hurts[text][case]), bool(pair[0] > 1.001 * pair[1])))
    return found


def recovery(
    seeds: range, *, draws: int = 500, chains: int = 2
) -> tuple[dict[str, str], list[str]]:
    """In how many of the seeds each interval covers; seconds and convergence of each fit."""
    counts: dict[str, list[bool]] = {}
    hurts: list[tuple[float, bool]] = []
    lines = []
    for seed in seeds:
        truth = simulate(seed)
        began = time.process_time()
        fit = bs.fit(truth.runs, "finetune", draws=draws, chains=chains, random_seed=seed)
        seconds = time.process_time() - began
        for name, hit in covered(fit.accept_unconverged(), truth).items():
            counts.setdefault(name, []).append(hit)
        hurts += hurt(fit.accept_unconverged(), truth)
        lines.append(f"seed {seed}: {fit.status}, {seconds:.1f} CPU s, {mixing(fit)}")
    told = {name: f"{sum(hits)} of {len(hits)}" for name, hits in counts.items()}
    for low, high in ((0.0, 0.05), (0.05, 0.5), (0.5, 0.95), (0.95, 1.01)):
        own = [pair for pair in hurts if low <= pair[0] < high]
        expected, seen = (sum(values) for values in zip(*own, strict=True)) if own else (0, 0)
        told[f"hurts, stated {low:.2f} to {min(high, 1):.2f}"] = (
            f"{seen} of {len(own)}, {expected:.1f} expected"
        )
    return told, lines


def mixing(fit: Fit) -> str:
    """Worst R-hat and effective draws of what is sampled."""
    own = {item.name for item in fit.model.parameters}
    kept = [value for name, value in fit.mixing.items() if name.split("[")[0] in own]
    worst, least = max(value.r_hat for value in kept), min(value.ess for value in kept)
    return f"R-hat {worst:.3f}, least effective draws {least:.0f}"


# ---- nano-transfer -------------------------------------------------------------------------------


def counted(runs: RunTable) -> RunTable:
    """Return runs whose tokens are the distinct ones, for a law of runs from scratch."""
    columns = {**runs.columns, "tokens": runs["finetune_tokens"]}
    for name in ("flops", "unique_tokens"):
        columns.pop(name, None)
    return RunTable(columns=columns)


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A law fitted below the largest size, against the runs of that size."""

    law: str
    fit: Fit
    error: dict[str, float]
    coverage: dict[str, float]
    effective: list[tuple[str, float, Array, Array]]
    asked: Transfer


def held_out(runs: RunTable, law: str, *, draws: int = 500, chains: int = 2) -> HeldOut:
    """Fit a law without the largest size and forecast it: losses and effective data."""
    largest = runs["params"] == runs["params"].max()
    fit = bs.fit(runs.take(~largest), law, draws=draws, chains=chains, random_seed=1)
    fit = fit.accept_unconverged()
    targets = runs.take(largest)
    error: dict[str, float] = {}
    coverage: dict[str, float] = {}
    for text in dict.fromkeys(targets["pretrained_on"].tolist()):
        own = targets.take(targets["pretrained_on"] == text)
        told = fit.forecast(own)
        middle, low, high = quantiles(told.draws)
        ratio = middle / own["loss"] - 1
        error[text] = float(np.abs(ratio).mean())
        error[f"{text} bias"] = float(ratio.mean())
        coverage[text] = float(((low <= own["loss"]) & (own["loss"] <= high)).mean())
    scratch = bs.fit(
        counted(runs.take(runs["pretrained_on"] == SCRATCH)),
        law.removesuffix("+finetune") if "+" in law else "kaplan-nd",
        draws=draws,
        chains=chains,
        random_seed=1,
    ).accept_unconverged()
    tuned = targets.take(targets["pretrained_on"] != SCRATCH)
    size = float(targets["params"][0])
    reads = "params_nonembedding" if "params" in dict(fit.model.columns) else "params"
    size = float(targets[reads][0])
    rng = np.random.default_rng(5)
    effective = []
    asked = fit.transfer(params=size, finetune_tokens=sorted(set(tuned["finetune_tokens"])))
    for text, data, loss in zip(
        tuned["pretrained_on"], tuned["finetune_tokens"], tuned["loss"], strict=True
    ):
        # the loss without the noise of its run, of which the fit knows the scale
        sigma = float(np.median(scratch.flat["sigma"]))
        measured = scratch.reach(loss * np.exp(-sigma * rng.standard_normal(9)), params=size)
        case = int(np.flatnonzero(asked.sizes["finetune_tokens"] == data)[0])
        effective.append(
            (str(text), float(data), measured.draws["tokens"], asked.effective[str(text)][:, case])
        )
    return HeldOut(
        law=law, fit=fit, error=error, coverage=coverage, effective=effective, asked=asked
    )


def print_held_out(found: HeldOut) -> None:
    """Print losses and effective data of the largest size beside what was forecast of them."""
    print(f"{found.law}: {found.fit.status}, {mixing(found.fit)}")
    for text, share in found.coverage.items():
        print(
            f"  {text}: loss, mean absolute error {found.error[text]:.2%}, bias "
            f"{found.error[f'{text} bias']:+.2%}, in the 90 % interval {share:.0%}"
        )
    hits = 0
    for text, data, measured, forecast in found.effective:
        m = with_infinity(measured.reshape(-1, 1) / data, 0.9)[:, 0]
        f = quantiles(forecast / data)
        agree = bool(m[1] <= f[2] and f[1] <= m[2])
        hits += bool(f[1] <= m[0] <= f[2])
        print(
            f"  {text} D_F {data:9.0f}: D_E/D_F measured {m[0]:6.2f} [{m[1]:.2f}, {m[2]:.2f}], "
            f"forecast {f[0]:6.2f} [{f[1]:.2f}, {f[2]:.2f}]{'' if agree else '  (apart)'}"
        )
    print(f"  measured medians inside the 90 % interval: {hits} of {len(found.effective)}")


def nano() -> None:
    """Print what a fit below the largest size of nano-transfer says of it, law by law."""
    runs = bs.load_dataset("nano-transfer")
    for law in LAWS:
        print_held_out(held_out(runs, law))
    for law in LAWS:
        fit = bs.fit(runs, law, draws=500, chains=2, random_seed=2).accept_unconverged()
        asked = fit.transfer(params=[163_840, 163_840], finetune_tokens=[8192, 663_552])
        print(f"{law}, all runs: {fit.status}, {mixing(fit)}\n{asked.text}")
        for name in ("beta_T", "ossified"):
            middle, low, high = quantiles(fit.flat[name])
            print(f"{name} {middle:.3f} [{low:.3f}, {high:.3f}]")
        for text in asked.texts:
            middle, low, high = quantiles(asked.alpha[text])
            print(f"alpha_T {text} {middle:.3f} [{low:.3f}, {high:.3f}]")


def main() -> None:
    """Print both."""
    warnings.simplefilter("ignore", BayesScalingWarning)
    if "--nano" not in sys.argv:
        told, lines = recovery(range(20))
        print("\n".join(lines))
        for name, text in told.items():
            print(f"{name}: {text}")
    nano()


if __name__ == "__main__":
    main()
