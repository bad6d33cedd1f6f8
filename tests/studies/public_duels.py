"""Duels on public data: multipliers said from small runs, and those that came.

    python -m tests.studies.public_duels [--only NAME] [--draws N]

Both sides of each duel have large runs at equal sizes. What came is told by those alone: the factor
by which the baseline's run would have had to grow, along a least-squares law of all its runs, to
reach the loss of the variant's. Causal and masked protein models have no common loss: refused.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.questions.duel import Duel
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.baselines import least_squares
from tests.studies.tasks import load_tasks

GAINS = np.exp(np.linspace(np.log(0.1), np.log(10.0), 401))
"""Multipliers that are tried."""

Array = np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Runs of some variants, split by size.

    Attributes
    ----------
    name, a : str
        What it is called, and the baseline.
    b : tuple of str
        The variants.
    small, large : DataFrame
        Runs that are fitted, and those that tell what came.
    cell : tuple of str
        Columns whose equal values make large runs of both sides comparable; the best run counts.
    """

    name: str
    a: str
    b: tuple[str, ...]
    small: pd.DataFrame
    large: pd.DataFrame
    cell: tuple[str, ...] = ("params", "tokens")


def cases() -> Iterator[Case]:
    """Read the public duels."""
    tasks, abroad = load_tasks("tasks"), load_tasks("abroad")
    assert tasks is not None
    assert abroad is not None
    gadre = tasks.read("gadre2024_losses")
    gadre = gadre[gadre.metric == "c4_val"]
    corpora = ("rpj", "rw_original")
    yield _cut("gadre", "c4_original", corpora, gadre, gadre.params < 2e8, gadre.params > 4e8)
    porian = tasks.read("porian2024_isoflop")
    porian = porian[(porian.param_count == "standard") & (porian.loss < 6)]
    best = porian.groupby(["family", "flops"]).loss.transform("min")
    porian = porian[porian.loss <= 1.05 * best]
    short = porian.family.str.split("|").str[:4].str.join(" ")
    porian = porian.assign(family=short.str.replace("warmup_", "").str.replace("decay_", ""))
    for text in ("owt2", "rw"):
        variants = tuple(f"{text} {name}" for name in ("base long kaplan", "base short chinchilla",
                                                       "tuned short const"))  # fmt: skip
        yield _cut(
            f"porian {text}", f"{text} base short kaplan", variants, porian,
            porian.flops <= 4.1e17, porian.flops >= 6.3e18, cell=("flops",),
        )  # fmt: skip
    routing = abroad.read("routing")
    final = (routing.params > 1e9) & (routing.tokens >= 6e10)
    for routed in ("S-Base_E8", "RL-R_E64"):
        yield _cut(
            f"routing {routed}", "Dense_E1", (routed,), routing, routing.params <= 1.4e8, final
        )
    protein = abroad.read("protein")
    protein = protein.assign(metric="nats per residue, " + protein.family)
    yield _cut("protein", "clm", ("mlm",), protein, protein.flops <= 3.3e19, protein.flops > 1e20)


def _cut(
    name: str,
    a: str,
    b: tuple[str, ...],
    table: pd.DataFrame,
    small: pd.Series,
    large: pd.Series,
    **more: tuple[str, ...],
) -> Case:
    taken = table.family.isin([a, *b])
    return Case(name=name, a=a, b=b, small=table[taken & small], large=table[taken & large], **more)


def table_of(frame: pd.DataFrame) -> RunTable:
    """Return runs with what a duel reads."""
    kept = ("params", "tokens", "loss", "family", "metric", "run", "steps")
    return RunTable.from_columns({name: frame[name].to_numpy() for name in kept if name in frame})


def came(case: Case, arm: str) -> pd.DataFrame:
    """Return the multipliers that large runs of both sides show, by their compute."""
    every = pd.concat([case.small, case.large])
    own = every[every.family == case.a]
    best = case.large.loc[case.large.groupby(["family", *case.cell]).loss.idxmin()]
    pairs = best[best.family == case.a].merge(
        best[best.family == arm], on=list(case.cell), suffixes=("", "_b")
    )
    x = np.log(own[["params", "tokens"]].to_numpy(float))
    rows = []
    for _, pair in pairs.iterrows():
        at = np.log([[pair.params, pair.tokens]]) + np.log(GAINS)[:, None] / 2
        rng = np.random.default_rng(1)
        said = np.median(least_squares(x, np.log(own.loss.to_numpy()), at, rng), axis=0)
        here = np.interp(0.0, np.log(GAINS), np.log(said))
        wanted = here + np.log(pair.loss_b / pair.loss)
        gain = np.interp(-wanted, -np.log(said), np.log(GAINS))
        flops = 6 * pair.params * pair.tokens
        rows.append({"flops": flops, "gap": pair.loss_b - pair.loss, "came": np.exp(gain)})
    return pd.DataFrame(rows).sort_values("flops")


def show(case: Case, found: Duel, arm: str, truth: pd.DataFrame) -> Array:
    """Print what was said and what came of one variant; return what held."""
    rows = [row for row in found.rows() if row["b"] == arm]
    held = []
    for row, (_, true) in zip(rows, truth.iterrows(), strict=True):
        low, high = row["multiplier_lower"], row["multiplier_upper"]
        held.append(bool(low <= true.came <= high))
        print(
            f"  {arm} at {row['flops']:.2g} FLOP ({np.exp(row['efolds_flops']):.0f}x beyond): said "
            f"{row['multiplier']:.2f} [{low:.2f}, {high:.2f}], better with {row['chance']:.2f}; "
            f"came {true.came:.2f} ({'held' if held[-1] else 'missed'})"
        )
    right = {"promote": truth.came.iloc[-1] > 1, "drop": truth.came.iloc[-1] < 1}
    verdict = found.verdict(arm)
    judged = "" if verdict == "undecided" else ", right" if right[verdict] else ", WRONG"
    print(f"  {arm}: {verdict}{judged}; {sum(held)} of {len(held)} cells held", flush=True)
    return np.array(held)


def run(case: Case, options: dict[str, int]) -> list[Array]:
    """Ask one duel, and print it beside what came."""
    started = time.process_time()
    print(f"{case.name}: {len(case.small)} small runs, baseline {case.a}", flush=True)
    small, held = table_of(case.small), []
    truths = {arm: came(case, arm) for arm in case.b} if case.name != "protein" else {}
    flops = sorted({f for truth in truths.values() for f in truth.flops}) or [1e21]
    try:
        found = bs.duel(small, a=case.a, b=case.b, flops=flops, random_seed=1, **options)  # type: ignore[arg-type]
    except InputError as error:
        print(f"  refused: {error}")
        return []
    for arm, truth in truths.items():
        own = np.isin(found.flops, truth.flops)
        if not own.all():
            print(f"  {arm}: {own.sum()} of {own.size} budgets have runs of both sides")
        picked = _at(found, own)
        held.append(show(case, picked, arm, truth))
    print(f"  {time.process_time() - started:.0f} CPU s")
    return held


def _at(found: Duel, own: Array) -> Duel:
    """Return a duel at some of its budgets."""
    from dataclasses import replace

    def some(values: dict[str, Array]) -> dict[str, Array]:
        return {name: each[:, own] for name, each in values.items()}

    return replace(
        found,
        flops=found.flops[own],
        multiplier=some(dict(found.multiplier)),
        loss=some(dict(found.loss)),
        new_run=some(dict(found.new_run)),
        beyond=found.beyond[own],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the duels and print how many multipliers held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default="", help="duels whose name holds this")
    parser.add_argument("--draws", type=int, default=600)
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore", BayesScalingWarning)
    options = {"draws": given.draws, "tune": 500, "chains": 2}
    held = [each for case in cases() if given.only in case.name for each in run(case, options)]
    if held:
        cells = np.concatenate(held)
        shares = [each.mean() for each in held]
        print(
            f"{len(held)} duels: {cells.sum()} of {cells.size} cells in 90 % intervals, mean share "
            f"of a duel {np.mean(shares):.2f}, at the largest {np.mean([e[-1] for e in held]):.2f}"
        )


if __name__ == "__main__":
    main()
