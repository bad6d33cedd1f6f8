"""The command ``report``: fit, answer, test on the same runs, and write one page."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated, Literal

import typer

from bayes_scaling import reports, validation
from bayes_scaling.commands.chosen import AnyModel, Models
from bayes_scaling.commands.console import judge
from bayes_scaling.commands.fits import fit_dict, sample_chosen, sampling
from bayes_scaling.commands.options import Family, Json, Probability, Without, number
from bayes_scaling.commands.sources import Reading
from bayes_scaling.commands.streams import print_json, say
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.files import check_target
from bayes_scaling.fitting import load
from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.device import Device
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.record import NAME
from bayes_scaling.questions.rig import Budget, Rig
from bayes_scaling.questions.run_plan import read_run_plan
from bayes_scaling.reports.pdf import print_pdf
from bayes_scaling.runs import RunTable
from bayes_scaling.validation import Backtest

HELD_OUT = 10.0
"""Compute of the largest run over that of the largest one the backtest fits."""


def report(
    *,
    source: Annotated[
        str, typer.Argument(help="A table of runs, a data set, or a saved fit (.nc).")
    ],
    models: Models,
    budget: Budget,
    rig: Rig,
    limits: Limits,
    device: Device,
    target_loss: Annotated[
        float | None, typer.Option(help="Loss the big run should reach.")
    ] = None,
    value: Annotated[
        float | None,
        number(help="What reaching the target is worth, in the currency of the price: go or not."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="A plan that says all this; 'plan' writes one to fill.")
    ] = None,
    family: Family = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to write.", show_default="report.html"),
    ] = None,
    format: Annotated[
        Literal["html", "md"], typer.Option(help="A page, or Markdown for a pull request.")
    ] = "html",
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the page to a PDF beside it too.")
    ] = False,
    backtest: Annotated[
        bool | None,
        typer.Option(
            "--backtest/--no-backtest",
            help="Fit the smaller runs again: did their forecasts hold for the larger?",
            show_default="yes, of a table",
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Forecasts on record.", show_default="forecasts.jsonl beside the output"),
    ] = None,
    reading: Annotated[Reading, Without(("format",))],
    settings: Settings,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Fit a model and write one self-contained report.

    Example: bayes-scaling report runs.csv --target-loss 2.0 --money 300k --price 2.5 --value 2M
    """
    check_probability(probability)
    output = check_target(output or Path(f"report.{format}"))
    _check(output, format, pdf)
    saved = source.endswith(".nc")
    if saved and models.given:
        raise InputError(
            "a saved fit keeps the model it was made with: give the table of runs instead, or "
            f"leave out {', '.join(models.given)}"
        )
    chosen = models.chosen()
    planned = None if plan is None else read_run_plan(plan)
    budgets = budget.on(rig) or []
    if len(budgets) > 1:
        raise InputError(f"a report is on one budget, got {len(budgets)}")
    if saved:
        result = load(source).accept_unconverged()
        table = result.runs
    else:
        table = reading.table(source)
        result = sample_chosen(chosen, table, settings)
    tested = None
    if backtest or (backtest is None and not saved):
        tested = _tested(table, chosen, settings)
    written = reports.report(
        result,
        output,
        flops=budgets[0] if budgets else None,
        target_loss=target_loss,
        family=family,
        limits=limits if device is None else limits.on(device),
        rig=None if plan is not None and rig == Rig() else rig,
        value=value,
        plan=planned,
        probability=probability,
        command=" ".join(["bayes-scaling", *sys.argv[1:]]),
        backtest=tested,
        record=_record(record, output),
    )
    printed = print_pdf(written, written.with_suffix(".pdf")) if pdf else None
    if as_json:
        more = {"report": str(written), "pdf": None if printed is None else str(printed)}
        print_json(fit_dict(result, probability) | more)
    else:
        for each in (written, printed):
            if each is not None:
                print(f"wrote {each}")
    judge(result)


def _check(output: Path, format: str, pdf: bool) -> None:
    if output.suffix not in ((".md",) if format == "md" else ("", ".html", ".htm")):
        hint = "; a PDF is made beside the page by --pdf" if output.suffix == ".pdf" else ""
        raise InputError(f"--format {format} writes a .{format} file, got {str(output)!r}{hint}")
    if pdf and format == "md":
        raise InputError("--pdf prints the page: leave out --format md")


def _record(given: Path | None, output: Path) -> Path | None:
    """Return the record that is shown: the one that was named, or one beside the output."""
    beside = output.with_name(NAME)
    return given if given is not None else (beside if beside.is_file() else None)


def _tested(table: RunTable, models: list[AnyModel] | None, settings: Settings) -> Backtest | None:
    """Forecast the runs within a factor of the largest from all smaller ones; None where few."""
    if "flops" not in table:
        say("note: no backtest without compute: the runs cannot be parted into small and large")
        return None
    cut = float(table["flops"].max()) / HELD_OUT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayesScalingWarning)
            return validation.backtest(
                table,
                fit_where=f"flops <= {cut:.6g}",
                target_where=f"flops > {cut:.6g}",
                models=models,
                **sampling(settings),
            )
    except InputError as error:
        say(f"note: no backtest: {error}")
        return None
