"""Cells that hold more than one value: dicts as the W&B API gives them, lists as curves come."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayes_scaling.runs.text_files import Raw

DEEPEST = 12
"""Levels of nested objects that are joined by dots; below them the text is kept."""

_MAX_CELL = 200_000  # characters of a cell that is looked into
_CLOSE = {"{": "}"}


def unpack(raw: Raw) -> Raw:
    """Open the columns whose cells are dicts: ``config`` becomes ``config.lr`` and so on.

    Parameters
    ----------
    raw : Raw
        A table as a file has it.

    Returns
    -------
    Raw
        With a column for every key, in place of the column of dicts.
    """
    opened: dict[str, list[Mapping[str, Any] | None]] = {}
    for name, values in raw.cells.items():
        if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
            continue
        first = next((cell for cell in values if cell not in (None, "") and cell == cell), None)
        if _dict_of(first) is None:
            continue
        dicts = [_dict_of(cell) for cell in values]
        blank = [cell in (None, "", "-") or cell != cell for cell in values]
        if all(item is not None or gap for item, gap in zip(dicts, blank, strict=True)):
            opened[name] = dicts
    if not opened:
        return raw
    cells: dict[str, Any] = {}
    for name, values in raw.cells.items():
        if name not in opened:
            cells[name] = values
            continue
        flat = [flatten(item, f"{name}.") if item else {} for item in opened[name]]
        for key in dict.fromkeys(key for item in flat for key in item):
            cells[key] = [item.get(key) for item in flat]
    return Raw(cells=cells, rows=raw.rows, problems=raw.problems, notes=raw.notes)


def flatten(record: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Join nested keys by dots; lists and what lies too deep become JSON text.

    Parameters
    ----------
    record : mapping
        An object of JSON.
    prefix : str
        What its keys begin with.
    depth : int
        How deep it lies.

    Returns
    -------
    dict of str to value
    """
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and depth < DEEPEST:
            flat |= flatten(value, f"{name}.", depth + 1)
        elif isinstance(value, Mapping | list | tuple):
            flat[name] = json.dumps(value, default=str)
        else:
            flat[name] = value
    return flat


def unroll(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of one record: one, or as many as its lists are long.

    Parameters
    ----------
    record : mapping
        An object of JSON; lists of numbers of one length are a curve, and so is a list of objects.

    Returns
    -------
    list of dict
    """
    curves = {
        key: value
        for key, value in record.items()
        if isinstance(value, list) and len(value) > 1 and all(map(_is_number, value))
    }
    lengths = {len(value) for value in curves.values()}
    plain = {key: value for key, value in record.items() if key not in curves}
    if len(curves) > 1 and len(lengths) == 1:
        return [
            flatten(plain | {key: value[i] for key, value in curves.items()})
            for i in range(lengths.pop())
        ]
    for key, value in record.items():
        if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            rest = flatten({name: other for name, other in record.items() if name != key})
            return [{**rest, **flatten(item, f"{key}.")} for item in value]
    return [flatten(record)]


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _dict_of(cell: object) -> Mapping[str, Any] | None:
    """Return the dict that a cell is, or is the text of."""
    if isinstance(cell, Mapping):
        return cell
    if not isinstance(cell, str) or len(cell) > _MAX_CELL:
        return None
    text = cell.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(re.sub(r"(?<=[:\[,\s])(nan|inf|-inf)(?=[,}\]])", "None", text))
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    return found if isinstance(found, Mapping) else None


def columns_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return records as columns; None where a record lacks a key."""
    names = dict.fromkeys(name for record in records for name in record)
    return {
        str(name).encode(errors="replace").decode(): [record.get(name) for record in records]
        for name in names
    }


def after_the_start(rows: list[dict[str, Any]], clock: str) -> tuple[list[dict[str, Any]], str]:
    """Leave out rows of step 0, which no law takes; a clock that is always 0 tells nothing.

    Parameters
    ----------
    rows : list of dict
        Logged rows.
    clock : str
        The key of the step.

    Returns
    -------
    (list of dict, str)
        The rows, and what to add to a note.
    """
    if all(not row.get(clock) for row in rows):
        return [{k: v for k, v in row.items() if k != clock} for row in rows], ""
    kept = [row for row in rows if row.get(clock)]
    gone = len(rows) - len(kept)
    return kept, f"; {gone} row{'s' * (gone > 1)} at step 0 left out" if gone else ""
