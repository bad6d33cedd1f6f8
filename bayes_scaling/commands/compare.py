"""The command that compares models on the same runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.console import (
    SCORES,
    print_json,
    print_table,
    row_interval,
    warn_of_checks,
)
from bayes_scaling.commands.options import (
    Best,
    Chains,
    Columns,
    Commas,
    Computes,
    Draws,
    DropEmpty,
    Family,
    FileFormat,
    Json,
    Many,
    Probability,
    Runs,
    Seed,
    Tune,
    Where,
)
from bayes_scaling.commands.tables import read_table
from bayes_scaling.intervals import PROBABILITY, check_probability, format_kind

if TYPE_CHECKING:
    from bayes_scaling.validation import Comparison

HEADINGS = {**SCORES, "width90": "width of 90 %"}
"""Columns of the deep split, by the names of `bayes_scaling.scores`."""


def compare(
    runs: Runs,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="A model id or a TOML file, twice or more; by default those of 'auto'.",
        ),
    ] = None,
    params: Many = None,
    tokens: Many = None,
    flops: Computes = None,
    family: Family = None,
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
    """Compare models on the same runs: leave-one-out, the largest runs held out, forecasts.

    Example: bayes-scaling compare runs.csv -m chinchilla -m coupled
    """
    from bayes_scaling.laws import load_model
    from bayes_scaling.validation import compare as run

    check_probability(probability)
    laws = [load_model(name) for name in model] if model else None
    table = read_table(
        runs, columns, where, best=best, drop_empty=drop_empty, format=format, commas=commas
    )
    group = laws[0].group if laws else "family"
    sizes = {"params": params, "tokens": tokens, "flops": flops, group: family}
    at: dict[str, Any] = {name: value for name, value in sizes.items() if value is not None}
    result = run(
        table,
        laws,
        at=at or None,
        probability=probability,
        draws=draws,
        tune=tune,
        chains=chains,
        random_seed=seed,
        progress=sys.stderr.isatty(),
    )
    if as_json:
        print_json(result.to_dict())
    else:
        print_comparison(result)
    warn_of_checks(result)
    if not result.trustworthy:
        raise typer.Exit(2)


def print_comparison(result: Comparison) -> None:
    """Print what speaks for each model, and their forecasts side by side."""
    print("leave-one-out: log density of each run from all the others, summed [nats]")
    print_table([_model_cells(row) for row in result.rows()], _MODEL_HEAD)
    print()
    if isinstance(result.split, str):
        print(f"deep split left out: {result.split}")
    else:
        print(f"deep split: {result.split.summary}; shares of the observed loss")
        cells = [
            [name, *(f"{scores[key]:.4f}" for key in HEADINGS)]
            for name, scores in result.deep.items()
        ]
        print_table(cells, ("model", *HEADINGS.values()))
    rows = result.forecast_rows()
    each = len(result.predictions)
    for start in range(0, len(rows), each):
        print()
        _print_target(result, rows[start : start + each])


_MODEL_HEAD = ("model", "density (se)", "difference (se)", "effective parameters", "high k",
               "equal weight", "stacking weight", "likelihood")  # fmt: skip


def _model_cells(row: Mapping[str, Any]) -> list[str]:
    return [
        str(row["model"]),
        f"{row['elpd']:.1f} ({row['elpd_se']:.1f})",
        f"{row['elpd_difference']:.1f} ({row['difference_se']:.1f})",
        f"{row['effective_parameters']:.1f}",
        str(row["high_k"]),
        f"{row['weight_equal']:.2f}",
        f"{row['weight_stacking']:.2f}",
        str(row["likelihood"]),
    ]


def _print_target(result: Comparison, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the forecasts of every model and average at one target."""
    from bayes_scaling.commands.console import ESTIMATED, beyond

    plan = next(iter(result.predictions.values())).plan
    first, average = rows[0], rows[-2]
    sizes = [f"{name} {first[name]:.4g}" for name in ("params", "tokens", "flops") if name in first]
    several = len(next(iter(result.fits.values())).groups) > 1
    group = [f"{plan.group_column} {first[plan.group_column]}"] if several else []
    print(f"forecasts at {', '.join([*group, *sizes])}, {beyond(average)}")
    kind = format_kind(result.probability)
    quantities = ("noise_free", "new_run")
    print_table(
        [
            [
                str(row["model"]),
                *(str(row_interval(row, name)).removesuffix(f" {kind}") for name in quantities),
            ]
            for row in rows
        ],
        (f"model, {kind}", *(ESTIMATED[name] for name in quantities)),
    )
