"""Trackers that keep a SQLite database: Trackio and MLflow."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import Rows
from bayes_scaling.runs.json_files import parse
from bayes_scaling.runs.text_files import Raw
from bayes_scaling.runs.unpack import columns_of, flatten


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


def _with_loss(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the steps that logged what some rows lack, where losses of validation are rare."""
    from bayes_scaling.runs.losses import choose_loss

    names = list(dict.fromkeys(name for row in rows for name in row))
    chosen = choose_loss(names, decide=True).name
    return [row for row in rows if row.get(chosen) is not None] if chosen else rows


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
