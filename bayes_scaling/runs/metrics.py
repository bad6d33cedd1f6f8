"""What the losses of a table are: the unit that its ``metric`` column names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayes_scaling.runs.table import RunTable


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit of losses or scores.

    Attributes
    ----------
    name : str
        As tables and answers say it.
    bounded : bool
        Whether values lie between 0 and 1, like shares; noise then acts on their log odds.
    rises : bool
        Whether better runs have more of it.
    """

    name: str
    bounded: bool = False
    rises: bool = False


ERROR = Unit(name="error", bounded=True)
ACCURACY = Unit(name="accuracy", bounded=True, rises=True)

_NAMED: Mapping[str, Unit] = MappingProxyType(
    {
        r"\berrors?\b|\berr\b|\berrorrate\b|\b(wer|cer|eer)\b": ERROR,
        r"\b1 ?- ?.*\b(accuracy|acc|recall|score|exact match)\b": ERROR,
        r"\b(accuracy|acc|recall|exact match)\b": ACCURACY,
        r"\bperplexity\b|\bppl\b": Unit(name="perplexity"),
        r"\bbpb\b": Unit(name="bits/byte"),
        r"\bbpc\b": Unit(name="bits/character"),
    }
)
"""Units by what names them; the first that is found counts."""

_PER = re.compile(
    r"\b(nats?|bits?) ?(?:/|per) ?"
    r"(token|byte|char|residue|pixel|word|sample|dim|atom|frame|image|patch)\w*"
)


def read_unit(text: str) -> Unit | None:
    """Read the unit in the name of a metric.

    Parameters
    ----------
    text : str
        For example ``"validation nats per byte"``, ``"bits/byte"`` or ``"error"``.

    Returns
    -------
    Unit or None
        None where it names a text, such as ``c4_val``, and no unit.

    Examples
    --------
    >>> read_unit("validation nats per byte").name
    'nats/byte'
    """
    said = re.sub(r"[\s_]+", " ", text.strip().lower())
    if found := _PER.search(said):
        amount, of = found[1].rstrip("s"), found[2].replace("char", "character")
        return Unit(name=f"{amount}s/{of}")
    return next((unit for pattern, unit in _NAMED.items() if re.search(pattern, said)), None)


def unit_after(formula: str, unit: Unit) -> str | None:
    """Return the unit of a loss that a formula makes of a column in some unit; None where it stays.

    Examples
    --------
    >>> unit_after("log(val_ppl)", Unit(name="perplexity"))
    'nats/token'
    >>> unit_after("bpb*0.6931", Unit(name="bits/byte"))
    'nats/byte'
    >>> unit_after("1 - acc", ACCURACY)
    'error'
    """
    said = formula.replace(" ", "")
    if unit.name == "perplexity" and re.fullmatch(r"log\([^()]*\)", said):
        return "nats/token"
    if unit.name.startswith("bits/") and re.search(r"\*0\.693\d*$|^0\.693\d*\*|log\(2\)", said):
        return unit.name.replace("bits", "nats")
    if unit == ACCURACY and said.startswith("1-"):
        return ERROR.name
    return None


def units_of(runs: RunTable) -> dict[str, Unit]:
    """Return the units that a table names, by the metric that names each."""
    metrics = runs.groups("metric") if "metric" in runs else ()
    found = {text: read_unit(text) for text in metrics}
    return {text: unit for text, unit in found.items() if unit is not None}


def unit_of(runs: RunTable) -> Unit | None:
    """Return the unit of the losses of a table; None where none is named, or several are."""
    units = set(units_of(runs).values())
    return units.pop() if len(units) == 1 else None


def unit_problems(runs: RunTable) -> list[str]:
    """Return what keeps the losses of a table from being explained by one law: several units."""
    units = units_of(runs)
    if len(set(units.values())) < 2:
        return []
    shown = ", ".join(f"{text!r} ({unit.name})" for text, unit in list(units.items())[:4])
    return [f"the runs have losses in several units, {shown}: fit those of one unit at a time"]
