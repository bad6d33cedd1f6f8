"""Models as a user names them on the command line, with their features switched on or off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated

import typer

from bayes_scaling.commands.options import complete_models
from bayes_scaling.errors import InputError
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.variants import with_features
from bayes_scaling.runs import split_columns

AnyModel = str | Model

Switch = bool | float | str | None

AUTO = "auto"
"""The name that stands for the default members of an ensemble."""


@dataclass(frozen=True, kw_only=True)
class Models:
    """Models that are named, and their features."""

    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="A model id or a TOML file; several are averaged. 'auto', the default, averages "
            "the models that suit the table.",
            show_default="auto",
            autocompletion=complete_models,
        ),
    ] = None
    drift: Annotated[
        bool | None,
        typer.Option(
            "--drift/--no-drift",
            help="Let exponents of the named models drift with scale.",
            show_default="as defined",
        ),
    ] = None
    transient: Annotated[
        bool | None,
        typer.Option(
            "--transient/--no-transient",
            help="Let small runs lie above the named models.",
            show_default="as defined",
        ),
    ] = None
    mistuned: Annotated[
        bool | None,
        typer.Option(
            "--mistuned/--no-mistuned",
            help="Let some runs lie above the named models, which are then what tuned runs reach.",
            show_default="as defined",
        ),
    ] = None
    correlated: Annotated[
        bool | None,
        typer.Option(
            "--correlated/--no-correlated",
            help="Let deviations be remembered along a run, from row to row.",
            show_default="as defined",
        ),
    ] = None
    ceiling: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="Let the named models be flat near the loss of an untrained model: its level, "
            "such as 3.33, 'log(50257)' or a column; 'on' where it is not known, 'off' for none.",
            show_default="as defined",
        ),
    ] = None
    temper: Annotated[
        float | None,
        typer.Option(
            metavar="LENGTH",
            help="Temper the named models: over this share of the span of the runs their weight "
            "falls by a factor e. 0 for none.",
            show_default="as defined",
        ),
    ] = None
    fix: Annotated[
        list[str] | None,
        typer.Option(
            "--fix",
            metavar="NAME=VALUE",
            help="Hold a parameter of the named models at a value, such as alpha=0.34 or E=1.69; "
            "may be given several times.",
        ),
    ] = None

    pool_by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column of groups of the named models, such as metric; two nested ones as "
            "corpus/family.",
            show_default="as defined",
        ),
    ] = None

    @property
    def given(self) -> list[str]:
        """Names of the options that were given."""
        return [
            f"--{each.name.replace('_', '-')}"
            for each in fields(self)
            if getattr(self, each.name) is not None
        ]

    def chosen(self) -> list[AnyModel] | None:
        """Return the models; None for the default average."""
        switches = {each.name: getattr(self, each.name) for each in fields(self)}
        return chosen_models(switches.pop("model"), **switches)


def chosen_models(
    names: list[str] | None,
    *,
    temper: float | None = None,
    ceiling: str | None = None,
    fix: list[str] | None = None,
    pool_by: str | None = None,
    **features: bool | None,
) -> list[AnyModel] | None:
    """Return the models that a user named.

    Parameters
    ----------
    names : list of str, optional
        Ids and TOML files.
    temper : float, optional
        Length of tempering; 0 for none.
    ceiling : str, optional
        Its level, a number or a formula; ``"on"`` or ``"off"``.
    fix : list of str, optional
        Parameters to hold, as name=value.
    pool_by : str, optional
        Column of their groups, or two with a slash between.
    **features : bool, optional
        Features of all of them, on or off; as they are defined where absent.

    Returns
    -------
    list of str or Model, or None
        Names as they were given, or the variants that they stand for where a feature is switched;
        None for the default ensemble.

    Raises
    ------
    InputError
        A model cannot be read, a feature cannot act on it, or features are asked of the default
        ensemble; every problem at once.
    """
    fixed = _fixed(fix)
    switches = {**features, "ceiling": ceiling, "temper": temper}
    on = [name for name, value in switches.items() if value is not None]
    names = names or [AUTO]
    if AUTO in names:
        problems = []
        if len(names) > 1:
            problems.append(
                f"{AUTO!r} stands for models by itself: give it alone, or name the others"
            )
        if on:
            flags = ", ".join(f"--{'no-' if switches[name] is False else ''}{name}" for name in on)
            problems.append(
                f"{flags}: {AUTO!r} averages laws that have their features for a reason; name the "
                "model to change, such as -m coupled"
            )
        if fixed:
            problems.append(
                f"--fix: {AUTO!r} averages laws whose parameters differ; name the model, such as "
                "-m chinchilla"
            )
        if pool_by is not None:
            problems.append(f"--pool-by: name the model to pool by {pool_by}, such as -m coupled")
        if problems:
            raise InputError(problems)
        return None
    if not on and not fixed and pool_by is None:
        return list(names)
    models = _variants(names, {**features, "ceiling": _level(ceiling)}, temper)
    if pool_by is not None:
        models = [model.pooled_by(*split_columns(pool_by)) for model in models]
    return [model.with_priors(fixed) for model in models] if fixed else list(models)


def _level(text: str | None) -> Switch:
    """Read what is said of a ceiling: a switch, a number, or a formula as it is."""
    if text in ("on", "off"):
        return text == "on"
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _fixed(given: list[str] | None) -> dict[str, dict[str, float]]:
    """Return the priors that hold parameters, from name=value."""
    found: dict[str, dict[str, float]] = {}
    problems = []
    for text in given or []:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = {"value": float(value)}
        except ValueError:
            problems.append(f"--fix takes name=number, such as alpha=0.34, got {text!r}")
    if problems:
        raise InputError(problems)
    return found


def _variants(
    names: list[str], features: Mapping[str, Switch], temper: float | None
) -> list[Model]:
    """Load models and switch their features, or say what is wrong with each."""
    models: list[Model] = []
    problems: list[str] = []
    for name in names:
        try:
            model = load_model(name)
            models.append(with_features(model, features, temper=temper))
        except InputError as error:
            problems += [str(error)] if len(names) > 1 else error.problems
    if problems:
        raise InputError(problems)
    return models
