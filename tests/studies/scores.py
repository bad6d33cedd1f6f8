"""Scores of large models from small ones: two steps, pooled over tasks, beside plainer rules.

    python -m tests.studies.scores [--law downstream-sigmoid] [--split target] [--tasks 0]

The runs are those of Gadre et al. 2024. Under ``--split target`` models below .5e9 params are
fitted, and those of 1.4e9 and 6.9e9 are forecast from their params and tokens alone; ``inside``
fits models below .2e9 and forecasts those of .4e9, ``deep`` fits those below .1e9 and forecasts
.15e9 and .4e9: what is chosen is chosen there. Tasks are those where the fitted models are above
chance: their best third errs less than the worst third by `CLEAR` standard errors of the two means;
nothing of the held-out runs is looked at. Compared are the law pooled over tasks, the same for each
task alone (``--alone``), the published form fitted to each task by least squares at the point fit
of the loss, and no change: the error of the fitted run of the lowest loss; all on one loss law for
each training text.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable
from bayes_scaling.scores import score

Array = NDArray[np.float64]
FOLDER = Path(os.environ.get("BAYES_SCALING_PUBLIC_DATA", "../shared/data"))
TEXT = "c4_val"
SMALL = 5e8
SPLITS = {"target": (SMALL, np.inf), "inside": (2e8, SMALL), "deep": (1e8, SMALL)}
"""Params below which runs are fitted, and below which the others are forecast."""

CLEAR = 5.0

ITEMS: Mapping[str, int] = {
    "agi_eval_lsat_ar": 230,
    "agi_eval_lsat_lr": 510,
    "agi_eval_lsat_rc": 268,
    "agi_eval_sat_en": 206,
    "arc_challenge": 1172,
    "arc_easy": 2376,
    "bbq": 58492,
    "bigbench_conceptual_combinations": 103,
    "bigbench_conlang_translation": 164,
    "bigbench_cs_algorithms": 1320,
    "bigbench_dyck_languages": 1000,
    "bigbench_elementary_math_qa": 38160,
    "bigbench_language_identification": 10000,
    "bigbench_logical_deduction": 1500,
    "bigbench_misconceptions": 219,
    "bigbench_novel_concepts": 32,
    "bigbench_operators": 210,
    "bigbench_qa_wikidata": 20321,
    "bigbench_repeat_copy_logic": 32,
    "bigbench_strange_stories": 174,
    "bigbench_strategy_qa": 2289,
    "bigbench_understanding_fables": 189,
    "boolq": 3270,
    "commonsense_qa": 1221,
    "copa": 100,
    "coqa": 7983,
    "enterprise_pii_classification": 3395,
    "hellaswag": 10042,
    "hellaswag_zeroshot": 10042,
    "jeopardy": 2117,
    "lambada_openai": 5153,
    "logi_qa": 651,
    "math_qa": 2983,
    "mmlu": 14042,
    "mmlu_zeroshot": 14042,
    "openbook_qa": 500,
    "piqa": 1838,
    "pubmed_qa_labeled": 1000,
    "simple_arithmetic_nospaces": 1000,
    "simple_arithmetic_withspaces": 1000,
    "siqa": 1954,
    "squad": 10570,
    "winogender_mc_female": 60,
    "winogender_mc_male": 60,
    "winograd": 273,
    "winogrande": 1267,
}
"""Questions of each task: every score is a whole number of them, but for those of bbq, mmlu,
jeopardy and elementary_math_qa, which are means over categories."""


def read() -> RunTable:
    """Return one row per run and task: sizes, loss on one text, error of the task."""
    import pandas as pd

    errors = pd.read_csv(FOLDER / "gadre2024_downstream.csv")
    losses = pd.read_csv(FOLDER / "gadre2024_losses.csv")
    losses = losses[losses.metric == TEXT][["family", "run", "loss"]]
    errors = errors.rename(columns={"loss": "error"}).merge(losses, on=["family", "run"])
    errors["metric"] = errors.metric.str.removeprefix("1-acc:")
    errors["items"] = errors.metric.map(ITEMS)
    numbers = ("params", "tokens", "flops", "loss", "error", "items")
    columns = {name: errors[name].to_numpy(float) for name in numbers}
    labels = {name: errors[name].to_numpy(str) for name in ("run", "family", "metric")}
    return RunTable(columns={**labels, **columns})


def above_chance(small: RunTable) -> list[str]:
    """Return the tasks that the fitted runs learn."""
    found = []
    for task in small.groups("metric"):
        rows = small.labels("metric") == task
        error = small["error"][rows][np.argsort(small["loss"][rows])]
        third = error.size // 3
        best, worst = error[:third], error[-third:]
        spread = np.sqrt(best.var(ddof=1) / third + worst.var(ddof=1) / third)
        if worst.mean() - best.mean() > CLEAR * spread:
            found.append(task)
    return found


def published_form(loss: Array, error: Array) -> Array:
    """Fit error = e - k exp(-g loss) by least squares and return e, k, g."""

    def residual(x: Array) -> Array:
        return np.asarray(x[0] - np.exp(x[1] - x[2] * loss) - error)

    bounds = ([0.0, -10.0, 0.05], [1.0, 10.0, 5.0])  # without them g runs away on flat tasks
    starts = [np.array([min(error.max(), 0.99), np.log(2.0), g]) for g in (0.3, 0.7, 1.5, 3.0)]
    fits = [least_squares(residual, start, bounds=bounds) for start in starts]
    e, log_k, g = min(fits, key=lambda fit: fit.cost).x
    return np.array([e, np.exp(log_k), g])


def through(loss: Fit, scores: Fit, task: str | None, runs: RunTable) -> Array:
    """Draws (n_draws, n_runs) of the error of new runs of one training text and task."""
    sizes = {name: runs[name] for name in ("params", "tokens")}
    named = {} if task is None else {"metric": np.full(len(runs), task)}
    return bs.two_steps(loss, scores).forecast({**sizes, **named}).draws


def report(name: str, found: list[tuple[str, Array, Array, Array]]) -> None:
    """Print the error of the median, coverage and scores, over all, and by size."""
    sizes = {f"{size:.2g}": size for _, _, _, held in found for size in held}
    for label, size in {"all": None, **sizes}.items():
        errors, inside, widths, crps = [], [], [], []
        for _, draws, observed, params in found:
            rows = np.ones(params.size, bool) if size is None else np.isclose(params, size)
            if not rows.any():
                continue
            median = np.median(draws[:, rows], axis=0)
            errors += np.abs(median - observed[rows]).tolist()
            if len(draws) > 1:
                lo, hi = np.quantile(draws[:, rows], (0.05, 0.95), axis=0)
                inside += ((observed[rows] >= lo) & (observed[rows] <= hi)).tolist()
                widths += (hi - lo).tolist()
            crps.append(score(draws[:, rows], observed[rows])["crps"])
        line = f"{name:<34}{label:>6}  n {len(errors):4d}  mean |error| {np.mean(errors):.4f}"
        if inside:
            line += f"  coverage90 {np.mean(inside):.3f}  width90 {np.mean(widths):.4f}"
        print(line, f"  crps/observed {np.mean(crps):.4f}", flush=True)


def main() -> None:
    """Fit, forecast, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--law", default="downstream-sigmoid")
    parser.add_argument("--split", choices=list(SPLITS), default="target")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--tune", type=int, default=800)
    parser.add_argument("--tasks", type=int, default=0, help="the first so many tasks; 0: all")
    parser.add_argument("--loss-law", default="chinchilla")
    parser.add_argument("--alone", action="store_true", help="each task by itself too")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    runs, (fitted, upto) = read(), SPLITS[asked.split]
    params = runs["params"]
    small, large = runs.take(params < fitted), runs.take((params >= fitted) & (params < upto))
    tasks = above_chance(small)[: asked.tasks or None]
    print(len(tasks), "tasks above chance:", ", ".join(tasks), flush=True)
    settings = {
        "draws": asked.draws,
        "tune": asked.tune,
        "chains": 2,
        "random_seed": 1,
        "progress": False,
    }
    law = load_model(asked.law)
    found: dict[str, list[tuple[str, Array, Array, Array]]] = {
        "pooled": [],
        "alone": [],
        "points": [],
        "no change": [],
    }
    for text in small.groups("family"):
        own, held = (part.take(part.labels("family") == text) for part in (small, large))
        one = own.take(own.labels("metric") == tasks[0])
        began = time.process_time()
        loss = bs.fit(asked.loss_law, one, **settings).accept_unconverged()
        kept = own.take(np.isin(own.labels("metric"), tasks))
        pooled = bs.fit(law.pooled_by("metric"), kept, **settings)
        rhat = max(each.r_hat for each in pooled.mixing.values())
        ess = min(each.ess for each in pooled.mixing.values())
        spent = time.process_time() - began
        print(
            f"{text}: {len(kept)} rows, {pooled.status}, R-hat {rhat:.3f}, ESS {ess:.0f}, "
            f"{spent:.0f} CPU s with the loss",
            flush=True,
        )
        pooled = pooled.accept_unconverged()
        for task in tasks:
            mine, asked_of = (part.take(part.labels("metric") == task) for part in (own, held))
            observed, params = asked_of["error"], asked_of["params"]
            draws = through(loss, pooled, task, asked_of)
            found["pooled"].append((task, draws, observed, params))
            e, k, g = published_form(mine["loss"], mine["error"])
            sizes = {name: asked_of[name] for name in ("params", "tokens")}
            middle = np.median(loss.forecast(sizes).noise_free, axis=0)
            point = np.clip(e - k * np.exp(-g * middle), 1e-3, 1.0)[None]
            found["points"].append((task, point, observed, params))
            best = np.full((1, observed.size), mine["error"][np.argmin(mine["loss"])])
            found["no change"].append((task, best, observed, params))
            if asked.alone:
                by_itself = bs.fit(law, mine, **settings).accept_unconverged()
                draws = through(loss, by_itself, None, asked_of)
                found["alone"].append((task, draws, observed, params))
        print(f"law {asked.law}, loss law {asked.loss_law}, loss on {TEXT}, up to {text}")
        for name, each in found.items():
            if each:
                report({"points": "published form, least squares"}.get(name, name), each)


if __name__ == "__main__":
    main()
