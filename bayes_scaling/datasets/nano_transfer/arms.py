"""Three arms at each size and amount of Python: from scratch, or after one of two other texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling.datasets.finished import append_rows, read_finished
from bayes_scaling.datasets.nano_lm.corpus import CORPUS_NAME, load_corpus
from bayes_scaling.datasets.nano_lm.train import (
    FINAL_WINDOWS,
    METRIC,
    batch_sequences,
    curve_steps,
    train_to,
    validation_sample,
    window_count,
)
from bayes_scaling.datasets.nano_lm.transformer import (
    CONTEXT,
    Shape,
    initial_state,
    make_evaluate,
    require_jax,
)
from bayes_scaling.datasets.nano_transfer.texts import PRETRAIN_WINDOWS, pretraining_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZES = ((16, 1), (24, 1), (32, 2), (48, 2), (64, 3))
"""Width and depth, 7e3 to 1.6e5 parameters."""
AMOUNTS = ((64, 24), (192, 16), (576, 8), (1728, 5), (5184, 3))
"""Windows of 128 bytes of Python, each a part of the next, and how often each is read."""
EXTRA = (15_552, 2)
"""One more amount, which only the runs from scratch have: it measures what data are worth."""
SCRATCH = "scratch"
SOURCES = (SCRATCH, "prose", "prose+web-code")
STOP_WINDOWS = 256
"""Validation windows that say where to stop, apart from those the loss is measured on."""
COLUMNS = (
    *("run", "family", "params", "params_nonembedding", "pretrained_on", "pretrain_tokens"),
    *("finetune_tokens", "tokens", "flops", "loss", "loss_at_end", "loss_before"),
    *("learning_rate", "batch_size", "steps", "schedule_steps", "width", "depth", "heads"),
    *("d_ff", "context_length", "seed", "corpus", "metric", "schedule", "optimizer", "seconds"),
)


def learning_rate(params: int, pretrained: bool) -> float:
    """Peak rate by size, as the sweeps of nano-lm have it; the same whatever the model has read."""
    return float(2.0**-5 * (params / 7168) ** -0.45)


@dataclass(kw_only=True)
class Workshop:
    """What runs share: the texts and the models trained on them, each made when first needed."""

    cache_dir: str | Path | None = None
    trained: dict[tuple[str, Shape], Any] = field(default_factory=dict)

    def weights(self, shape: Shape, source: str) -> Any:
        """Weights of a shape after a source, or fresh ones."""
        if source == SCRATCH:
            return initial_state(shape, 0)[0]
        if (source, shape) not in self.trained:
            text, order = pretraining_text(source, cache_dir=self.cache_dir)
            sequences = batch_sequences(order.size * CONTEXT)
            steps = order.size // sequences
            state = initial_state(shape, 0)
            rate = learning_rate(shape.params, False)
            order = order[: steps * sequences]
            ((_, trained),) = train_to(shape, state, text, order, steps, rate, [steps])
            self.trained[source, shape] = trained[0]
        return self.trained[source, shape]


def planned_runs() -> Iterator[tuple[tuple[int, int], tuple[int, int], str]]:
    """Shape, amount and source of every run, from the smallest."""
    for size in SIZES:
        for source in SOURCES:
            for amount in AMOUNTS:
                yield size, amount, source
    for size in SIZES:
        yield size, EXTRA, SCRATCH


def run_id(shape: Shape, windows: int, source: str) -> str:
    """Name of a run, such as `w32d1-8192-prose`."""
    return f"w{shape.width}d{shape.depth}-{windows * CONTEXT}-{source}"


def reading_order(total: int, windows: int, epochs: int) -> NDArray[np.int64]:
    """Windows of Python in the order they are read: the same few, shuffled anew in each epoch."""
    import numpy as np

    chosen = np.random.default_rng(0).permutation(total)[:windows]
    return np.concatenate(
        [np.random.default_rng([1, epoch]).permutation(chosen) for epoch in range(epochs)]
    )


def train_arm(
    shop: Workshop, shape: Shape, windows: int, epochs: int, source: str, rate: float | None = None
) -> dict[str, Any]:
    """Train one run and return its row.

    It stops, in hindsight, where other validation text is predicted best; `loss` is that of the
    usual validation text there, and `loss_at_end` the one after all epochs.

    Parameters
    ----------
    shop : Workshop
    shape : Shape
    windows : int
        Distinct windows of Python.
    epochs : int
        How often each is read.
    source : str
        One of `SOURCES`.
    rate : float, optional
        Peak learning rate in place of the rule's.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    corpus = load_corpus(shop.cache_dir)
    order = reading_order(window_count(corpus.train), windows, epochs)
    sequences = batch_sequences(windows * CONTEXT)
    steps = order.size // sequences
    rate = learning_rate(shape.params, source != SCRATCH) if rate is None else rate
    weights = jax.tree.map(jnp.copy, shop.weights(shape, source))
    began = time.perf_counter()
    evaluate = make_evaluate(shape)
    measured = validation_sample(corpus.validation)
    guide = validation_sample(corpus.validation, first=FINAL_WINDOWS, count=STOP_WINDOWS)

    def loss(weights: Any, sample: NDArray[np.uint8]) -> float:
        return float(evaluate(weights, sample, np.int32(sample.shape[0])))

    best = (loss(weights, guide), 0, jax.tree.map(jnp.copy, weights))
    before = loss(weights, measured)
    moments = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
    stops = curve_steps(steps, order.size * CONTEXT)
    for step, state in train_to(
        shape, (weights, *moments), corpus.train, order, steps, rate, stops
    ):
        now = loss(state[0], guide)
        if now < best[0]:
            best = (now, step, jax.tree.map(jnp.copy, state[0]))
    read = max(best[1], 1) * sequences * CONTEXT
    return {
        "run": run_id(shape, windows, source),
        "family": "nano-transfer",
        "params": shape.params,
        "params_nonembedding": shape.params_nonembedding,
        "pretrained_on": "" if source == SCRATCH else source,
        "pretrain_tokens": 0 if source == SCRATCH else PRETRAIN_WINDOWS * CONTEXT,
        "finetune_tokens": windows * CONTEXT,
        "tokens": read,
        "flops": 6.0 * shape.params * read,
        "loss": loss(best[2], measured),
        "loss_at_end": loss(state[0], measured),
        "loss_before": before,
        "learning_rate": rate,
        "batch_size": sequences * CONTEXT,
        "steps": max(best[1], 1),
        "schedule_steps": steps,
        "width": shape.width,
        "depth": shape.depth,
        "heads": shape.heads,
        "d_ff": 4 * shape.width,
        "context_length": CONTEXT,
        "seed": 0,
        "corpus": CORPUS_NAME,
        "metric": METRIC,
        "schedule": "cosine-10pct",
        "optimizer": "adamw",
        "seconds": time.perf_counter() - began,
    }


def train_arms(
    *,
    out: str | Path,
    cache_dir: str | Path | None = None,
    limit: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> int:
    """Train the runs of the plan that are not in `out` yet.

    Parameters
    ----------
    out : path
        CSV of finished runs; continued if it exists.
    cache_dir : path, optional
        Folder of the texts, which come from the archives of nano-lm.
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
        JAX is missing or the texts cannot be had.
    """
    require_jax()
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    known = {row["run"] for row in read_finished(out)}
    shop, trained = Workshop(cache_dir=cache_dir), 0
    for size, (windows, epochs), source in planned_runs():
        shape = Shape(width=size[0], depth=size[1])
        if run_id(shape, windows, source) in known:
            continue
        if limit is not None and trained >= limit:
            break
        row = train_arm(shop, shape, windows, epochs, source)
        append_rows(out, COLUMNS, [row])
        trained += 1
        if progress is not None:
            progress(f"{row['run']} loss {row['loss']:.4f}, {row['seconds']:.1f} s")
    return trained
