"""What repeated text does to small models, and the priors of data-constrained-coupled from it.

    python -m tests.studies.repeats                 fit the runs in nano_lm_repeats.csv
    python -m tests.studies.repeats --train OUT     train them again (JAX; an hour of one core)

nano-lm is trained on a share of its text, drawn window by window and read up to 64 times in fresh
orders. `loss` is that at the end of the schedule, `best` the lowest on the way. The losses on the
way belong to a learning rate that has not come down yet, so `best` is a bound of early stopping.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.facade import Fit
from bayes_scaling.laws import Model, load_model
from bayes_scaling.runs import RunTable

RUNS = Path(__file__).with_name("nano_lm_repeats.csv")

MODEL = "data-constrained-coupled"

WEAK: Mapping[str, Mapping[str, Any]] = {
    "R_D": {"dist": "LogNormal", "mu": 3.0, "sigma": 1.5},
    "R_N": {"dist": "LogNormal", "mu": 2.0, "sigma": 1.5},
    "z_0": {"dist": "LogNormal", "mu": 5.0, "sigma": 2.5},
    "q": {"dist": "LogNormal", "mu": -1.5, "sigma": 1.0},
}
"""Priors that leave the four parameters of repetition to the runs."""

RATES = {(16, 2): 2**-5, (32, 2): 2**-6, (48, 2): 2**-6.5, (64, 3): 2**-7}
"""Learning rate of each width and depth: the best of the shipped sweep, about."""

COLUMNS = (
    "width", "depth", "params", "tokens", "unique_tokens", "learning_rate", "loss", "best",
)  # fmt: skip


def plan() -> Iterator[tuple[tuple[int, int], float, int]]:
    """Yield shape, tokens and epochs of every run."""
    for tokens, widest in ((3e5, 64), (1.2e6, 48), (5e6, 32)):
        for shape in RATES:
            if shape[0] <= widest:
                for epochs in (1, 4, 8, 16, 32, 64) if tokens < 5e6 else (1, 8, 24, 64):
                    yield shape, tokens, epochs
    yield from (((64, 3), 1.2e6, epochs) for epochs in (1, 4))


def train(path: Path) -> None:
    """Train the runs of the plan that a file does not have yet, and append them."""
    from bayes_scaling.datasets.nano_lm import train as trainer
    from bayes_scaling.datasets.nano_lm.corpus import load_corpus
    from bayes_scaling.datasets.nano_lm.transformer import CONTEXT, Shape

    corpus = load_corpus()
    windows = trainer.window_count(corpus.train)
    done = read(path) if path.exists() else []
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(COLUMNS)
        for number, ((width, depth), tokens, epochs) in enumerate(plan()):
            if number < len(done):
                continue
            sequences = trainer.batch_sequences(tokens)
            steps = round(tokens / (sequences * CONTEXT))
            order = repeated(windows, steps * sequences, epochs, seed=[width, int(tokens), epochs])
            shape, rate = Shape(width=width, depth=depth), RATES[width, depth]
            curve = trainer._train(
                shape, corpus.train, corpus.validation, order, steps, rate, 0, None
            )
            seen = [count * CONTEXT for count in (order.size, np.unique(order).size)]
            losses = [loss for _, loss in curve]
            writer.writerow([width, depth, shape.params, *seen, rate, losses[-1], min(losses)])
            file.flush()


def repeated(windows: int, wanted: int, epochs: int, *, seed: list[int]) -> NDArray[np.int64]:
    """Order of windows (wanted,): a random share of them, again and again, shuffled each time."""
    rng = np.random.default_rng(seed)
    pool = rng.permutation(windows)[: max(1, round(wanted / epochs))]
    passes = -(-wanted // pool.size)
    return np.concatenate([rng.permutation(pool) for _ in range(passes)])[:wanted]


def read(path: Path) -> list[dict[str, float]]:
    """Read the runs of a file."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def fitted(model: Model, rows: list[dict[str, float]], response: str) -> Fit:
    """Fit a law to one of the two losses."""
    columns = {name: [row[name] for row in rows] for name in ("params", "tokens", "unique_tokens")}
    runs = RunTable.from_columns({**columns, "loss": [row[response] for row in rows]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        return bs.fit(model, runs, random_seed=1)


def say(name: str, fit: Fit) -> None:
    """Print what a fit says of repetition."""
    found = {key: fit.flat[key] for key in (*WEAK, "sigma") if key in fit.flat}
    ends = {key: np.quantile(values, [0.5, 0.05, 0.95]) for key, values in found.items()}
    texts = [f"{key} {m:.3g} [{lo:.3g}, {hi:.3g}]" for key, (m, lo, hi) in ends.items()]
    print(f"{name}: {', '.join(texts)}; {fit.status}")


def rising(sharpness: float) -> Model:
    """Return the law with weak priors and another sharpness of the turn at z_0.

    Nothing stands for what it gets wrong: the runs are all there, many epochs and few.
    """
    model = load_model(MODEL).with_priors(WEAK)
    definition = model.with_features(transient=False).to_dict()
    text = f"exp(q / {sharpness} * logaddexp(0, {sharpness} * (log_z - log(z_0))))"
    definition["formula"] = f"{NEVER_RISING} * overfit"
    definition["where"]["overfit"] = text
    return without(definition, "slip", "beyond")


def never_rising() -> Model:
    """Return the law without overfitting."""
    definition = rising(3).to_dict() | {"formula": NEVER_RISING}
    return without(definition, "z_0", "q", "overfit", "log_z")


def without(definition: dict[str, Any], *names: str) -> Model:
    """Return a law whose formula no longer reads some parameters and lines."""
    for key in ("parameters", "where"):
        definition[key] = {k: v for k, v in definition[key].items() if k not in names}
    return load_model(definition)


NEVER_RISING = "(E + exp(k * logaddexp(log_a, log_b)))"


def main() -> None:
    """Print medians and 90 % intervals (ETI)."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", type=Path, help="train the runs into this file")
    given = parser.parse_args()
    if given.train:
        train(given.train)
        return
    rows = read(RUNS)
    print(f"{len(rows)} runs; median [90 % ETI]")
    for sharpness in (2, 3, 4):
        say(f"end of schedule, sharpness {sharpness}", fitted(rising(sharpness), rows, "loss"))
    say("end of schedule, without overfitting", fitted(never_rising(), rows, "loss"))
    say("best on the way, without overfitting", fitted(never_rising(), rows, "best"))


if __name__ == "__main__":
    main()
