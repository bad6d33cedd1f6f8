"""Tables made tidy: one value a cell, one row a run and step, units in the headings.

Cells that hold dicts, as the API of W&B gives them, lists as curves come, units in a row of their
own, panels of W&B, TensorBoard's columns and tables with one column a run or a budget.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import MISSING, Rows, as_text, parts_of, read_amount
from bayes_scaling.runs.columns import COLUMNS, canonical_name, fold
from bayes_scaling.runs.headings import SCALED, read_heading
from bayes_scaling.runs.resolve import amount_columns
from bayes_scaling.runs.text_files import Raw

DEEPEST = 12
"""Levels of nested objects that are joined by dots; below them the text is kept."""

_MAX_CELL = 200_000  # characters of a cell that is looked into


def unpack(raw: Raw) -> Raw:
    """Open the columns whose cells are dicts: ``config`` becomes ``config.lr`` and so on."""
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


def flatten(
    record: Mapping[str, Any], prefix: str = "", depth: int = 0, *, lists: bool = False
) -> dict[str, Any]:
    """Join nested keys by dots; what lies too deep becomes JSON text, and lists unless kept."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and depth < DEEPEST:
            flat |= flatten(value, f"{name}.", depth + 1, lists=lists)
        elif isinstance(value, Mapping | list | tuple) and not (lists and isinstance(value, list)):
            flat[name] = json.dumps(value, default=str)
        else:
            flat[name] = value
    return flat


def unroll(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of one record: one, or as many as its lists are long."""
    flat = flatten(record, lists=True)
    curves = {
        key: value
        for key, value in flat.items()
        if isinstance(value, list) and len(value) > 1 and all(map(_is_number, value))
    }
    lengths = {len(value) for value in curves.values()}
    if len(curves) > 1 and len(lengths) == 1:
        plain = {key: value for key, value in flat.items() if key not in curves}
        return [
            flatten(plain | {key: value[i] for key, value in curves.items()})
            for i in range(lengths.pop())
        ]
    for key, value in flat.items():
        if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            rest = flatten({name: other for name, other in flat.items() if name != key})
            return [{**rest, **flatten(item, f"{key}.")} for item in value]
    return [flatten(flat)]


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


LEAST_BUDGET = 1e15
"""Below this, amounts that name columns are of tokens or params and not of compute [FLOP]."""

WIDE = "wide"
"""What ``--columns`` says of a table that has one column a run."""

_PANEL = re.compile(r"(.+?) - (.+?)(__MIN|__MAX)?")
_IN_BRACKETS = re.compile(r"^[(\[{<]\s*(.*?)\s*[)\]}>]$")
_POWER = re.compile(r"1(?:\.0*)?[eE][-+]?\d+(?:\s*[A-Za-z].*)?|10\s*(?:\^|\*\*).*")
_NO_UNIT = MISSING | {"1", "\u2014", "\u2013"}
_CLOCKS = frozenset(
    "step _step global_step trainer_global_step steps tokens relative_time_(process) wall_time "
    "relative_time_(wall) runtime _runtime epoch iteration".split()
)
_TENSORBOARD = {"wall time", "step", "value"}


def with_units(raw: Raw) -> Raw:
    """Move units that stand in a row of their own, below the names, into the names."""
    if len(raw.rows) < 2:
        return raw
    renamed = {}
    understood = False
    for name, values in raw.cells.items():
        text = as_text(values[0])
        unit = _IN_BRACKETS.sub(r"\1", text)
        if unit.lower() in _NO_UNIT or not any(map(_is_amount, values[1:21])):
            continue
        number = unit == text and _is_amount(text)
        if number and not _POWER.fullmatch(text):
            return raw
        own = read_heading(name)
        if own is not None and own.unit:
            continue
        renamed[name] = f"{name} ({unit})"
        heading = read_heading(renamed[name])
        known = heading is not None and bool(heading.unit)
        if own is not None and own.target in SCALED and not known:
            return raw
        understood |= known and not number
    if not understood:
        return raw
    cells = {renamed.get(name, name): values[1:] for name, values in raw.cells.items()}
    rows = Rows(label=raw.rows.label, numbers=raw.rows.numbers[1:])
    note = f"{raw.rows.say([0])} holds the units of the columns"
    return Raw(cells=cells, rows=rows, problems=raw.problems, notes=(*raw.notes, note))


def _is_amount(cell: object) -> bool:
    return parts_of(as_text(cell), commas="decimal") is not None or bool(parts_of(as_text(cell)))


def is_panel(names: Sequence[str]) -> bool:
    """Whether the columns are those of a W&B panel: a clock, and ``run - metric`` for each run."""
    others = [name for name in names if not _is_clock(name)]
    return (
        bool(others) and len(others) < len(names) and all(_PANEL.fullmatch(name) for name in others)
    )


def _is_clock(name: str) -> bool:
    if " - " in name:
        return False
    heading = read_heading(name)
    clock = heading is not None and heading.target in ("steps", "tokens", "flops")
    return clock or fold(name) in _CLOCKS


def is_tensorboard(names: Sequence[str]) -> bool:
    """Whether the columns are those that TensorBoard downloads."""
    return {name.strip().lower() for name in names} == _TENSORBOARD


def melt_panel(raw: Raw) -> Raw:
    """Make a row of each point of each run of a W&B panel."""
    clocks = [name for name in raw.cells if _is_clock(name)]
    curves: dict[str, dict[str, str]] = {}
    left_out = 0
    for name in raw.cells:
        found = _PANEL.fullmatch(name)
        if name in clocks or found is None:
            continue
        if found[3]:
            left_out += 1
            continue
        curves.setdefault(found[1], {})[found[2]] = name
    metrics = list(dict.fromkeys(metric for own in curves.values() for metric in own))
    pieces = [({"run": run}, own) for run, own in curves.items()]
    melted = _melt(raw, clocks, pieces, metrics)
    twins = f"; {left_out} columns __MIN and __MAX left out" if left_out else ""
    note = (
        f"a W&B panel of {len(curves)} runs and {', '.join(map(repr, metrics))}, made long: one "
        f"row per run and step{twins}"
    )
    return replace(melted, notes=(*raw.notes, note))


def melt_wide(raw: Raw, source: str | None = None) -> Raw:
    """Make a row of each point of each run of a table with one column a run.

    Parameters
    ----------
    raw : Raw
        Columns of the vocabulary (steps, tokens, params, ...) and one of losses for each run.
    source : str, optional
        What to call the table in an error.

    Returns
    -------
    Raw

    Raises
    ------
    InputError
        There are no columns to melt, or none that stays.
    """
    names = list(raw.cells)
    at = amount_columns(names)
    if at:
        return _melt_budgets(raw, [name for name in names if name not in at], at)
    numeric = [name for name in names if read_amount(name, "flops") is not None]
    kept = [name for name in names if canonical_name(name) in COLUMNS and name not in numeric]
    runs = [name for name in names if name not in kept]
    if len(numeric) >= 2:
        kept = [name for name in names if name not in numeric]
        amounts = {name: (read_amount(name, "flops") or 0.0, "") for name in numeric}
        return _melt_budgets(raw, kept, amounts)
    if not kept or not runs:
        raise InputError(
            "a wide table has columns of the vocabulary, such as step, and one column of losses "
            f"for each run; this one has {', '.join(map(repr, names[:10]))}",
            source=source,
        )
    melted = _melt(raw, kept, [({"run": name}, {"loss": name}) for name in runs], ["loss"])
    note = f"a wide table of {len(runs)} runs, made long: each column is the loss of one run"
    return replace(melted, notes=(*raw.notes, note))


def _melt_budgets(raw: Raw, kept: list[str], numeric: Mapping[str, tuple[float, str]]) -> Raw:
    """Make a row of each cell of a table whose columns are budgets, or amounts of one size."""
    largest = max(amount for amount, _ in numeric.values())
    nouns = {noun for _, noun in numeric.values()} - {""}
    have = {own.target for name in kept if (own := read_heading(name)) is not None}
    size = nouns.pop() if len(nouns) == 1 else "flops"
    if size == "flops" and largest < LEAST_BUDGET and "params" in have:
        size = "tokens"
    elif size == "flops" and largest < LEAST_BUDGET and "tokens" in have:
        size = "params"
    pieces = [({size: amount}, {"loss": name}) for name, (amount, _) in numeric.items()]
    melted = _melt(raw, kept, pieces, ["loss"])
    said = "budgets" if size == "flops" else f"amounts of {size}"
    note = f"a wide table of {len(numeric)} {said}, made long: each cell is the loss of one run"
    return replace(melted, notes=(*raw.notes, note))


def _melt(
    raw: Raw,
    kept: list[str],
    pieces: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]],
    metrics: list[str],
) -> Raw:
    """Make a row of each row of each piece: what is the same in all of it, and its columns."""
    called = {name: name.split("\\")[0].strip() for name in kept}  # of a corner "width \ budget"
    cells: dict[str, list[Any]] = {name: [] for name in (*pieces[0][0], *called.values(), *metrics)}
    numbers: list[int] = []
    for same, own in pieces:
        for i in range(len(raw.rows)):
            values = {metric: raw.cells[column][i] for metric, column in own.items()}
            if all(as_text(value).lower() in MISSING for value in values.values()):
                continue
            for name, value in same.items():
                cells[name].append(value)
            for name in kept:
                cells[called[name]].append(raw.cells[name][i])
            for metric in metrics:
                cells[metric].append(values.get(metric))
            numbers.append(int(raw.rows.numbers[i]))
    rows = Rows(label=raw.rows.label, numbers=np.array(numbers, np.intp))
    return Raw(cells=cells, rows=rows, problems=raw.problems)


def from_tensorboard(raw: Raw, run: str) -> Raw:
    """Name the columns of a scalar that TensorBoard downloaded."""
    by_name = {name.strip().lower(): values for name, values in raw.cells.items()}
    cells = {"run": [run] * len(raw.rows), "steps": by_name["step"], "loss": by_name["value"]}
    note = "a scalar of TensorBoard: its Value is the loss, and the file names the run"
    return Raw(cells=cells, rows=raw.rows, problems=raw.problems, notes=(*raw.notes, note))


def export_of(names: Sequence[str]) -> str | None:
    """Return the tracker whose export has such columns, or None."""
    low = {name.strip().lower() for name in names}
    if {"name", "state"} <= low and low & {"created", "runtime", "sweep", "user", "tags", "notes"}:
        return "wandb"
    if any(name.startswith(("summary.", "summary/")) for name in low):
        return "wandb"
    if "_step" in low and low & {"_runtime", "_timestamp"}:
        return "wandb"
    if any(name.startswith("tags.mlflow") for name in low) or (
        "run_id" in low and any(name.startswith(("params.", "metrics.")) for name in low)
    ):
        return "mlflow"
    return None
