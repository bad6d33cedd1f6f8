"""Logs that trackers keep on disk, read without them: TensorBoard, W&B, Trackio and MLflow.

An event file of TensorBoard is a row of records (length, its checksum, the record, its checksum),
a log of W&B one of LevelDB; both hold protocol buffers. Checksums are not looked at, and what a run
in flight has not written whole is left for the next look.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import positions
from bayes_scaling.runs.json_files import parse
from bayes_scaling.runs.resolve import choose_loss
from bayes_scaling.runs.text_files import Raw
from bayes_scaling.runs.tidy import columns_of, flatten

EVENTS = "tfevents"
"""What the name of an event file holds."""

NO_SCALARS = "the event file has no scalars"

MLFLOW_META = "meta.yaml"
"""What every run of MLflow's folder has."""

Row = dict[str, Any]
Fields = dict[int, list[Any]]

_BROKEN = (struct.error, IndexError, KeyError, ValueError, AttributeError, TypeError)
_BLOCK = 32768  # bytes of a block of LevelDB's log
_WANDB = b":W&B"
_MLFLOW_STATES = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}


# ---- rows of what was logged ---------------------------------------------------------------------


def _at_losses(logged: Iterable[Row], loss: str | None) -> list[Row]:
    """Return a row for each step at which the loss was logged, with the latest of all else."""
    latest: Row = {}
    rows = []
    for values in logged:
        latest |= values
        if loss is None or loss in values:
            rows.append(dict(latest))
    return rows


def _likeliest_loss(logged: Iterable[Row]) -> str | None:
    return choose_loss(list(dict.fromkeys(key for row in logged for key in row)), decide=True).name


def _table(rows: list[Row], note: str, path: Path, clock: str = "step") -> Raw:
    """Return rows as columns, without those of step 0, which no law takes."""
    if not rows:
        raise InputError(f"nothing was logged: {note}", source=str(path))
    if all(not row.get(clock, 1) for row in rows):  # a clock that is always 0 tells nothing
        rows = [{key: value for key, value in row.items() if key != clock} for row in rows]
    kept = [row for row in rows if row.get(clock, 1)]
    if gone := len(rows) - len(kept):
        note += f"; {gone} row{'s' * (gone > 1)} at step 0 left out"
    return Raw(cells=columns_of(kept), rows=positions(len(kept)), notes=(note,))


def _number(value: Any) -> Any:
    """Return a number that JSON could not hold and was written as text."""
    lost = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
    return lost.get(value, value) if isinstance(value, str) else value


def _settings(found: Mapping[str, Any]) -> Row:
    """Return the settings of a run under ``config.``, without the tracker's own."""
    flat = flatten(found, "config.")
    return {key: value for key, value in flat.items() if not key.startswith("config._")}


# ---- TensorBoard ---------------------------------------------------------------------------------


def read_events(path: Path) -> Raw:
    """Read the scalars of an event file of TensorBoard; its folder names the run.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Raw
        One row for each step at which the loss was logged, with the latest of every other scalar.

    Raises
    ------
    InputError
        It is no event file, or has no scalars.
    """
    by_step: dict[int, Row] = {}
    try:
        for step, tag, value in _scalars(path.read_bytes()):
            by_step.setdefault(step, {})[tag] = value
    except _BROKEN:
        raise InputError(
            "cannot be read as an event file of TensorBoard", source=str(path)
        ) from None
    if not by_step:
        raise InputError(NO_SCALARS, source=str(path))
    run = path.resolve().parent.name
    tags = list(dict.fromkeys(tag for values in by_step.values() for tag in values))
    logged = [{"run": run, "steps": float(step), **by_step[step]} for step in sorted(by_step)]
    rows = _at_losses(logged, _likeliest_loss(logged))
    note = f"events of TensorBoard: run {run!r}, {len(rows)} steps, {', '.join(tags[:8])}"
    return _table(rows, note, path, clock="steps")


def _scalars(data: bytes) -> Iterator[tuple[int, str, float]]:
    """Yield step, tag and value of every scalar of an event file."""
    place = 0
    while place + 12 <= len(data):
        (size,) = struct.unpack_from("<Q", data, place)
        end = place + 12 + size
        if end + 4 > len(data):
            if place == 0:
                raise ValueError("no event file")
            return
        event = _fields(data[place + 12 : end])
        place = end + 4
        step = int(event.get(2, [0])[-1])
        for summary in event.get(5, ()):
            for value in map(_fields, _fields(summary).get(1, ())):
                if (number := _scalar(value)) is not None:
                    yield step, value[1][-1].decode(), number


def _scalar(value: Fields) -> float | None:
    """Return the number of a tagged value: a plain one, or a tensor of one number."""
    if 1 not in value:
        return None
    if 2 in value:
        return float(value[2][-1])
    tensor = _fields(value[8][-1]) if 8 in value else {}
    kind = tensor.get(1, [0])[-1]
    content = (tensor.get(4) or tensor.get(5 if kind == 1 else 6) or [None])[-1]
    if isinstance(content, float):
        return content
    form = {1: "<f", 2: "<d"}.get(kind)
    if form and isinstance(content, bytes) and len(content) == struct.calcsize(form):
        return float(struct.unpack(form, content)[0])
    return None


def _fields(message: bytes) -> Fields:
    """Return the values of a protocol buffer by the number of their field.

    Raises
    ------
    ValueError, IndexError
        It is no protocol buffer.
    """
    found: Fields = {}
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        value: int | float | bytes
        if kind == 0:
            value, place = _varint(message, place)
        elif kind == 2:
            size, place = _varint(message, place)
            value, place = message[place : place + size], place + size
        elif kind in (1, 5):
            form = "<d" if kind == 1 else "<f"
            (value,) = struct.unpack_from(form, message, place)
            place += struct.calcsize(form)
        else:
            raise ValueError("no protocol buffer")
        found.setdefault(key >> 3, []).append(value)
    return found


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while shift <= 70:
        byte = message[place]
        value |= (byte & 127) << shift
        place += 1
        shift += 7
        if byte < 128:
            return value, place
    raise ValueError("no varint")


# ---- W&B -----------------------------------------------------------------------------------------


def read_wandb(path: Path) -> Raw:
    """Read the log that W&B keeps of a run, offline or not: ``run-ID.wandb``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Raw
        One row for each step at which the loss was logged, with the settings of the run and the
        latest of every other value. What is in its summary alone stands at its end.

    Raises
    ------
    InputError
        It is no such log, or nothing was logged.
    """
    run, state = path.stem.removeprefix("run-"), ""
    settings: Row = {}
    summary: Row = {}
    logged: list[Row] = []
    try:
        for record in map(_fields, _wandb_records(path.read_bytes())):
            for about in map(_fields, record.get(17, ())):
                run = about[8][0].decode() if 8 in about else run
                for config in about.get(4, ()):
                    settings |= _items(config)
            for message in record.get(5, ()):
                settings |= _items(message)
            for message in record.get(2, ()):
                logged.append(_values(message))
            for message in record.get(3, ()):
                summary |= _values(message)
            for message in record.get(18, ()):
                state = "failed" if _fields(message).get(1, [0])[0] else "finished"
    except _BROKEN:
        raise InputError(
            "cannot be read as a log of W&B; 'wandb sync' the run, and export the table of runs "
            "as CSV",
            source=str(path),
        ) from None
    known = {key for row in logged for key in row}
    if alone := {key: value for key, value in summary.items() if key not in known}:
        logged.append(alone)
    own = {"run": run, **({"state": state} if state else {}), **_settings(settings)}
    rows = [{**own, **row} for row in _at_losses(logged, _likeliest_loss(logged))]
    end = "" if state else "; the log has no end: the run goes on, or crashed"
    return _table(rows, f"a log of W&B: run {run!r}, {len(rows)} steps{end}", path)


def _wandb_records(data: bytes) -> Iterator[bytes]:
    """Yield the records of LevelDB's log; one that is not yet written whole ends it."""
    if data[:4] != _WANDB:
        raise ValueError("no log of W&B")
    place, parts = 7, b""
    while place + 7 <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < 7:
            place += left
            continue
        size, kind = struct.unpack_from("<HB", data, place + 4)
        end = place + 7 + size
        if kind == 0 or end > len(data):
            return
        parts = data[place + 7 : end] if kind in (1, 2) else parts + data[place + 7 : end]
        place = end
        if kind in (1, 4):
            yield parts


def _items(message: bytes) -> Row:
    """Return the values by key that a message of W&B updates."""
    values = {}
    for item in map(_fields, _fields(message).get(1, ())):
        key = ".".join(part.decode() for part in item.get(2) or item[1])
        values[key] = parse(item[16][0].decode()) if 16 in item else None
    return values


def _values(message: bytes) -> Row:
    """Return what was logged, without W&B's own values but the step."""
    return {
        "step" if name == "_step" else name: _number(value)
        for name, value in flatten(_items(message)).items()
        if name == "_step" or not name.startswith("_")
    }


# ---- databases, and MLflow's folder --------------------------------------------------------------


def read_database(path: Path) -> Raw:
    """Read the runs of a Trackio or an MLflow database.

    Parameters
    ----------
    path : Path
        A SQLite file.

    Returns
    -------
    Raw
        Of Trackio one row for each step at which the loss was logged, of MLflow one for each run.

    Raises
    ------
    InputError
        It is no database, or of another program.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
            names = {row[0] for row in base.execute("select name from sqlite_master")}
            if {"runs", "latest_metrics", "params"} <= names:
                return _mlflow(base, path)
            if "metrics" in names:
                return _trackio(base, names, path)
    except sqlite3.Error as error:
        raise InputError(f"cannot be read as SQLite: {error}", source=str(path)) from None
    raise InputError(
        "a database of neither Trackio nor MLflow; export the table of runs as CSV",
        source=str(path),
    )


def _trackio(base: sqlite3.Connection, names: set[str], path: Path) -> Raw:
    has = {row[1] for row in base.execute("pragma table_info(metrics)")}
    if not {"run_name", "step", "metrics"} <= has:
        raise InputError("its table of metrics is not Trackio's", source=str(path))
    settings: dict[str, Row] = {}
    if "configs" in names:
        for run, text in base.execute("select run_name, config from configs"):
            settings[run] = _settings(_object(text))
    logged: dict[str, list[Row]] = {}
    for run, step, text in base.execute(
        "select run_name, step, metrics from metrics order by run_name, step"
    ):
        values = {key: _number(value) for key, value in flatten(_object(text)).items()}
        logged.setdefault(run, []).append({"step": step, **values})
    loss = _likeliest_loss(row for rows in logged.values() for row in rows)
    found = [
        {"run": run, **settings.get(run, {}), **row}
        for run, rows in logged.items()
        for row in _at_losses(rows, loss)
    ]
    return _table(found, f"a Trackio database of {len(logged)} runs", path)


def _object(text: Any) -> Mapping[str, Any]:
    try:
        found = parse(text if isinstance(text, str) else bytes(text or b"{}").decode())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _mlflow(base: sqlite3.Connection, path: Path) -> Raw:
    rows: dict[str, Row] = {}
    for run, name, status in base.execute(
        "select run_uuid, name, status from runs where lifecycle_stage = 'active'"
    ):
        rows[run] = _mlflow_row(run, name, status)
    for run, key, value in base.execute("select run_uuid, key, value from params"):
        if run in rows:
            rows[run][f"params.{key}"] = value
    for run, key, value, step in base.execute(
        "select run_uuid, key, value, step from latest_metrics"
    ):
        if run in rows:
            _put_metric(rows[run], key, value, step)
    return _table(list(rows.values()), f"an MLflow database of {len(rows)} runs", path)


def _mlflow_row(run: str, name: str | None, status: str | None) -> Row:
    return {"run_id": run, "status": status, "tags.mlflow.runName": name}


def _put_metric(row: Row, key: str, value: float, step: int) -> None:
    """Add the last value of a metric; the step is that of the loss."""
    row[f"metrics.{key}"] = value
    if step and "loss" in key:
        row["metrics.step"] = step


def is_mlflow_folder(folder: Path) -> bool:
    """Whether a folder is ``mlruns``, one experiment of it, or one run."""
    return next(iter(_mlflow_runs(folder)), None) is not None


def read_mlflow_folder(folder: Path) -> Raw:
    """Read the runs that MLflow keeps as files, one row a run, with the last of every metric.

    Parameters
    ----------
    folder : Path
        ``mlruns``, the folder of an experiment, or that of a run.

    Returns
    -------
    Raw
        Runs that were deleted are left out.
    """
    rows = []
    for place in _mlflow_runs(folder):
        meta = dict(re.findall(r"(?m)^(\w+): *['\"]?(.*?)['\"]?$", _text(place / MLFLOW_META)))
        if meta.get("lifecycle_stage", "active") != "active":
            continue
        status = meta.get("status", "")
        name = _text(place / "tags" / "mlflow.runName") or meta.get("run_name")
        row = _mlflow_row(place.name, name, _MLFLOW_STATES.get(status, status))
        for key, path in _files_of(place / "params"):
            row[f"params.{key}"] = _text(path)
        for key, path in _files_of(place / "metrics"):
            # time, value and step; very old ones lack the step
            logged = [(*line.split(), "0")[1:3] for line in _text(path).splitlines()]
            if logged:
                value, step = max(logged, key=lambda each: int(each[1]))
                _put_metric(row, key, float(value), int(step))
        rows.append(row)
    return _table(rows, f"a folder of MLflow with {len(rows)} runs", folder)


def _mlflow_runs(folder: Path) -> Iterator[Path]:
    """Yield the folders of runs at, below, or two below a folder."""
    for pattern in ("", "*/", "*/*/"):
        for meta in sorted(folder.glob(f"{pattern}{MLFLOW_META}")):
            if (meta.parent / "metrics").is_dir():
                yield meta.parent


def _files_of(folder: Path) -> list[tuple[str, Path]]:
    """Return key and path of every value; a key with slashes lies in folders."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path) for path in files]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
