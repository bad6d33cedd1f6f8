"""From the TOML of a model to a `Model`: every problem of a definition at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from math import isfinite
from typing import Any, TypeGuard, TypeVar, cast

from bayes_scaling.errors import InputError
from bayes_scaling.laws import features
from bayes_scaling.laws import noise as noises
from bayes_scaling.laws.check import check_model
from bayes_scaling.laws.features import Feature
from bayes_scaling.laws.lines import BASE, Line, override, read_line, whole_formula
from bayes_scaling.laws.model import Kind, Model
from bayes_scaling.laws.parameters import Parameter, read_parameter
from bayes_scaling.laws.parse import parse_formula
from bayes_scaling.laws.priors import Prior, read_prior

T = TypeVar("T")

KEYS = (
    "id", "title", "kind", "formula", "response", "group", "base", "built_on", "references",
    "columns", "extra_inputs", "where", "parameters", "tuned", "derived", "noise", "drift",
    "transient", "form_error", "valid",
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
        inherits = base is not None and "formula" not in self.given
        formula = (
            base.formula
            if base is not None and inherits
            else self.attempt(lambda: parse_formula(self.text("formula")))
        )
        where = self.lines("where")
        if base is not None:
            whole = whole_formula(base.formula, base.where)
            own = () if inherits else (Line(name=BASE, node=whole),)
            where = override((*base.where, *own), where)
        derived = override(base.derived if base else (), self.lines("derived"))
        tuned = override(base.tuned if base else (), self.lines("tuned"))
        noise = self.noise_family(base)
        temper = self.temper(base)
        switches = {
            name: self.feature(name, getattr(base, name) if base else Feature())
            for name in features.PARAMETERS
        }
        form_error = self.form_error(base)
        parameters, exchanged, group = self.parameters(base, noise, switches)
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
            noise=noise,
            drift=switches["drift"],
            transient=switches["transient"],
            temper=temper,
            form_error=form_error,
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
            line = self.attempt(partial(read_line, key, name, given))
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

    def temper(self, base: Model | None) -> float | None:
        given = self.table("noise").get("temper", base.temper if base else None)
        if given is None or (_is_number(given) and given > 0):
            return None if given is None else float(given)
        if given != 0:
            self.problems.append(f"[noise] temper must be a length above 0, or 0; got {given!r}")
        return None

    def feature(self, name: str, inherited: Feature) -> Feature:
        """Read the switch and the inputs of drift or of the transient."""
        table = self.table(name)
        own = ["on", "inputs", *(item.name for item in features.PARAMETERS[name])]
        own += ["level"] if name == "transient" else []
        self.problems += [
            f"[{name}] unknown key {key!r}; allowed are {', '.join(own)}"
            for key in table
            if key not in own
        ]
        on, inputs = table.get("on", inherited.on), table.get("inputs", inherited.inputs)
        if not isinstance(on, bool):
            self.problems.append(f"[{name}] on must be true or false, got {on!r}")
        if not isinstance(inputs, list | tuple) or not all(isinstance(x, str) for x in inputs):
            self.problems.append(f"[{name}] inputs must be a list of columns, got {inputs!r}")
            inputs = ()
        level = str(table.get("level", inherited.level))
        return Feature(on=on is True, inputs=tuple(inputs), level=level)

    def form_error(self, base: Model | None) -> Prior | None:
        given = self.given.get("form_error")
        if given is None:
            return base.form_error if base else None
        return self.attempt(lambda: read_prior(given, where="form_error")) if given else None

    def parameters(
        self,
        base: Model | None,
        family: noises.NoiseFamily,
        switches: Mapping[str, Feature],
    ) -> tuple[tuple[Parameter, ...], dict[str, Any], str]:
        """Read the parameters, the noise's last; priors on derived ones are set aside."""
        noise = {item.name: item for item in noises.PARAMETERS[family]}
        inherited = base.parameters if base else ()
        on = tuple(name for name, feature in switches.items() if feature.on)
        found = {item.name: item for item in features.parameters(inherited, on)}
        found = {**noise, **found}
        given, exchanged = self.given_parameters(base, noise)
        groups = {base.group} if base else set()
        for name, table in given.items():
            default = found.get(name)
            read = self.attempt(partial(read_parameter, name, table, default=default))
            if read is not None:
                found[name] = read[0]
                groups |= {read[1]} if read[1] else set()
        law = [item for name, item in found.items() if name not in noise]
        return (*law, *(found[name] for name in noise)), exchanged, self.group(groups)

    def given_parameters(
        self, base: Model | None, noise: Mapping[str, Parameter]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return tables of parameters, and priors on what is derived in the base."""
        table = dict(self.table("noise"))
        table.pop("family", None)
        table.pop("temper", None)
        self.problems += [
            f"[noise] unknown key {key!r}; allowed are family, temper, {', '.join(noise)}"
            for key in table
            if key not in noise
        ]
        for feature, items in features.PARAMETERS.items():
            own = self.table(feature)
            table |= {item.name: own[item.name] for item in items if item.name in own}
        given = {**self.table("parameters"), **table}
        invertible = {line.name for line in base.derived if line.inverse} if base else set()
        exchanged = {name: given.pop(name) for name in list(given) if name in invertible}
        priors = {
            name: table.get("prior") if isinstance(table, Mapping) else table
            for name, table in exchanged.items()
        }
        return given, priors

    def group(self, named: set[str]) -> str:
        """Return the grouping column: the one that is given, or the one that parameters name."""
        given = self.given.get("group")
        if given is None and len(named) > 1:
            self.problems.append(
                f"parameters are pooled by several columns ({', '.join(sorted(named))}); "
                "a model has one 'group'"
            )
        return str(given or next(iter(named), "family"))


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
