"""From the TOML of a model to a `Model`: every problem of a definition at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, cast

from bayes_scaling.errors import InputError
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.laws import features, noise as noises
from bayes_scaling.laws.check import check_model
from bayes_scaling.laws.definition import KINDS, Kind, Likelihood
from bayes_scaling.laws.features import Feature
from bayes_scaling.laws.inherit import (
    as_queried,
    inherited_where,
    joined_likelihoods,
    reading_instead,
)
from bayes_scaling.laws.lines import Line, in_order, override
from bayes_scaling.laws.link import SCALES, Scale
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.priors import Prior, read_prior
from bayes_scaling.laws.published import Published, read_published
from bayes_scaling.laws.read_parameters import noise_parameters, read_parameters
from bayes_scaling.laws.solve import read_solve
from bayes_scaling.laws.tables import Tables, is_number

KEYS = (
    "id", "title", "kind", "formula", "response", "likelihood", "group", "base", "built_on",
    "reads", "references", "columns", "extra_inputs", "arguments", "where", "solve", "parameters",
    "ordered", "rows", "tuned", "derived", "noise", "drift", "transient", "run_effect",
    "correlated", "mistuned", "ceiling", "form_error", "valid", "published",
)  # fmt: skip
"""Keys a model definition may have."""


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


class _Reader(Tables):
    """One definition being read."""

    def read(self, find_base: Callable[[str], Model] | None) -> Model | None:
        self.check_keys(self.given, KEYS)
        kind = self.kind()
        base = self.base(find_base, kind)
        inherits = base is not None and "formula" not in self.given
        formula = (
            base.formula
            if base is not None and inherits
            else self.attempt(lambda: parse_formula(self.text("formula")))
        )
        noise = self.noise_family(base)
        likelihoods = joined_likelihoods(base, self.likelihoods())
        switches = {
            name: self.feature(name, getattr(base, name) if base else Feature())
            for name in features.PARAMETERS
        }
        parameters = read_parameters(self, base, noise_parameters(noise, likelihoods), switches)
        own = (*parameters.fixed, *self.lines("where"), *self.solved())
        where = inherited_where(base, own, as_base=not inherits) if base else own
        sampled = {item.name for item in parameters.sampled}
        where = tuple(line for line in where if line.name not in sampled)  # constants set free
        where = self.attempt(lambda: in_order(where)) or ()
        arguments = {**dict(base.arguments if base else ()), **self.numbers("arguments")}
        extra_inputs = self.names("extra_inputs", base.extra_inputs if base else ())
        columns = {**dict(base.columns if base else ()), **self.table("columns")}
        model = Model(
            id=self.text("id"),
            title=self.text("title", "untitled"),
            formula=formula or parse_formula("1"),
            parameters=parameters.sampled,
            response=self.text("response", base.response if base else "loss"),
            likelihoods=likelihoods,
            where=where,
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
            group=parameters.group,
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
        if parameters.exchanged:
            model = self.attempt(lambda: model.with_priors(parameters.exchanged)) or model
        self.problems += check_model(model)
        return model

    def kind(self) -> Kind:
        kind = self.given.get("kind", "law")
        if kind not in KINDS:
            self.problems.append(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
            return "law"
        return cast(Kind, kind)

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

    def solved(self) -> tuple[Line, ...]:
        """Read what is defined as the root of an equation."""
        found = []
        for name, given in self.table("solve").items():
            line = self.attempt(partial(read_solve, name, given))
            found += [line] if line else []
        return tuple(found)

    def likelihoods(self) -> tuple[Likelihood, ...]:
        """Read the further observed quantities."""
        given = self.given.get("likelihood", [])
        if not isinstance(given, list | tuple) or not all(isinstance(x, Mapping) for x in given):
            self.problems.append("write each further observed quantity under [[likelihood]]")
            return ()
        found = []
        for table in given:
            self.check_keys(table, ("response", "formula"), where="[[likelihood]] ")
            response, text = table.get("response"), table.get("formula")
            if not isinstance(response, str) or not isinstance(text, str):
                self.problems.append(
                    f"[[likelihood]] needs 'response' and 'formula' as texts, got {dict(table)!r}"
                )
                continue
            node = self.attempt(partial(parse_formula, text))
            found += [Likelihood(response=response, node=node)] if node else []
        return tuple(found)

    def ordered(self, base: Model | None) -> tuple[tuple[str, ...], ...]:
        """Read the parameters that ascend: one list of names, or a list of such lists."""
        given = self.given.get("ordered")
        if given is None:
            return base.ordered if base else ()
        sets = [given] if given and all(isinstance(item, str) for item in given) else given
        if not all(
            isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
            for names in sets
        ):
            self.problems.append(f"'ordered' is a list of parameters that ascend, got {given!r}")
            return ()
        return tuple(tuple(names) for names in sets)

    def select(self, base: Model | None) -> str:
        table = self.table("rows")
        self.check_keys(table, ("select",), where="[rows] ")
        given = table.get("select", base.select if base else "")
        if isinstance(given, str):
            return given
        self.problems.append(f"[rows] select is a protocol or a condition in quotes, got {given!r}")
        return ""

    def published(self, inputs: Iterable[str]) -> Published | None:
        if "published" not in self.given:
            return None
        return self.attempt(lambda: read_published(self.table("published"), inputs=inputs))

    def noise_family(self, base: Model | None) -> noises.NoiseFamily:
        family = self.table("noise").get("family", base.noise if base else "student_t")
        if family not in noises.PARAMETERS:
            allowed = ", ".join(noises.PARAMETERS)
            self.problems.append(f"[noise] family must be one of {allowed}; got {family!r}")
            return "student_t"
        return cast(noises.NoiseFamily, family)

    def scale(self, base: Model | None) -> Scale:
        scale = self.table("noise").get("scale", base.scale if base else "log")
        if scale not in SCALES:
            self.problems.append(f"[noise] scale must be {' or '.join(SCALES)}; got {scale!r}")
            return "log"
        return cast(Scale, scale)

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
