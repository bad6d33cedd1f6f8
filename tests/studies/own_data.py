"""Do the intervals of every law cover the parameters that its own data were simulated with?

    python -m tests.studies.own_data [--only ID ...] [--all] [--seeds 10]

Parameters come from the prior, restricted to losses that look like training (see
tests/laws/examples.py), so intervals of 90 % should cover 90 % of them, also where the data say
little.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import quantiles
from bayes_scaling.laws import Model, list_models
from tests.laws.examples import example
from tests.laws.shapes import shapes


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How well the intervals of one law cover.

    Attributes
    ----------
    model : str
        Its id.
    hits : mapping of str to float
        In how many seeds the 90 % interval of each sampled parameter holds the truth; a seed counts
        by the share of its groups, where groups of runs differ.
    seeds : int
        How many there were.
    divergent : float
        Share of draws that diverged.
    worst_r_hat : float
        Over seeds and quantities.
    unconverged : int
        Seeds whose fit did not converge.
    compile_seconds, sample_seconds : float
        Over all seeds.
    """

    model: str
    hits: Mapping[str, float]
    seeds: int
    divergent: float
    worst_r_hat: float
    unconverged: int
    compile_seconds: float
    sample_seconds: float

    @property
    def share(self) -> float:
        """Share of parameter-seed pairs that are covered."""
        return sum(self.hits.values()) / (self.seeds * len(self.hits))


def coverage(model: Model, seeds: Sequence[int], *, draws: int = 300, tune: int = 400) -> Coverage:
    """Fit a law to its own data, seed by seed; all fits share one compile."""
    hits = {item.name: 0.0 for item in model.parameters}
    divergent, worst, unconverged, spent = [], 0.0, 0, [0.0, 0.0]
    for seed in seeds:
        found = example(model, seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayesScalingWarning)
            fit = bs.fit(
                found.model, found.runs, draws=draws, tune=tune, chains=2, random_seed=seed
            )
        for name in hits:
            hits[name] += covers(fit, name, found.truth[name])
        divergent.append(float(np.mean(fit.stats["diverging"])))
        worst = max(worst, *(item.r_hat for item in fit.mixing.values()))
        unconverged += fit.status == "unconverged"
        for index, kind in enumerate(("compile_seconds", "sample_seconds")):
            spent[index] += float(fit.provenance[kind])
    return Coverage(
        model=model.id,
        hits=hits,
        seeds=len(seeds),
        divergent=float(np.mean(divergent)),
        worst_r_hat=worst,
        unconverged=unconverged,
        compile_seconds=spent[0],
        sample_seconds=spent[1],
    )


def covers(fit: Fit, name: str, value: float) -> float:
    """Share of the groups whose 90 % interval of a parameter holds a value; 0 or 1 for one."""
    _, lower, upper = quantiles(fit.flat[name])
    return float(np.mean((lower <= value) & (value <= upper)))


def main() -> None:
    """Print one line for each law."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="ids of laws")
    parser.add_argument("--all", action="store_true", help="also laws that differ only in a size")
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    laws = [item for item in list_models() if item.kind == "law"]
    standing = shapes(laws)
    for model in laws:
        wanted = model.id in given.only if given.only else standing[model.id] == model.id
        if not (wanted or given.all):
            continue
        found = coverage(model, range(given.seeds))
        missed = {name: hits for name, hits in found.hits.items() if hits < 0.8 * found.seeds}
        print(
            f"{found.model:24s} covers {found.share:4.0%}  divergent {found.divergent:6.2%}  "
            f"r_hat {found.worst_r_hat:5.3f}  unconverged {found.unconverged}  "
            f"compile {found.compile_seconds:4.1f} s  sample {found.sample_seconds:4.1f} s",
            missed,
            flush=True,
        )


if __name__ == "__main__":
    main()
