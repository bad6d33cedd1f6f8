"""Options made from what Python users call: dataclasses and methods, with their documentation.

Each parameter of a command is a `Part`. One that is annotated for typer stays as it is. One of a
plain type becomes an option whose help and unit are those of its documentation. A dataclass, such
as `Limits`, becomes an option for each field, and is put together again before the command runs.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from bayes_scaling.errors import InputError

NAMES: Mapping[str, tuple[str, ...]] = {
    "Device.memory": ("--device-memory",),
    "Device.count": ("--devices",),
    "Device.cache": ("--kv-cache",),
    "Device.reserved": ("--device-reserved",),
    "Settings.random_seed": ("--seed",),
    "Settings.target_accept": (),
}
"""Names of options that are not those of their fields; without any the field is no option."""

UNITS = ("NUMBER", "FLOP", "BYTES")
"""Units of options."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a parameter of a command is to a shell.

    Attributes
    ----------
    options : sequence of inspect.Parameter
        Its options or arguments.
    build : callable
        From what was given, by the names of the options, to the value.
    """

    options: Sequence[inspect.Parameter]
    build: Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Without:
    """In an annotation: the fields of a dataclass that are no options here."""

    names: tuple[str, ...]


def command_of(
    run: Callable[..., Any], parts: Mapping[str, Part], *, name: str, doc: str
) -> Callable[..., Any]:
    """Return a function that typer can make a command of, from parts by the parameters of `run`."""

    def call(**given: Any) -> Any:
        return run(**{key: part.build(given) for key, part in parts.items()})

    options = [option for part in parts.values() for option in part.options]
    call.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    call.__annotations__ = {option.name: option.annotation for option in options}
    call.__name__, call.__doc__ = name, doc
    return call


def flat(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command with the options of its parameters."""
    hints = get_type_hints(function, include_extras=True)
    told = described(function)
    parts = {
        name: part_of(parameter.replace(annotation=hints[name]), told.get(name))
        for name, parameter in inspect.signature(function).parameters.items()
    }
    return command_of(function, parts, name=function.__name__, doc=function.__doc__ or "")


def part_of(parameter: inspect.Parameter, told: Told | None = None) -> Part:
    """Return the part of one parameter."""
    kind: Any = parameter.annotation
    extra: Sequence[Any] = ()
    if get_origin(kind) is Annotated:
        kind, *extra = get_args(kind)
    if is_dataclass(kind):
        left_out = [name for each in extra if isinstance(each, Without) for name in each.names]
        default = None if parameter.default is inspect.Parameter.empty else parameter.default
        return spread(kind, default=default, left_out=left_out)
    name = parameter.name
    named = any(get_origin(each) is Mapping for each in get_args(kind))
    if not extra and named and str not in get_args(kind):
        help = f"{(told or Told()).text} As name=value; may be given once for each name."
        settings = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=help)]
        return Part(
            options=[_parameter(name, settings, None)],
            build=lambda given: read_settings(given[name], f"--{name.replace('_', '-')}"),
        )
    if not extra:
        parameter = option(name, kind, parameter.default, told or Told())
    return Part(options=[_by_name(parameter)], build=lambda given: given[name])


def spread(
    kind: Any,
    *,
    default: Any = None,
    left_out: Sequence[str] = (),
    names: Mapping[str, tuple[str, ...]] | None = None,
    once: bool = False,
) -> Part:
    """Return the part of a dataclass: an option for each field.

    Parameters
    ----------
    kind : type
        The dataclass.
    default : instance of it, optional
        Holds the defaults in place of those of the fields.
    left_out : sequence of str
        Fields that are no options.
    names : mapping of str to tuple of str, optional
        Names of options, by field, in place of those of the fields.
    once : bool
        Whether one value is taken of each, so that no help says "several".

    Notes
    -----
    One with fields that have no default is None where none of its options is given.
    """
    told, hints = described(kind), get_type_hints(kind, include_extras=True)
    needed = [each.name for each in fields(kind) if _usual(each, default) is MISSING]
    options: dict[str, inspect.Parameter] = {}
    for each in fields(kind):
        spelled = (names or {}).get(each.name, NAMES.get(f"{kind.__name__}.{each.name}"))
        if each.name in left_out or spelled == ():
            continue
        name = spelled[0].strip("-").replace("-", "_") if spelled else each.name
        usual = _usual(each, default)
        if get_origin(hints[each.name]) is Annotated:
            found = inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=hints[each.name], default=usual
            )
        else:
            # what is not given is left to the dataclass
            said = replace(told.get(each.name, Told()), default=_said(usual) if needed else "")
            shown = None if needed or not _said(usual) else usual
            found = option(name, hints[each.name], shown, said, names=spelled or (), once=once)
        options[each.name] = found

    def build(given: Mapping[str, Any]) -> Any:
        known = {field: given[option.name] for field, option in options.items()}
        known = {field: value for field, value in known.items() if value not in (None, [])}
        if needed and not known:
            return None
        if missing := [field for field in needed if field not in known]:
            said, lacking = (
                ", ".join(f"--{options[field].name.replace('_', '-')}" for field in names)
                for names in (known, missing)
            )
            raise InputError(f"{said} need {lacking}")
        return kind(**known) if default is None else replace(default, **known)

    return Part(options=[_by_name(each) for each in options.values()], build=build)


def _usual(field: Any, instance: Any) -> Any:
    """Return the default of a field."""
    if instance is not None:
        return getattr(instance, field.name)
    return field.default


def _by_name(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)


# ---- one option ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the documentation says of a parameter.

    Attributes
    ----------
    text : str
        What it is.
    unit : str
        ``"FLOP"``, ``"BYTES"`` or ``"NUMBER"``.
    default : str
        What holds where it is not given, where that is no default of the option itself.
    """

    text: str = ""
    unit: str = "NUMBER"
    default: str = ""


def described(documented: object) -> dict[str, Told]:
    """Read the numpydoc of a dataclass, a function or a method: what each of its parameters is."""
    doc = inspect.getdoc(documented) or ""
    _, *after = re.split(r"^(?:Parameters|Attributes)\n-+\n", doc, maxsplit=1, flags=re.M)
    section = re.split(r"^\w+\n-+\n", after[0], maxsplit=1, flags=re.M)[0] if after else ""
    found = {}
    for names, kind, text in re.findall(
        r"^(\w[\w, ]*)(?: : (.*))?\n((?:(?:    .*)?\n?)+)", section, flags=re.M
    ):
        unit = re.search(r"\[(\w+)\]", kind + text)
        read = unit[1].upper() if unit and unit[1].upper() in UNITS else "NUMBER"
        words = re.sub(r"\s*\[FLOP\]", "", " ".join(text.split())).replace("`", "")
        for name in names.split(", "):
            found[name] = Told(text=words, unit=read)
    return found


def takes_one(parameter: inspect.Parameter) -> bool:
    """Whether a parameter is one number, or none."""
    return parameter.annotation in (float, float | None)


def option(
    name: str,
    kind: Any,
    default: Any,
    told: Told,
    *,
    names: Sequence[str] = (),
    once: bool = False,
) -> inspect.Parameter:
    """Return an option of a plain type; a text that is needed is an argument.

    Parameters
    ----------
    name : str
        Of the parameter.
    kind : type
        int, str, Literal, Path and the like; float, or one or several of them.
    default : object
        Of the parameter; `inspect.Parameter.empty` where it is needed.
    told : Told
        Its help and unit.
    names : sequence of str
        Of the option, where it is not called as the parameter.
    once : bool
        Whether of several that the kind allows one is taken.
    """
    needed = default is inspect.Parameter.empty
    kinds = [each for each in get_args(kind) or (kind,) if each is not NoneType]
    settings: dict[str, Any] = {"help": told.text}
    if told.default:
        settings["show_default"] = told.default
    plain: Any = kinds[0]
    if get_origin(kind) is tuple or any(get_origin(each) is Sequence for each in kinds):
        inside = [inner for each in kinds for inner in get_args(each)]
        kinds = [each for each in (float, str) if each in (*kinds, *inside)] or [float]
        plain = list[kinds[0]]  # type: ignore[valid-type]
        settings["help"] = told.text if once else f"{told.text} May be given several times.".strip()
    elif get_origin(kind) is Literal:
        plain = kind
    if float in kinds:
        settings |= {"parser": reader(told.unit), "metavar": told.unit}
    if str in kinds and needed:
        info = typer.Argument(help=told.text)
        return _parameter(name, Annotated[str, info])
    spelled = names or (f"--{name.replace('_', '-')}",)
    return _parameter(
        name,
        Annotated[plain if needed else plain | None, typer.Option(*spelled, **settings)],
        default,
    )


def _parameter(
    name: str, annotation: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


def _said(default: Any) -> str:
    """Write the default of a field; nothing where it means that nothing is set."""
    if default in (None, (), 0, False, MISSING) or (
        isinstance(default, float) and math.isinf(default)
    ):
        return ""
    return f"{default:g}" if isinstance(default, int | float) else str(default)


def reader(unit: str) -> Callable[[str | float], float]:
    """Return a parser of amounts, whose refusal names the option.

    A plain number passes, whatever it is: what may be asked is for the question to say.
    """

    def read(text: str | float) -> float:
        try:
            return float(text)
        except ValueError:
            pass
        from bayes_scaling.questions.units import count_of, flops_of, tokens_of

        try:
            if unit == "BYTES":
                return tokens_of(text, per_token=1.0)
            return flops_of(text) if unit == "FLOP" else count_of(text)
        except InputError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def number(*names: str, help: str, unit: str = "NUMBER") -> Any:
    """Return an option of an amount, such as 7B or '100 PF-days', for an annotation."""
    return typer.Option(*names, parser=reader(unit), metavar=unit, help=help)


# ---- what many commands take ---------------------------------------------------------------------


def complete_models() -> list[str]:
    """Complete the id of a model."""
    from bayes_scaling.laws import list_models

    return ["auto", *(model.id for model in list_models())]


def complete_datasets() -> list[str]:
    """Complete the name of a data set; files are completed by the shell."""
    from bayes_scaling.datasets import list_datasets

    return [item.name for item in list_datasets()]


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Probability = Annotated[float, typer.Option(help="Probability of the intervals.")]
Many = Annotated[list[float] | None, number(help="May be given several times.")]
Family = Annotated[
    str | None, typer.Option(help="The group of runs meant, where there are several.")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Another input of the law, as name=value; may be given once for each input."
    ),
]


def read_settings(given: Sequence[str] | None, flag: str = "--set") -> dict[str, float]:
    """Return values that were given as name=value with an option.

    Raises
    ------
    InputError
        One is not of that form, or a name is given twice: it has one value.
    """
    from bayes_scaling.runs.columns import canonical_name

    found: dict[str, float] = {}
    said: dict[str, str] = {}
    problems = []
    for text in given or []:
        name, _, value = text.partition("=")
        meant = canonical_name(name) or name
        if meant in said:
            problems.append(
                f"{flag} {said[meant]} and {flag} {text} are two values of {meant!r}: give one, "
                "and ask once for each value"
            )
        said[meant] = text
        try:
            found[name] = reader("NUMBER")(value)
        except typer.BadParameter:
            problems.append(
                f"{flag} takes name=number, got {text!r}; such as {name}=2 or {name}=1M"
            )
    if problems:
        raise InputError(problems)
    return found
