"""The whole sweep: resumable, one row appended per finished run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bayes_scaling.datasets.finished import (
    append_rows,
    beside,
    cell,
    csv_text,
    read_finished,
    replace_text,
)
from bayes_scaling.datasets.nano_lm.plan import Planned, smallest_budget, stage_runs, stages
from bayes_scaling.datasets.nano_lm.train import TrainedRun, train_run
from bayes_scaling.datasets.nano_lm.transformer import require_jax

RUN_COLUMNS = (
    "run",
    "family",
    "params",
    "params_nonembedding",
    "tokens",
    "flops",
    "loss",
    "learning_rate",
    "batch_size",
    "steps",
    "width",
    "depth",
    "heads",
    "d_ff",
    "context_length",
    "seed",
    "budget",
    "purpose",
    "corpus",
    "metric",
    "schedule",
    "optimizer",
    "seconds",
)
CURVE_COLUMNS = (
    "run",
    "family",
    "params",
    "params_nonembedding",
    "steps",
    "tokens",
    "flops",
    "loss",
    "learning_rate",
)


def train_sweep(
    *,
    out: str | Path,
    cache_dir: str | Path | None = None,
    max_flops: float | None = None,
    limit: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> int:
    """Train the runs of the plan that are not in `out` yet.

    Beside `out` two more files are written: the curves (`*_curves.csv`) and the runs whose loss
    is not a finite number (`*_diverged.csv`, same columns, no loss). A run's row is written last,
    so an interrupted run leaves no row and is trained again.

    Parameters
    ----------
    out : path
        CSV of finished runs; continued if it exists.
    cache_dir : path, optional
        Folder of the corpus.
    max_flops : float, optional
        Leave out runs with a larger budget, in FLOPs. Rates of later stages rest on the sweeps of
        learning rates up to 3e11; with a lower limit they rest on what there is.
    limit : int, optional
        Stop after this many new runs.
    progress : callable, optional
        Called with one line after each run.

    Returns
    -------
    int
        Runs trained.

    Raises
    ------
    InputError
        JAX is missing or the corpus cannot be had.
    """
    stages_of_plan = [
        Stage(name=name, runs=partial(stage_runs, name))
        for name in stages()
        if max_flops is None or max_flops >= smallest_budget(name)
    ]
    return train_stages(
        stages_of_plan,
        out=out,
        cache_dir=cache_dir,
        max_flops=max_flops,
        limit=limit,
        progress=progress,
    )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of a plan, whose runs may depend on those that are finished.

    Parameters
    ----------
    name : str
        Told with each run.
    runs : callable
        Given the finished rows, the runs of the stage in the order to train them. It is asked again
        after every run, so a stage may go on from what the last one found.
    """

    name: str
    runs: Callable[[list[dict[str, Any]]], list[Planned]]


def train_stages(
    plan: Iterable[Stage],
    *,
    out: str | Path,
    columns: tuple[str, ...] = RUN_COLUMNS,
    rows_of: Callable[[Planned, TrainedRun], list[dict[str, Any]]] | None = None,
    cache_dir: str | Path | None = None,
    max_flops: float | None = None,
    limit: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> int:
    """Train what is not in `out` yet of the stages of a plan, one after the other.

    Parameters
    ----------
    plan : iterable of Stage
    columns : tuple of str
        Columns of the table of runs.
    rows_of : callable, optional
        Given a plan and what came of it, the rows of the table; the run's own by default.
    out, cache_dir, max_flops, limit, progress
        As for `train_sweep`.

    Returns
    -------
    int
        Runs trained.
    """
    require_jax()
    out = Path(out)
    runs, curves, diverged = table_paths(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = read_finished(runs)
    known = {row["run"] for row in [*rows, *read_finished(diverged)]}
    drop_curves(curves, keep={row["run"] for row in rows})
    trained = 0

    def waiting(stage: Stage) -> Planned | None:
        """Return the first run of a stage that is neither trained nor too large."""
        for planned in stage.runs(rows):
            if planned.run not in known and (max_flops is None or planned.budget <= max_flops):
                return planned
        return None

    for stage in plan:
        while planned := waiting(stage):
            if limit is not None and trained >= limit:
                return trained
            result = _train_planned(planned, cache_dir)
            if result.diverged:
                append_rows(diverged, columns, [result.row | {"loss": ""}])
            else:
                append_rows(curves, CURVE_COLUMNS, result.curve)
                found = [result.row] if rows_of is None else rows_of(planned, result)
                append_rows(runs, columns, found)
                rows += [{name: cell(value) for name, value in row.items()} for row in found]
            known.add(planned.run)
            trained += 1
            if progress is not None:
                progress(_line(stage.name, result))
    return trained


def table_paths(out: Path) -> tuple[Path, Path, Path]:
    """Files of runs, curves and diverged runs."""
    return out, beside(out, "curves"), beside(out, "diverged")


def drop_curves(path: Path, *, keep: set[str]) -> None:
    """Remove the curves of runs that did not finish."""
    rows = read_finished(path)
    kept = [row for row in rows if row["run"] in keep]
    if len(kept) < len(rows):
        replace_text(path, csv_text(CURVE_COLUMNS, kept, header=True))


def _train_planned(planned: Planned, cache_dir: str | Path | None) -> TrainedRun:
    return train_run(
        width=planned.width,
        depth=planned.depth,
        tokens=planned.tokens,
        learning_rate=planned.learning_rate,
        weight_decay=planned.weight_decay,
        seed=planned.seed,
        cache_dir=cache_dir,
        budget=planned.budget,
        purpose=planned.purpose,
        family=planned.family,
        variant=planned.variant,
    )


def _line(stage: str, result: TrainedRun) -> str:
    row = result.row
    loss = "diverged" if not math.isfinite(row["loss"]) else f"loss {row['loss']:.4f}"
    speed = row["flops"] / row["seconds"] / 1e9
    return f"{stage}: {row['run']} {loss}, {row['seconds']:.1f} s, {speed:.1f} GFLOP/s"
