"""The command ``calibrate``: whether a law recovers what its own prior made up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_scaling.commands.console import print_json, print_table, say
from bayes_scaling.commands.options import Json, Seed, complete_models
from bayes_scaling.commands.pictures import FORMATS, check_picture, write_picture
from bayes_scaling.commands.tables import read_table

if TYPE_CHECKING:
    from bayes_scaling.validation import Calibration


def calibrate(
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="A model id or a TOML file.", autocompletion=complete_models
        ),
    ],
    runs: Annotated[
        str | None,
        typer.Option(help="A table or data set whose sizes are simulated; losses are not read."),
    ] = None,
    simulations: Annotated[int, typer.Option(help="Sets of runs to make up and fit.")] = 50,
    draws: Annotated[int, typer.Option(help="Draws kept per chain.")] = 500,
    tune: Annotated[int, typer.Option(help="Tuning draws per chain.")] = 500,
    chains: Annotated[int, typer.Option(help="Chains.")] = 2,
    seed: Seed = 0,
    plot: Annotated[
        Path | None, typer.Option(help=f"Where to draw it ({', '.join(FORMATS)}).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit runs that the prior of a law made up, and see where the truth falls.

    Example: bayes-scaling calibrate -m chinchilla --simulations 100
    """
    from bayes_scaling.validation import calibrate as run

    if plot is not None:
        check_picture(plot)
    found = run(
        model,
        None if runs is None else read_table(runs, None, None),
        simulations=simulations,
        draws=draws,
        tune=tune,
        chains=chains,
        random_seed=seed,
        progress=sys.stderr.isatty(),
    )
    if plot is not None:
        from bayes_scaling.figures import plot_calibration

        figure = plot_calibration(found).get_figure(root=True)
        assert figure is not None
        write_picture(figure, plot)
    count, unsure = found.converged.size, int((~found.converged).sum())
    if as_json:
        print_json({"model": found.model, "simulations": count, "runs": found.runs,
                    "unconverged": unsure, "rows": found.rows()})  # fmt: skip
    else:
        _print(found)
    if unsure:
        say(
            f"note: {unsure} of {count} fits did not converge, and count all the same; "
            "--draws gives more"
        )
    if not found.calibrated:
        say("warning: truths do not fall where they should; see the quantities that fail")
        raise typer.Exit(2)


def _print(found: Calibration) -> None:
    print(f"{found.model}: {found.converged.size} simulations of {found.runs} runs")
    print()
    body = [
        [row["quantity"], f"{row['coverage50']:.0%}", f"{row['coverage90']:.0%}",
         f"{row['mean_place']:.2f}", f"{row['p_value']:.2g}", row["verdict"]]
        for row in found.rows()
    ]  # fmt: skip
    print_table(body, ("quantity", "in 50 %", "in 90 %", "mean place", "p of uniform", ""))
    print()
    print("the truth should fall uniformly among the draws, half of them below the median;")
    print("whether real runs follow the law is for 'backtest' to say")
