"""The command that finds the compute-optimal split by every approach that the data allow."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.console import (
    print_json,
    print_table,
    row_interval,
    warn_of_checks,
)
from bayes_scaling.commands.options import (
    Chains,
    Columns,
    Commas,
    Computes,
    Draws,
    DropEmpty,
    Family,
    Json,
    Probability,
    Runs,
    Seed,
    Tune,
    Where,
)
from bayes_scaling.commands.pictures import FORMATS, check_picture, write_picture
from bayes_scaling.commands.tables import read_table
from bayes_scaling.intervals import PROBABILITY, check_probability, format_kind

if TYPE_CHECKING:
    from bayes_scaling.validation import Approaches

SHOWN = {
    "params": "params N*",
    "tokens_per_param": "D*/N*",
    "exponent": "exponent of N*",
    "loss": "noise-free loss",
}
"""Quantities that are printed, and their headings; the rest is in the JSON."""


def approaches(
    runs: Runs,
    curves: Annotated[
        str | None,
        typer.Option(
            help="A table of losses during training, for the envelope; by default that of the runs."
        ),
    ] = None,
    flops: Computes = None,
    family: Family = None,
    columns: Columns = None,
    where: Where = None,
    drop_empty: DropEmpty = False,
    commas: Commas = None,
    draws: Draws = 1000,
    tune: Tune = 800,
    chains: Chains = 4,
    seed: Seed = 0,
    probability: Probability = PROBABILITY,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Write a picture ({', '.join(FORMATS)})."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute-optimal sizes by envelope, isoFLOP lines and parametric fit, and why they differ.

    Example: bayes-scaling approaches nano-lm --curves nano-lm-curves
    """
    from bayes_scaling.validation import approaches as run

    check_probability(probability)
    if plot:
        check_picture(plot)
    table = read_table(runs, columns, where, drop_empty=drop_empty, commas=commas)
    result = run(
        table,
        curves=read_table(curves, columns, where, drop_empty=drop_empty, commas=commas)
        if curves
        else None,
        flops=flops,
        family=family,
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
        print_approaches(result)
    if plot:
        from matplotlib.figure import Figure

        from bayes_scaling.figures import plot_approaches

        figure = plot_approaches(result).figure
        assert isinstance(figure, Figure)
        write_picture(figure, plot)
    warn_of_checks(result)
    if not result.trustworthy:
        raise typer.Exit(2)


def print_approaches(result: Approaches) -> None:
    """Print the splits budget by budget, approaches that were left out, and why they differ."""
    rows, each = result.rows(), len(result.fits)
    kind = format_kind(result.probability)
    for start in range(0, len(rows), each):
        print(f"compute {rows[start]['flops']:.4g} FLOP")
        print_table(
            [_cells(row) for row in rows[start : start + each]],
            (f"approach, {kind}", *SHOWN.values(), "published", "rows", "beyond"),
        )
        print()
    for name, reason in result.skipped.items():
        print(f"left out: {name}: {reason}")
    print("why they differ:")
    for sentence in result.why:
        print(f"- {sentence}")


def _cells(row: Mapping[str, Any]) -> list[str]:
    published = row["published_exponent"]
    kind = format_kind(row["probability"])
    return [
        f"{row['approach']}{'' if row['status'] == 'converged' else ' (unconverged)'}",
        *(str(row_interval(row, name)).removesuffix(f" {kind}") for name in SHOWN),
        "" if published is None else f"{published:.2f}",
        str(row["rows"]),
        _beyond(row["efolds_flops"]),
    ]


def _beyond(efolds: float) -> str:
    """Say how many times the largest compute of its rows a budget is."""
    from math import exp

    return f"{exp(efolds):.3g}x" if efolds > 0.01 else ""
