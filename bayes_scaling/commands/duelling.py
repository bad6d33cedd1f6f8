"""The command that compares variants of a recipe at equal compute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_scaling.commands.console import check_picture, judge, print_page, write_picture
from bayes_scaling.commands.fits import sampling
from bayes_scaling.commands.options import (
    Inputs,
    Json,
    Probability,
    complete_datasets,
    number,
    read_settings,
)
from bayes_scaling.commands.sources import Reading
from bayes_scaling.commands.streams import print_json
from bayes_scaling.commands.trials import Plot
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import duel as published_duel, duel_fit
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.duel import ERROR
from bayes_scaling.questions.rig import Budget, Rig
from bayes_scaling.questions.settle import Settling


def duel(
    *,
    runs: Annotated[
        str | None,
        typer.Argument(
            help="A table of runs, or a data set; none where published laws are compared.",
            autocompletion=complete_datasets,
        ),
    ] = None,
    a: Annotated[
        str, typer.Option("--a", help="The baseline, or a published law such as hoffmann-2022.")
    ],
    b: Annotated[
        list[str] | None,
        typer.Option("--b", help="A variant, or a published law; all other variants by default."),
    ] = None,
    budget: Budget,
    by: Annotated[str, typer.Option(help="Column that tells the variants apart.")] = "family",
    pairs: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column whose rows of one value have noise in common, such as the seed of runs of "
            "one size; several as 'seed/budget'.",
        ),
    ] = None,
    inputs: Inputs = None,
    throughput: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VARIANT=SPEED",
            help="FLOP per hour of a variant over those of the baseline; may be given several "
            "times.",
        ),
    ] = None,
    settle: Annotated[
        float | None,
        number(
            help="Compute that further runs may take: which of them would settle what is undecided "
            "at the target.",
            unit="FLOP",
        ),
    ] = None,
    error: Annotated[float, typer.Option(help="Probability of a wrong promotion or drop.")] = ERROR,
    rig: Rig,
    reading: Reading,
    settings: Settings,
    probability: Probability = PROBABILITY,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Tell how much compute a variant saves over a baseline, and whether that holds at the target.

    Example: bayes-scaling duel runs.csv --a baseline --b variant --flops 1e23
    """
    budgets = budget.on(rig)
    if budgets is None:
        raise InputError("say at which compute: --flops 1e23, --hours or --money")
    speeds = _speeds(throughput or [])
    check_picture(plot)
    asked: dict[str, Any] = {"flops": budgets, "throughput": speeds, "error": error}
    asked |= {"probability": probability, "inputs": read_settings(inputs)}
    fit: Fit | None = None
    if runs is None:
        found = published_duel(a=a, b=b or None, **asked)
    else:
        table = reading.table(runs)
        fit = duel_fit(
            table, a=a, b=b or None, by=by, pairs=pairs, **sampling(settings)
        ).accept_unconverged()
        found = fit.duel(a, b or None, **asked)
    settling: dict[str, Settling] = {}
    idle: dict[str, str] = {}
    for arm in found.arms:
        if settle is None:
            break
        if found.verdict(arm) != "undecided":
            idle[arm] = f"not needed: the verdict is {found.verdict(arm)} already"
        elif fit is None:
            idle[arm] = "no run settles this: published laws learn from none"
        else:
            speed = {name: value for name, value in speeds.items() if name == arm}
            settling[arm] = fit.settle(
                a, arm, flops=max(budgets), budget=settle, throughput=speed, error=error
            )
    if plot is not None:
        _draw(found, plot)
    if as_json:
        more: dict[str, Any] = {"plot": str(plot)} if plot else {}
        if settle is not None:
            more["settle"] = {
                arm: {"runs": each.rows(), **each.about} for arm, each in settling.items()
            }
            more["settle"] |= {arm: {"runs": [], "note": text} for arm, text in idle.items()}
        told = {"rows": found.rows(), "best": found.best, "notes": found.notes}
        print_json(told | more)
    else:
        parts = [part for each in settling.values() for part in each.page()]
        parts += [[f"settling {arm}: {text}"] for arm, text in idle.items()]
        print_page([*found.page(), *parts])
        if plot is not None:
            print(f"drew {plot}")
    if fit is not None:
        judge(fit)


def _speeds(given: list[str]) -> dict[str, float]:
    """Read speeds by variant."""
    found, problems = {}, []
    for text in given:
        name, sign, value = text.rpartition("=")
        try:
            found[name] = float(value)
        except ValueError:
            sign = ""
        if not (name and sign):
            problems.append(f"--throughput is VARIANT=SPEED, such as fast=1.2; got {text!r}")
    if problems:
        raise InputError(problems)
    return found


def _draw(result: Any, path: Path) -> None:
    from bayes_scaling.figures import plot_duel

    write_picture(plot_duel(result), path)
