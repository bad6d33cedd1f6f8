"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bayes_scaling.errors import InputError


def _reader(name: str, **settings: float) -> Callable[[str | float], float]:
    """Return a function of `units` as a parser of an option, whose refusal names the option.

    A plain number passes, whatever it is: what may be asked is for the question to say.
    """

    def read(text: str | float) -> float:
        try:
            return float(text)
        except ValueError:
            from bayes_scaling.questions import units
        try:
            return float(getattr(units, name)(text, **settings))
        except InputError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def _data_sets() -> list[str]:
    """Complete the name of a data set; files are completed by the shell."""
    from bayes_scaling.datasets import list_datasets

    return [item.name for item in list_datasets()]


def complete_models() -> list[str]:
    """Complete the id of a model."""
    from bayes_scaling.laws import list_models

    return ["auto", *(model.id for model in list_models())]


def count_option(*names: str, help: str) -> Any:
    """Return an option whose number may carry k, M, B or T, such as 7B."""
    return typer.Option(*names, parser=_reader("count_of"), metavar="NUMBER", help=help)


def compute_option(*names: str, help: str) -> Any:
    """Return an option of compute: FLOP, or an amount with a unit such as '100 PF-days'."""
    return typer.Option(*names, parser=_reader("flops_of"), metavar="FLOP", help=help)


def text_option(*names: str, help: str) -> Any:
    """Return an option of text in bytes, or an amount with a unit such as 300GB."""
    read = _reader("tokens_of", per_token=1.0)
    return typer.Option(*names, parser=read, metavar="BYTES", help=help)


Runs = Annotated[
    str,
    typer.Argument(
        help="A table of runs (CSV, JSON, Parquet, Excel, a tracker's files, a folder or glob of "
        "them) or a data set.",
        autocompletion=_data_sets,
    ),
]
Source = Annotated[
    str, typer.Argument(help="A saved fit (.nc), or a published law such as hoffmann-2022.")
]
SavedFit = Annotated[Path, typer.Argument(help="A fit saved by 'bayes-scaling fit'.")]
ModelNames = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        help="A model id or a TOML file; several are averaged. 'auto', the default, averages the "
        "models that suit the table.",
        show_default="auto",
        autocompletion=complete_models,
    ),
]
Drift = Annotated[
    bool | None,
    typer.Option(
        "--drift/--no-drift",
        help="Let exponents of the named models drift with scale.",
        show_default="as defined",
    ),
]
Transient = Annotated[
    bool | None,
    typer.Option(
        "--transient/--no-transient",
        help="Let small runs lie above the named models.",
        show_default="as defined",
    ),
]
Mistuned = Annotated[
    bool | None,
    typer.Option(
        "--mistuned/--no-mistuned",
        help="Let some runs lie above the named models, which are then what tuned runs reach.",
        show_default="as defined",
    ),
]
Correlated = Annotated[
    bool | None,
    typer.Option(
        "--correlated/--no-correlated",
        help="Let deviations be remembered along a run, from row to row.",
        show_default="as defined",
    ),
]
Ceiling = Annotated[
    str | None,
    typer.Option(
        metavar="LEVEL",
        help="Let the named models be flat near the loss of an untrained model: its level, such as "
        "3.33, 'log(50257)' or a column; 'on' where it is not known, 'off' for none.",
        show_default="as defined",
    ),
]
Temper = Annotated[
    float | None,
    typer.Option(
        metavar="LENGTH",
        help="Temper the named models: over this share of the span of the runs their weight falls "
        "by a factor e. 0 for none.",
        show_default="as defined",
    ),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        "--fix",
        metavar="NAME=VALUE",
        help="Hold a parameter of the named models at a value, such as alpha=0.34 or E=1.69; may "
        "be given several times.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Probability = Annotated[float, typer.Option(help="Probability of the intervals.")]
Where = Annotated[
    str | None, typer.Option(help="Use only rows that meet this, e.g. 'flops <= 1e12'.")
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="OLD=NEW,...",
        help="What the columns of the file are: 'Verlust=loss,tokens=20*params' (a new name, or an "
        "expression of columns), or whose export it is: wandb, mlflow, tensorboard, wide.",
    ),
]
DropEmpty = Annotated[
    bool, typer.Option("--drop-empty", help="Leave out rows without a finite loss.")
]
FileFormat = Annotated[
    Literal["csv", "tsv", "jsonl", "json", "parquet", "xlsx", "sqlite", "tfevents"] | None,
    typer.Option("--format", help="Of a file whose suffix does not say."),
]
Commas = Annotated[
    Literal["decimal", "thousands"] | None,
    typer.Option(help="What commas in numbers are, where the file does not say."),
]
Best = Annotated[
    bool, typer.Option("--best", help="Use only the best run of each (params, tokens) cell.")
]
Draws = Annotated[int, typer.Option(help="Draws kept per chain.")]
Tune = Annotated[int, typer.Option(help="Tuning draws per chain.")]
Chains = Annotated[int, typer.Option(help="Chains.")]
Seed = Annotated[int, typer.Option(help="Random seed; the same seed gives the same result.")]
Many = Annotated[list[float] | None, count_option(help="May be given several times.")]
Computes = Annotated[
    list[float] | None,
    compute_option(help="FLOP, or '100 PF-days', '2e5 a100-hours'; may be given several times."),
]
Family = Annotated[
    str | None, typer.Option(help="The group of runs meant, where there are several.")
]
NewGroup = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="A group without runs, drawn from the population of those in the fit."
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Another input of the law, as name=value; may be given several times.",
    ),
]
Furthest = Annotated[
    float | None, typer.Option(help="Exit with 2 beyond this many e-folds of extrapolation.")
]


def read_settings(given: list[str] | None) -> dict[str, float]:
    """Return values that were given as name=value.

    Raises
    ------
    InputError
        One is not of that form.
    """
    from bayes_scaling.questions.units import count_of

    found = {}
    problems = []
    for text in given or []:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
            continue
        except ValueError:
            pass
        try:
            found[name] = count_of(value)
        except InputError:
            problems.append(f"--set takes name=number, got {text!r}; such as unique_tokens=100M")
    if problems:
        raise InputError(problems)
    return found
