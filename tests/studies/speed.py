"""What an answer costs: whole processes, refits, many runs, many families, and warnings.

    python -m tests.studies.speed [processes] [refits] [rows] [families] [warnings] [--repeats 5]

CPU seconds are user and system time together; of a process, with all that it starts. Public tables
are found by ``BAYES_SCALING_PUBLIC_DATA`` (default ``../shared/data``). `sampling_speed` compares
effective draws per second with PyMC's defaults. ``make bench`` runs both.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.laws.compiled import _LOADED
from bayes_scaling.posterior import Check, Member
from bayes_scaling.runs import RunTable, select_rows
from tests.laws.examples import example

DATA = Path(os.environ.get("BAYES_SCALING_PUBLIC_DATA", "../shared/data"))

POINTS = ["chinchilla_epoch.csv", "--where", "epoch_outlier == 0"]


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of a call in this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def process(arguments: list[str], cache: Path) -> tuple[float, float]:
    """CPU and wall seconds of a command, and how long it lingers is part of the second."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bayes_scaling.cli", *arguments],
        env={**os.environ, "BAYES_SCALING_CACHE": str(cache)},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def processes(repeats: int) -> None:
    """Whole commands, the first time on a machine and later."""
    table = [str(DATA / POINTS[0]), *POINTS[1:]]
    commands = {
        "240 points, chinchilla": ["fit", *table, "-m", "chinchilla"],
        "nano-lm, default average": ["fit", "nano-lm", "--best"],
    }
    for name, command in commands.items():
        cold, warm = [], []
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                output = ["-o", str(Path(folder) / "fit.nc")]
                cold.append(process([*command, *output], Path(folder)))
                warm.append(process([*command, *output], Path(folder)))
        for label, found in (("first", cold), ("later", warm)):
            used, wall = np.median(found, axis=0)
            print(f"{name:28s} {label}: {used:5.1f} CPU s, {wall:5.1f} s")


def points() -> RunTable:
    """The 240 public points."""
    return select_rows(bs.read_runs(DATA / POINTS[0]), POINTS[2])


def refits(repeats: int) -> None:
    """One structure again and again, as a backtest does."""
    runs = points()
    bs.fit("chinchilla", runs, random_seed=1)
    known = len(_LOADED)
    used = [cpu(lambda: bs.fit("chinchilla", runs, random_seed=1)) for _ in range(repeats)]
    print(f"refit of 240 points: {np.median(used) / 4:.3f} CPU s per 1,000 draws kept")
    rng = np.random.default_rng(1)
    parts = [runs.take(np.sort(rng.permutation(240)[:160])) for _ in range(100)]
    took = cpu(lambda: [bs.fit("chinchilla", part, random_seed=1) for part in parts])
    print(f"100 refits of 160 of them: {took:.1f} CPU s, {len(_LOADED) - known} compiles")


def many_rows(_: int) -> None:
    """Tables from 1e2 to 1e6 runs, each of its own size."""
    for count in (100, 1_000, 10_000, 100_000, 1_000_000):
        rng = np.random.default_rng(0)
        params = np.exp(rng.uniform(np.log(1e7), np.log(1e10), count))
        tokens = params * np.exp(rng.uniform(1, 5, count))
        loss = 1.8 + 480 / params**0.35 + 2100 / tokens**0.37
        loss = loss * np.exp(0.01 * rng.standard_t(5, count))
        runs = RunTable.from_columns({"params": params, "tokens": tokens, "loss": loss})
        began = time.perf_counter()
        used = cpu(partial(bs.fit, runs, "chinchilla", random_seed=1))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        wall = time.perf_counter() - began
        print(f"{count:9,d} runs: {used:6.1f} CPU s, {wall:6.1f} s, peak {peak:.1f} GB", flush=True)


def families(_: int) -> None:
    """Two hundred families of six runs."""
    found = example(load_model("chinchilla"), rows=1200)
    columns = dict(found.runs.columns)
    columns["family"] = np.array([f"f{index // 6:03d}" for index in range(1200)])
    began = time.perf_counter()
    fit = bs.fit("chinchilla", RunTable(columns=columns), random_seed=1)
    print(f"200 families: {time.perf_counter() - began:.0f} s, {fit.status}")


def sweeps() -> Iterator[tuple[str, RunTable]]:
    """Tables that the default average is tried on."""
    yield "nano-lm", bs.best_of_cells(bs.load_dataset("nano-lm"))
    yield "240 points", points()
    gadre = bs.read_runs(DATA / "gadre2024_losses.csv", where="eval == 'paloma_c4_en'")
    for corpus in np.unique(gadre.labels("family")):
        yield f"gadre {corpus}", gadre.take(gadre.labels("family") == corpus)
    for seed in range(20):
        yield f"simulated {seed}", example(load_model("chinchilla"), seed=seed, rows=24).runs


def sampling_warnings(_: int) -> None:
    """Checks of the sampling that warn, and the smallest effective number of any answer."""
    total = 0
    for name, runs in sweeps():
        began = time.process_time()
        found = bs.fit_ensemble(runs, random_seed=1)
        used = time.process_time() - began
        members = list(found.members.values())
        warned = [f"{c.name} of {m.model.id}" for m in members for c in doubts(m)]
        total += bool(warned)
        least = min(
            min(mixed.ess, mixed.ess_tail)
            for member in members
            for key, mixed in member.mixing.items()
            if " at " in key
        )
        divergent = sum(int(np.sum(member.stats["diverging"])) for member in members)
        print(
            f"{name:24s} {used / len(members):5.1f} CPU s a fit, least answer ESS {least:5.0f}, "
            f"{divergent} divergences, warns: {', '.join(warned) or 'no'}",
            flush=True,
        )
    print(f"tables with any warning of the sampling: {total}")


def doubts(fit: Member) -> list[Check]:
    """Checks of the sampling that are not well."""
    return [check for check in fit.checks if check.sampling and check.verdict != "ok"]


PARTS = {
    "processes": processes,
    "refits": refits,
    "rows": many_rows,
    "families": families,
    "warnings": sampling_warnings,
}


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for part in given.parts:
        PARTS[part](given.repeats)


if __name__ == "__main__":
    main()
