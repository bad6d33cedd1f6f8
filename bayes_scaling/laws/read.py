"""From the TOML of a model to a `Model`: every problem of a definition at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from bayes_scaling.errors import InputError
from bayes_scaling.laws import noise as noises
from bayes_scaling.laws.model import Kind, Line, Model
from bayes_scaling.laws.nodes import FUNCTIONS, Node, names
from bayes_scaling.laws.parameters import Parameter, read_parameter
from bayes_scaling.laws.parse import check_names, parse_formula
from bayes_scaling.runs.columns import COLUMNS

T = TypeVar("T")

KEYS = (
    "id", "title", "kind", "formula", "response", "group", "base", "built_on", "references",
    "columns", "extra_inputs", "where", "parameters", "tuned", "derived", "noise", "valid",
)  # fmt: skip
"""Keys a model definition may have."""

KINDS: tuple[Kind, ...] = ("law", "rule", "query", "decision")


def read_model(
    definition: Mapping[str, Any],
    *,
    find_base: Callable[[str], Model] | None = None,
    source: str | None = None,
) -> Model:
    """Read a model definition.

    Parameters
    ----------
    definition : mapping
        The parsed TOML.
    find_base : callable, optional
        Finds the model that ``base`` names.
    source : str, optional
        The file, for messages.

    Returns
    -------
    Model
        Flat: what it takes from its base is written out.

    Raises
    ------
    InputError
        With every problem of the definition.
    """
    reader = _Reader(definition)
    model = reader.read(find_base)
    if reader.problems or model is None:
        raise InputError(reader.problems, source=source or f"model {definition.get('id', '?')!r}")
    return model


class _Reader:
    """One definition being read; collects problems as it goes."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.given = definition
        self.problems: list[str] = []

    def attempt(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except InputError as error:
            self.problems += error.problems
            return None

    def table(self, key: str) -> Mapping[str, Any]:
        given = self.given.get(key, {})
        if isinstance(given, Mapping):
            return given
        self.problems.append(f"[{key}] must be a table, got {given!r}")
        return {}

    def text(self, key: str, default: str | None = None) -> str:
        given = self.given.get(key, default)
        if isinstance(given, str) and given:
            return given
        self.problems.append(f"{key!r} must be a text, got {given!r}")
        return "?"

    def read(self, find_base: Callable[[str], Model] | None) -> Model | None:
        self.check_keys()
        base = self.base(find_base)
        formula = self.attempt(lambda: parse_formula(self.text("formula")))
        where = self.lines("where")
        if base:
            where = _override((*base.where, Line(name="base", node=base.formula)), where)
        derived = _override(base.derived if base else (), self.lines("derived"))
        tuned = _override(base.tuned if base else (), self.lines("tuned"))
        parameters, exchanged, group = self.parameters(base)
        kind = self.given.get("kind", "law")
        if kind not in KINDS:
            self.problems.append(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
        valid = self.table("valid").get("about", base.valid if base else "")
        columns = {**dict(base.columns if base else ()), **self.table("columns")}
        if formula is None or self.problems:
            return None
        model = Model(
            id=self.text("id"),
            title=self.text("title", "untitled"),
            formula=formula,
            parameters=parameters,
            response=self.text("response", base.response if base else "loss"),
            where=where,
            derived=derived,
            tuned=tuned,
            noise=self.noise_family(base),
            group=group,
            columns=tuple((str(key), str(value)) for key, value in columns.items()),
            extra_inputs=tuple(self.given.get("extra_inputs", base.extra_inputs if base else ())),
            kind=cast(Kind, kind),
            valid=str(valid),
            references=tuple(self.given.get("references", base.references if base else ())),
            base=base.id if base else self.given.get("built_on"),
        )
        if exchanged:
            exchanged_model = self.attempt(lambda: model.with_priors(exchanged))
            model = exchanged_model or model
        self.problems += check_model(model)
        return model

    def check_keys(self) -> None:
        for key in self.given:
            if key not in KEYS:
                near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(KEYS)}"
                self.problems.append(f"unknown key {key!r}; {hint}")

    def base(self, find_base: Callable[[str], Model] | None) -> Model | None:
        name = self.given.get("base")
        if name is None:
            return None
        if find_base is None:
            self.problems.append(f"base {name!r} cannot be looked up here")
            return None
        return self.attempt(lambda: find_base(str(name)))

    def lines(self, key: str) -> tuple[Line, ...]:
        found = []
        for name, given in self.table(key).items():
            line = self.attempt(lambda name=name, given=given: _read_line(key, name, given))  # type: ignore[misc]
            if line is not None:
                found.append(line)
        return tuple(found)

    def noise_family(self, base: Model | None) -> noises.NoiseFamily:
        family = self.table("noise").get("family", base.noise if base else "student_t")
        if family not in noises.PARAMETERS:
            allowed = ", ".join(noises.PARAMETERS)
            self.problems.append(f"[noise] family must be one of {allowed}; got {family!r}")
            return "student_t"
        return cast(noises.NoiseFamily, family)

    def parameters(self, base: Model | None) -> tuple[tuple[Parameter, ...], dict[str, Any], str]:
        """Read the parameters, the noise's last; priors on derived ones are set aside."""
        noise_table = self.table("noise")
        noise_defaults = noises.PARAMETERS[self.noise_family(base)]
        allowed = {"family", *(item.name for item in noise_defaults)}
        for key in set(noise_table) - allowed:
            self.problems.append(f"[noise] unknown key {key!r}; allowed are {', '.join(allowed)}")
        found = {item.name: item for item in base.parameters} if base else {}
        invertible = {line.name for line in base.derived if line.inverse} if base else set()
        for item in noise_defaults:
            found.setdefault(item.name, item)
        given = dict(self.table("parameters"))
        given |= {key: value for key, value in noise_table.items() if key != "family"}
        exchanged = {name: given.pop(name) for name in list(given) if name in invertible}
        groups = {base.group} if base else set()
        for name, table in given.items():
            read = self.attempt(
                lambda name=name, table=table: read_parameter(  # type: ignore[misc]
                    name, table, where=f"{self.given.get('id', '?')}", default=found.get(name)
                )
            )
            if read is not None:
                found[name] = read[0]
                groups |= {read[1]} if read[1] else set()
        last = [item.name for item in noise_defaults]
        ordered = [item for name, item in found.items() if name not in last]
        ordered += [found[name] for name in last]
        group = self.given.get("group") or (groups.pop() if len(groups) == 1 else None)
        if groups and group is None:
            columns = ", ".join(sorted(groups))
            self.problems.append(
                f"parameters are pooled by several columns ({columns}); a model has one 'group'"
            )
        priors = {name: table.get("prior") for name, table in exchanged.items()}
        return tuple(ordered), priors, str(group or "family")


def _read_line(key: str, name: str, given: object) -> Line:
    if isinstance(given, str):
        return Line(name=name, node=parse_formula(given))
    if key == "derived" and isinstance(given, Mapping) and set(given) <= {"formula", "inverse"}:
        inverse = given.get("inverse", {})
        if isinstance(given.get("formula"), str) and isinstance(inverse, Mapping):
            if len(inverse) > 1:
                raise InputError(
                    f"[{key}] {name}: 'inverse' gives one parameter, not {len(inverse)}"
                )
            nodes = tuple((str(item), parse_formula(text)) for item, text in inverse.items())
            return Line(name=name, node=parse_formula(given["formula"]), inverse=nodes)
    raise InputError(f"[{key}] {name} must be a formula in quotes, got {given!r}")


def _override(old: tuple[Line, ...], new: tuple[Line, ...]) -> tuple[Line, ...]:
    merged = {line.name: line for line in old} | {line.name: line for line in new}
    return tuple(merged.values())


def check_model(model: Model) -> list[str]:
    """Return every problem in the names of a model: unknown, clashing or unused ones."""
    sampled = {item.name for item in model.parameters}
    columns = {*COLUMNS, *model.extra_inputs}
    references = {f"{name}_ref" for name in columns}
    problems = [
        f"[parameters.{name}] has the name of a column or function; rename it"
        for name in sorted(sampled & (columns | set(FUNCTIONS)))
    ]
    known = sampled | columns | references
    used: set[str] = set()

    def check(node: Node, where: str, allowed: set[str]) -> None:
        problems.extend(check_names(node, allowed, where=where))
        used.update(names(node))

    for line in model.where:
        check(line.node, f"[where] {line.name}", known)
        known.add(line.name)
    check(model.formula, "formula", known)
    for line in model.tuned:
        if line.name not in columns:
            problems.append(f"[tuned] {line.name} is not an input of the law")
        check(line.node, f"[tuned] {line.name}", known - {line.name})
    noise_names = {item.name for item in noises.PARAMETERS[model.noise]}
    for name in sorted(sampled - used - noise_names):
        problems.append(f"[parameters.{name}] is never used; remove it or use it in the formula")
    reported = (sampled | references | {line.name for line in model.where}) - columns
    for line in model.derived:
        check(line.node, f"[derived] {line.name}", reported)
        for name, node in line.inverse:
            check(
                node, f"[derived] {line.name} inverse of {name}", sampled | {line.name} | references
            )
    if model.response not in columns:
        problems.append(f"response {model.response!r} is not a column")
    return problems
