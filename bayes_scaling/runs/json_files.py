"""JSON as people keep runs in it: an array of objects, columns, an object a line, a trainer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import positions
from bayes_scaling.runs.columns import canonical_name, fold
from bayes_scaling.runs.named_runs import NAMES
from bayes_scaling.runs.text_files import Raw, folded, line_rows, read_text_file
from bayes_scaling.runs.tidy import columns_of, flatten, unroll

TRAINER_STATE = "trainer_state.json"
"""What a Hugging Face trainer calls the file of its logs."""

EXAMPLE = '[{"params": 1e6, "loss": 3.2}, ...]'


def read_json(path: Path) -> Raw:
    """Read a JSON file of runs.

    Parameters
    ----------
    path : Path
        An array of objects, an object of columns, an object of runs, an object that holds one of
        these, a Hugging Face ``trainer_state.json``, or one object a line after all.

    Returns
    -------
    Raw

    Raises
    ------
    InputError
        It is not JSON, or holds no runs.
    """
    text, notes = read_text_file(path)
    try:
        found = parse(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and "\n" in text:
            return _of_lines(text, path, notes)
        raise InputError(
            f"line {error.lineno}: not JSON ({error.msg} at character {error.colno})",
            source=str(path),
        ) from None
    except (RecursionError, ValueError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"not JSON that can be read: {what}", source=str(path)) from None
    if isinstance(found, Mapping) and isinstance(found.get("log_history"), list):
        return _trainer_state(found, path)
    records = _records(found)
    if records is None:
        raise InputError(
            f"holds no runs; an array of objects is wanted, such as {EXAMPLE}", source=str(path)
        )
    rows = [row for place, record in enumerate(records, 1) for row in named_rows(record, place)]
    return Raw(cells=columns_of(rows), rows=positions(len(rows)), notes=notes)


def read_json_lines(path: Path) -> Raw:
    """Read a file with one JSON object per line; nested keys join with a dot.

    Parameters
    ----------
    path : Path
        UTF-8, gzipped if it ends in .gz.

    Returns
    -------
    Raw
        Lines that do not hold an object are problems, and left out.
    """
    text, notes = read_text_file(path)
    return _of_lines(text, path, notes)


def parse(text: str) -> Any:
    """Parse JSON; integers of any length are numbers."""
    return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 400 else float(digits)


def named_rows(record: Mapping[str, Any], place: int) -> list[dict[str, Any]]:
    """Return the rows of one record; those of a curve are one run, called by its place if need be.

    Parameters
    ----------
    record : mapping
        An object of JSON.
    place : int
        Its place in the file, from 1.

    Returns
    -------
    list of dict
    """
    rows = unroll(record)
    named = any(canonical_name(key) == "run" or fold(key) in NAMES for key in rows[0])
    if len(rows) == 1 or named:
        return rows
    return [{"run": f"r{place:04d}", **row} for row in rows]


def _of_lines(text: str, path: Path, notes: tuple[str, ...]) -> Raw:
    problems: list[str] = []
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    for line, piece in enumerate(text.split("\n"), start=1):
        if not piece.strip():
            continue
        try:
            record = parse(piece)
        except json.JSONDecodeError as error:
            problems.append(f"line {line}: not JSON ({error.msg} at character {error.pos + 1})")
            continue
        except (RecursionError, ValueError):
            problems.append(f"line {line}: not JSON that can be read: nested too deeply")
            continue
        if not isinstance(record, dict):
            problems.append(
                f"line {line}: a JSON {type(record).__name__} where an object such as "
                '{"params": 1e6, "loss": 3.2} belongs'
            )
            continue
        rows = named_rows(record, line)
        records += rows
        numbers += [line] * len(rows)
    cells = columns_of(records)
    return Raw(cells=cells, rows=line_rows(numbers), problems=folded(problems), notes=notes)


def _records(found: Any) -> list[Mapping[str, Any]] | None:
    """Return the objects of runs in what a file holds; None where there are none."""
    if isinstance(found, list):
        if found and all(isinstance(item, Mapping) for item in found):
            return found
        return None
    if not isinstance(found, Mapping) or not found:
        return None
    values = list(found.values())
    if isinstance(found.get("columns"), list) and isinstance(found.get("data"), list):
        names = [str(name) for name in found["columns"]]
        lines = [line for line in found["data"] if isinstance(line, list)]
        return [dict(zip(names, line, strict=False)) for line in lines]
    if all(isinstance(value, list) for value in values):
        lengths = {len(value) for value in values}
        if len(lengths) == 1 and not all(isinstance(v, Mapping) for value in values for v in value):
            return [dict(zip(found, row, strict=True)) for row in zip(*values, strict=True)]
    inner = [value for value in values if _of_objects(value)]
    if len(inner) == 1:
        rest = {k: v for k, v in found.items() if not isinstance(v, Mapping | list)}
        one = inner[0]
        return [{**rest, **item} for item in one]
    if all(isinstance(value, Mapping) for value in values):
        keys = [tuple(value) for value in values]
        if len(set(keys)) == 1 and all(re.fullmatch(r"\d+", key) for key in keys[0]):
            # columns of cells by row number, as pandas writes them
            return [{name: found[name][key] for name in found} for key in keys[0]]
        if set.intersection(*(set(value) for value in values)) or len(values) == 1:
            return [{"run": name, **value} for name, value in found.items()]
    return [found]


def _of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _trainer_state(found: Mapping[str, Any], path: Path) -> Raw:
    """Read the evaluations of a Hugging Face trainer, or its training losses without any."""
    logs = [flatten(item) for item in found["log_history"] if isinstance(item, Mapping)]
    evaluated = [item for item in logs if "eval_loss" in item]
    logged = [item for item in logs if "loss" in item]
    chosen = evaluated or logged
    if not chosen:
        raise InputError("the trainer has logged no loss and no eval_loss", source=str(path))
    rates = {item.get("step"): item.get("learning_rate") for item in logged}
    seen = {
        item.get("step"): item["num_input_tokens_seen"]
        for item in logs
        if "num_input_tokens_seen" in item
    }
    flops = found.get("total_flos")
    last = max((item.get("step") or 0 for item in logs), default=0)
    folder = path.resolve().parent
    run = folder.parent.name if folder.name.startswith("checkpoint-") else folder.name
    rows = []
    for item in chosen:
        step = item.get("step")
        row = {"run": run or path.stem, "steps": step, "epoch": item.get("epoch")}
        row["loss"] = item["eval_loss"] if evaluated else item["loss"]
        row["learning_rate"] = rates.get(step)
        row["tokens"] = seen.get(step)
        row["flops"] = flops * step / last if flops and step and last else None
        rows.append(row)
    cells = {
        name: values
        for name, values in columns_of(rows).items()
        if any(value is not None for value in values)
    }
    what = "eval_loss" if evaluated else "loss, a loss on training text"
    note = f"a Hugging Face trainer: loss is its {what}, at {len(rows)} steps of one run"
    notes = (note + "; flops in proportion to steps, from total_flos" * ("flops" in cells),)
    return Raw(cells=cells, rows=positions(len(rows)), notes=notes)
