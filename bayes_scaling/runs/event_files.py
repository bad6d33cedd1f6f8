"""TensorBoard's event files: the scalars of one run, read without TensorBoard.

A file is a row of records (length, its checksum, the record, its checksum), each a protocol buffer
``Event`` with a step and a summary of tagged values. Checksums are not looked at; what a run in
flight has not finished writing is left for the next look.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import Rows
from bayes_scaling.runs.losses import choose_loss
from bayes_scaling.runs.text_files import Raw
from bayes_scaling.runs.unpack import after_the_start, columns_of

SIGN = "tfevents"
"""What the name of an event file holds."""

Value = int | float | bytes


def read_events(path: Path, run: str | None = None) -> Raw:
    """Read the scalars of an event file.

    Parameters
    ----------
    path : Path
    run : str, optional
        The run; by default the folder names it.

    Returns
    -------
    Raw
        One row for each step at which the loss was logged, with the latest of every other scalar.

    Raises
    ------
    InputError
        It is no event file, or has no scalars.
    """
    name = run or path.resolve().parent.name
    by_step: dict[int, dict[str, float]] = {}
    try:
        for step, tag, value in scalars(path.read_bytes()):
            by_step.setdefault(step, {})[tag] = value
    except (struct.error, IndexError, ValueError, UnicodeDecodeError):
        raise InputError(
            "cannot be read as an event file of TensorBoard", source=str(path)
        ) from None
    if not by_step:
        raise InputError("the event file has no scalars", source=str(path))
    tags = list(dict.fromkeys(tag for values in by_step.values() for tag in values))
    loss = choose_loss(tags, decide=True).name
    latest: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    for step in sorted(by_step):
        latest |= by_step[step]
        if loss is None or loss in by_step[step]:
            rows.append({"run": name, "steps": float(step), **latest})
    rows, said = after_the_start(rows, "steps")
    note = f"events of TensorBoard: run {name!r}, {len(rows)} steps, {', '.join(tags[:8])}{said}"
    positions = Rows(label="row", numbers=np.arange(1, len(rows) + 1))
    return Raw(cells=columns_of(rows), rows=positions, notes=(note,))


def scalars(data: bytes) -> Iterator[tuple[int, str, float]]:
    """Yield step, tag and value of every scalar of an event file."""
    place, first = 0, True
    while place + 12 <= len(data):
        (size,) = struct.unpack_from("<Q", data, place)
        end = place + 12 + size
        if end + 4 > len(data):
            if first:
                raise ValueError("no event file")
            return
        event = dict(fields(data[place + 12 : end]))
        first = False
        place = end + 4
        summary = event.get(5)
        if not isinstance(summary, bytes):
            continue
        step = event.get(2, 0)
        for field, value in fields(summary):
            if field == 1 and isinstance(value, bytes):
                found = _scalar(value)
                if found is not None:
                    yield int(step) if isinstance(step, int) else 0, *found


def _scalar(message: bytes) -> tuple[str, float] | None:
    found = dict(fields(message))
    tag = found.get(1)
    if not isinstance(tag, bytes):
        return None
    name = tag.decode()
    if isinstance(simple := found.get(2), float):
        return name, simple
    if not isinstance(tensor := found.get(8), bytes):
        return None
    inner = dict(fields(tensor))
    kind = inner.get(1)
    packed = inner.get(5 if kind == 1 else 6)
    content = inner.get(4) or packed
    if isinstance(content, float):
        return name, content
    if isinstance(content, bytes) and kind in (1, 2) and len(content) == (4 if kind == 1 else 8):
        return name, float(struct.unpack("<f" if kind == 1 else "<d", content)[0])
    return None


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Yield number and value of every field of a protocol buffer.

    Parameters
    ----------
    message : bytes

    Yields
    ------
    (int, int, float or bytes)

    Raises
    ------
    ValueError
        It is no protocol buffer.
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        field, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield field, value
        elif kind == 1:
            yield field, struct.unpack_from("<d", message, place)[0]
            place += 8
        elif kind == 2:
            size, place = _varint(message, place)
            yield field, message[place : place + size]
            place += size
        elif kind == 5:
            yield field, struct.unpack_from("<f", message, place)[0]
            place += 4
        else:
            raise ValueError("no protocol buffer")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place += 1
        shift += 7
        if byte < 128:
            return value, place
        if shift > 70:
            raise ValueError("no varint")
