"""Forecasts on record: written before a run is made, scored when it is done.

A record is a text file with one JSON object per line, only ever added to: forecasts, each with its
plan, its quantiles, the hashes of model and runs and the date, and later what runs reached. Every
line carries a hash of itself and of the line before, so a change in between shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.files import append, cannot_write, lock, whole_lines
from bayes_scaling.page import SCORES, Block, Grid, Page, Printed, told
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.runs import RunTable
from bayes_scaling.scores import LEVELS, quantiles_at_levels, score_quantiles

if TYPE_CHECKING:
    from bayes_scaling.questions.forecast import Forecast

Array = NDArray[np.float64]
Places = str | Path | Sequence[str | Path]

NAME = "forecasts.jsonl"
"""Name of the record, beside the fits."""

CLOSE = 0.02
"""Relative difference in every size up to which a result is that of a plan."""

MEDIAN, LOW, HIGH = LEVELS.size // 2, 1, LEVELS.size - 2
"""Places of the median and of the ends of the 90 % interval among the levels."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrackRecord(Printed):
    """Forecasts on record, and what became of them.

    Attributes
    ----------
    forecasts : tuple of mapping
        As they were written, oldest first.
    outcomes : mapping of str to float
        Loss that was reached, by the hash of the forecast.
    unmatched : tuple of str
        Results that no forecast was for.
    """

    forecasts: tuple[Mapping[str, Any], ...]
    outcomes: Mapping[str, float]
    unmatched: tuple[str, ...] = ()

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per forecast: its plan, its interval, and the loss and scores, if any."""
        return [self._row(item) for item in self.forecasts]

    def _row(self, item: Mapping[str, Any]) -> dict[str, Any]:
        quantiles = np.array(item["quantiles"])
        row = {"created": item["created"], "model": item["model"], **item["plan"]}
        row |= {"new_run": quantiles[MEDIAN], "new_run_lower": quantiles[LOW]}
        row |= {"new_run_upper": quantiles[HIGH], "probability": 0.9, "kind": "ETI"}
        row |= {f"efolds_{name}": value for name, value in item.get("efolds", {}).items()}
        if item["hash"] not in self.outcomes:
            return row | {"loss": None}
        loss = self.outcomes[item["hash"]]
        inside = bool(quantiles[LOW] <= loss <= quantiles[HIGH])
        found = score_quantiles(quantiles[:, None], np.array([loss]))
        return row | {"loss": loss, "error": found["bias"], "inside": inside, "crps": found["crps"]}

    @cached_property
    def scores(self) -> dict[str, float] | None:
        """Scores over all forecasts that have an outcome; None without any."""
        done = [item for item in self.forecasts if item["hash"] in self.outcomes]
        if not done:
            return None
        quantiles = np.array([item["quantiles"] for item in done]).T
        return score_quantiles(quantiles, np.array([self.outcomes[item["hash"]] for item in done]))

    def page(self) -> Page:
        """Return what is printed: every forecast with its outcome, then the scores."""
        heading = ("on record since", "model", "params N", "tokens D", "forecast", "reached",
                   "error", "")  # fmt: skip
        rows = self.rows()
        scored = sum(row["loss"] is not None for row in rows)
        found: list[list[Block]] = [
            [
                f"{scored} of {len(rows)} forecasts have their outcome",
                Grid(heading=heading, rows=[_cells(row) for row in rows]),
            ]
        ]
        if self.scores is not None:
            cells = [f"{self.scores[name]:.4g}" for name in SCORES]
            found += [[Grid(heading=tuple(SCORES.values()), rows=[cells])]]
        return found


def _cells(row: Mapping[str, Any]) -> list[str]:
    """Write one forecast, and its outcome where there is one."""
    sizes = [f"{row[name]:.3g}" if name in row else "" for name in ("params", "tokens")]
    made = [row["created"][:10], row["model"], *sizes, told(row, "new_run")]
    if row["loss"] is None:
        return [*made, "open", "", ""]
    where = "inside" if row["inside"] else "outside"
    return [*made, f"{row['loss']:.4g}", f"{row['error']:+.2%}", where]


def register(fit: Posterior, forecast: Forecast, path: str | Path) -> tuple[str, ...]:
    """Put a forecast on record.

    Parameters
    ----------
    fit : Fit
        What it was made with.
    forecast : Forecast
        One line is written for each of its runs.
    path : path
        The record; made where there is none.

    Returns
    -------
    tuple of str
        Hashes of the lines.

    Raises
    ------
    InputError
        What is at `path` is no record, or was changed.
    """
    known = {
        "kind": "forecast",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": fit.id,
        "response": fit.leading.response,
        "model_hashes": [each.provenance["model_hash"] for each in fit.members.values()],
        "runs_hash": fit.leading.provenance["runs_hash"],
        "tuning": forecast.tuning,
    }
    quantiles = quantiles_at_levels(forecast.draws)
    plan = forecast.plan
    lines = []
    for run in range(len(plan)):
        sizes = {name: float(values[run]) for name, values in plan.columns.items()}
        asked: dict[str, Any] = {**sizes, plan.group_column: plan.labels[run]}
        far = {name: float(values[run]) for name, values in forecast.extrapolation.items()}
        told = {"plan": asked, "efolds": far, "quantiles": quantiles[:, run].tolist()}
        lines.append({**known, **told})
    return _add(Path(path), lines)


def records_in(places: Places) -> tuple[Path, ...]:
    """Return the records that places name: a record itself, or a folder with all in and below it.

    Raises
    ------
    InputError
        A place has none.
    """
    given = [places] if isinstance(places, str | Path) else places
    found: dict[Path, Path] = {}
    problems = []
    for place in map(Path, given):
        here = sorted(place.rglob(NAME)) if place.is_dir() else [place]
        here = [path for path in here if path.is_file()]
        if not here:
            problems.append(
                f"no record {str(place)!r}: 'bayes-scaling forecast FIT --register' begins one"
            )
        for path in here:
            found.setdefault(path.resolve(), path)
    if problems:
        raise InputError(problems)
    return tuple(found.values())


def read_record(places: Places) -> TrackRecord:
    """Read a record, or several as one.

    Parameters
    ----------
    places : path or sequence of path
        Records, and folders of them.

    Raises
    ------
    InputError
        There is none, one is no record, or a line was changed since it was written.
    """
    return _joined(map(_lines, records_in(places)))


def _joined(records: Iterable[list[dict[str, Any]]]) -> TrackRecord:
    """Return the forecasts of all records once, oldest first; of outcomes the first one stays."""
    forecasts: dict[str, dict[str, Any]] = {}
    outcomes: dict[str, float] = {}
    for lines in records:
        for line in lines:
            if line["kind"] == "forecast":
                forecasts.setdefault(line["hash"], line)
            elif line["kind"] == "outcome":
                outcomes.setdefault(line["of"], line["loss"])
    return TrackRecord(
        forecasts=tuple(sorted(forecasts.values(), key=lambda line: str(line["created"]))),
        outcomes=outcomes,
    )


def score_record(places: Places, results: RunTable) -> TrackRecord:
    """Score forecasts on record by what runs reached, and put that on record too.

    Parameters
    ----------
    places : path or sequence of path
        Records, and folders of them; each takes the outcomes of its own forecasts.
    results : RunTable
        Finished runs: the sizes of the plan, and the loss. Each takes the open forecasts of its
        sizes, within 2 %, and of its group; an outcome stays.

    Returns
    -------
    TrackRecord

    Raises
    ------
    InputError
        There is no record, or the results lack the response.
    """
    records = {path: _lines(path) for path in records_in(places)}
    known = _joined(records.values())
    found: dict[str, float] = {}
    unmatched = []
    for row in range(len(results)):
        given = {name: results[name][row] for name in results.columns}
        matching = [item for item in known.forecasts if _is_of(item, given)]
        if not matching:
            unmatched.append(str(given.get("run", f"row {row + 1}")))
        for item in matching:
            if item["hash"] not in known.outcomes:
                found.setdefault(item["hash"], float(given[item["response"]]))
    created = datetime.now(UTC).isoformat(timespec="seconds")
    for path, lines in records.items():
        own = [line["hash"] for line in lines if line["hash"] in found]
        outcome = {"kind": "outcome", "created": created}
        _add(path, [{**outcome, "of": name, "loss": found[name]} for name in own])
    return replace(read_record(tuple(records)), unmatched=tuple(unmatched))


def _is_of(item: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether a result is that of a forecast: all that both say agrees, sizes among it."""
    if item["response"] not in given or not np.isfinite(given[item["response"]]):
        return False
    plan, told = item["plan"], 0
    for name, planned in plan.items():
        value = given.get(name)
        if isinstance(planned, str):
            if value not in (None, "", planned) and plan[name] != "all":
                return False
        elif value is not None and np.isfinite(value):
            if abs(np.log(value / planned)) > CLOSE:
                return False
            told += name != "flops"
    return told > 0


# ---- the file ------------------------------------------------------------------------------------


def _hash(line: Mapping[str, Any]) -> str:
    text = json.dumps({k: v for k, v in line.items() if k != "hash"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _lines(path: Path) -> list[dict[str, Any]]:
    """Read all whole lines and check each hash; a last line that was torn counts for nothing."""
    problems, found, before = [], [], ""
    texts = whole_lines(path.read_bytes()).decode("utf-8", errors="replace").splitlines()
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
            if line["before"] != before or _hash(line) != line["hash"]:
                problems.append(f"line {number} was changed, or a line before it was")
            before = line["hash"]
            found.append(line)
        except (ValueError, KeyError, TypeError, RecursionError):
            problems.append(f"line {number} is no line of a record of forecasts")
    if problems:
        raise InputError(problems, source=str(path))
    return found


def _add(path: Path, lines: list[dict[str, Any]]) -> tuple[str, ...]:
    """Add lines, each with its hash and that of the line before.

    One program writes at a time. A torn line is cut off first; where there is no room for the new
    ones, the record stays as it was.
    """
    if not lines:
        return ()
    try:
        with path.open("ab+", buffering=0) as file:
            lock(file.fileno())
            file.seek(0)
            size = len(whole_lines(file.readall()))
            known = _lines(path) if size else []
            hashes, text = _linked(lines, known[-1]["hash"] if known else "")
            file.truncate(size)
            append(file, text)
    except OSError as error:
        raise cannot_write(path, error, "the record is as it was, without these lines") from None
    return hashes


def _linked(lines: list[dict[str, Any]], before: str) -> tuple[tuple[str, ...], bytes]:
    """Return the hashes of lines, each of which holds the one before, and what is written."""
    texts, hashes = [], []
    for line in lines:
        whole = {**line, "before": before}
        before = _hash(whole)
        hashes.append(before)
        texts.append(json.dumps({**whole, "hash": before}) + "\n")
    return tuple(hashes), "".join(texts).encode()
