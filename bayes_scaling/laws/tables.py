"""Tables of a model definition being read: every problem is collected, none stops the reading."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import isfinite
from typing import Any, TypeGuard, TypeVar

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Node
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.laws import features
from bayes_scaling.laws.ceiling import read_level
from bayes_scaling.laws.features import Feature
from bayes_scaling.laws.lines import Line, read_line

T = TypeVar("T")

OWN_KEYS: Mapping[str, tuple[str, ...]] = {
    "drift": ("inputs",),
    "transient": ("inputs", "level"),
    "ceiling": ("floor", "level", "value", "vocabulary"),
}
"""Keys of the table of a feature, beside its switch and its parameters."""


class Tables:
    """One definition being read; collects problems as it goes."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.given = definition
        self.problems: list[str] = []

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Read something; where it cannot be read, keep why and return None."""
        try:
            return read()
        except InputError as error:
            self.problems += error.problems
            return None

    def check_keys(self, given: Mapping[str, Any], allowed: Iterable[str], where: str = "") -> None:
        """Refuse keys that mean nothing."""
        known = tuple(allowed)
        for key in given:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(known)}"
                self.problems.append(f"{where}unknown key {key!r}; {hint}")

    def table(self, key: str) -> Mapping[str, Any]:
        """Return a table; empty where it is absent."""
        given = self.given.get(key, {})
        if isinstance(given, Mapping):
            return given
        self.problems.append(f"[{key}] must be a table, got {given!r}")
        return {}

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty."""
        given = self.given.get(key, default)
        if isinstance(given, str) and given:
            return given
        self.problems.append(f"{key!r} must be a text, got {given!r}")
        return "?"

    def lines(self, key: str) -> tuple[Line, ...]:
        """Read a table of formulas."""
        found = []
        for name, given in self.table(key).items():
            line = self.attempt(partial(read_line, key, name, given))
            if line is not None:
                found.append(line)
        return tuple(found)

    def numbers(self, key: str) -> dict[str, float]:
        """Read a table of numbers."""
        found = {}
        for name, given in self.table(key).items():
            if is_number(given):
                found[name] = float(given)
            else:
                self.problems.append(f"[{key}] {name} must be a number, got {given!r}")
        return found

    def names(self, key: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """Read a list of names."""
        given = self.given.get(key, tuple(default))
        if isinstance(given, list | tuple) and all(isinstance(item, str) for item in given):
            return tuple(given)
        self.problems.append(f"{key!r} must be a list of names, got {given!r}")
        return ()

    def feature(self, name: str, inherited: Feature) -> Feature:
        """Read the switch of a feature, and what it acts on."""
        table = self.table(name)
        self.check_keys(
            table,
            ["on", *OWN_KEYS.get(name, ()), *(item.name for item in features.PARAMETERS[name])],
            where=f"[{name}] ",
        )
        on, inputs = table.get("on", inherited.on), table.get("inputs", inherited.inputs)
        if not isinstance(on, bool):
            self.problems.append(f"[{name}] on must be true or false, got {on!r}")
        if not isinstance(inputs, list | tuple) or not all(isinstance(x, str) for x in inputs):
            self.problems.append(f"[{name}] inputs must be a list of columns, got {inputs!r}")
            inputs = ()
        level = str(table.get("level", inherited.level))
        return Feature(
            on=on is True,
            inputs=tuple(inputs),
            level=level,
            floor=self._level(name, "floor") or inherited.floor,
            value=self._ceiling_value(name) or inherited.value,
        )

    def _ceiling_value(self, name: str) -> Node | None:
        """Read the level of a ceiling: as it is, or as the log of a number of tokens."""
        vocabulary = self.table(name).get("vocabulary")
        if vocabulary is None:
            return self._level(name, "value")
        if not is_number(vocabulary) or vocabulary <= 1:
            self.problems.append(f"[{name}] vocabulary must be a number of tokens, {vocabulary!r}")
            return None
        if "value" in self.table(name):
            self.problems.append(f"[{name}] has a value and a vocabulary; leave out one")
        return parse_formula(f"log({vocabulary})")

    def _level(self, name: str, key: str) -> Node | None:
        """Read a number or a formula; None where there is none."""
        given = self.table(name).get(key)
        if given is None:
            return None
        if is_number(given) or isinstance(given, str):
            return self.attempt(lambda: read_level(given))
        self.problems.append(f"[{name}] {key} is a number or a formula in quotes, got {given!r}")
        return None


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value of a TOML file is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
