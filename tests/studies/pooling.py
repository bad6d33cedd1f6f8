"""Do families learn from each other? Each is fitted on a third of its small runs, with exponents
pooled over the families and separate, and asked for its exponents and for its largest runs.

python -m tests.studies.pooling [--seeds 5] [--model chinchilla]

The truth of an exponent is its median in a separate fit of all runs of the family, so its own error
(given beside) is a floor for what can be seen.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import fit
from bayes_scaling.intervals import quantiles
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.parameters import Pool
from bayes_scaling.runs import RunTable
from tests.studies.tasks import bench_folder

TOP = 0.1
"""Share of the runs of a family, by compute, that are its largest: forecast and never fitted."""

SHARE = 1 / 3
"""Share of the others that is fitted."""

EXPONENTS = ("alpha", "beta", "k")
"""What is pooled or separate."""

DRAWS: dict[str, Any] = {"draws": 1500, "tune": 800, "chains": 2}


def data(name: str) -> RunTable:
    """Return the runs of all families of a public set: c4 losses, or near-optimal isoFLOP rows."""
    folder = bench_folder().parent / "data"
    if name == "gadre":
        frame = pd.read_csv(folder / "gadre2024_losses.csv")
        frame = frame[frame.metric == "c4_val"]
    else:
        frame = pd.read_csv(folder / "porian2024_isoflop.csv")
        frame = frame[(frame.param_count == "standard") & (frame.loss < 6)]
        least = frame.groupby(["family", "flops"]).loss.transform("min")
        frame = frame[frame.loss <= 1.05 * least]
    return RunTable.from_frame(frame[["run", "family", "params", "tokens", "flops", "loss"]])


def variant(name: str, *, pooled: bool) -> Model:
    """Return a law whose exponents the families pool, or have each for themselves."""
    model = load_model(name)
    pool = Pool(kind="partial") if pooled else Pool(kind="separate")
    parameters = tuple(
        replace(item, pool=pool) if item.name in EXPONENTS else item for item in model.parameters
    )
    return replace(model, id="pooled" if pooled else "separate", parameters=parameters)


def split(runs: RunTable, seed: int) -> tuple[RunTable, RunTable]:
    """Return a random third of the small runs of each family, and its largest runs."""
    rng = np.random.default_rng(seed)
    fitted: list[NDArray[np.int64]] = []
    largest: list[NDArray[np.int64]] = []
    for family in runs.groups("family"):
        rows = np.flatnonzero(runs.labels("family") == family)
        rows = rows[np.argsort(runs["flops"][rows], kind="stable")]
        top = max(2, round(TOP * rows.size))
        largest.append(rows[-top:])
        small = rows[:-top]
        fitted.append(rng.choice(small, max(5, round(SHARE * small.size)), replace=False))
    return runs.take(np.sort(np.concatenate(fitted))), runs.take(np.concatenate(largest))


def judge(found: Fit, truth: dict[str, NDArray[np.float64]], largest: RunTable) -> dict[str, float]:
    """Return widths of intervals and errors of exponents and of the largest runs, over families."""
    row: dict[str, float] = {}
    for name, true in truth.items():
        ends = np.array([quantiles(values) for values in found.flat[name].T])
        row[f"{name}_width"] = float(np.mean(np.log(ends[:, 2] / ends[:, 1])))
        row[f"{name}_error"] = float(np.mean(np.abs(np.log(ends[:, 0] / true))))
        row[f"{name}_cover90"] = float(np.mean((ends[:, 1] <= true) & (true <= ends[:, 2])))
    table = found.accept_unconverged().forecast(largest).table
    observed = largest["loss"]
    row["loss_width"] = float(
        np.mean((table.new_run_upper - table.new_run_lower).to_numpy() / observed)
    )
    row["loss_error"] = float(np.mean(np.abs(table.new_run.to_numpy() / observed - 1)))
    inside = (table.new_run_lower <= observed) & (observed <= table.new_run_upper)
    row["loss_cover90"] = float(inside.mean())
    row["divergent"] = float(np.mean(found.stats["diverging"]))
    row["converged"] = float(found.status == "converged")
    return row


def study(name: str, model: str, seeds: int) -> pd.DataFrame:
    """Return one row per seed and variant."""
    runs = data(name)
    laws = [variant(model, pooled=pooled) for pooled in (True, False)]
    whole = fit(laws[1], runs, random_seed=0, **DRAWS)
    names = [item.name for item in laws[1].parameters if item.name in EXPONENTS]
    truth = {key: np.median(whole.flat[key], axis=0) for key in names}
    rows = []
    for seed in range(seeds):
        fitted, largest = split(runs, seed)
        for law in laws:
            found = fit(law, fitted, random_seed=seed + 1, **DRAWS)
            own = {"data": name, "variant": law.id, "seed": seed, "rows": len(fitted)}
            rows.append({**own, **judge(found, truth, largest)})
            print(pd.Series(rows[-1]).to_dict(), flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    """Run the study on both sets and print means and paired ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", default="chinchilla")
    parser.add_argument("--data", default="gadre,porian")
    given = parser.parse_args()
    warnings.simplefilter("ignore", BayesScalingWarning)
    for name in given.data.split(","):
        table = study(name, given.model, given.seeds).drop(columns=["data", "seed"])
        means = table.groupby("variant").mean()
        ratio = (means.loc["pooled"] / means.loc["separate"]).rename("pooled / separate")
        print(f"\n{name}, {given.model}, {given.seeds} seeds")
        print(pd.concat([means.T, ratio], axis=1).to_string(float_format="%.4f"))


if __name__ == "__main__":
    main()
