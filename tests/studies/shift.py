"""Losses of a corpus that was left out, on 8 texts, from its loss on one: Gadre et al. 2024.

    python -m tests.studies.shift [--draws 400]

For each evaluation text the losses of models trained on two corpora are fitted against their loss
on `TEXT`, with a slope and a level for each corpus; those of the third corpus are forecast from
their loss on `TEXT` alone, as a new corpus: its slope and level are drawn from the population, of
whose spread two corpora and the prior tell. Compared are the line (loss-shift), the shifted power
(loss-to-loss), and the rule that the offset is constant: the mean difference of the two corpora.
`TEXT` itself is one of the 8 and left out: it is given.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable

FOLDER = Path(os.environ.get("BAYES_SCALING_PUBLIC_DATA", "../shared/data"))
TEXT = "c4_val"


def read() -> pd.DataFrame:
    """Return one row per run and evaluation text."""
    losses = pd.read_csv(FOLDER / "gadre2024_losses.csv")
    first = losses[losses.metric == TEXT][["family", "run", "loss"]]
    others = losses[losses.metric != TEXT].rename(columns={"loss": "loss_shifted"})
    return others.merge(first, on=["family", "run"])


def table(rows: pd.DataFrame) -> RunTable:
    """Return rows as a table."""
    numbers = {name: rows[name].to_numpy(float) for name in ("loss", "loss_shifted")}
    labels = {name: rows[name].to_numpy(str) for name in ("family", "metric", "run")}
    return RunTable(columns={**labels, **numbers})


def main() -> None:
    """Print errors by corpus left out, then slopes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = read()
    settings = {"draws": asked.draws, "chains": 2, "random_seed": 1, "progress": False}
    laws = {name: load_model(name) for name in ("loss-shift", "loss-to-loss")}
    errors: dict[str, list[float]] = {"constant offset": [], **{name: [] for name in laws}}
    inside: dict[str, list[bool]] = {name: [] for name in laws}
    widths: dict[str, list[float]] = {name: [] for name in laws}
    texts = sorted(rows.metric.unique())
    by_text: dict[tuple[str, str], list[float]] = {
        (name, text): [] for name in errors for text in texts
    }
    began = time.process_time()
    for left in sorted(rows.family.unique()):
        for text in texts:
            of_text = rows[rows.metric == text]
            known, own = of_text[of_text.family != left], of_text[of_text.family == left]
            seen = own.loss_shifted.to_numpy()
            offset = (known.loss_shifted - known.loss).mean()
            found = {"constant offset": np.abs((own.loss.to_numpy() + offset) / seen - 1)}
            for name, law in laws.items():
                fit = bs.fit(law, table(known), **settings).accept_unconverged()
                sizes = {"loss": own.loss.to_numpy(), "family": [left] * len(own)}
                draws = fit.with_new_group(left).forecast(sizes).draws
                middle, low, high = np.quantile(draws, (0.5, 0.05, 0.95), axis=0)
                found[name] = np.abs(middle / seen - 1)
                inside[name] += ((seen >= low) & (seen <= high)).tolist()
                widths[name] += ((high - low) / seen).tolist()
                rhat = max(each.r_hat for each in fit.mixing.values())
                print(f"{text} without {left}: {name} {fit.status}, R-hat {rhat:.3f}", flush=True)
            for name, each in found.items():
                errors[name] += each.tolist()
                by_text[name, text].append(float(each.mean()))
    print(f"{time.process_time() - began:.0f} CPU s")
    for name, each in errors.items():
        covered = ""
        if name in inside:
            covered = f", coverage90 {np.mean(inside[name]):.3f}, width {np.mean(widths[name]):.2f}"
        print(f"{name}: mean |relative error| {100 * np.mean(each):.2f} %{covered}")
    for text in texts:
        means = {name: 100 * np.mean(by_text[name, text]) for name in errors}
        print(text, ", ".join(f"{name} {mean:.2f} %" for name, mean in means.items()))
    fit = bs.fit(load_model("loss-shift").pooled_by("metric"), table(rows), **settings)
    for row in fit.accept_unconverged().shift().rows():
        print(f"{row['metric']:<32} slope {row['slope']:.3f} [{row['slope_lower']:.3f}, "
              f"{row['slope_upper']:.3f}]  P(within .05 of 1) {row['slope_is_1']:.2f}  "
              f"offset {row['offset']:+.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
