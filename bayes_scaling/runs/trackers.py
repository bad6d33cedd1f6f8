"""Trackers that keep runs on disk: Trackio, MLflow (database or folder) and W&B run offline."""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import Rows
from bayes_scaling.runs.event_files import fields
from bayes_scaling.runs.json_files import parse
from bayes_scaling.runs.losses import choose_loss
from bayes_scaling.runs.text_files import Raw
from bayes_scaling.runs.unpack import after_the_start, columns_of, flatten

MLFLOW_META = "meta.yaml"
"""What every run of MLflow's folder has."""

_BLOCK = 32768  # bytes of a block of LevelDB's log, which W&B writes
_WANDB = b":W&B"
_MLFLOW_STATES = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}


def read_database(path: Path) -> Raw:
    """Read the runs of a Trackio or an MLflow database.

    Parameters
    ----------
    path : Path
        A SQLite file.

    Returns
    -------
    Raw

    Raises
    ------
    InputError
        It is no database, or of another program.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
            names = {row[0] for row in base.execute("select name from sqlite_master")}
            if {"runs", "latest_metrics", "params"} <= names:
                return _mlflow(base)
            if "metrics" in names:
                return _trackio(base, names, path)
    except sqlite3.Error as error:
        raise InputError(f"cannot be read as SQLite: {error}", source=str(path)) from None
    raise InputError(
        "a database of neither Trackio nor MLflow; export the table of runs as CSV",
        source=str(path),
    )


def _trackio(base: sqlite3.Connection, names: set[str], path: Path) -> Raw:
    """Read each logged step that has a loss, with the settings of its run."""
    has = {row[1] for row in base.execute("pragma table_info(metrics)")}
    if not {"run_name", "step", "metrics"} <= has:
        raise InputError("its table of metrics is not Trackio's", source=str(path))
    settings: dict[str, Mapping[str, Any]] = {}
    if "configs" in names:
        for run, text in base.execute("select run_name, config from configs"):
            settings[run] = flatten(_object(text), "config.")
    rows = []
    for run, step, text in base.execute(
        "select run_name, step, metrics from metrics order by run_name, step"
    ):
        values = {k: _number(v) for k, v in flatten(_object(text)).items()}
        own = {
            name: value
            for name, value in settings.get(run, {}).items()
            if not name.startswith("config._")
        }
        rows.append({"run": run, "step": step, **own, **values})
    note = f"a Trackio database of {len({row['run'] for row in rows})} runs"
    rows, said = after_the_start(_with_loss(rows), "step")
    return _table(rows, note + said)


def _mlflow(base: sqlite3.Connection) -> Raw:
    """Read the table of runs, one row a run, with the metrics as they were last."""
    rows: dict[str, dict[str, Any]] = {}
    for run, name, status in base.execute(
        "select run_uuid, name, status from runs where lifecycle_stage = 'active'"
    ):
        rows[run] = {"run_id": run, "status": status, "tags.mlflow.runName": name}
    for run, key, value in base.execute("select run_uuid, key, value from params"):
        if run in rows:
            rows[run][f"params.{key}"] = value
    for run, key, value, step in base.execute(
        "select run_uuid, key, value, step from latest_metrics"
    ):
        if run in rows:
            rows[run][f"metrics.{key}"] = value
            if step and "loss" in key:
                rows[run]["metrics.step"] = step
    return _table(list(rows.values()), f"an MLflow database of {len(rows)} runs")


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
        status = _MLFLOW_STATES.get(meta.get("status", ""), meta.get("status", ""))
        name = _text(place / "tags" / "mlflow.runName") or meta.get("run_name")
        row: dict[str, Any] = {"run_id": place.name, "status": status, "tags.mlflow.runName": name}
        for key, path in _files_of(place / "params"):
            row[f"params.{key}"] = _text(path)
        for key, path in _files_of(place / "metrics"):
            logged = [line.split() for line in _text(path).splitlines()]
            found = [(int(step), float(value)) for _, value, step, *_ in map(_three, logged)]
            if found:
                step, row[f"metrics.{key}"] = max(found, key=lambda each: each[0])
                if step and "loss" in key:
                    row["metrics.step"] = step
        rows.append(row)
    return _table(rows, f"a folder of MLflow with {len(rows)} runs")


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


def _three(words: list[str]) -> list[str]:
    """Return the time, value and step of a line; very old ones lack the step."""
    return words if len(words) > 2 else [*words, "0"]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""


def read_wandb(path: Path) -> Raw:
    """Read the log that W&B keeps of a run, offline or not: ``run-ID.wandb``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Raw
        One row for each step at which the loss was logged, with the settings of the run and the
        latest of every other value.

    Raises
    ------
    InputError
        It is no such log, or nothing was logged.
    """
    run = path.stem.removeprefix("run-")
    settings: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    state = ""
    try:
        for record in map(_grouped, _wandb_records(path.read_bytes())):
            for message in record.get(17, ()):
                about = _grouped(message)
                run = about[8][0].decode() if about.get(8) else run
                for config in about.get(4, ()):
                    settings |= _items(config)
            for message in record.get(5, ()):
                settings |= _items(message)
            for message in record.get(2, ()):
                history.append(_items(message))
            for message in record.get(18, ()):
                state = "failed" if _grouped(message).get(1, [0])[0] else "finished"
    except (struct.error, IndexError, ValueError, AttributeError, TypeError):
        raise InputError(
            "cannot be read as a log of W&B; 'wandb sync' the run, and export the table of runs "
            "as CSV",
            source=str(path),
        ) from None
    own = {k: v for k, v in flatten(settings, "config.").items() if not k.startswith("config._")}
    latest: dict[str, Any] = {}
    logged = []
    for values in history:
        fresh = {
            "step" if name == "_step" else name: _number(value)
            for name, value in flatten(values).items()
            if name == "_step" or not name.startswith("_")
        }
        logged.append(fresh)
    loss = choose_loss(list(dict.fromkeys(k for row in logged for k in row)), decide=True).name
    rows = []
    for fresh in logged:
        latest |= fresh
        if loss is None or loss in fresh:
            rows.append({"run": run, **({"state": state} if state else {}), **own, **latest})
    rows, said = after_the_start(rows, "step")
    end = "" if state else "; the log has no end: the run goes on, or crashed"
    return _table(rows, f"a log of W&B: run {run!r}, {len(rows)} steps{said}{end}")


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


def _grouped(message: bytes) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for field, value in fields(message):
        found.setdefault(field, []).append(value)
    return found


def _items(message: bytes) -> dict[str, Any]:
    """Return the values by key that a message of W&B updates."""
    values = {}
    for item in map(_grouped, _grouped(message).get(1, ())):
        key = ".".join(part.decode() for part in item.get(2) or item[1])
        values[key] = parse(item[16][0].decode()) if 16 in item else None
    return values


def _with_loss(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the steps that logged what some rows lack, where losses of validation are rare."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    chosen = choose_loss(names, decide=True).name
    return [row for row in rows if row.get(chosen) is not None] if chosen else rows


def _object(text: Any) -> Mapping[str, Any]:
    try:
        found = parse(text if isinstance(text, str) else bytes(text or b"{}").decode())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _number(value: Any) -> Any:
    """Return a number that JSON could not hold and Trackio wrote as text."""
    return (
        {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.get(
            value, value
        )
        if isinstance(value, str)
        else value
    )


def _table(rows: list[dict[str, Any]], note: str) -> Raw:
    if not rows:
        raise InputError("the database holds no runs")
    positions = Rows(label="row", numbers=np.arange(1, len(rows) + 1))
    return Raw(cells=columns_of(rows), rows=positions, notes=(note,))
