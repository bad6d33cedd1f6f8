"""The command ``tune``: best learning rate and batch size from a saved fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.console import (
    beyond,
    checks_list,
    print_json,
    print_table,
    row_interval,
    say,
    warn_of_checks,
)
from bayes_scaling.commands.options import (
    Family,
    Json,
    Many,
    Probability,
    SavedFit,
    count_option,
)
from bayes_scaling.commands.pictures import check_picture, write_picture
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY, format_kind

if TYPE_CHECKING:
    from bayes_scaling.facade import Fit
    from bayes_scaling.questions.tune import Tuning

CALLED = {"learning_rate": "learning rate", "batch_size": "batch [tokens]"}
"""How what is tuned is called in print."""


def tune(
    fit: SavedFit,
    params: Annotated[list[float], count_option(help="Parameters; several times.")],
    tokens: Annotated[list[float], count_option(help="Training tokens; several times.")],
    batch_size: Many = None,
    family: Family = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the valley into this file.")] = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Tell the best learning rate and batch size of a run, and what other choices cost.

    Example: bayes-scaling tune fit.nc --params 1B --tokens 20B
    """
    from bayes_scaling.fitting import load

    if plot is not None:
        check_picture(plot)
    for name, values in (("--params", params), ("--tokens", tokens)):
        if not values:
            raise InputError(f"give {name}")
    source = load(fit).accept_unconverged()
    found = source.tune(
        params, tokens, batch_size=batch_size, family=family, probability=probability
    )  # fmt: skip
    if as_json:
        print_json(_as_dict(source, found))
    else:
        _print(found)
    for warning in found.warnings:
        say(f"warning: {warning}")
    if plot is not None:
        from bayes_scaling.figures.tune_plot import plot_tune

        write_picture(plot_tune(found).figure, plot)  # type: ignore[arg-type]
    warn_of_checks(source)
    if not source.trustworthy:
        raise typer.Exit(2)


def _as_dict(source: Fit, found: Tuning) -> dict[str, Any]:

    name = source.id
    return {
        "model": name,
        "rows": found.rows(),
        "penalties": list(found.penalties),
        "rules": list(found.rules),
        "swept": {key: list(ends) for key, ends in found.swept.items()},
        "warnings": list(found.warnings),
        "checks": checks_list(source),
    }


def _print(found: Tuning) -> None:
    """Print one block per run: what to choose, what is best, what else would cost."""
    for index, row in enumerate(found.rows()):
        if index:
            print()
        print(f"{'params N':22s} {row['params']:.4g}")
        print(f"{'tokens D':22s} {row['tokens']:.4g}")
        if "batch_size" not in found.best and "batch_size" in found.plan.columns:
            print(f"{'batch [tokens]':22s} {row['batch_size']:.4g}")
        for name in found.best:
            print(f"{'choose ' + CALLED[name]:22s} {row[name]:.3g}")
            print(f"{'  best':22s} {row_interval(row, f'best_{name}')}")
        print(f"{'expected regret':22s} {row['expected_regret']:.2g} of the loss")
        print(f"{'extrapolation':22s} {beyond(row)}")
        print()
        kind = format_kind(found.probability)
        print_table(
            [_penalty(item) for item in found.penalties_of(index)],
            ("instead", "", f"loss above the best, {kind}"),
        )
        rules = [_rule(item) for item in found.rules_of(index)]
        if rules:
            print()
            print_table(rules, ("published rule", *CALLED.values(), "loss above the best"))


def _penalty(row: dict[str, Any]) -> list[str]:
    name = row["changed"]
    return [
        f"{CALLED[name]} x {row['factor']:g}",
        f"{row[name]:.3g}",
        f"{row['penalty']:.2%} [{row['penalty_lower']:.2%}, {row['penalty_upper']:.2%}]",
    ]


def _rule(row: dict[str, Any]) -> list[str]:
    def written(value: float | None) -> str:
        return "" if value is None else f"{value:.3g}"

    cost = row["penalty"]
    said = row["note"] if cost is None else f"{cost:.2%} [{row['penalty_lower']:.2%}, "
    said += "" if cost is None else f"{row['penalty_upper']:.2%}]"
    return [row["rule"], written(row["learning_rate"]), written(row["batch_size"]), said]
