"""Commands on what there is: tables of runs, models, data sets."""

from __future__ import annotations

import re
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_scaling.commands.console import print_json, print_table, say
from bayes_scaling.commands.options import (
    Columns,
    Commas,
    DropEmpty,
    FileFormat,
    Json,
    Runs,
    Where,
)
from bayes_scaling.commands.pictures import FORMATS, check_picture
from bayes_scaling.errors import BayesScalingWarning, InputError

if TYPE_CHECKING:
    from bayes_scaling.runs import RunTable


def read_table(
    source: str,
    columns: Columns,
    where: Where,
    *,
    best: bool = False,
    drop_empty: bool = False,
    format: FileFormat = None,
    commas: Commas = None,
    needs_loss: bool = True,
) -> RunTable:
    """Read a file, a folder or a glob of runs, or a data set by its name."""
    from bayes_scaling.datasets import list_datasets, load_dataset
    from bayes_scaling.runs import best_of_cells, plain_amounts, read_runs, select_rows

    known = [item.name for item in list_datasets()]
    condition = amounts_in(where) if where else None
    if source in known and not Path(source).exists():
        runs = load_dataset(source)
        runs = select_rows(runs, plain_amounts(condition)) if condition else runs
    elif Path(source).exists() or any(sign in source for sign in "*?["):
        runs = read_runs(
            source,
            columns=columns,
            where=condition,
            drop_empty=drop_empty,
            format=format,
            commas=commas,
            needs_loss=needs_loss,
        )
    else:
        raise InputError(f"no file {source!r}, and no data set of that name ({', '.join(known)})")
    return best_of_cells(runs) if best else runs


def amounts_in(where: str) -> str:
    """Write the hours of accelerators in a condition as FLOP: ``flops <= 2e5 h100-hours``."""
    from bayes_scaling.questions.units import flops_of

    def flop(found: re.Match[str]) -> str:
        try:
            return repr(flops_of(found[0]))
        except InputError:
            return found[0]

    return re.sub(
        r"(?<![\w.])\d+(?:\.\d*)?(?:[eE][-+]?\d+)?\s*[A-Za-z]\w*[- ]hours?\b", flop, where
    )


def say_read(table: RunTable) -> None:
    """Say on standard error what the columns of a file became, before it is fitted."""
    from bayes_scaling.runs import lines_read

    for line in lines_read(table):
        say(f"note: {line}")
    for note in table.notes:
        if re.search(
            r" is read as | \[.*\] is |^loss is |^run is taken |left out|made long| = ", note
        ):
            say(f"note: {note}")


def check(
    runs: Runs,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Also check against this model.")
    ] = None,
    columns: Columns = None,
    where: Where = None,
    drop_empty: DropEmpty = False,
    format: FileFormat = None,
    commas: Commas = None,
    as_json: Json = False,
) -> None:
    """Read a table of runs and say what is in it, or everything that is wrong with it.

    Example: bayes-scaling check runs.csv --columns 'val_bpb=loss'
    """
    from bayes_scaling.laws import load_model
    from bayes_scaling.laws.design import make_design
    from bayes_scaling.runs import describe

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)  # the summary has them
        table = read_table(
            runs, columns, where, drop_empty=drop_empty, format=format, commas=commas
        )
    summary = describe(table).to_dict()
    if model:
        law = load_model(model)
        summary["model_warnings"] = list(make_design(law, law.rows_of(table)).warnings)
    if as_json:
        print_json(summary)
        return
    print(f"{summary['rows']} rows of {summary['runs']} runs")
    metrics = list(summary["metrics"])
    if len(metrics) == 1 and "loss" in summary["ranges"]:
        summary["ranges"]["loss"]["unit"] = metrics[0]
    ranges = [
        [
            name,
            f"{r['low']:.4g}",
            f"{r['high']:.4g}",
            str(r["distinct"]),
            r["unit"],
            table.origins.get(name, "completed" if table.origins else ""),
        ]
        for name, r in summary["ranges"].items()
    ]
    print_table(ranges, ("column", "from", "to", "distinct", "unit", "in the file"))
    for kind in ("families", "metrics"):
        if summary[kind]:
            print(f"{kind}: " + ", ".join(f"{k} ({n})" for k, n in summary[kind].items()))
    for line in summary["read"]:
        print(line)
    for kind in ("warnings", "model_warnings", "notes"):
        for text in summary.get(kind, ()):
            print(f"{kind.rstrip('s').replace('_', ' ')}: {text}")


def models(
    action: Annotated[str, typer.Argument(help="'list', or 'show' with a name.")] = "list",
    name: Annotated[str | None, typer.Argument(help="A model id or a TOML file.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help=f"With 'show': draw what the prior expects ({', '.join(FORMATS)})."),
    ] = None,
    runs: Annotated[
        str | None,
        typer.Option(help="With --plot: a table of runs, or a data set, to show on top of it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the models, or show one: formula, priors and what they expect, constants, source.

    Example: bayes-scaling models show chinchilla
    """
    from bayes_scaling.commands import definitions
    from bayes_scaling.laws import list_models, load_model

    if action == "show" and name:
        if runs is not None and plot is None:
            raise InputError("--runs shows runs in a picture: name its file with --plot")
        if plot is not None:
            check_picture(plot)
        model = load_model(name)
        if plot is not None:
            table = None if runs is None else read_table(runs, None, None)
            definitions.draw_prior(model, plot, table)
        if as_json:
            content = definitions.model_dict(model)
            print_json(content | ({"plot": str(plot)} if plot else {}))
            return
        definitions.print_model(model)
        if plot is not None:
            print(f"drew {plot}")
        return
    if action != "list" or name or plot or runs:
        raise InputError("write 'models', or 'models show NAME', which --plot and --runs go with")
    found = list_models()
    if as_json:
        print_json(definitions.models_list(found))
    else:
        definitions.print_models(found)


def datasets(as_json: Json = False) -> None:
    """List the data sets that can be used by name.

    Example: bayes-scaling datasets
    """
    from bayes_scaling.datasets import list_datasets

    found = list_datasets()
    if as_json:
        print_json([asdict(item) for item in found])
        return
    rows = [
        [item.name, str(item.rows), "shipped" if item.shipped else "fetched on use", item.title]
        for item in found
    ]
    print_table(rows, ("data set", "rows", "where", "title"))
