"""Commands that fit a model, and that ask a fit."""

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
    Chains,
    Columns,
    Correlated,
    Draws,
    Drift,
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
from bayes_scaling.commands.tables import read_table
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.files import check_target
from bayes_scaling.intervals import PROBABILITY, check_probability

if TYPE_CHECKING:
    from bayes_scaling.inference import AnyFit
    from bayes_scaling.runs import RunTable


def _finish(fit: AnyFit) -> None:
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
    temper: Temper = None,
    columns: Columns = None,
    where: Where = None,
    best: Best = False,
    draws: Draws = 1000,
    tune: Tune = 800,
    chains: Chains = 4,
    seed: Seed = 0,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Sample the posterior of one model, or of several to be averaged, and save it."""
    from bayes_scaling.commands.posteriors import fit_dict, print_fit

    check_probability(probability)
    check_target(output)
    models = chosen_models(
        model, drift=drift, transient=transient, mistuned=mistuned, correlated=correlated,
        temper=temper,
    )  # fmt: skip
    table = read_table(runs, columns, where, best=best)
    result = _sample(models, table, draws=draws, tune=tune, chains=chains, seed=seed)
    result.save(output)
    if as_json:
        print_json(fit_dict(result, probability) | {"saved": str(output)})
    else:
        print_fit(result, probability)
        print(f"saved to {output}")
    _finish(result)


def _sample(
    models: list[AnyModel] | None, table: RunTable, *, draws: int, tune: int, chains: int, seed: int
) -> AnyFit:
    """Sample a fit of one model that is named, else an ensemble."""
    from bayes_scaling.inference import fit as sample
    from bayes_scaling.inference import fit_ensemble

    settings: dict[str, Any] = {
        "draws": draws, "tune": tune, "chains": chains, "random_seed": seed,
        "progress": sys.stderr.isatty(),
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)  # the checks of the fit say it again
        if models is not None and len(models) == 1:
            return sample(models[0], table, **settings)
        return fit_ensemble(table, models, **settings)


def report(
    source: Annotated[
        str, typer.Argument(help="A table of runs, a data set, or a saved fit (.nc).")
    ],
    model: ModelNames = None,
    flops: Annotated[
        float | None, typer.Option(help="Budget of the big run; 100x by default.")
    ] = None,
    target_loss: Annotated[
        float | None, typer.Option(help="Loss the big run should reach.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write.")] = Path(
        "report.html"
    ),
    drift: Drift = None,
    transient: Transient = None,
    mistuned: Mistuned = None,
    correlated: Correlated = None,
    temper: Temper = None,
    columns: Columns = None,
    where: Where = None,
    best: Best = False,
    draws: Draws = 1000,
    tune: Tune = 800,
    chains: Chains = 4,
    seed: Seed = 0,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Fit a model and write one self-contained HTML report."""
    from bayes_scaling.commands.console import warn_of_checks
    from bayes_scaling.commands.posteriors import fit_dict
    from bayes_scaling.inference.storage import load
    from bayes_scaling.report import report as write

    check_probability(probability)
    check_target(output)
    saved = source.endswith(".nc")
    if saved and any(
        given is not None for given in (model, drift, transient, mistuned, correlated, temper)
    ):
        raise InputError(
            "a saved fit keeps the model it was made with: give the table of runs instead, or "
            "leave out --model, --drift, --transient, --mistuned, --correlated and --temper"
        )
    models = chosen_models(
        model, drift=drift, transient=transient, mistuned=mistuned, correlated=correlated,
        temper=temper,
    )  # fmt: skip
    if saved:
        result = load(source)
    else:
        table = read_table(source, columns, where, best=best)
        result = _sample(models, table, draws=draws, tune=tune, chains=chains, seed=seed)
    command = " ".join(["bayes-scaling", *sys.argv[1:]])
    written = write(
        result,
        output,
        flops=flops,
        target_loss=target_loss,
        probability=probability,
        command=command,
        allow_unconverged=True,
    )
    if as_json:
        print_json(fit_dict(result, probability) | {"report": str(written)})
    else:
        print(f"wrote {written}")
    warn_of_checks(result)
    _finish(result)
