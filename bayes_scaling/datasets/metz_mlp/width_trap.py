"""The runs of metz-mlp: their plan, one run, and the whole sweep, which goes on where it was."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling.datasets.finished import append_rows, beside, read_finished
from bayes_scaling.datasets.metz_mlp.network import (
    CONTEXT,
    HIDDEN_LAYERS,
    count_params,
    initial_weights,
    make_evaluate,
    make_train,
)
from bayes_scaling.datasets.nano_lm.corpus import CORPUS_NAME, load_corpus
from bayes_scaling.datasets.nano_lm.transformer import require_jax

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bayes_scaling.datasets.nano_lm.corpus import Corpus

WIDTHS = tuple(round(32 * 32 ** (k / 11)) for k in range(12))
"""Units of each hidden layer, 32 to 1024, evenly spaced on the log scale."""
RATES = tuple(2.0**-k for k in range(3, 15))
"""Learning rates, 2^-3 down to 2^-14."""
SEEDS = (0, 1, 2)
STEPS = 1000
BATCH = 128
"""Bytes predicted in each step."""
VALIDATION_GROUPS, VALIDATION_GROUP = 16, 1024
"""Fixed validation places: groups, and places in each."""
COLUMNS = (
    *("run", "family", "params", "tokens", "flops", "loss", "learning_rate", "batch_size", "steps"),
    *("width", "depth", "context_length", "seed", "corpus", "metric", "schedule", "optimizer"),
    "seconds",
)


def planned_runs() -> Iterator[tuple[int, float, int]]:
    """Width, learning rate and seed of every run, seed by seed and from the narrowest."""
    for seed in SEEDS:
        for width in WIDTHS:
            for rate in RATES:
                yield width, rate, seed


def run_id(width: int, learning_rate: float, seed: int) -> str:
    """Name of a run, such as `w32-lr2^-7-s0`."""
    return f"w{width}-lr2^{math.log2(learning_rate):.0f}-s{seed}"


def windows(text: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Context and next byte at places of a text (..., context + 1)."""
    import numpy as np

    return np.asarray(text[places[..., None] + np.arange(CONTEXT + 1)])


def training_batches(text: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Batches of a seed, the same for every width and rate (steps, batch, context + 1)."""
    import numpy as np

    places = np.random.default_rng(seed).integers(0, text.size - CONTEXT, size=(STEPS, BATCH))
    return windows(text, places)


def validation_windows(text: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pick the fixed validation windows (groups, group, context + 1)."""
    import numpy as np

    size = (VALIDATION_GROUPS, VALIDATION_GROUP)
    return windows(text, np.random.default_rng(20).integers(0, text.size - CONTEXT, size=size))


def train_run(*, corpus: Corpus, width: int, learning_rate: float, seed: int) -> dict[str, Any]:
    """Train one network and return its row; `loss` may be infinite or nan.

    Parameters
    ----------
    corpus : Corpus
        Training and validation text.
    width : int
        Units of each hidden layer.
    learning_rate : float
        Constant rate of Adam.
    seed : int
        Initial weights and order of the text.
    """
    import numpy as np

    batches = training_batches(corpus.train, seed)
    validation = validation_windows(corpus.validation)
    began = time.perf_counter()
    network = make_train()(initial_weights(width, seed), batches, np.float32(learning_rate))
    loss = float(make_evaluate()(network, validation))
    seconds = time.perf_counter() - began
    params, tokens = count_params(width), STEPS * BATCH
    return {
        "run": run_id(width, learning_rate, seed),
        "family": "metz-mlp",
        "params": params,
        "tokens": tokens,
        "flops": 6.0 * params * tokens,
        "loss": loss,
        "learning_rate": learning_rate,
        "batch_size": BATCH,
        "steps": STEPS,
        "width": width,
        "depth": HIDDEN_LAYERS,
        "context_length": CONTEXT,
        "seed": seed,
        "corpus": CORPUS_NAME,
        "metric": "validation nats per byte",
        "schedule": "constant",
        "optimizer": "adam",
        "seconds": seconds,
    }


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
