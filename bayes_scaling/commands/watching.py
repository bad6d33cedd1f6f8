"""The command ``monitor``: where a run in flight will end, and whether it is still on track."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_scaling.commands.console import Shown, give, print_page
from bayes_scaling.commands.options import Family, Inputs, Json, Probability, number, read_settings
from bayes_scaling.commands.sources import Reading, Source, answering, read_csv, read_table
from bayes_scaling.commands.streams import print_json, say
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.page import Grid
from bayes_scaling.papers import Answerer
from bayes_scaling.questions.monitor import FALSE_ALARMS, Monitor
from bayes_scaling.questions.sizes import Sizes
from bayes_scaling.runs import RunTable

EVERY = 10.0
"""Seconds between two looks at the file, by default."""


def monitor(
    *,
    fit: Source,
    curve: Annotated[
        str,
        typer.Argument(
            help="The run so far, tokens or steps and loss: a table, or what a tracker writes."
        ),
    ],
    params: Annotated[float | None, number(help="Params, unless the curve has them.")] = None,
    tokens: Annotated[float | None, number(help="Tokens at the end of the run.")] = None,
    steps: Annotated[float | None, number(help="Steps at the end of the run.")] = None,
    plan: Annotated[
        Path | None,
        typer.Option(help="A CSV of the whole schedule, for a law that follows curves."),
    ] = None,
    inputs: Inputs = None,
    finished: Annotated[
        str | None, typer.Option(help="Curves of finished runs (a table or a data set).")
    ] = None,
    family: Family = None,
    reading: Reading,
    false_alarms: Annotated[
        float, typer.Option(help="Share of healthy runs that raise an alarm at any time.")
    ] = FALSE_ALARMS,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run ends.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between looks at the file.")] = EVERY,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Forecast the final loss of a run in flight, and sound an alarm when it leaves its band.

    Example: bayes-scaling monitor fit.nc curve.csv --params 7e9 --tokens 1.4e11
    """
    source = answering(fit)
    given = {"params": params, "tokens": tokens, "steps": steps, **read_settings(inputs)}
    known = read_table(finished)

    def look() -> Monitor:
        seen = reading.table(curve, needs_loss=False)
        if "loss" not in seen and "score" not in seen:
            raise InputError(
                f"{curve}: no column 'loss'; say which it is: --columns 'THEIR_NAME=loss'"
            )
        planned = planned_run(source, seen, given, family) if plan is None else read_csv(plan)
        return source.monitor(
            seen, planned, finished=known, false_alarms=false_alarms, probability=probability
        )

    found = look()
    if follow:
        _follow(look, found, every, as_json=as_json)
    give(source, found, Shown(silent=follow), as_json=as_json)


def planned_run(
    source: Answerer, curve: RunTable, given: Mapping[str, float | None], family: str | None
) -> Sizes:
    """Return the run at its end: what was given, and what is the same in all rows of the curve.

    Raises
    ------
    InputError
        Nothing says where the run ends.
    """
    law = source.leading.reads
    same = {
        name: curve[name][0]
        for name in {*law.inputs, "params", law.group}
        if name in curve and name not in ("tokens", "steps", "flops") and len(set(curve[name])) == 1
    }
    named: dict[str, Any] = {} if family is None else {law.group: family}
    said = {name: value for name, value in given.items() if value is not None}
    if "steps" in said and "tokens" not in said and {"steps", "tokens"} <= set(curve.columns):
        said["tokens"] = said["steps"] * float(curve["tokens"][-1] / curve["steps"][-1])
    if not {"tokens", "steps"} & set(said):
        raise InputError("say where the run ends: --tokens, --steps, or --plan with its schedule")
    return {**same, **named, **said}


def _follow(look: Callable[[], Monitor], found: Monitor, every: float, *, as_json: bool) -> None:
    """Print each look as it comes, until the run has ended.

    A last row between two looks is another one each time: it is shown at first, where it raises an
    alarm, and where the run has ended.
    """
    begun, warned, upto = False, False, -1.0
    while True:
        rows = found.rows()
        if found.diverged is not None:
            say(found.status)
        passing = rows.pop() if found.between else None
        fresh = [row for row in rows if row["progress"] > upto]
        upto = float(rows[-1]["progress"])
        if passing and (not begun or found.ended or (passing["alarm"] and not warned)):
            fresh.append(passing)
        for row in fresh:
            if as_json:
                print_json(row)
            elif not begun:
                print_page([[found.stands], [found.grid([row])]])
            else:
                grid = found.grid([row])
                print_page([[Grid(heading=[""] * len(grid.heading), rows=grid.rows)]])
            begun = True
        warned = found.alarmed
        if found.diverged is not None or found.ended:
            return
        time.sleep(every)
        try:
            found = look()
        except InputError as error:
            say(f"note: the curve cannot be read at the moment ({error}); waiting")
