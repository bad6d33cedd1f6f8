"""Campaigns that are known the truth of: live on nano-lm, and on recorded sweeps.

    python -m tests.studies.campaigns live FOLDER [SEED]
    python -m tests.studies.campaigns recorded FOLDER [FIRST-LAST]

Live: a campaign trains nano-lm models itself, up to 1e11 FLOP each, and forecasts 1e13; the truth
is in the shipped sweep, whose larger runs it never sees. Training needs the extra ``train``.

Recorded: results are looked up in the shipped sweep, of which each seed offers three runs in
four. The same compute is spent by the campaign, by an isoFLOP grid and by the largest affordable
runs; the default average is fitted to each, and the width of its interval at the largest runs, and
its error there, are printed.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import bayes_scaling as bs
from bayes_scaling.campaign import State, follow, status
from bayes_scaling.campaign.campaign_toml import NAME
from bayes_scaling.campaign.launchers import Launch
from bayes_scaling.campaign.results import data_of
from bayes_scaling.campaign.worker import COMMAND, ENDED, STARTED
from bayes_scaling.datasets.nano_lm.plan import SIZES, RateRule
from bayes_scaling.datasets.nano_lm.transformer import Shape
from bayes_scaling.intervals import quantiles
from bayes_scaling.runs import RunTable, select_rows

BUDGETS = (1e10, 1.8e10, 3e10, 5.6e10, 1e11)
FLOPS = 6e11
"""Compute of a live campaign."""

TEMPLATE = """
title = "{title}"
seed = {seed}
[space]
candidates = "candidates.csv"
[budget]
flops = {flops}
slots = {slots}
first = 6
first_share = 0.2
[target]
params = {params}
tokens = {tokens}
[stop]
width = {width}
[run]
command = {command}
results = "runs/{{{{run}}}}/{result}"
time_limit = 2.0
[fit]
draws = 300
tune = 500
chains = 2
[rig]
peak = 2e10
utilisation = 1.0
"""

TRAIN = [sys.executable, "-m", "bayes_scaling.cli", "train-run", "--json"]
TRAIN += [part for name in ("width", "depth", "tokens", "learning_rate", "seed")
          for part in (f"--{name.replace('_', '-')}", f"{{{{{name}}}}}")]  # fmt: skip


def truth() -> RunTable:
    """Return the largest runs of the shipped sweep, the best of each size."""
    return select_rows(bs.best_of_cells(bs.load_dataset("nano-lm")), "flops > 2.9e12")


def told(state: State) -> None:
    """Print where a campaign is."""
    print(state, flush=True)


def live(folder: str, seed: str = "1") -> None:
    """Train a campaign, then compare its forecast with the largest shipped runs."""
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    swept = select_rows(bs.load_dataset("nano-lm"), 'purpose == "lr-sweep" and flops <= 3.01e11')
    rule = RateRule.fit(
        [{name: swept[name][row] for name in swept.columns} for row in range(len(swept))]
    )
    lines = ["params,tokens,width,depth,learning_rate"]
    for budget in BUDGETS:
        for width, depth in SIZES[:7]:
            params = Shape(width=width, depth=depth).params
            tokens = budget / 6 / params
            if 2e4 <= tokens <= 3e7:
                rate = rule.rate((width, depth), budget)
                lines.append(f"{params},{tokens:.0f},{width},{depth},{rate}")
    largest = select_rows(truth(), "flops > 9e12")
    best = int(np.argmin(largest["loss"]))
    if not (home / NAME).exists():
        (home / "candidates.csv").write_text("\n".join(lines) + "\n")
        (home / NAME).write_text(
            TEMPLATE.format(
                title="nano-lm, live", seed=seed, flops=FLOPS, slots=2, width=0.01,
                params=largest["params"][best], tokens=largest["tokens"][best],
                command=json.dumps(TRAIN), result="stdout",
            )
        )  # fmt: skip
    state = follow(home, told=told)
    table = data_of(state.campaign, tuple(state.runs.values()))
    assert table is not None
    fit = bs.load(home / "fit.nc").accept_unconverged()
    report("campaign", fit, table, largest)


def scored(fit: Any, largest: RunTable) -> tuple[float, float, float]:
    """Return width and error of the median at runs, means of logs, and how many lie inside."""
    sizes = {name: largest[name] for name in ("params", "tokens")}
    middle, low, high = quantiles(fit.forecast(sizes).draws)
    inside = np.mean((low <= largest["loss"]) & (largest["loss"] <= high))
    error = np.mean(np.abs(np.log(middle / largest["loss"])))
    return float(np.mean(np.log(high / low))), float(error), float(inside)


def report(name: str, fit: Any, table: RunTable, largest: RunTable) -> None:
    """Print what a fit says of the largest runs."""
    width, error, inside = scored(fit, largest)
    print(
        f"{name:22s} {len(table):3d} runs, {table['flops'].sum():.3g} FLOP, {fit.status}: width "
        f"{width:.2%}, error {error:.2%}, {inside:.0%} of {len(largest)} inside",
        flush=True,
    )


# ---- recorded ------------------------------------------------------------------------------------


def lookup(recorded: RunTable) -> Launch:
    """Return a launcher whose results are those of a recorded sweep."""

    def launch(folder: Path, settings: Mapping[str, Any]) -> str:
        config = json.loads((folder / "config.json").read_text())
        (row,) = np.flatnonzero(recorded["run"] == config["recorded"])
        (folder / "result.json").write_text(json.dumps({"loss": float(recorded["loss"][row])}))
        (folder / STARTED).touch()
        (folder / ENDED).write_text("0\n")
        assert (folder / COMMAND).exists()
        return f"recorded as {config['recorded']}"

    return launch


def fitted(table: RunTable, seed: int) -> Any:
    """Fit the law of the campaign."""
    fit = bs.fit(table, draws=300, tune=500, chains=2, random_seed=seed)
    return fit.accept_unconverged()


def isoflop_grid(table: RunTable, budget: float) -> RunTable:
    """Take whole lines of equal compute, evenly from the dearest that leaves room for another."""
    cost = table["flops"]
    lines = np.unique(np.round(np.log(cost), 1))[::-1]
    best: list[int] = []
    for line in lines:
        rows = np.flatnonzero(np.isclose(np.round(np.log(cost), 1), line)).tolist()
        if cost[rows + best].sum() <= budget:
            best += rows
    return table.take(np.array(sorted(best)))


def offer(seed: int) -> RunTable:
    """Return the runs that a seed offers: three in four of those up to 3e11 FLOP."""
    best = select_rows(bs.best_of_cells(bs.load_dataset("nano-lm")), "flops <= 3.1e11")
    chosen = np.random.default_rng(seed).permutation(len(best))[: 3 * len(best) // 4]
    return best.take(np.sort(chosen))


def follow_recorded(home: Path, seed: int, offered: RunTable, target: Mapping[str, float]) -> State:
    """Make a campaign of recorded runs, for a third of the compute of all that are offered."""
    if not (home / NAME).exists():
        home.mkdir(parents=True, exist_ok=True)
        rows = ["params,tokens,flops,recorded"] + [
            ",".join(str(offered[n][row]) for n in ("params", "tokens", "flops", "run"))
            for row in range(len(offered))
        ]
        (home / "candidates.csv").write_text("\n".join(rows) + "\n")
        (home / NAME).write_text(
            TEMPLATE.format(
                title="nano-lm, recorded", seed=seed, flops=float(offered["flops"].sum()) / 3,
                slots=4, width=0.001, command='["true"]', result="result.json", **target,
            )
        )  # fmt: skip
    follow(home, launch=lookup(offered))
    return status(home)


def largest_affordable(table: RunTable, budget: float) -> RunTable:
    """Take the costliest run that can still be paid, again and again."""
    total, taken = 0.0, list[int]()
    for row in np.argsort(-table["flops"], kind="stable"):
        if total + table["flops"][row] <= budget:
            total, taken = total + float(table["flops"][row]), [*taken, int(row)]
    return table.take(np.array(sorted(taken)))


PLAIN = {"isoFLOP grid": isoflop_grid, "largest affordable": largest_affordable}


def recorded(folder: str, seeds: str = "0-4") -> None:
    """Compare designs of equal compute on recorded runs up to 3e11 FLOP."""
    largest = truth()
    middle = {name: float(np.exp(np.mean(np.log(largest[name])))) for name in ("params", "tokens")}
    first, last = map(int, seeds.split("-"))
    for seed in range(first, last + 1):
        offered, home = offer(seed), Path(folder) / str(seed)
        state = follow_recorded(home, seed, offered, middle)
        table = data_of(state.campaign, tuple(state.runs.values()))
        assert table is not None
        print(f"seed {seed}: {len(state.fits)} fits; {state.stopped}")
        for line in state.fits:
            left = line["width"] * (1 - line["gain"])
            print(f"  {line['rows']} runs: {line['width']:.3f} wide, {left:.3f} hoped for")
        report("campaign", bs.load(home / "fit.nc").accept_unconverged(), table, largest)
        for name, design in PLAIN.items():
            chosen = design(offered, float(table["flops"].sum()))
            report(name, fitted(chosen, seed), chosen, largest)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    {"live": live, "recorded": recorded}[sys.argv[1]](*sys.argv[2:])
