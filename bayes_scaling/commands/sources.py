"""What commands start from: a saved fit or a published law, and tables of runs, with a check."""

from __future__ import annotations

import re
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bayes_scaling.commands.chosen import AUTO
from bayes_scaling.commands.console import print_page, print_table
from bayes_scaling.commands.options import Json, complete_datasets
from bayes_scaling.commands.streams import print_json, say
from bayes_scaling.datasets import list_datasets, load_dataset
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.page import Grid
from bayes_scaling.posterior.members import default_members
from bayes_scaling.runs import (
    best_of_cells,
    describe,
    lines_read,
    plain_amounts,
    read_runs,
    select_rows,
)
from bayes_scaling.runs.designs import tied_sizes

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.papers import Answerer
    from bayes_scaling.runs import RunTable

Source = Annotated[
    str, typer.Argument(help="A saved fit (.nc), or a published law such as hoffmann-2022.")
]
SavedFit = Annotated[Path, typer.Argument(help="A fit saved by 'bayes-scaling fit'.")]
Runs = Annotated[
    str,
    typer.Argument(
        help="A table of runs (CSV, JSON, Parquet, Excel, a tracker's files, a folder or glob of "
        "them) or a data set.",
        autocompletion=complete_datasets,
    ),
]


def answering(source: str) -> Answerer:
    """Read a saved fit, two that are joined by a plus sign, or find a published law by its name.

    Every command answers by a fit that did not converge as well; `judge` then says so.

    Raises
    ------
    InputError
        There is no such file, and no published law of that name.
    """
    from bayes_scaling import fitting, papers, scoring
    from bayes_scaling.questions.literature import published_names

    parts = source.split("+")
    if len(parts) == 2 and all(part.endswith(".nc") for part in parts):
        loss, score = map(fitting.load, parts)
        return scoring.two_steps(loss, score).accept_unconverged()
    if Path(source).exists() or source.endswith(".nc"):
        return fitting.load(source).accept_unconverged()
    if source not in published_names():
        raise InputError(
            f"no file {source!r}, and no published law of that name; a saved fit ends in .nc, and "
            "'bayes-scaling published' lists the laws"
        )
    return papers.published(source)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a table of runs is read."""

    columns: Annotated[
        str | None,
        typer.Option(
            metavar="OLD=NEW,...",
            help="What the columns of the file are: 'Verlust=loss,tokens=20*params' (a new name, "
            "or an expression of columns), or whose export it is: wandb, mlflow, tensorboard, "
            "wide.",
        ),
    ] = None
    where: Annotated[
        str | None, typer.Option(help="Use only rows that meet this, e.g. 'flops <= 1e12'.")
    ] = None
    drop_empty: Annotated[
        bool, typer.Option("--drop-empty", help="Leave out rows without a finite loss.")
    ] = False
    format: Annotated[
        Literal["csv", "tsv", "jsonl", "json", "parquet", "xlsx", "sqlite", "tfevents", "wandb"]
        | None,
        typer.Option("--format", help="Of a file whose suffix does not say."),
    ] = None
    commas: Annotated[
        Literal["decimal", "thousands"] | None,
        typer.Option(help="What commas in numbers are, where the file does not say."),
    ] = None
    sheet: Annotated[
        str | None,
        typer.Option(help="Of a workbook; by default the first that looks like a table of runs."),
    ] = None
    best: Annotated[
        bool, typer.Option("--best", help="Use only the best run of each (params, tokens) cell.")
    ] = False

    def table(self, source: str, *, needs_loss: bool = True) -> RunTable:
        """Read a file, a folder or a glob of runs, or a data set by its name."""
        known = [item.name for item in list_datasets()]
        where = amounts_in(self.where) if self.where else None
        if source in known and not Path(source).exists():
            runs = load_dataset(source)
            runs = select_rows(runs, plain_amounts(where)) if where else runs
        elif Path(source).exists() or any(sign in source for sign in "*?["):
            runs = read_runs(
                source,
                columns=self.columns,
                where=where,
                drop_empty=self.drop_empty,
                format=self.format,
                commas=self.commas,
                needs_loss=needs_loss,
                sheet=self.sheet,
            )
        else:
            raise InputError(
                f"no file {source!r}, and no data set of that name ({', '.join(known)})"
            )
        return best_of_cells(runs) if self.best else runs


def read_table(source: str | None, *, needs_loss: bool = True) -> RunTable | None:
    """Read a table of runs as it is; None where none is named."""
    return None if source is None else Reading().table(source, needs_loss=needs_loss)


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table of sizes, which have no losses yet."""
    import pandas as pd

    if not path.is_file():
        raise InputError(f"no file {str(path)!r}")
    return pd.read_csv(path)


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
    for line in lines_read(table):
        say(f"note: {line}")
    for note in table.notes:
        if re.search(
            r" is read as | \[.*\] is |^loss is |^run is taken |left out|made long| = ", note
        ):
            say(f"note: {note}")


def check(
    *,
    runs: Runs,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Also check against this model, or auto.")
    ] = None,
    reading: Reading,
    as_json: Json = False,
) -> None:
    """Read a table of runs and say what is in it, or everything that is wrong with it.

    Example: bayes-scaling check runs.csv --columns 'val_bpb=loss'
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)  # the summary has them
        table = reading.table(runs)
    summary = describe(table).to_dict()
    tie = tied_sizes(table)
    summary["design"] = [] if tie is None else [str(tie)]
    if model:
        laws = default_members(table) if model == AUTO else (load_model(model),)
        said = [text for law in laws for text in make_design(law, law.rows_of(table)).warnings]
        summary["model_warnings"] = [t for t in dict.fromkeys(said) if t not in summary["design"]]
    if as_json:
        print_json(summary)
        return
    metrics = list(summary["metrics"])
    if len(metrics) == 1 and "loss" in summary["ranges"]:
        summary["ranges"]["loss"]["unit"] = metrics[0]
    elsewhere = "completed" if table.origins else ""
    ranges = Grid(
        heading=("column", "from", "to", "distinct", "unit", "in the file"),
        rows=[
            [
                name,
                f"{r['low']:.4g}",
                f"{r['high']:.4g}",
                str(r["distinct"]),
                r["unit"],
                table.origins.get(name, elsewhere),
            ]
            for name, r in summary["ranges"].items()
        ],
    )
    counts = [
        f"{kind}: " + ", ".join(f"{name} ({count})" for name, count in summary[kind].items())
        for kind in ("families", "metrics")
        if summary[kind]
    ]
    doubts = [
        f"{kind.rstrip('s').replace('_', ' ')}: {text}"
        for kind in ("warnings", "design", "model_warnings", "notes")
        for text in summary.get(kind, ())
    ]
    head = f"{summary['rows']} rows of {summary['runs']} runs"
    print_page([[head, ranges, *counts, *summary["read"], *doubts]])


def datasets(as_json: Json = False) -> None:
    """List the data sets that can be used by name.

    Example: bayes-scaling datasets
    """
    found = list_datasets()
    if as_json:
        print_json([asdict(item) for item in found])
        return
    rows = [
        [item.name, str(item.rows), "shipped" if item.shipped else "fetched on use", item.title]
        for item in found
    ]
    print_table(rows, ("data set", "rows", "where", "title"))
