"""Where the default priors come from: what many sweeps say of the law's parameters.

python -m tests.studies.priors [--strict] [--model coupled] [--drift] [--keep FILE]

The law, with a transient, is fitted to the rows of every set under weak priors, set by set; then
its parameters are gathered over studies and compared with the priors that ship. Rows are those a
forecast is made *from* in the benchmark, and all of nano-lm. A few rows of gadre and datablations
are fitted in one task of the benchmark and forecast in another; ``--strict`` leaves these out.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from bayes_scaling.datasets import load_dataset
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.fitting import fit
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.priors import DISTRIBUTIONS
from bayes_scaling.laws.variants import with_priors
from bayes_scaling.runs import RunTable, best_of_cells
from tests.studies.population import (
    SHARE,
    Estimate,
    by_study,
    line,
    natural,
    population,
    unbounded,
    verdict,
    within_studies,
)
from tests.studies.tasks import load_tasks

WEAK: Mapping[str, Mapping[str, Any]] = {
    "k": {"dist": "LogNormal", "mu": -0.5, "sigma": 0.6},
    "f_shift": {"dist": "Normal", "mu": 0.0, "sigma": 1.5},
    "m": {"dist": "Beta", "alpha": 2.0, "beta": 2.0},
    "alpha": {"dist": "LogNormal", "mu": -1.1, "sigma": 0.6},
    "beta": {"dist": "LogNormal", "mu": -1.1, "sigma": 0.6},
    "sigma": {"dist": "LogNormal", "mu": -5.0, "sigma": 1.5},
}
"""Priors that leave the runs of a set to say what they can."""

TASKS = ("chinchilla", "gadre_paper", "misfitting", "steplaw_env", "porian_near")
STRICT = ("chinchilla", "gadre_small", "misfitting", "steplaw_env", "porian_near")
"""Tasks whose fit rows are read; the fit rows of gadre_paper hold targets of gadre_small."""

ORIGIN = 1e17
"""Product of reference params and tokens from which the share of E is counted."""

SLOPE, WITHIN = 0.1, 0.3
"""What the definition of chinchilla says of log(E / R): its slope in log(N D), and how closely."""


def sets(bench: ModuleType, *, strict: bool) -> Iterator[tuple[str, str, RunTable]]:
    """Yield study, group and runs of every set; rows to be forecast are dropped at once."""
    for task, group, table, small, _ in bench.size_tasks():
        if task in (STRICT if strict else TASKS):
            yield task.partition("_")[0], group, _table(table[small])
    d = bench.read("datablations")
    d = d[(d.dedup == 0) & (d.loss < 4.5) & (d.tokens >= 1.4e9) & (d.epochs <= 2)]
    d = d[d.params < 3e9] if strict else d
    yield "datablations", "all", _table(d.loc[d.groupby(["params", "tokens"]).loss.idxmin()])
    yield "nano-lm", "all", best_of_cells(load_dataset("nano-lm"))


def _table(rows: Any) -> RunTable:
    columns = {name: rows[name].to_numpy(float) for name in ("params", "tokens", "loss")}
    return RunTable.from_columns(columns)


def weak_model(name: str, *, drift: bool = False) -> Model:
    """Put a law under weak priors, with a transient and perhaps drift."""
    model = load_model(name)
    known = {parameter.name for parameter in model.parameters}
    priors = {key: value for key, value in WEAK.items() if key in known}
    return with_priors(model.with_features(drift=drift, transient=True), priors)


def estimate(model: Model, study: str, group: str, runs: RunTable, draws: int) -> Estimate:
    """Fit one set, with as many draws in each of two chains."""
    result = fit(model, runs, draws=draws, tune=600, chains=2, random_seed=1)
    values = {
        name: unbounded(result.flat[name], DISTRIBUTIONS[WEAK[name]["dist"]].scale)
        for name in WEAK
        if name in result.flat
    }
    values[SHARE] = unbounded(result.flat["f"], "logit")
    sizes = result.references["params_ref"] * result.references["tokens_ref"]
    rhat = max(each.r_hat for each in result.mixing.values())
    note = f"{len(runs)} rows, {int(np.sum(result.stats['diverging']))} divergent, R-hat {rhat:.3f}"
    return Estimate(
        study=study,
        group=group,
        size=float(np.log(sizes / ORIGIN)),
        mean={name: float(np.mean(draws)) for name, draws in values.items()},
        var={name: float(np.var(draws)) for name, draws in values.items()},
        note=f"{note}, {result.status}",
    )


def gather(
    bench: ModuleType, model: Model, *, strict: bool = False, draws: int, keep: Path | None = None
) -> list[Estimate]:
    """Fit every set, or read what was kept of the same rows, model and draws."""
    kept: dict[str, Any] = json.loads(keep.read_text()) if keep and keep.exists() else {}
    found = []
    for study, group, runs in sets(bench, strict=strict):
        key = f"{model.content_hash} {runs.content_hash} {draws}"
        if key not in kept:
            kept[key] = vars(estimate(model, study, group, runs, draws))
            print(f"{study} {group[:44]}: {kept[key]['note']}", file=sys.stderr)
            if keep:
                keep.write_text(json.dumps(kept))
        found.append(Estimate(**kept[key]))
    return found


def show_estimates(rows: Sequence[Estimate]) -> None:
    """Print what every set or study says, and how well."""
    names = list(rows[0].mean)
    print("set".ljust(38), "log ND/1e17", *(name.rjust(12) for name in names))
    for each in rows:
        cells = (f"{each.mean[name]:6.2f}±{each.var[name] ** 0.5:.2f}".rjust(12) for name in names)
        print(f"{each.study} {each.group}"[:38].ljust(38), f"{each.size:11.1f}", *cells, each.note)
    print()


def show_priors(model: Model, estimates: Sequence[Estimate]) -> None:
    """Print the table of parameters: population, leave-one-out range, shipped prior, claims."""
    studies = by_study(estimates)
    print(
        "parameter  centre (value), weighted  spread (raw, error; within)  leave-one-out centre"
        "  shipped  | off  width/spread  moved by"
    )
    for name in (name for name in studies[0].mean if name in WEAK):
        shipped = next(item.prior for item in model.parameters if item.name == name)
        found = population(studies, name)
        about = verdict(shipped, found)
        low, high = min(found.without.values()), max(found.without.values())
        print(
            f"{name:8s} {found.centre:6.2f} ({natural(found.centre, shipped.scale):.3g}), "
            f"{found.weighted:.2f}  {found.spread:.2f} ({found.raw:.2f}, {found.error:.2f}; "
            f"{within_studies(estimates, name):.2f})  [{low:.2f}, {high:.2f}]  {shipped}  | "
            f"{about['off']:+.2f}  {about['ratio']:.2f}  {about['moved']:.2f} ({about['by']}) "
            f"{'holds' if about['holds'] else 'FAILS'}"
        )
    print()


def show_share(studies: Sequence[Estimate]) -> None:
    """Print the line of log(E / R) in the reference size, with each study left out, and claim 1."""
    x = np.array([each.size for each in studies])
    y = np.array([each.mean[SHARE] for each in studies])
    intercept, slope, error, scatter = line(x, y)
    print(f"log(E/R) = {intercept:.2f} + {slope:.3f} (± {error:.3f}) log(N D / 1e17)")
    print(f"  scatter {scatter:.2f}; sizes differ by a factor {np.exp(np.ptp(x)):.1e}")
    for index, each in enumerate(studies):
        rest = line(np.delete(x, index), np.delete(y, index))
        print(
            f"  {each.study:12s} {y[index]:5.2f}, claimed {SLOPE * x[index]:5.2f}: off by "
            f"{y[index] - SLOPE * x[index]:+.2f}; line without it {rest[0]:.2f} + {rest[1]:.3f}"
        )
    near = int(np.sum(np.abs(y - SLOPE * x) <= WITHIN))
    print(f"  within {WITHIN} of {SLOPE} log(N D / 1e17): {near} of {len(studies)} studies\n")


def main() -> None:
    """Fit every set and print what the priors rest on."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--strict", action="store_true", help="no row that any task forecasts")
    parser.add_argument("--model", default="coupled", help="law whose priors are checked")
    parser.add_argument("--drift", action="store_true", help="let the exponents wander as well")
    parser.add_argument("--draws", type=int, default=500, help="draws of each of two chains")
    parser.add_argument("--keep", type=Path, help="file to keep estimates in, and to reuse them")
    given = parser.parse_args()
    bench = load_tasks()
    if bench is None:
        print("skipped: no public sets; set BAYES_SCALING_BENCH to the folder of their tasks")
        return
    warnings.simplefilter("ignore", BayesScalingWarning)
    weak = weak_model(given.model, drift=given.drift)
    estimates = gather(bench, weak, strict=given.strict, draws=given.draws, keep=given.keep)
    show_estimates(estimates)
    studies = by_study(estimates)
    show_estimates(studies)
    show_priors(load_model(given.model), estimates)
    show_share(studies)


if __name__ == "__main__":
    main()
