"""The whole sweep of metz-mlp: resumable, one row appended per finished run."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bayes_scaling.datasets.finished import append_rows, beside, read_finished
from bayes_scaling.datasets.metz_mlp.plan import planned_runs, run_id
from bayes_scaling.datasets.metz_mlp.train import train_run
from bayes_scaling.datasets.nano_lm.corpus import load_corpus
from bayes_scaling.datasets.nano_lm.transformer import require_jax

COLUMNS = (
    "run", "family", "params", "tokens", "flops", "loss", "learning_rate", "batch_size", "steps",
    "width", "depth", "context_length", "seed", "corpus", "metric", "schedule", "optimizer",
    "seconds",
)  # fmt: skip


def train_sweep(
    *,
    out: str | Path,
    cache_dir: str | Path | None = None,
    limit: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> int:
    """Train the runs of the plan that are not in `out` yet.

    Beside `out` the runs whose loss is not a finite number go to `*_diverged.csv` (same columns,
    no loss).

    Parameters
    ----------
    out : path
        CSV of finished runs; continued if it exists.
    cache_dir : path, optional
        Folder of the corpus, which is that of nano-lm.
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
    require_jax()
    out = Path(out)
    diverged = beside(out, "diverged")
    out.parent.mkdir(parents=True, exist_ok=True)
    known = {row["run"] for path in (out, diverged) for row in read_finished(path)}
    waiting = [run for run in planned_runs() if run_id(*run) not in known][:limit]
    if not waiting:
        return 0
    corpus = load_corpus(cache_dir)
    for width, rate, seed in waiting:
        row = train_run(corpus=corpus, width=width, learning_rate=rate, seed=seed)
        if math.isfinite(row["loss"]):
            append_rows(out, COLUMNS, [row])
        else:
            append_rows(diverged, COLUMNS, [row | {"loss": ""}])
        if progress is not None:
            progress(_line(row))
    return len(waiting)


def _line(row: dict[str, Any]) -> str:
    speed = row["flops"] / row["seconds"] / 1e9
    return f"{row['run']} loss {row['loss']:.4f}, {row['seconds']:.1f} s, {speed:.1f} GFLOP/s"
