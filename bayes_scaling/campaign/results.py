"""What came back of runs: results, and runs that failed, died or stay away."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.campaign.campaign_toml import Campaign
from bayes_scaling.campaign.configs import filled, plain
from bayes_scaling.campaign.ledger import Line
from bayes_scaling.campaign.state import OWN, Run
from bayes_scaling.campaign.worker import ERR, exit_code, is_dead
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.runs import RunTable, read_runs

OTHER_SIZE = 0.1
"""Relative difference of a size from what was planned that is said."""

RUNS = "runs"
"""Name of the folder of all runs in that of a campaign."""


def folder_of(campaign: Campaign, run: str) -> Path:
    """Return the folder of a run."""
    return campaign.folder.resolve() / RUNS / run


def collected(campaign: Campaign, runs: Iterable[Run]) -> list[Line]:
    """Return the lines that say what came back since.

    Raises
    ------
    InputError
        The table of results cannot be read.
    """
    waited = [run for run in runs if run.standing in ("launched", "lost")]
    pattern = campaign.run.results
    each = "{{" in pattern
    table = None if each or not waited else _table(campaign.folder / pattern)
    found: list[Line] = []
    for run in waited:
        where = filled(pattern, run.config, plain, "[run] results") if each else pattern
        found += _of_run(campaign, run, campaign.folder / where, table)
    return found


def _of_run(campaign: Campaign, run: Run, path: Path, table: RunTable | None) -> list[Line]:
    folder = folder_of(campaign, run.id)
    code = exit_code(folder)
    by_hand = campaign.run.launcher == "print"
    dead = campaign.run.launcher == "local" and is_dead(folder)
    if code not in (None, 0):
        if run.standing == "lost":
            return []
        last = (_text(folder / ERR).strip().splitlines() or ["it said nothing"])[-1]
        return [_failed(run, f"exit code {code}: {last[:200]}")]
    if by_hand or dead or code == 0:
        given = _row_of(table, run.id) if table is not None else _read(path)
        if isinstance(given, Mapping):
            return [_result(run, given)]
        if dead:
            return [_failed(run, "was killed: it ended without an exit code")]
        if code == 0 and run.standing != "lost":
            return [_failed(run, f"ended, but {given or f'there is no result {str(path)!r}'}")]
    hours = (datetime.now(UTC) - datetime.fromisoformat(run.planned)).total_seconds() / 3600
    if run.standing != "lost" and hours > campaign.run.time_limit:
        limit = campaign.run.time_limit
        return [{"kind": "lost", "run": run.id,
                 "why": f"did not come back within {limit:g} hours; its compute stays counted, and "
                 "its result is taken should it come"}]  # fmt: skip
    return []


def _failed(run: Run, why: str) -> Line:
    return {"kind": "failed", "run": run.id, "why": why}


def _result(run: Run, given: Mapping[str, Any]) -> Line:
    """Judge what came back: a row that can be fitted, with what is doubtful, or a failure."""
    settings = {name: value for name, value in run.config.items() if name not in OWN}
    values = {name: value for name, value in given.items() if _is_cell(value)}
    if {"params", "tokens"} & set(values) and "flops" not in values:
        settings.pop("flops", None)
    whole = {**settings, **values, "run": run.id}
    loss = values.get("loss")
    if isinstance(loss, int | float) and not isfinite(loss):
        return _failed(run, f"diverged: its loss is {loss}")
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", BayesScalingWarning)
            table = RunTable.from_columns({name: [value] for name, value in whole.items()})
    except InputError as error:
        return _failed(run, f"its result cannot be used: {'; '.join(error.problems)}")
    row = {name: column[0].item() for name, column in table.columns.items()}
    row = {name: v for name, v in row.items() if isinstance(v, str) or isfinite(v)}
    doubts = [*_doubts(run, row), *(str(each.message) for each in said)]
    return {"kind": "result", "run": run.id, "row": row, "doubt": "; ".join(doubts)}


def _doubts(run: Run, row: Mapping[str, Any]) -> list[str]:
    """Say what looks broken though it can be read; noise with heavy tails bears it."""
    found = [
        f"{name} {row[name]:.4g} is not the {planned:.4g} that was planned"
        for name in ("params", "tokens")
        for planned in (run.config.get(name),)
        if isinstance(planned, int | float)
        and isinstance(row.get(name), int | float)
        and abs(np.log(row[name] / planned)) > OTHER_SIZE
    ]
    if run.expected and not run.expected[0] <= row["loss"] <= run.expected[-1]:
        low, _, high = run.expected
        found.append(
            f"loss {row['loss']:.4g} lies outside [{low:.4g}, {high:.4g}], where 998 of 1000 runs "
            "were expected: look at it; [run] exclude leaves it out of the fit"
        )
    return found


def _is_cell(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _read(path: Path) -> Mapping[str, Any] | str | None:
    """Read the result of one run; what is wrong with it as text, None where there is none."""
    if not path.exists():
        return None
    if path.suffix not in (".json", ""):
        try:
            table = read_runs(path)
        except InputError as error:
            return f"{str(path)!r} cannot be read: {'; '.join(error.problems)}"
        return {name: column[-1].item() for name, column in table.columns.items()}
    text = _text(path)
    for part in (text, (text.strip().splitlines() or [""])[-1]):
        try:
            said = json.loads(part)
        except ValueError:
            continue
        if isinstance(said, dict):
            inner = said.get("run")
            return inner if isinstance(inner, dict) else said
    return f"{str(path)!r} is no JSON object"


def _table(path: Path) -> RunTable:
    """Read the table of all results; empty where there is none yet."""
    if not (path.exists() or any(sign in str(path) for sign in "*?[")):
        return RunTable(columns={})
    table = read_runs(path, drop_empty=True)
    if "run" not in table:
        raise InputError("the table of results has no column 'run'", source=str(path))
    return table


def _row_of(table: RunTable, run: str) -> Mapping[str, Any] | None:
    if "run" not in table:
        return None
    rows = np.flatnonzero(table["run"] == run)
    if not rows.size:
        return None
    return {name: column[rows[-1]].item() for name, column in table.columns.items()}


def data_of(campaign: Campaign, runs: Sequence[Run]) -> RunTable | None:
    """Return the table to fit: the runs at the start and the results; None without any.

    Raises
    ------
    InputError
        The start has several groups and the results do not say theirs.
    """
    rows = [run.row for run in runs if run.row is not None and run.id not in campaign.run.exclude]
    start = campaign.started_from()
    if not rows:
        return start
    names = [name for name in rows[0] if all(name in row for row in rows)]
    columns = {name: np.array([row[name] for row in rows]) for name in names}
    if start is None:
        return RunTable(columns=columns)
    if "family" in start and "family" not in columns:
        groups = start.groups("family")
        if len(groups) > 1:
            raise InputError(
                f"the start has the groups {', '.join(groups)}: give the candidates a column "
                "family, so that results belong to one"
            )
        columns["family"] = np.array([groups[0]] * len(rows))
    if "run" not in start:
        columns.pop("run", None)
    shared = [name for name in start.columns if name in columns]
    return RunTable(
        columns={name: np.concatenate([start[name], columns[name]]) for name in shared},
        notes=start.notes,
    )
