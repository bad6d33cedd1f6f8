"""The command that makes campaigns: small runs chosen batch by batch until a forecast is narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bayes_scaling import campaign as campaigns
from bayes_scaling.campaign import State
from bayes_scaling.commands.console import print_page
from bayes_scaling.commands.executors import executor_of
from bayes_scaling.commands.options import Json
from bayes_scaling.commands.streams import print_json
from bayes_scaling.errors import InputError


def campaign(
    action: Annotated[
        Literal["init", "step", "status"],
        typer.Argument(help="Write a campaign to fill in, make its next step, or tell of it."),
    ],
    folder: Annotated[Path, typer.Argument(help="Folder of the campaign.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what a step would run, and do nothing.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Make steps until the campaign is over.")
    ] = False,
    executor: Annotated[
        str | None,
        typer.Option(
            "--executor",
            metavar="KIND",
            help="Where a step makes its fit, as in backtest; the runs go to the launcher.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Choose, launch and fit small runs, batch by batch, until the forecast is narrow enough.

    Example: bayes-scaling campaign step ladder --dry-run
    """
    if action != "step" and (dry_run or follow or executor):
        raise InputError("--dry-run, --follow and --executor belong to 'campaign step'")
    if dry_run and follow:
        raise InputError("--dry-run is of one step; leave out --follow")
    if action == "init":
        path = campaigns.init(folder)
        if as_json:
            print_json({"campaign": str(path)})
        else:
            print(f"wrote {path}; fill it in, then: bayes-scaling campaign step {folder} --dry-run")
    elif action == "status":
        _show(campaigns.status(folder), as_json)
    elif follow:
        told = None if as_json else lambda state: _show(state, False)
        with executor_of(executor) as workers:
            last = campaigns.follow(folder, executor=workers, told=told)
        if as_json or not last.fresh:
            _show(last, as_json)
    else:
        with executor_of(executor) as workers:
            state = campaigns.step(folder, dry_run=dry_run, executor=workers)
        _show(state, as_json)


def _show(state: State, as_json: bool) -> None:
    if as_json:
        print_json({"rows": state.rows(), **state.about})
    else:
        print_page(state.page())
