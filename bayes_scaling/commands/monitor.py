"""The command ``monitor``: where a run in flight will end, and whether it is still on track."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.console import (
    checks_list,
    print_json,
    print_table,
    row_interval,
    say,
    warn_of_checks,
)
from bayes_scaling.commands.options import (
    Columns,
    Family,
    Inputs,
    Json,
    Probability,
    SavedFit,
    Where,
    count_option,
    read_settings,
)
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY

if TYPE_CHECKING:
    from bayes_scaling.facade import Fit
    from bayes_scaling.questions.monitor import Monitor
    from bayes_scaling.questions.sizes import Sizes
    from bayes_scaling.runs import RunTable

EVERY = 10.0
"""Seconds between two looks at the file, unless it is said."""

SHOWN = 12
"""Looks that are printed, of a run that is not followed."""


def monitor(
    fit: SavedFit,
    curve: Annotated[
        str,
        typer.Argument(
            help="The run so far, tokens or steps and loss: a table, or what a tracker writes."
        ),
    ],
    params: Annotated[float | None, count_option(help="Params, unless the curve has them.")] = None,
    tokens: Annotated[float | None, count_option(help="Tokens at the end of the run.")] = None,
    steps: Annotated[float | None, count_option(help="Steps at the end of the run.")] = None,
    plan: Annotated[
        Path | None,
        typer.Option(help="A CSV of the whole schedule, for a law that follows curves."),
    ] = None,
    inputs: Inputs = None,
    finished: Annotated[
        str | None, typer.Option(help="Curves of finished runs (a table or a data set).")
    ] = None,
    family: Family = None,
    columns: Columns = None,
    where: Where = None,
    false_alarms: Annotated[
        float, typer.Option(help="Share of healthy runs that raise an alarm at any time.")
    ] = 0.05,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run ends.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between looks at the file.")] = EVERY,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Forecast the final loss of a run in flight, and sound an alarm when it leaves its band.

    Example: bayes-scaling monitor fit.nc curve.csv --params 7e9 --tokens 1.4e11
    """
    from bayes_scaling.commands.tables import read_table
    from bayes_scaling.fitting import load

    source = load(fit).accept_unconverged()
    given = {"params": params, "tokens": tokens, "steps": steps, **read_settings(inputs)}
    known = read_table(finished, None, None) if finished is not None else None

    def look() -> Monitor:

        seen = read_table(curve, columns, where, needs_loss=False)
        if "loss" not in seen and "score" not in seen:
            raise InputError(
                f"{curve}: no column 'loss'; say which it is: --columns 'THEIR_NAME=loss'"
            )
        planned = _read_plan(plan) if plan is not None else planned_run(source, seen, given, family)
        return source.monitor(
            seen, planned, finished=known, false_alarms=false_alarms,
            probability=probability,
        )  # fmt: skip

    found = look()
    if as_json and not follow:
        print_json(_as_dict(source, found))
    elif not follow:
        _print(found, found.rows()[-SHOWN:])
    for note in found.notes:
        say(f"note: {note}")
    if follow:
        _follow(look, found, every, as_json=as_json)
    warn_of_checks(source)
    if not source.trustworthy:
        raise typer.Exit(2)


def planned_run(
    source: Fit, curve: RunTable, given: dict[str, float | None], family: str | None
) -> Sizes:
    """Return the run at its end: what was given, and what is the same in all rows of the curve.

    Raises
    ------
    InputError
        Nothing says where the run ends.
    """
    model = source.leading.model
    same = {
        name: curve[name][0]
        for name in {*model.inputs, "params", model.group}
        if name in curve and name not in ("tokens", "steps", "flops") and len(set(curve[name])) == 1
    }
    named: dict[str, Any] = {} if family is None else {model.group: family}
    said = {name: value for name, value in given.items() if value is not None}
    if "steps" in said and "tokens" not in said and {"steps", "tokens"} <= set(curve.columns):
        said["tokens"] = said["steps"] * float(curve["tokens"][-1] / curve["steps"][-1])
    if not {"tokens", "steps"} & set(said):
        raise InputError("say where the run ends: --tokens, --steps, or --plan with its schedule")
    return {**same, **named, **said}


def _read_plan(path: Path) -> Sizes:
    import pandas as pd

    if not path.is_file():
        raise InputError(f"no file {str(path)!r}")
    return pd.read_csv(path)


def _follow(look: Any, found: Monitor, every: float, *, as_json: bool) -> None:
    """Print each look as it comes, until the run has ended."""
    shown = 0
    while True:
        rows = found.rows()
        if found.diverged is not None:
            say(found.status)
        for row in rows[shown:]:
            if as_json:
                print_json(row)
            else:
                _print(found, [row], header=shown == 0)
            shown += 1
        if found.diverged is not None or (found.progress.size and found.progress[-1] >= 1):
            return
        time.sleep(every)
        try:
            found = look()
        except InputError as error:
            say(f"note: the curve cannot be read at the moment ({error}); waiting")


def _as_dict(source: Fit, found: Monitor) -> dict[str, Any]:
    return {
        "status": found.status,
        "alarm": found.alarmed,
        "diverged": found.diverged,
        "finished_runs": found.finished,
        "rows": found.rows(),
        "notes": list(found.notes),
        "checks": checks_list(source),
    }


def _print(found: Monitor, rows: list[dict[str, Any]], *, header: bool = True) -> None:
    """Print looks, and how the run stands."""
    if header:
        print(f"{found.status}; learned from {found.finished} finished runs\n")
    cells = [
        [
            f"{row['progress']:.0%}",
            f"{row[found.clock]:.3g}",
            f"{row['loss']:.4g}" if "loss" in row else "",
            str(row_interval(row, "expected")) if "loss" in row else "",
            str(row_interval(row, "final")),
            "ALARM" if row["alarm"] else "",
        ]
        for row in rows
    ]
    names = ("way", found.clock, "loss", "expected before", "at the end", "")
    print_table(cells, names if header else [" " * len(cell) for cell in cells[0]])
