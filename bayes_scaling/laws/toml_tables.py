"""Tables of a TOML file being read: every problem is collected, none stops the reading."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import isfinite
from numbers import Real
from typing import Any, TypeGuard

from bayes_scaling.errors import InputError
from bayes_scaling.laws.lines import Line, read_line


class Tables:
    """One table being read, with those inside it; collects problems as it goes.

    Parameters
    ----------
    given : mapping
        The table.
    name : str
        Its name in the file, for messages; empty for the whole file.
    problems : list of str, optional
        Where problems are collected.
    """

    def __init__(
        self, given: Mapping[str, Any], name: str = "", problems: list[str] | None = None
    ) -> None:
        self.given = given
        self.name = name
        self.problems: list[str] = [] if problems is None else problems

    @property
    def where(self) -> str:
        """The name as it begins a message."""
        return f"[{self.name}] " if self.name else ""

    def attempt[T](self, read: Callable[[], T]) -> T | None:
        """Read something; where it cannot be read, keep why and return None."""
        try:
            return read()
        except InputError as error:
            self.problems += error.problems
            return None

    def check_keys(
        self, allowed: Iterable[str], *, given: Mapping[str, Any] | None = None, where: str = ""
    ) -> None:
        """Refuse keys that mean nothing: of this table, or of a given one named by `where`."""
        known = tuple(allowed)
        for key in self.given if given is None else given:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(known)}"
                self.problems.append(f"{where or self.where}unknown key {key!r}; {hint}")

    def below(self, key: str) -> Tables:
        """Return a table inside this one; empty where it is absent."""
        name = f"{self.name}.{key}" if self.name else key
        given = self.given.get(key, {})
        if not isinstance(given, Mapping):
            self.problems.append(f"[{name}] must be a table, got {given!r}")
            given = {}
        return Tables(given, name, self.problems)

    def table(self, key: str) -> Mapping[str, Any]:
        """Return the content of a table inside this one."""
        return self.below(key).given

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; one that has no default is not empty."""
        given = self.given.get(key, default)
        if isinstance(given, str) and (given or default == ""):
            return given
        self.problems.append(f"{self.where}{key!r} must be a text, got {given!r}")
        return "?"

    def lines(self, key: str) -> tuple[Line, ...]:
        """Read a table of formulas."""
        table = self.below(key)
        read = (
            self.attempt(partial(read_line, table.name, str(name), given))
            for name, given in table.given.items()
        )
        return tuple(line for line in read if line is not None)

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


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value of a TOML file, or of a caller, is a finite number, numpy's included."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False
