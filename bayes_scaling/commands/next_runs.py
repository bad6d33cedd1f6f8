"""The command ``next-runs``: the small runs that would narrow the forecast of a big one most."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayes_scaling.commands.console import (
    checks_list,
    print_json,
    print_table,
    say,
    warn_of_checks,
)
from bayes_scaling.commands.options import (
    Family,
    Json,
    Probability,
    SavedFit,
    compute_option,
    count_option,
)
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY

if TYPE_CHECKING:
    from bayes_scaling.facade import Fit
    from bayes_scaling.questions.next_runs import NextRuns


def next_runs(
    fit: SavedFit,
    budget: Annotated[float, compute_option(help="Compute of all the runs together.")],
    candidates: Annotated[
        Path | None, typer.Option(help="A CSV of runs that could be made (params, tokens, ...).")
    ] = None,
    params: Annotated[float | None, count_option(help="Params of the big run.")] = None,
    tokens: Annotated[float | None, count_option(help="Tokens of the big run.")] = None,
    aim: Annotated[
        Literal["loss", "split"],
        typer.Option(help="Narrow the loss of the big run, or the best params at its compute."),
    ] = "loss",
    family: Family = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Tell which small runs to make next, and how far each would narrow a forecast.

    Example: bayes-scaling next-runs fit.nc --budget 1e20
    """
    from bayes_scaling.fitting import load

    if (params is None) != (tokens is None):
        raise InputError("the big run is given by --params and --tokens, or by neither")
    target = None if params is None or tokens is None else {"params": params, "tokens": tokens}
    source = load(fit).accept_unconverged()
    found = source.next_runs(
        budget, candidates=_read(candidates), target=target, aim=aim, family=family,
        probability=probability,
    )  # fmt: skip
    if as_json:
        print_json(_as_dict(source, found))
    else:
        _print(found)
    for warning in found.warnings:
        say(f"warning: {warning}")
    warn_of_checks(source)
    if not source.trustworthy:
        raise typer.Exit(2)


def _read(path: Path | None) -> Any:
    """Read candidates, which have no losses yet."""
    if path is None:
        return None
    import pandas as pd

    if not path.is_file():
        raise InputError(f"no file {str(path)!r}")
    return pd.read_csv(path)


def _as_dict(source: Fit, found: NextRuns) -> dict[str, Any]:

    return {
        "model": source.id,
        "target": dict(found.target),
        "aim": found.aim,
        "rows": found.rows(),
        "designs": found.design_rows(),
        "warnings": list(found.warnings),
        "checks": checks_list(source),
    }


def _print(found: NextRuns) -> None:
    """Print the runs in order, then what plain designs would reach for the same budget."""
    sizes = ", ".join(f"{name} {value:.3g}" for name, value in found.target.items())
    what = "the loss at" if found.aim == "loss" else "the best params at the compute of"
    before = found.widths(())[0]
    print(f"to narrow {what} {sizes}")
    print(f"{found.probability:.0%} interval now {before:.2%} wide\n")
    print_table(
        [
            [
                str(row["order"]),
                f"{row['params']:.3g}",
                f"{row['tokens']:.3g}",
                f"{row['flops']:.3g}",
                f"{row['width_after']:.2%}",
            ]
            for row in found.rows()
        ],
        ("run", "params N", "tokens D", "compute C [FLOP]", "expected width after it"),
    )
    print()
    print_table(
        [
            [row["design"], str(row["runs"]), f"{row['flops']:.3g}", f"{row['width_after']:.2%}"]
            for row in found.design_rows()
        ],
        ("design", "runs", "compute C [FLOP]", "expected width after all"),
    )
