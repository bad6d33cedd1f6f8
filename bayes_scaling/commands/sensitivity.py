"""The command ``sensitivity``: how a forecast moves with form, prior and drift."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bayes_scaling.commands.console import (
    checks_list,
    print_json,
    print_table,
    row_interval,
    warn_of_checks,
)
from bayes_scaling.commands.options import (
    Family,
    Inputs,
    Json,
    Probability,
    SavedFit,
    compute_option,
    count_option,
    read_settings,
)
from bayes_scaling.intervals import PROBABILITY


def sensitivity(
    fit: SavedFit,
    params: Annotated[float | None, count_option(help="Params of the run.")] = None,
    tokens: Annotated[float | None, count_option(help="Its tokens.")] = None,
    flops: Annotated[float | None, compute_option(help="Its compute.")] = None,
    inputs: Inputs = None,
    target_loss: Annotated[float | None, typer.Option(help="Loss it should reach.")] = None,
    family: Family = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Tell how a forecast moves with the form of the law, the prior, and drift.

    Example: bayes-scaling sensitivity fit.nc --params 7e10 --tokens 1.4e12 --target-loss 2.0
    """
    from bayes_scaling.fitting import load

    source = load(fit).accept_unconverged()
    sizes: dict[str, Any] = {"params": params, "tokens": tokens, "flops": flops}
    sizes |= {source.leading.model.group: family, **read_settings(inputs)}
    given = {name: value for name, value in sizes.items() if value is not None}
    found = source.sensitivity(given, target_loss=target_loss, probability=probability)
    if as_json:
        print_json({"rows": found.rows(), "checks": checks_list(source)})
    else:
        print_table(
            [_cells(row) for row in found.rows()],
            ("assumption", "", "loss of a new run", "chance of target", ""),
        )
    warn_of_checks(source)
    if not source.trustworthy:
        raise typer.Exit(2)


def _cells(row: dict[str, Any]) -> list[str]:
    chance = f"{row['chance']:.3g}" if "chance" in row else ""
    told = str(row_interval(row, "new_run"))
    return [row["assumption"], row["variant"], told, chance, row["note"]]
