"""The command ``fit``, and how commands sample what was chosen."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.chosen import AnyModel, chosen_models
from bayes_scaling.commands.console import print_json
from bayes_scaling.commands.options import (
    Best,
    Ceiling,
    Chains,
    Columns,
    Commas,
    Correlated,
    Draws,
    Drift,
    DropEmpty,
    FileFormat,
    Fix,
    Json,
    Mistuned,
    ModelNames,
    Probability,
    Runs,
    Seed,
    Temper,
    Transient,
    Tune,
    Where,
)
from bayes_scaling.commands.tables import read_table, say_read
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.files import check_target
from bayes_scaling.intervals import PROBABILITY, check_probability

if TYPE_CHECKING:
    from bayes_scaling.facade import Fit
    from bayes_scaling.runs import RunTable


def finish(fit: Fit) -> None:
    """Exit with 2 where the statistics are not to be trusted."""
    if not fit.trustworthy:
        raise typer.Exit(2)


def fit(
    runs: Runs,
    model: ModelNames = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to save the fit.")] = Path(
        "fit.nc"
    ),
    drift: Drift = None,
    transient: Transient = None,
    mistuned: Mistuned = None,
    correlated: Correlated = None,
    ceiling: Ceiling = None,
    temper: Temper = None,
    fix: Fix = None,
    columns: Columns = None,
    where: Where = None,
    drop_empty: DropEmpty = False,
    format: FileFormat = None,
    commas: Commas = None,
    best: Best = False,
    draws: Draws = 1000,
    tune: Tune = 800,
    chains: Chains = 4,
    seed: Seed = 0,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Sample the posterior of one model, or of several to be averaged, and save it.

    Example: bayes-scaling fit runs.csv --best -o fit.nc
    """
    from bayes_scaling.commands.posteriors import fit_dict, print_fit

    check_probability(probability)
    check_target(output)
    models = chosen_models(
        model, drift=drift, transient=transient, mistuned=mistuned, correlated=correlated,
        ceiling=ceiling, temper=temper, fix=fix,
    )  # fmt: skip
    table = read_table(
        runs, columns, where, best=best, drop_empty=drop_empty, format=format, commas=commas
    )
    say_read(table)
    result = sample_chosen(models, table, draws=draws, tune=tune, chains=chains, seed=seed)
    result.save(output)
    if as_json:
        print_json(fit_dict(result, probability) | {"saved": str(output)})
    else:
        print_fit(result, probability)
        print(f"saved to {output}")
    finish(result)


def sample_chosen(
    models: list[AnyModel] | None, table: RunTable, *, draws: int, tune: int, chains: int, seed: int
) -> Fit:
    """Sample a fit of one model that is named, else an ensemble."""
    from bayes_scaling.fitting import fit as sample, fit_ensemble

    settings: dict[str, Any] = {
        "draws": draws, "tune": tune, "chains": chains, "random_seed": seed,
        "progress": sys.stderr.isatty(),
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)  # the checks of the fit say it again
        if models is not None and len(models) == 1:
            return sample(models[0], table, **settings)
        return fit_ensemble(table, models, **settings)
