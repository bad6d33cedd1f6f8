"""Shape and weight decay on our own sweeps: what was held out, and what was said of it.

    python -m tests.studies.shape [shape | decay] [--draws 500] [--seed 1]

`shape`: each depth of nano-shape is left out at all three budgets and forecast from the others;
then the probability that the deepest shape beats the widest, by budget, from runs of smaller
budgets where there are two. `decay`: laws fitted on widths up to 32 of nano-decay say what rules of
weight decay cost at width 72, which has four times the params; runs there say what they do cost.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.datasets.nano_lm.shape_sweep import DECAY_RATES, SHAPES
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.facade import Fit
from bayes_scaling.runs import RunTable

LAWS = ("coupled+aspect", "width-depth")
BYTES = bs.Layout(vocabulary=256, tied=True)
COVER = (0.5, 0.9)


def best_runs() -> RunTable:
    """Each shape at its best rate; the mean of its seeds, on the log scale."""
    runs = bs.load_dataset("nano-shape")
    frame = runs.frame
    keys = ["budget", "width", "depth"]
    at = frame.loc[frame.groupby(keys)["loss"].idxmin(), [*keys, "learning_rate"]]
    same = frame.merge(at, on=[*keys, "learning_rate"])
    loss = np.exp(np.log(same["loss"]).groupby([same[key] for key in keys]).mean())
    first = same.drop_duplicates(keys).set_index(keys)
    first["loss"] = loss
    return RunTable.from_columns(
        {name: values.to_numpy() for name, values in first.reset_index().items()}
    )


def fit_of(law: str, runs: RunTable, draws: int, seed: int) -> Fit:
    """Fit a law quietly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        return bs.fit(runs, law, draws=draws, random_seed=seed)


def leave_one_depth_out(law: str, draws: int, seed: int) -> pd.DataFrame:
    """Forecast the runs of each depth from those of the others."""
    runs, rows = best_runs(), []
    for depth in np.unique(runs["depth"]):
        out = runs["depth"] == depth
        fit = fit_of(law, runs.take(~out), draws, seed)
        held = runs.take(out)
        asked = {name: held[name] for name in ("params", "tokens", "width", "depth")}
        found = fit.forecast({k: v for k, v in asked.items() if k in fit.only.model.inputs})
        for place in range(len(held)):
            new, true = found.draws[:, place], float(held["loss"][place])
            row = {
                "law": law,
                "depth": depth,
                "budget": held["budget"][place],
                "status": fit.status,
            }
            row |= {"true": true, "said": np.median(new), "error": np.median(new) / true - 1}
            for cover in COVER:
                low, high = np.quantile(new, [(1 - cover) / 2, (1 + cover) / 2])
                row[f"in{cover:.0%}"] = low <= true <= high
            rows.append(row | {"width": high / low - 1})
    return pd.DataFrame(rows)


def deep_against_wide(law: str, draws: int, seed: int) -> pd.DataFrame:
    """Say at each budget whether the deepest shape beats the widest, and what runs say."""
    runs, rows = best_runs(), []
    for budget, shapes in SHAPES.items():
        here = runs["budget"] == budget
        own = runs.take(here)
        deepest, widest = int(np.argmax(own["depth"])), int(np.argmin(own["depth"]))
        table = {"width": [float(w) for w, _ in shapes], "depth": [float(d) for _, d in shapes]}
        for fitted, taken in (
            ("all runs", here | ~here),
            ("smaller budgets", runs["budget"] < budget),
        ):
            if np.unique(runs["budget"][taken]).size < 2:
                continue
            fit = fit_of(law, runs.take(taken), draws, seed)
            found = fit.rank_shapes(table, flops=budget, layout=BYTES)
            row = {"law": law, "budget": budget, "fitted": fitted, "status": fit.status}
            row |= {"deep beats wide": found.depth_beats_width}
            row |= {"true": own["loss"][deepest] < own["loss"][widest]}
            row |= {"gap": own["loss"][deepest] / own["loss"][widest] - 1}
            row |= {"said best": found.names[int(found.order[0])], "chance": found.best.max()}
            best = int(np.argmin(own["loss"]))
            row |= {"true best": f"{own['depth'][best]:g} x {own['width'][best]:g}"}
            if found.best_aspect is not None:
                row |= {
                    "best width/depth": np.round(
                        np.quantile(found.best_aspect, [0.05, 0.5, 0.95]), 1
                    )
                }
            rows.append(row)
    return pd.DataFrame(rows)


def wrong_rules(draws: int, seed: int) -> pd.DataFrame:
    """What rules of weight decay cost at four times the size: said, and by the runs there."""
    runs = bs.load_dataset("nano-decay")
    small = runs.take(runs["width"] <= 32)
    at = {name: float(small[name][small["width"] == 32][0]) for name in SIZES}
    far = {name: float(runs[name][runs["width"] == 72][0]) for name in SIZES}
    rows = []
    for law in ("coupled+lr-valley+timescale-valley", "coupled+lr-valley+valley:weight_decay"):
        fit = fit_of(law, small, draws, seed)
        for power in DECAY_RATES[:2]:
            rates = {"small": 2.0**power * 64 / 32, "target": 2.0**power * 64 / 72}
            held = runs.take(
                (runs["width"] == 72) & np.isclose(runs["learning_rate"], rates["target"])
            )
            order = np.argsort(held["weight_decay"])
            decay, loss = np.log(held["weight_decay"][order]), held["loss"][order]
            rate = {name: {"learning_rate": value} for name, value in rates.items()}
            found = fit.setting_rules(
                "weight_decay", small=at | rate["small"], target=far | rate["target"]
            )
            for row in found.rows():
                did = np.interp(np.log(row["chosen"]), decay, loss) / loss.min() - 1
                ends = [row[f"cost{end}"] for end in ("", "_lower", "_upper")]
                rows.append(
                    {"law": law.split("+")[-1], "status": fit.status, "rate x width / 64": power}
                    | {"rule": row["rule"], "chosen": row["chosen"]}
                    | {"said best": row["best_weight_decay"], "holds": row["holds"]}
                    | {"said cost": np.round(ends, 4), "did cost": did}
                    | {"true best": np.exp(decay[np.argmin(loss)])}
                    | {"inside": ends[1] <= did <= ends[2]}
                )
    return pd.DataFrame(rows)


SIZES = ("params", "tokens", "batch_size")


def main(given: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=("shape", "decay"), default="shape")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(given)
    pd.set_option("display.width", 200)
    if asked.part == "decay":
        print(wrong_rules(asked.draws, asked.seed).to_string())
        return
    for law in LAWS:
        out = leave_one_depth_out(law, asked.draws, asked.seed)
        print(out.to_string())
        inner = out[~out["depth"].isin([1, 12])]
        for name, part in (("all depths", out), ("2 to 8 layers", inner)):
            print(
                f"{law}, {name}: mean absolute error {part['error'].abs().mean():.4f}, coverage50 "
                f"{part['in50%'].mean():.2f}, coverage90 {part['in90%'].mean():.2f}, width90 "
                f"{part['width'].median():.3f}, {len(part)} runs",
                flush=True,
            )
        print(deep_against_wide(law, asked.draws, asked.seed).to_string(), flush=True)


if __name__ == "__main__":
    main()
