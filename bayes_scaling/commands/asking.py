"""Commands that are questions: made of the methods of `bayes_scaling.facade.Fit`.

The options of a question come from the signature and the documentation of its method. What a shell
says otherwise, such as data in bytes or a plan in a file, is a function here, named in the table of
commands: it takes `Asked` and options of its own, changes what is asked, and may return a function
from the answer to what is `Shown` beside it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from bayes_scaling.commands.console import Shown, check_picture, give, write_picture
from bayes_scaling.commands.options import (
    Family,
    Inputs,
    Json,
    Many,
    Part,
    Probability,
    command_of,
    described,
    number,
    part_of,
    read_settings,
    spread,
    takes_one,
)
from bayes_scaling.commands.sources import Source, answering, read_csv, read_table
from bayes_scaling.commands.streams import say
from bayes_scaling.datasets import published_runs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.laws.variants import tempering_in_words
from bayes_scaling.papers import Answerer
from bayes_scaling.questions.allocate import Allocation
from bayes_scaling.questions.device import Device
from bayes_scaling.questions.drifting_exponents import ASKED
from bayes_scaling.questions.forecast import Forecast
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.mistuned_runs import OffLaw
from bayes_scaling.questions.record import NAME, register
from bayes_scaling.questions.rig import Budget, Rig
from bayes_scaling.questions.run_plan import read_run_plan
from bayes_scaling.runs.doubts_of_fit import splits_take

After = Callable[[Any], Shown | None] | None
PICTURES: Mapping[str, str] = {
    "Emergence": "plot_emergence",
    "ShapeRanking": "plot_shapes",
    "Transfer": "plot_transfer",
    "Tuning": "plot_tune",
    "ValleyMap": "plot_valley_map",
}
"""Figures, by what they show."""

Plot = Annotated[Path | None, typer.Option(help="Draw the answer into this file.")]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of the runs that are asked about, and the group they belong to."""

    params: Many = None
    tokens: Many = None
    learning_rate: Many = None
    runs: Annotated[
        str | None,
        typer.Option(help="A table of sizes, one row per run, in place of sizes; needs no loss."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """The group of runs that is asked about."""

    family: Family = None
    new_group: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A group without runs, drawn from the population of those in the fit.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Printing:
    """How an answer is shown."""

    probability: Probability = PROBABILITY
    max_extrapolation: Annotated[
        float | None, typer.Option(help="Exit with 2 beyond this many e-folds of extrapolation.")
    ] = None
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print local exponents and tempering too.")
    ] = False
    as_json: Json = False


@dataclass(kw_only=True)
class Asked:
    """What is asked of whom.

    Attributes
    ----------
    path : str
        The saved fit, or the name of a published law.
    source : Fit or PublishedLaw
        What answers.
    given : dict
        Arguments of the method.
    """

    path: str
    source: Answerer
    given: dict[str, Any]


BUNDLES: Mapping[str, tuple[type, ...]] = {
    "flops": (Budget, Rig),
    "budget": (Budget, Rig),
    "sizes": (Sizes, Budget, Rig, Group),
    "runs": (Sizes, Budget, Rig),
    "values": (Sizes, Budget, Rig),
    "limits": (Limits, Device),
    "rig": (Rig,),
    "family": (Group,),
}
"""Values that a parameter of a method is made of, in a shell."""

SIZED = ("sizes", "runs", "values")
"""Parameters that hold sizes of runs."""

SECOND = ("beside", "pretrained")
"""Parameters that are another fit, or a published law: in a shell, its file or its name."""

COMMON = ("self", "inputs", "probability")
"""Parameters that are made into options once, for all methods."""


def question(
    name: str,
    *,
    method: str,
    example: str,
    shell: str | None = None,
    fills: tuple[str, ...] = (),
    spelled: Mapping[str, tuple[str, ...]] | None = None,
) -> Callable[..., None]:
    """Make a command of a method.

    Parameters
    ----------
    name : str
        Of the command.
    method : str
        Of `Fit`.
    example : str
        Arguments of an example.
    shell : str, optional
        The function of this file that says it as a shell does.
    fills : tuple of str
        Parameters of the method that this function fills in.
    spelled : mapping of str to tuple of str, optional
        Names of the options of the budget, where they differ.
    """
    asks = getattr(Fit, method)
    whole = inspect.signature(asks, eval_str=True)
    returns, signature = whole.return_annotation, whole.parameters
    own = {key: each for key, each in signature.items() if key not in (*COMMON, *fills)}
    twist = globals()[shell] if shell else None
    told = described(asks)
    parts: dict[str, Part] = {"fit": _part("fit", Source)}
    for key, parameter in own.items():
        for kind in BUNDLES.get(key, ()):
            once = takes_one(parameter)
            parts.setdefault(kind.__name__, spread(kind, names=spelled, once=once))
        if key in SECOND:
            parts[key] = part_of(parameter.replace(annotation=str | None), told.get(key))
        elif key not in BUNDLES:
            parts[key] = part_of(parameter, told.get(key))
    if "inputs" in signature or set(SIZED) & set(own):
        parts["inputs"] = _part("inputs", Inputs, None)
    hints = get_type_hints(twist, include_extras=True) if twist else {}
    extra = list(inspect.signature(twist).parameters.values())[1:] if twist else []
    for parameter in extra:
        annotation = hints[parameter.name]
        parts[parameter.name] = part_of(parameter.replace(annotation=annotation))
    far = {"extrapolation", "forecast", "beyond"} & {each.name for each in fields(returns)}
    idle = [
        *([] if far else ["max_extrapolation"]),
        *([] if returns in (Forecast, Allocation) else ["verbose"]),
    ]
    parts["Printing"] = spread(Printing, left_out=idle)

    def run(fit: str, **built: Any) -> None:
        printing = built.pop("Printing")
        options = {parameter.name: built.pop(parameter.name) for parameter in extra}
        source = _with_group(answering(fit), fit, built.get("Group", Group()))
        given = _given(source, own, built, takes_inputs="inputs" in signature)
        asked = Asked(path=fit, source=source, given=given)
        after = twist(asked, **options) if twist else None
        answer = getattr(source, method, None) or _not_answered(source, name)
        found = answer(**asked.given, probability=printing.probability)
        shown = (after(found) if after else None) or Shown()
        give(
            source,
            found,
            shown if printing.verbose else replace(shown, below=()),
            furthest=printing.max_extrapolation,
            beside=[given[name] for name in SECOND if given.get(name) is not None],
            as_json=printing.as_json,
        )

    summary = (inspect.getdoc(asks) or "").split("\n\n")[0]
    doc = f"{summary}\n\nExample: bayes-scaling {name} {example}"
    return command_of(run, parts, name=name.replace("-", "_"), doc=doc)


def _part(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> Part:
    kind = inspect.Parameter.KEYWORD_ONLY
    return part_of(inspect.Parameter(name, kind, annotation=annotation, default=default))


def _with_group(source: Answerer, name: str, group: Group) -> Answerer:
    """Return what answers, for a group that it has no runs of where one is named."""
    if group.new_group is None:
        return source
    if group.family is not None:
        raise InputError("--family asks for a group of the fit, --new-group for another; give one")
    if not isinstance(source, Fit):
        raise InputError(f"{name} is one published law and has no groups: leave out --new-group")
    return source.with_new_group(group.new_group)


def _not_answered(source: Answerer, name: str) -> Any:
    raise InputError(f"{source.id} has no runs and no posterior: {name} is answered by a fit alone")


def _given(
    source: Answerer,
    own: Mapping[str, inspect.Parameter],
    built: Mapping[str, Any],
    *,
    takes_inputs: bool,
) -> dict[str, Any]:
    """Return the arguments of a method, from the values that its options were put together to."""
    rig = built.get("Rig", Rig())
    budgets = built.get("Budget", Budget()).on(rig)
    group = built.get("Group", Group())
    family = group.new_group or group.family
    others = read_settings(built.get("inputs"))
    given: dict[str, Any] = {"inputs": others} if takes_inputs else {}
    for name, parameter in own.items():
        if name in SIZED:
            named = {} if "family" in own else {source.leading.reads.group: family}
            given[name] = _sizes(built["Sizes"], budgets, {**named, **others})
        elif name in ("flops", "budget"):
            given[name] = _budget(parameter, budgets)
        elif name == "limits":
            device = built["Device"]
            given[name] = built["Limits"] if device is None else built["Limits"].on(device)
        elif name in SECOND:
            given[name] = None if built[name] is None else answering(built[name])
        else:
            given[name] = {"rig": rig, "family": family}[name] if name in BUNDLES else built[name]
    return given


def _budget(parameter: inspect.Parameter, budgets: list[float] | None) -> Any:
    """Return budgets for a parameter that takes several, or one."""
    if budgets is None and parameter.default is inspect.Parameter.empty:
        raise InputError(f"give --{parameter.name}, --hours, or --money with --price")
    if budgets is None or not takes_one(parameter):
        return budgets
    if len(budgets) > 1:
        raise InputError(f"this is asked of one budget, got {len(budgets)}")
    return budgets[0]


def _sizes(asked: Sizes, budgets: list[float] | None, others: Mapping[str, Any]) -> Any:
    """Return the sizes of runs: a table, or numbers."""
    sizes = {
        "params": asked.params,
        "tokens": asked.tokens,
        "flops": budgets,
        "learning_rate": asked.learning_rate,
        **others,
    }
    given = {name: value for name, value in sizes.items() if value is not None}
    if asked.runs is None:
        return given
    if given:
        said = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(f"give a table of runs, or sizes, not both: --runs and {said}")
    return read_table(asked.runs, needs_loss=False)


# ---- what a shell says otherwise -----------------------------------------------------------------


def forecast(
    asked: Asked,
    record: Annotated[
        bool, typer.Option("--register", help="Put the forecast on record, to be scored later.")
    ] = False,
) -> After:
    """Say which sizes do nothing; put the forecast on record."""
    for line in _not_read(asked):
        say(f"note: {line}")

    def after(answer: Forecast) -> Shown | None:
        if record:
            if not isinstance(asked.source, Fit):
                raise InputError(
                    f"--register keeps forecasts beside a saved fit; {asked.path} is none"
                )
            path = Path(asked.path).with_name(NAME)
            for line in register(asked.source, answer, path):
                say(f"note: on record in {path} as {line}; 'bayes-scaling score' judges it")
        return _features(asked.source, answer)

    return after


def _features(source: Answerer, answer: Forecast | Allocation) -> Shown:
    """Tell local exponents at the sizes of an answer, and which posteriors are tempered."""
    if not isinstance(source, Fit):
        return Shown(data={"exponents": [], "tempered": ""})
    model = source.leading.model
    if isinstance(answer, Forecast):
        columns, labels = answer.plan.columns, answer.plan.labels
        sizes: dict[str, Any] = {name: columns[name] for name in model.sizes}
        sizes[model.group] = labels
    else:
        sizes = {name: [row[name] for row in answer.rows()] for name in model.sizes}
        sizes[model.group] = answer.label
    found = source.exponents(sizes, probability=answer.probability).only(ASKED)
    tempered = tempering_in_words(member.model for member in source.members.values())
    return Shown(
        data={"exponents": found.rows(), "tempered": tempered},
        below=[*found.page(), *([[tempered]] if tempered else [])],
    )


def _not_read(asked: Asked) -> list[str]:
    """Say which of the sizes that were given no model of the fit reads, so that they do nothing."""
    sizes = asked.given["sizes"]
    if not (isinstance(asked.source, Fit) and isinstance(sizes, dict)):
        return []
    read = {name for each in asked.source.members.values() for name in each.model.inputs}
    if "flops" in read:
        return []
    has = " and ".join(sorted(read & {"params", "tokens", "steps", "width"})) or "other inputs"
    takes = splits_take(asked.source.runs)
    return [
        f"this fit reads {has} alone; {name} do not change the answer: a law of both {takes}"
        for name in ("params", "tokens")
        if name in sizes and name not in read
    ]


def allocate(asked: Asked) -> After:
    """Show local exponents and tempering below the splits."""
    return lambda answer: _features(asked.source, answer)


def judge_split(asked: Asked) -> After:
    """Judge the big published runs, where no others are given."""
    asked.given["runs"] = asked.given["runs"] or published_runs()
    return None


def reach(
    asked: Asked,
    runs: Annotated[
        str | None,
        typer.Option(help="A table of runs in place of sizes, one row per run; needs no loss."),
    ] = None,
) -> After:
    """Read the table of runs."""
    asked.given["runs"] = read_table(runs, needs_loss=False)
    return None


def risk(
    asked: Asked,
    plan: Annotated[
        Path | None, typer.Option(help="A plan that says all this; 'plan' writes one to fill.")
    ] = None,
) -> After:
    """Take what is asked from a plan."""
    if plan is None:
        return lambda answer: Shown(data={"unmatched": []})
    words = ("flops", "params", "tokens", "target_loss", "target_score", "value", "family")
    if any(asked.given[name] is not None for name in words):
        raise InputError("--plan says what is asked: leave out the other options, or the plan")
    read = read_run_plan(plan)
    asked.given = read.asked
    lines = [f"not in any interval below: {line}" for line in read.unmatched]
    above = [[read.title], *([lines] if lines else [])]
    return lambda answer: Shown(data={"unmatched": list(read.unmatched)}, above=above)


def advise(
    asked: Asked,
    data_bytes: Annotated[float | None, number(help="Text: bytes, or 300GB.", unit="BYTES")] = None,
    data_tokens: Annotated[float | None, number(help="The same in tokens.")] = None,
    bytes_per_token: Annotated[
        float, typer.Option(help="Of the tokenizer; about 4 in English text.")
    ] = 4.0,
) -> After:
    """Count the data on hand."""
    if (data_bytes is None) == (data_tokens is None):
        raise InputError("say what data are on hand: --data-bytes, or --data-tokens")
    if not bytes_per_token > 0:
        raise InputError(f"--bytes-per-token must be above 0, got {bytes_per_token!r}")
    asked.given["tokens"] = data_tokens if data_bytes is None else data_bytes / bytes_per_token
    asked.given["characters_per_token"] = bytes_per_token
    return None


def shapes(
    asked: Asked,
    table: Annotated[
        Path | None,
        typer.Option(help="A table of shapes (width, depth, heads, d_ff); made up else."),
    ] = None,
    plot: Plot = None,
) -> After:
    """Read the shapes; draw the ranking."""
    asked.given["shapes"] = None if table is None else read_csv(table)
    return pictured(asked, plot)


def pictured(asked: Asked, plot: Plot = None) -> After:
    """Draw the answer into a file, where one is given."""
    check_picture(plot)

    def after(answer: Any) -> Shown | None:
        if plot is not None:
            from bayes_scaling import figures

            write_picture(getattr(figures, PICTURES[type(answer).__name__])(answer), plot)
        return None

    return after


def next_runs(
    asked: Asked,
    candidates: Annotated[
        Path | None, typer.Option(help="A CSV of runs that could be made (params, tokens, ...).")
    ] = None,
    params: Annotated[float | None, number(help="Params of the big run.")] = None,
    tokens: Annotated[float | None, number(help="Tokens of the big run.")] = None,
) -> After:
    """Read the candidates, and the big run."""
    if (params is None) != (tokens is None):
        raise InputError("the big run is given by --params and --tokens, or by neither")
    asked.given["candidates"] = None if candidates is None else read_csv(candidates)
    asked.given["target"] = None if params is None else {"params": params, "tokens": tokens}
    return None


def sensitivity(asked: Asked) -> After:
    """Take one run, as its sensitivity is told of one."""
    sizes = asked.given["sizes"]
    lengths = map(_length, sizes.values()) if isinstance(sizes, dict) else [len(sizes)]
    if max(lengths, default=1) > 1:
        raise InputError("sensitivity is that of one run: give every size once")
    return None


def _length(values: Any) -> int:
    return len(values) if isinstance(values, list) else 1


def mistuned(
    asked: Asked, every: Annotated[bool, typer.Option("--all", help="Print every run.")] = False
) -> After:
    """Show the likeliest runs first."""
    if asked.source.averages:
        raise InputError(
            "this asks one law: fit a single model with --mistuned, such as -m coupled"
        )

    def after(answer: OffLaw) -> Shown:
        rows = sorted(answer.rows(), key=lambda row: -row["off"])
        return Shown(data={"rows": rows}, page=answer.page(most=None) if every else None)

    return after
