"""Simulated jumps: the posterior of their place before and after runs cross it.

    python -m tests.studies.emergence [--jumps 20] [--draws 400]

Simulated, not measured. Of each task the truth is drawn from ranges that were fixed beforehand: a
chance of .05 to .5, a jump over 30 to 90 % of what is left, its middle 0 to 9 e-folds beyond the
first twelve runs (1e17 to 1e20 FLOP), noise of 500 questions. Asked is whether it jumps below 6.9
e-folds (1,000 times) beyond these; then the same with runs up to there. False confidence: said with
p < .05 that it does not, and it does. At last one task under two metrics: the share of right
tokens, and of answers of eight tokens that are right as a whole.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]
FIRST = np.geomspace(1e17, 1e20, 12)
TARGET = 1e23
LATER = np.geomspace(2e20, TARGET, 6)
QUESTIONS = 500


def measured(score: Array, rng: np.random.Generator) -> Array:
    """Return the score (n_runs,) of so many questions, half a question away from 0 and 1."""
    right = rng.binomial(QUESTIONS, score)
    return np.asarray((right + 0.5) / (QUESTIONS + 1))


def task(rng: np.random.Generator) -> tuple[float, RunTable, RunTable]:
    """Return the place of a jump [FLOP], runs before it may come, and all runs."""
    chance, height = rng.uniform(0.05, 0.5), rng.uniform(0.3, 0.9)
    jump, steep = np.log(1e20) + rng.uniform(0, 9), np.exp(rng.normal(0.7, 0.5))
    flops = np.concatenate([FIRST, LATER])
    rise = 1 / (1 + np.exp(-steep * (np.log(flops) - jump)))
    score = measured(chance + (1 - chance) * height * rise, rng)
    runs = RunTable.from_columns({"flops": flops, "score": score})
    return float(np.exp(jump)), runs.take(np.arange(FIRST.size)), runs


def ask(runs: RunTable, draws: int) -> tuple[Fit, Array]:
    """Return the fit, and draws of the place [FLOP]."""
    fit = bs.fit("emergence", runs, draws=draws, chains=2, random_seed=1, progress=False)
    return fit, fit.flat["C_jump"]


def two_metrics(draws: int) -> None:
    """Fit the smooth law and the one that jumps to one task under two metrics."""
    rng = np.random.default_rng(5)
    flops = np.geomspace(1e17, 1e22, 16)
    tokens = 0.3 + 0.65 / (1 + (flops / 1e20) ** -0.4)
    for name, score in (("right tokens", tokens), ("right answers of 8 tokens", tokens**8)):
        runs = RunTable.from_columns({"flops": flops, "score": measured(score, rng)})
        both = bs.fit_ensemble(
            runs, ["score-c", "emergence"], draws=draws, chains=2, random_seed=1, progress=False
        )
        found = both.accept_unconverged().emergence([1e22, 1e23])
        weights = ", ".join(f"{law} {weight:.2f}" for law, weight in both.weights.items())
        row = found.rows()[1]
        ends = f"{row['score']:.3f} [{row['score_lower']:.3f}, {row['score_upper']:.3f}]"
        print(f"{name}: score {runs['score'][0]:.3f} to {runs['score'][-1]:.3f}; weights {weights}")
        print(f"  at 1e23 FLOP {ends}; a jump moves it by {row.get('moved_score', 0):+.3f}")


def main() -> None:
    """Print a line for each jump, then the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jumps", type=int, default=20)
    parser.add_argument("--draws", type=int, default=400)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(1)
    came, said, inside, narrower, late = [], [], [], [], []
    for number in range(asked.jumps):
        truth, before, after = task(rng)
        began = time.process_time()
        (one, first), (two, second) = ask(before, asked.draws), ask(after, asked.draws)
        seconds = (time.process_time() - began) / 2
        chances = [float((place <= TARGET).mean()) for place in (first, second)]
        lows, highs = zip(*(np.quantile(p, (0.05, 0.95)) for p in (first, second)), strict=True)
        came.append(truth <= TARGET)
        said.append(chances)
        inside.append([low <= truth <= high for low, high in zip(lows, highs, strict=True)])
        narrower.append(np.log(np.array(highs) / np.array(lows)))
        late.append(max(value.r_hat for fit in (one, two) for value in fit.mixing.values()))
        ends = [f"[{low:.2g}, {high:.2g}]" for low, high in zip(lows, highs, strict=True)]
        print(f"{number:2d} jump {truth:.2g}; below {TARGET:g} with P {chances[0]:.2f} before,")
        print(f"   {chances[1]:.2f} after; place {ends[0]} before, {ends[1]} after;", end=" ")
        print(f"{one.status}/{two.status}; {seconds:.1f} CPU s", flush=True)
    p, hit, kept = np.array(said), np.array(came), np.array(inside)
    wide = np.array(narrower)
    print(f"{hit.sum()} of {hit.size} came below {TARGET:g}")
    for place, name in enumerate(("before", "after")):
        wrong = int(((p[:, place] < 0.05) & hit).sum())
        sure = int(((p[:, place] > 0.95) & ~hit).sum())
        brier = float(np.mean((p[:, place] - hit) ** 2))
        missed = p[~hit, place].mean() if (~hit).any() else np.nan
        print(f"{name}: P of those that came {p[hit, place].mean():.2f}, of others {missed:.2f};")
        print(
            f"  said no and came {wrong}, said yes and did not {sure}; Brier {brier:.3f};", end=" "
        )
        width = np.median(wide[:, place])
        print(f"place in 90 % {kept[:, place].mean():.2f}, median width {width:.1f} e-folds")
    print(f"largest R-hat {max(late):.3f}")
    two_metrics(asked.draws)


if __name__ == "__main__":
    main()
