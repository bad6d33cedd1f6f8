"""From the TOML of a model to a `Model`: every problem of a definition at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Node, Number
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.laws import features, noise as noises
from bayes_scaling.laws.ceiling import read_level
from bayes_scaling.laws.check import check_model
from bayes_scaling.laws.definition import KINDS, Kind, Likelihood
from bayes_scaling.laws.features import FEATURES, OFF, Feature
from bayes_scaling.laws.lines import BASE, Line, in_order, override, read_solve, whole_formula
from bayes_scaling.laws.link import SCALES, Scale
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.parameters import Parameter, read_parameter
from bayes_scaling.laws.priors import Prior, read_prior
from bayes_scaling.laws.published import Published, read_published
from bayes_scaling.laws.toml_tables import Tables, is_number
from bayes_scaling.laws.variants import as_queried, reading_instead

KEYS = (
    *("id", "title", "kind", "formula", "response", "likelihood", "group", "base", "built_on"),
    *(
        "base_group",
        "reads",
        "references",
        "columns",
        "extra_inputs",
        "arguments",
        "where",
        "solve",
    ),
    *("parameters", "ordered", "rows", "tuned", "derived", "noise", *FEATURES, "form_error"),
    *("valid", "published"),
)
"""Keys a model definition may have."""

NOISE_KEYS = ("family", "temper", "scale")
"""Keys of ``[noise]``, beside its parameters."""


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
        problems = list(dict.fromkeys(reader.problems))
        raise InputError(problems, source=source or f"model {definition.get('id', '?')!r}")
    return model


class _Reader(Tables):
    """One definition being read."""

    def read(self, find_base: Callable[[str], Model] | None) -> Model | None:
        self.check_keys(KEYS)
        kind = cast(Kind, self.one_of(KINDS, self.given.get("kind", "law"), "kind"))
        base = self.base(find_base, kind)
        inherits = base is not None and "formula" not in self.given
        formula = (
            base.formula
            if base is not None and inherits
            else self.attempt(lambda: parse_formula(self.text("formula")))
        )
        noise = self.noise_family(base)
        likelihoods = self.likelihoods(base)
        switches = {
            name: self.feature(name, getattr(base, name) if base else OFF) for name in FEATURES
        }
        parameters, fixed, exchanged, group = self.parameters(
            base, _noise_parameters(noise, likelihoods), switches
        )
        arguments = {**dict(base.arguments if base else ()), **self.numbers("arguments")}
        extra_inputs = self.names("extra_inputs", base.extra_inputs if base else ())
        columns = {**dict(base.columns if base else ()), **self.table("columns")}
        model = Model(
            id=self.text("id"),
            title=self.text("title", "untitled"),
            formula=formula or parse_formula("1"),
            parameters=parameters,
            response=self.text("response", base.response if base else "loss"),
            likelihoods=likelihoods,
            where=self.lines_of_law(base, fixed, parameters, as_base=not inherits),
            derived=override(base.derived if base else (), self.lines("derived")),
            tuned=override(base.tuned if base else (), self.lines("tuned")),
            ordered=self.ordered(base),
            arguments=tuple(arguments.items()),
            select=self.select(base),
            noise=noise,
            scale=self.scale(base),
            **switches,
            temper=self.temper(base),
            form_error=self.form_error(base),
            group=group,
            columns=tuple((str(key), str(value)) for key, value in columns.items()),
            extra_inputs=extra_inputs,
            kind=kind,
            valid=str(self.table("valid").get("about", base.valid if base else "")),
            references=self.names("references", base.references if base else ()),
            published=self.published({*extra_inputs, *arguments}),
            base=base.id if base else self.given.get("built_on"),
        )
        if self.problems:
            return None
        own = self.table("tuned")  # what the base tunes may be read no more
        kept = [line for line in model.tuned if line.name in own or line.name in model.inputs]
        model = replace(model, tuned=tuple(kept))
        if exchanged:
            model = self.attempt(lambda: model.with_priors(exchanged)) or model
        self.problems += check_model(model)
        return model

    def one_of(self, allowed: tuple[str, ...], given: object, what: str) -> str:
        """Return one of some texts; the first where it is none of them."""
        if given in allowed:
            return given
        listed = " or ".join(allowed) if len(allowed) < 3 else f"one of {', '.join(allowed)}"
        self.problems.append(f"{what} must be {listed}; got {given!r}")
        return allowed[0]

    def base(self, find_base: Callable[[str], Model] | None, kind: Kind) -> Model | None:
        name, exchange = self.given.get("base"), self.table("reads")
        if name is None:
            if exchange:
                self.problems.append("'reads' exchanges inputs of a 'base', and there is none")
            return None
        if find_base is None:
            self.problems.append(f"base {name!r} cannot be looked up here")
            return None
        base = self.attempt(lambda: find_base(str(name)))
        if base is not None and exchange:
            wanted = {str(old): str(new) for old, new in exchange.items()}
            base = self.attempt(partial(reading_instead, base, wanted))
        return as_queried(base) if base is not None and kind == "query" else base

    # ---- formulas ----------------------------------------------------------------------------

    def lines_of_law(
        self,
        base: Model | None,
        fixed: tuple[Line, ...],
        parameters: tuple[Parameter, ...],
        *,
        as_base: bool,
    ) -> tuple[Line, ...]:
        """Read the lines of the law; `as_base` names the formula of the base ``base``."""
        where = (*fixed, *self.lines("where"), *self.roots())
        if base:
            whole = Line(name=BASE, node=whole_formula(base.formula, base.where))
            where = override((*base.where, *((whole,) if as_base else ())), where)
        sampled = {item.name for item in parameters}
        where = tuple(line for line in where if line.name not in sampled)  # constants set free
        return self.attempt(lambda: in_order(where)) or ()

    def roots(self) -> Iterable[Line]:
        """Read what is defined as the root of an equation."""
        given = self.table("solve").items()
        read = [self.attempt(partial(read_solve, name, table)) for name, table in given]
        return [line for line in read if line is not None]

    def likelihoods(self, base: Model | None) -> tuple[Likelihood, ...]:
        """Read the further observed quantities, on top of those of the base."""
        found = {item.response: item for item in (base.likelihoods if base else ())}
        given = self.given.get("likelihood", [])
        if not isinstance(given, list | tuple) or not all(isinstance(x, Mapping) for x in given):
            self.problems.append("write each further observed quantity under [[likelihood]]")
            return tuple(found.values())
        for table in given:
            self.check_keys(("response", "formula"), given=table, where="[[likelihood]] ")
            response, text = table.get("response"), table.get("formula")
            if not isinstance(response, str) or not isinstance(text, str):
                self.problems.append(
                    f"[[likelihood]] needs 'response' and 'formula' as texts, got {dict(table)!r}"
                )
                continue
            node = self.attempt(partial(parse_formula, text))
            if node:
                found[response] = Likelihood(response=response, node=node)
        return tuple(found.values())

    def ordered(self, base: Model | None) -> tuple[tuple[str, ...], ...]:
        """Read the parameters that ascend: one list of names, or a list of such lists."""
        given = self.given.get("ordered")
        if given is None:
            return base.ordered if base else ()
        listed = isinstance(given, list | tuple)
        sets = [given] if given and listed and all(isinstance(x, str) for x in given) else given
        if not listed or not all(
            isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
            for names in sets
        ):
            self.problems.append(f"'ordered' is a list of parameters that ascend, got {given!r}")
            return ()
        return tuple(tuple(names) for names in sets)

    def select(self, base: Model | None) -> str:
        rows = self.below("rows")
        rows.check_keys(("select",))
        given = rows.given.get("select", base.select if base else "")
        if isinstance(given, str):
            return given
        self.problems.append(f"[rows] select is a protocol or a condition in quotes, got {given!r}")
        return ""

    def published(self, inputs: Iterable[str]) -> Published | None:
        if "published" not in self.given:
            return None
        return self.attempt(lambda: read_published(self.table("published"), inputs=inputs))

    # ---- noise -------------------------------------------------------------------------------

    def noise_family(self, base: Model | None) -> noises.NoiseFamily:
        given = self.table("noise").get("family", base.noise if base else "student_t")
        family = self.one_of(tuple(noises.PARAMETERS), given, "[noise] family")
        return cast(noises.NoiseFamily, family)

    def scale(self, base: Model | None) -> Scale:
        given = self.table("noise").get("scale", base.scale if base else "log")
        return cast(Scale, self.one_of(SCALES, given, "[noise] scale"))

    def temper(self, base: Model | None) -> float | None:
        given = self.table("noise").get("temper", base.temper if base else None)
        if given is None or (is_number(given) and given > 0):
            return None if given is None else float(given)
        if given != 0:
            self.problems.append(f"[noise] temper must be a length above 0, or 0; got {given!r}")
        return None

    def form_error(self, base: Model | None) -> Prior | None:
        given = self.given.get("form_error")
        if given is None:
            return base.form_error if base else None
        return self.attempt(lambda: read_prior(given, where="form_error")) if given else None

    # ---- features ----------------------------------------------------------------------------

    def feature(self, name: str, inherited: Feature) -> Feature:
        """Read the switch of a feature, and what it acts on."""
        table, entry = self.below(name), FEATURES[name]
        table.check_keys(["on", *entry.keys, *(item.name for item in entry.parameters)])
        on = table.given.get("on", inherited.on)
        inputs = table.given.get("inputs", inherited.inputs)
        if not isinstance(on, bool):
            self.problems.append(f"[{name}] on must be true or false, got {on!r}")
        if not isinstance(inputs, list | tuple) or not all(isinstance(x, str) for x in inputs):
            self.problems.append(f"[{name}] inputs must be a list of columns, got {inputs!r}")
            inputs = ()
        lines = self.table("where")  # an input that a line takes the place of is none any more
        return Feature(
            on=on is True,
            inputs=tuple(column for column in inputs if column not in lines),
            level=str(table.given.get("level", inherited.level)),
            floor=self.height(table, "floor") or inherited.floor,
            value=self.ceiling_value(table) or inherited.value,
        )

    def ceiling_value(self, table: Tables) -> Node | None:
        """Read the level of a ceiling: as it is, or as the log of a number of tokens."""
        vocabulary = table.given.get("vocabulary")
        if vocabulary is None:
            return self.height(table, "value")
        if not is_number(vocabulary) or vocabulary <= 1:
            self.problems.append(
                f"{table.where}vocabulary must be a number of tokens, {vocabulary!r}"
            )
            return None
        if "value" in table.given:
            self.problems.append(f"{table.where}has a value and a vocabulary; leave out one")
        return parse_formula(f"log({vocabulary})")

    def height(self, table: Tables, key: str) -> Node | None:
        """Read a number or a formula; None where there is none."""
        given = table.given.get(key)
        if given is None:
            return None
        if is_number(given) or isinstance(given, str):
            return self.attempt(lambda: read_level(given))
        self.problems.append(
            f"{table.where}{key} is a number or a formula in quotes, got {given!r}"
        )
        return None

    # ---- parameters --------------------------------------------------------------------------

    def parameters(
        self, base: Model | None, noise: Mapping[str, Parameter], switches: Mapping[str, Feature]
    ) -> tuple[tuple[Parameter, ...], tuple[Line, ...], dict[str, Any], str]:
        """Read the parameters on top of those of the base.

        Returns
        -------
        sampled : tuple of Parameter
            Those of the noise last.
        fixed : tuple of Line
            Constants and ties, as lines.
        exchanged : dict
            Priors on quantities that are derived in the base.
        group : str
            The column that names the groups, or several joined by a slash.
        """
        inherited = _named(base, stated="group" in self.given)
        if "base_group" in self.given:
            inherited = _each(inherited, self.text("base_group"))
        found = {item.name: item for item in features.parameters(inherited, switches)}
        found = {**noise, **found}
        given, exchanged = self.tables_of_parameters(base, noise)
        fixed = []
        for name, table in given.items():
            if isinstance(table, Mapping) and "value" in table:
                line = self.fixed(name, table)
                found.pop(name, None)
                fixed += [line] if line else []
                continue
            read = self.attempt(partial(read_parameter, name, table, default=found.get(name)))
            if read is not None:
                found[name] = read
        group = self.group(base, found.values())
        sampled = [_unnamed(item, group) for item in found.values()]
        sampled.sort(key=lambda item: item.name in noise)
        return tuple(sampled), tuple(fixed), exchanged, "/".join(group)

    def tables_of_parameters(
        self, base: Model | None, noise: Mapping[str, Parameter]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return tables of parameters, and priors on what is derived in the base."""
        table = {key: value for key, value in self.table("noise").items() if key not in NOISE_KEYS}
        self.problems += [
            f"[noise] unknown key {key!r}; allowed are {', '.join((*NOISE_KEYS, *noise))}"
            for key in table
            if key not in noise
        ]
        for feature, entry in FEATURES.items():
            own = self.table(feature)
            table |= {item.name: own[item.name] for item in entry.parameters if item.name in own}
        given = {**self.table("parameters"), **table}
        invertible = {line.name for line in base.derived if line.inverse} if base else set()
        exchanged = {name: given.pop(name) for name in list(given) if name in invertible}
        return given, {
            name: table.get("prior") if isinstance(table, Mapping) else table
            for name, table in exchanged.items()
        }

    def fixed(self, name: str, table: Mapping[str, Any]) -> Line | None:
        """Read a constant, or a formula of other parameters that ties this one to them."""
        value, where = table["value"], f"[parameters.{name}]"
        self.check_keys(("value", "about"), given=table, where=f"{where}: with 'value', ")
        if is_number(value):
            return Line(name=name, node=Number(float(value)))
        if isinstance(value, str):
            node = self.attempt(partial(parse_formula, value))
            return Line(name=name, node=node) if node else None
        self.problems.append(f"{where}: value is a number or a formula in quotes, got {value!r}")
        return None

    def group(self, base: Model | None, parameters: Iterable[Parameter]) -> tuple[str, ...]:
        """Return the columns that name the groups: those stated, or those that parameters name."""
        named = [item.pool.by for item in parameters if item.pool.by]
        found = dict.fromkeys(
            column for columns in sorted(named, key=len, reverse=True) for column in columns
        )
        stated = self.given.get("group")
        if stated is None:
            return tuple(found) or tuple(base.group.split("/") if base else ("family",))
        if not isinstance(stated, str) or not stated:
            self.problems.append(
                f"'group' names a column, or several as 'one/other'; got {stated!r}"
            )
            return ("family",)
        columns = tuple(stated.split("/"))
        self.problems += [
            f"a parameter is pooled by {name!r}, which is not in group {stated!r}; join the two by "
            "a slash"
            for name in found
            if name not in columns
        ]
        return columns


def _noise_parameters(
    family: noises.NoiseFamily, likelihoods: Iterable[Likelihood]
) -> dict[str, Parameter]:
    """Return the parameters of noise by name: a scale for every observed quantity."""
    further = (
        replace(noises.SIGMA, name=item.sigma_name, about=f"scale of the noise of {item.response}")
        for item in likelihoods
    )
    return {item.name: item for item in (*noises.PARAMETERS[family], *further)}


def _unnamed(parameter: Parameter, group: tuple[str, ...]) -> Parameter:
    """Return a parameter that is pooled by the groups of the model without their names."""
    if parameter.pool.by != group or len(group) > 1:
        return parameter
    return replace(parameter, pool=replace(parameter.pool, by=()))


def _each(parameters: tuple[Parameter, ...], column: str) -> tuple[Parameter, ...]:
    """Return inherited parameters that are one for each group as one for each value of a column."""
    return tuple(
        replace(item, pool=replace(item.pool, by=(column,)))
        if item.pool.kind == "separate" and not item.pool.by
        else item
        for item in parameters
    )


def _named(base: Model | None, *, stated: bool) -> tuple[Parameter, ...]:
    """Return inherited parameters; where no group is stated, pooled ones name their columns."""
    if base is None or stated:
        return base.parameters if base else ()
    columns = tuple(base.group.split("/"))
    return tuple(
        replace(item, pool=replace(item.pool, by=columns))
        if item.pool.kind == "partial" and not item.pool.by
        else item
        for item in base.parameters
    )
