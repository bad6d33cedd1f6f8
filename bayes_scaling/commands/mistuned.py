"""The command ``mistuned``: which of the fitted runs lie off the law."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bayes_scaling.commands.console import checks_list, print_json, print_table, warn_of_checks
from bayes_scaling.commands.options import Json, Probability, SavedFit
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY, format_kind

SHOWN = 20
"""Runs that are printed, unless all are asked for."""

HEADER = ("run", "params N", "rate", "off the law", "above it", "likely why")


def mistuned(
    fit: SavedFit,
    material: Annotated[
        float, typer.Option(help="Relative excess below which a run does not count as off the law.")
    ] = 0.0,
    every: Annotated[bool, typer.Option("--all", help="Print every run.")] = False,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Tell which runs of a fit made with --mistuned lie above the law, and by how much.

    Example: bayes-scaling mistuned fit.nc --all
    """
    from bayes_scaling.fitting import load, off_law

    source = load(fit).accept_unconverged()
    if source.averages:
        raise InputError(
            "this asks one law: fit a single model with --mistuned, such as -m coupled"
        )
    found = off_law(source, material=material, probability=probability)
    rows = sorted(found.rows(), key=lambda row: -row["off"])
    if as_json:
        print_json({"model": source.model.id, "rows": rows, "checks": checks_list(source)})
    else:
        shown = rows if every else rows[:SHOWN]
        print(f"{len(rows)} runs; intervals {format_kind(probability)}\n")
        print_table([_cells(row) for row in shown], HEADER)
        if len(shown) < len(rows):
            print(f"... and {len(rows) - len(shown)} less likely ones (--all)")
    warn_of_checks(source)
    if not source.trustworthy:
        raise typer.Exit(2)


def _cells(row: dict[str, Any]) -> list[str]:
    rate = row.get("learning_rate")
    ends = f"[{row['deviation_lower']:+.1%}, {row['deviation_upper']:+.1%}]"
    return [
        str(row.get("run", "")),
        f"{row['params']:.3g}" if "params" in row else "",
        "" if rate is None else f"{rate:.3g}",
        f"{row['off']:.2f}",
        f"{row['deviation']:+.1%} {ends}",
        row["reason"],
    ]
