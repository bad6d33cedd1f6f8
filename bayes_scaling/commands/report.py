"""The command ``report``: fit, answer, test on the same runs, and write one page."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayes_scaling.commands.chosen import AnyModel, chosen_models
from bayes_scaling.commands.console import print_json, say, warn_of_checks
from bayes_scaling.commands.fits import finish, sample_chosen
from bayes_scaling.commands.options import (
    Best,
    Ceiling,
    Chains,
    Columns,
    Commas,
    Correlated,
    Draws,
    Drift,
    DropEmpty,
    Json,
    Mistuned,
    ModelNames,
    Probability,
    Seed,
    Temper,
    Transient,
    Tune,
    Where,
    compute_option,
)
from bayes_scaling.commands.tables import read_table
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.files import check_target
from bayes_scaling.intervals import PROBABILITY, check_probability

if TYPE_CHECKING:
    from bayes_scaling.runs import RunTable
    from bayes_scaling.validation import Backtest

HELD_OUT = 10.0
"""Compute of the largest run over that of the largest one the backtest fits."""


def report(
    source: Annotated[
        str, typer.Argument(help="A table of runs, a data set, or a saved fit (.nc).")
    ],
    model: ModelNames = None,
    flops: Annotated[
        float | None, compute_option(help="Budget of the big run; 100x by default.")
    ] = None,
    target_loss: Annotated[
        float | None, typer.Option(help="Loss the big run should reach.")
    ] = None,
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
    drift: Drift = None,
    transient: Transient = None,
    mistuned: Mistuned = None,
    correlated: Correlated = None,
    ceiling: Ceiling = None,
    temper: Temper = None,
    columns: Columns = None,
    where: Where = None,
    drop_empty: DropEmpty = False,
    commas: Commas = None,
    best: Best = False,
    draws: Draws = 1000,
    tune: Tune = 800,
    chains: Chains = 4,
    seed: Seed = 0,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Fit a model and write one self-contained report.

    Example: bayes-scaling report runs.csv --flops 1e23 --target-loss 2.0 -o report.html
    """
    from bayes_scaling.commands.posteriors import fit_dict
    from bayes_scaling.fitting import load
    from bayes_scaling.reports import report as write

    check_probability(probability)
    output = check_target(output or Path(f"report.{format}"))
    _check(output, format, pdf)
    saved = source.endswith(".nc")
    if saved and any(
        given is not None
        for given in (model, drift, transient, mistuned, correlated, ceiling, temper)
    ):
        raise InputError(
            "a saved fit keeps the model it was made with: give the table of runs instead, or "
            "leave out --model, --drift, --transient, --mistuned, --correlated, --ceiling and "
            "--temper"
        )
    models = chosen_models(
        model, drift=drift, transient=transient, mistuned=mistuned, correlated=correlated,
        ceiling=ceiling, temper=temper,
    )  # fmt: skip
    settings = {"draws": draws, "tune": tune, "chains": chains}
    if saved:
        result = load(source).accept_unconverged()
        table = result.runs
    else:
        table = read_table(source, columns, where, best=best, drop_empty=drop_empty, commas=commas)
        result = sample_chosen(models, table, **settings, seed=seed).accept_unconverged()
    tested = None
    if backtest or (backtest is None and not saved):
        tested = _tested(table, models, {**settings, "random_seed": seed})
    written = write(
        result,
        output,
        flops=flops,
        target_loss=target_loss,
        probability=probability,
        command=" ".join(["bayes-scaling", *sys.argv[1:]]),
        backtest=tested,
        record=_record(record, output),
    )
    printed = _print_pdf(written) if pdf else None
    if as_json:
        more = {"report": str(written), "pdf": None if printed is None else str(printed)}
        print_json(fit_dict(result, probability) | more)
    else:
        for each in (written, printed):
            if each is not None:
                print(f"wrote {each}")
    warn_of_checks(result)
    finish(result)


def _check(output: Path, format: str, pdf: bool) -> None:
    if output.suffix not in ((".md",) if format == "md" else ("", ".html", ".htm")):
        hint = "; a PDF is made beside the page by --pdf" if output.suffix == ".pdf" else ""
        raise InputError(f"--format {format} writes a .{format} file, got {str(output)!r}{hint}")
    if pdf and format == "md":
        raise InputError("--pdf prints the page: leave out --format md")


def _record(given: Path | None, output: Path) -> Path | None:
    """Return the record that is shown: the one that was named, or one beside the output."""
    from bayes_scaling.questions.record import NAME

    beside = output.with_name(NAME)
    return given if given is not None else (beside if beside.is_file() else None)


def _print_pdf(page: Path) -> Path:
    from bayes_scaling.reports.pdf import print_pdf

    return print_pdf(page, page.with_suffix(".pdf"))


def _tested(
    table: RunTable, models: list[AnyModel] | None, settings: dict[str, Any]
) -> Backtest | None:
    """Forecast the runs within a factor of the largest from all smaller ones; None where few."""
    from bayes_scaling.validation import backtest

    if "flops" not in table:
        say("note: no backtest without compute: the runs cannot be parted into small and large")
        return None
    cut = float(table["flops"].max()) / HELD_OUT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayesScalingWarning)
            return backtest(
                table, fit_where=f"flops <= {cut:.6g}", target_where=f"flops > {cut:.6g}",
                models=models, progress=sys.stderr.isatty(), **settings,
            )  # fmt: skip
    except InputError as error:
        say(f"note: no backtest: {error}")
        return None
