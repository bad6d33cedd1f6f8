"""Simulated duels: how often intervals of the compute multiplier hold, and verdicts are wrong.

    python -m tests.studies.duels [FIRST] [LAST] [--how plain|pairs|both] [--kept FILE]

Tables FIRST to LAST - 1 are made and fitted, each duel a line of a CSV file as it comes; those
that stand there are not made again. A duel takes 5 to 15 CPU s. Then the table of all is printed.

Both variants are run at the same sizes with the same seeds, and half the variance of the noise is
that of the seed. A third of the variants are placebos: any verdict on them is wrong. Beside the
verdicts stand those of practice: the variant that is better at the largest size, and a paired
t-test of the losses, each side at the same nominal error.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning, UnconvergedError
from bayes_scaling.questions.duel import ERROR
from bayes_scaling.runs import RunTable

KEPT = Path(__file__).resolve().parents[2] / "build" / "duels.csv"

LEAST, MOST = 0.7, 1.5
"""Compute multipliers."""

FROM, TO, TARGET = 1e18, 1e20, 1e21
"""Compute of the runs, and of the target [FLOP]."""

NOISE = 0.004
SETTINGS = {"draws": 700, "tune": 400, "chains": 2}
"""With fewer draws the spread of the level mixes too little, and every law is sampled again."""

RULES = ("duel", "t-test", "largest size")
SCALES = ("largest", "target")
COLUMNS = (
    "table", "how", "true", "runs",
    *(f"{end}_{scale}" for scale in SCALES for end in ("lower", "median", "upper")),
    "chance", *RULES, "cpu_s",
)  # fmt: skip

Row = Mapping[str, str]


def simulate(multiplier: float, runs: int, seed: int) -> RunTable:
    """Return runs of a baseline and of a variant whose params and tokens count for more."""
    rng = np.random.default_rng(seed)
    flops = np.exp(rng.uniform(np.log(FROM), np.log(TO), runs))
    params = np.sqrt(flops / 6 / 20) * np.exp(0.4 * rng.standard_normal(runs))
    tokens, common = flops / 6 / params, rng.standard_normal(runs)
    losses = []
    for gain in (1.0, multiplier):
        factor = np.sqrt(gain)
        loss = 1.69 + 406.4 / (params * factor) ** 0.34 + 410.7 / (tokens * factor) ** 0.28
        own = (common + rng.standard_normal(runs)) / np.sqrt(2)
        losses.append(loss * np.exp(NOISE * own))
    return RunTable.from_columns(
        {
            "params": np.tile(params, 2),
            "tokens": np.tile(tokens, 2),
            "loss": np.concatenate(losses),
            "family": np.repeat(["a", "b"], runs),
            "seed": np.tile(np.arange(runs), 2),
        }
    )


def practice(table: RunTable) -> dict[str, str]:
    """Return the verdicts of the largest common size, and of a paired t-test."""
    from scipy import stats

    first = table["family"] == "a"
    gap = np.log(table["loss"][~first] / table["loss"][first])
    largest = gap[np.argmax(table["flops"][first])]
    low = float(stats.ttest_1samp(gap, 0.0, alternative="less").pvalue)
    high = float(stats.ttest_1samp(gap, 0.0, alternative="greater").pvalue)
    tested = "promote" if low <= ERROR else "drop" if high <= ERROR else "undecided"
    return {"largest size": "promote" if largest < 0 else "drop", "t-test": tested}


def duel_of(table: int, how: str) -> dict[str, object]:
    """Simulate one table, and return what is said of it and what is true, by `COLUMNS`."""
    started, rng = time.process_time(), np.random.default_rng(1000 + table)
    true = float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST)))) if table % 3 else 1.0
    count = int(rng.integers(3, 21))
    runs = simulate(true, count, table)
    row = {"table": table, "how": how, "true": true, "runs": count, **practice(runs)}
    try:
        found = bs.duel(
            runs,
            a="a",
            b="b",
            flops=[float(runs["flops"].max()), TARGET],
            pairs="seed" if how == "pairs" else None,
            random_seed=table,
            **SETTINGS,  # type: ignore[arg-type]
        )
    except UnconvergedError:
        return row | {"duel": "unconverged", "cpu_s": time.process_time() - started}
    for scale, said in zip(SCALES, found.rows(), strict=True):
        ends = ("multiplier_lower", "multiplier", "multiplier_upper")
        names = ("lower", "median", "upper")
        row |= {f"{name}_{scale}": said[end] for name, end in zip(names, ends, strict=True)}
    row |= {"chance": found.chance("b")[-1], "duel": found.verdict("b")}
    return row | {"cpu_s": time.process_time() - started}


def is_wrong(verdict: str, multiplier: float) -> bool:
    """Whether a verdict is wrong; on a placebo any one is."""
    if verdict not in ("promote", "drop"):
        return False
    return multiplier == 1 or (verdict == "promote") != (multiplier > 1)


def said_of(rows: Sequence[Row]) -> str:
    """Say in a few lines how often intervals held, and how verdicts went."""
    lines = []
    fitted = [row for row in rows if row["duel"] != "unconverged"]
    true = np.array([float(row["true"]) for row in fitted])
    for scale in SCALES:
        low, high = (
            np.array([float(row[f"{end}_{scale}"]) for row in fitted]) for end in ("lower", "upper")
        )
        held = (low <= true) & (true <= high)
        lines.append(
            f"  90 % intervals at the {scale}: held {held.mean():.3f} ({held.sum()} of "
            f"{held.size}), too low {(high < true).sum()}, too high {(low > true).sum()}, median "
            f"width {np.median(high / low):.2f}x"
        )
    truth = np.array([float(row["true"]) for row in rows])
    for rule in RULES:
        verdicts = [row[rule] for row in rows]
        wrong = np.array([is_wrong(*each) for each in zip(verdicts, truth, strict=True)])
        right = np.isin(verdicts, ("promote", "drop")) & ~wrong
        placebo = truth == 1
        lines.append(
            f"  {rule}: verdicts on placebos {wrong[placebo].sum()} of {placebo.sum()}; wrong on "
            f"real differences {wrong[~placebo].sum()}, right {right[~placebo].sum()} of "
            f"{(~placebo).sum()}"
        )
    return "\n".join(lines)


def summary(rows: Iterable[Row]) -> str:
    """Write the table of all duels, plain and in pairs, by the number of runs."""
    rows, found = list(rows), []
    for how in dict.fromkeys(row["how"] for row in rows):
        own = [row for row in rows if row["how"] == how]
        cpu = sum(float(row["cpu_s"]) for row in own)
        lost = sum(row["duel"] == "unconverged" for row in own)
        found.append(f"{len(own)} {how} duels, {lost} unconverged, {cpu:.0f} CPU s\n{said_of(own)}")
        for least, most in ((3, 8), (9, 14), (15, 20)):
            some = [row for row in own if least <= int(row["runs"]) <= most]
            if some:
                found.append(f" {least} to {most} runs each: {len(some)}\n{said_of(some)}")
    return "\n".join(found)


def read(path: Path) -> list[Row]:
    """Return the duels that are kept."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Make what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("last", type=int, nargs="?", default=12)
    parser.add_argument("--how", choices=("plain", "pairs", "both"), default="both")
    parser.add_argument("--kept", type=Path, default=KEPT)
    given = parser.parse_args()
    warnings.simplefilter("ignore", BayesScalingWarning)
    given.kept.parent.mkdir(parents=True, exist_ok=True)
    made = {(int(row["table"]), row["how"]) for row in read(given.kept)}
    hows = ("plain", "pairs") if given.how == "both" else (given.how,)
    with given.kept.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not made:
            writer.writeheader()
        for table in range(given.first, given.last):
            for how in hows:
                if (table, how) not in made:
                    writer.writerow(duel_of(table, how))
                    file.flush()
    print(summary(read(given.kept)))


if __name__ == "__main__":
    main()
