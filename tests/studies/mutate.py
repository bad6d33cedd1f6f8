"""Whether the fast tests notice a wrong statistic: the core is changed in one place at a time.

``make mutate`` (or ``python -m tests.studies.mutate [WORD]``) puts a copy of the package and of its
tests into a temporary folder, makes each change there and runs the fast tests of its room. Every
change must make one fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutation:
    """One change.

    Attributes
    ----------
    file : str
        In the package.
    old, new : str
        What stands there once, and what is put in its place.
    tests : str
        Files and folders of ``tests`` that should notice, separated by blanks.
    """

    file: str
    old: str
    new: str
    tests: str


SCORES = "test_scores.py"
MUTATIONS = (
    Mutation(
        "scores.py", "error = q[_MEDIAN] / reached - 1", "error = reached / q[_MEDIAN] - 1", SCORES
    ),
    Mutation("scores.py", "_STEPS50, _STEPS90 = 10, 18", "_STEPS50, _STEPS90 = 10, 17", SCORES),
    Mutation(
        "scores.py",
        "residual >= 0, LEVELS[:, None], LEVELS[:, None] - 1",
        "residual >= 0, LEVELS[:, None], LEVELS[:, None] + 1",
        SCORES,
    ),
    Mutation(
        "scores.py",
        "(draws < value) + 0.5 * (draws == value)",
        "(draws <= value) + 0.5 * (draws == value)",
        SCORES,
    ),
    Mutation(
        "scores.py",
        "np.mean(np.exp(values - shift), axis=0)",
        "np.sum(np.exp(values - shift), axis=0)",
        SCORES,
    ),
    Mutation(
        "intervals.py",
        "tail = (1 - check_probability(probability)) / 2",
        "tail = 1 - check_probability(probability)",
        "test_intervals.py",
    ),
    Mutation(
        "intervals.py",
        "levels = np.asarray(draws, float), [0.5, tail, 1 - tail]",
        "levels = np.asarray(draws, float), [0.5, 1 - tail, tail]",
        "test_intervals.py",
    ),
    Mutation(
        "posterior/weights.py",
        'np.argsort(counts - exact, kind="stable")',
        'np.argsort(exact - counts, kind="stable")',
        "posterior/test_mixture.py posterior/test_ensemble.py",
    ),
    Mutation(
        "posterior/weights.py",
        "value / total for name",
        "value for name",
        "posterior/test_ensemble.py posterior/test_mixture.py",
    ),
    Mutation(
        "posterior/stacking.py",
        "np.mean(densities / (weights @ densities), axis=1)",
        "np.mean(densities, axis=1)",
        "posterior/test_stacking.py",
    ),
    Mutation(
        "laws/noise.py",
        "- 0.5 * np.log(np.pi * nu) - np.log(scale)",
        "- 0.5 * np.log(np.pi * nu)",
        "laws/test_density.py",
    ),
    Mutation(
        "laws/noise.py", "- (nu + 1) / 2 * np.log1p", "- nu / 2 * np.log1p", "laws/test_density.py"
    ),
    Mutation(
        "laws/noise.py",
        "np.log1p(-share) + on, np.log(share) + off",
        "np.log(share) + on, np.log1p(-share) + off",
        "laws/test_density.py laws/test_off_law.py",
    ),
    Mutation(
        "laws/density.py",
        "forward(design.response) - log_law",
        "forward(design.response) + log_law",
        "laws/test_density.py",
    ),
    Mutation(
        "laws/density.py",
        "return np.where(seen, density, 0.0)",
        "return density",
        "laws/test_density.py laws/test_every_model.py",
    ),
    Mutation(
        "laws/density.py",
        "return -np.log(value) - np.log1p(-value)",
        "return -np.log(value)",
        "laws/test_density.py laws/test_priors.py laws/test_target.py",
    ),
    Mutation(
        "laws/density.py",
        "orders = math.lgamma(len(names) + 1)",
        "orders = math.lgamma(len(names))",
        "laws/test_groups.py",
    ),
    Mutation(
        "laws/drift.py",
        "(first * share + (second - first) * share**2 / 2)",
        "(first * share + (second - first) * share**2)",
        "laws/test_drift.py",
    ),
    Mutation(
        "laws/drift.py",
        "above = second * np.maximum(0.0, x - start - spacing)",
        "above = second * np.maximum(0.0, x - start)",
        "laws/test_drift.py",
    ),
    Mutation(
        "laws/drift.py",
        "-(steps**2 + np.log(2 * np.pi)).sum(axis=-1) / 2",
        "-(steps**2 + np.log(2 * np.pi)).sum(axis=-1)",
        "laws/test_drift.py laws/test_density.py",
    ),
    Mutation(
        "runs/counting.py",
        "FLOPS_PER_PARAM_TOKEN = 6.0",
        "FLOPS_PER_PARAM_TOKEN = 2.0",
        "runs/test_counting.py",
    ),
    Mutation(
        "runs/counting.py",
        "2.0 * counted.params, 4.0 * counted.params",
        "4.0 * counted.params, 2.0 * counted.params",
        "runs/test_counting.py",
    ),
    Mutation(
        "runs/counting.py",
        "(3.0 if gated else 2.0) * size * hidden",
        "(2.0 if gated else 3.0) * size * hidden",
        "runs/test_counting.py",
    ),
    Mutation(
        "formula/derivative.py",
        'return Call("/", (ONE, arg))',
        'return Call("/", (arg, ONE))',
        "formula",
    ),
    Mutation(
        "formula/derivative.py",
        'return Call("/", (Number(0.5), Call("sqrt", (arg,))))',
        'return Call("/", (ONE, Call("sqrt", (arg,))))',
        "formula",
    ),
    Mutation(
        "formula/nodes.py", "found[id(node)] = value", "found[id(node)] = -value", "test_hostile.py"
    ),
    Mutation(
        "posterior/diagnostics.py",
        "R_HAT = (1.01, 1.03)",
        "R_HAT = (1.01, 1.3)",
        "posterior/test_diagnostics.py",
    ),
    Mutation(
        "posterior/diagnostics.py",
        "min(item.ess, item.ess_tail)",
        "item.ess",
        "posterior/test_diagnostics.py",
    ),
    Mutation(
        "validation/loo.py",
        "weighed = (self.design.weights * log_likelihood).T",
        "weighed = log_likelihood.T",
        "validation/test_loo.py",
    ),
    Mutation(
        "validation/loo.py",
        "density = (self.design.weights * self.log_likelihood(values)).sum(axis=1)",
        "density = self.log_likelihood(values).sum(axis=1)",
        "validation/test_loo.py",
    ),
    Mutation(
        "questions/splits.py",
        '"params": np.exp(flat[-1]), "tokens": np.exp(best)',
        '"tokens": np.exp(flat[-1]), "params": np.exp(best)',
        "questions/test_splits.py",
    ),
    Mutation(
        "questions/splits.py",
        "np.log(values.mean(axis=0))",
        "np.log(values.max(axis=0))",
        "questions/test_splits.py",
    ),
    Mutation(
        "posterior/seal.py", "digest.update(plain.tobytes())", "pass", "posterior/test_seal.py"
    ),
)


def run(mutation: Mutation, folder: Path) -> tuple[str, float]:
    """Make one change in a copy and run its tests; return what noticed, and the seconds."""
    path = folder / "bayes_scaling" / mutation.file
    before = path.read_text()
    if before.count(mutation.old) != 1:
        return f"NOT APPLIED: stands {before.count(mutation.old)} times", 0.0
    path.write_text(before.replace(mutation.old, mutation.new))
    began = time.perf_counter()
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        command += [f"tests/{name}" for name in mutation.tests.split()]
        environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    finally:
        path.write_text(before)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    seconds = time.perf_counter() - began
    return (failed[0].split(" - ")[0] if failed else "SURVIVED"), seconds


def main() -> None:
    """Make every change whose file or text holds a word; exit 1 where one survives."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [item for item in MUTATIONS if word in f"{item.file} {item.old}"]
    caught = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("bayes_scaling", "tests", "models", "pyproject.toml", "CONTRIBUTING.md"):
            source = CHECKOUT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / part)
        for mutation in chosen:
            noticed, seconds = run(mutation, folder)
            caught += noticed.startswith(("FAILED", "ERROR"))
            print(
                f"{seconds:5.1f} s  {mutation.file}: {mutation.old[:60]!r}: {noticed}", flush=True
            )
    print(f"{caught} of {len(chosen)} changes were noticed")
    sys.exit(caught < len(chosen))


if __name__ == "__main__":
    main()
