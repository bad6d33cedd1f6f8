"""Results of many fits, kept in a folder so that work that was stopped goes on where it was.

Each result is a file, named by the hash of what was asked: runs, laws, settings and seed. It is
written whole or not at all, as soon as its fit is done.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bayes_scaling import __version__
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.files import check_target, made_folder, replacing
from bayes_scaling.fitting import load


class Keeps[Item, Result](Protocol):
    """Where results are kept."""

    def find(self, item: Item, /) -> Result | None:
        """Return what is kept of an item; None where nothing is, or what is there is damaged."""

    def keep(self, item: Item, result: Result, /) -> None:
        """Write the result of an item."""


@dataclass(frozen=True, kw_only=True)
class KeptFits[Item]:
    """A folder of whole fits, each saved as `Fit.save` does.

    Attributes
    ----------
    folder : Path
        Where they are.
    asked : callable
        Returns all that the fit of an item depends on, as plain data.
    """

    folder: Path
    asked: Callable[[Item], Mapping[str, Any]]

    def find(self, item: Item) -> Fit | None:
        """Return the fit of an item; None where there is none, or it is damaged."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayesScalingWarning)
            try:
                return load(self._path(item))
            except InputError:
                return None

    def keep(self, item: Item, result: Fit) -> None:
        """Save the fit of an item; `InputError` where there is no room for it."""
        result.save(self._path(item))

    def _path(self, item: Item) -> Path:
        return self.folder / f"{_name_of(self.asked(item))}.nc"


@dataclass(frozen=True, kw_only=True)
class Kept[Item, Result]:
    """A folder of results as JSON.

    Attributes
    ----------
    folder : Path
        Where they are.
    asked : callable
        Returns all that the result of an item depends on, as plain data.
    plain, whole : callable
        Return a result as plain data, and plain data as a result.
    """

    folder: Path
    asked: Callable[[Item], Mapping[str, Any]]
    plain: Callable[[Result], Any]
    whole: Callable[[Any], Result]

    def find(self, item: Item) -> Result | None:
        """Return what is kept of an item; None where nothing is, or what is there is damaged."""
        name = self._name(item)
        try:
            found = json.loads(self._path(name).read_text(encoding="utf-8"))
            if found["hash"] != _hash([name, found["result"]]):
                return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return self.whole(found["result"])

    def keep(self, item: Item, result: Result) -> None:
        """Write the result of an item.

        Raises
        ------
        InputError
            There is no room for it; what was kept before stays.
        """
        name, plain = self._name(item), self.plain(result)
        told = "what was kept before stays: free some room and call again"
        with replacing(self._path(name), told) as temporary:
            text = json.dumps({"result": plain, "hash": _hash([name, plain])})
            temporary.write_text(text, encoding="utf-8")

    def _name(self, item: Item) -> str:
        return _name_of(self.asked(item))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def folder_to_keep(folder: str | Path, random_seed: int | None) -> Path:
    """Return the folder of results, made where there is none.

    Raises
    ------
    InputError
        It cannot be written to, or no seed was given: a fresh one is another fit at every call.
    """
    if random_seed is None:
        raise InputError("keep needs random_seed: with a fresh seed no result is found again")
    folder = made_folder(folder, "keep")
    check_target(folder / "result.json")
    return folder


def _name_of(asked: Mapping[str, Any]) -> str:
    return _hash({"version": __version__, **asked})


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
