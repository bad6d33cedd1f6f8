"""One training run: a shape, a number of bytes and a learning rate give a row and a curve."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling.datasets.nano_lm.corpus import CORPUS_NAME, load_corpus
from bayes_scaling.datasets.nano_lm.transformer import (
    CONTEXT,
    STANDARD,
    WEIGHT_DECAY,
    Shape,
    Variant,
    check_shape,
    initial_state,
    make_evaluate,
    make_train,
    require_jax,
)
from bayes_scaling.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

METRIC = "validation nats per byte"
SLOTS = 1024
"""Groups of windows handed to the compiled loop at once."""
FINAL_WINDOWS = 1024
"""Validation windows of 128 bytes behind the loss of a run (131072 bytes)."""
CURVE_WINDOWS = 256
"""Validation windows behind a point of the curve (32768 bytes), a part of the final ones."""
MIN_SEQUENCES, MAX_SEQUENCES = 2, 64


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """What a run leaves behind.

    Parameters
    ----------
    row : dict of str to (str, int or float)
        One row of the table of runs; `loss` is in nats per byte and may be infinite or nan.
    curve : tuple of dict
        Validation loss at log-spaced steps, the last one being the loss of the run.
    weights : dict of str to array, optional
        Parameters at the end.
    """

    row: dict[str, Any]
    curve: tuple[dict[str, Any], ...]
    weights: Any = field(default=None, repr=False)

    @property
    def diverged(self) -> bool:
        """Whether the loss at the end is not a finite number."""
        return not math.isfinite(self.row["loss"])


def batch_sequences(tokens: float) -> int:
    """Sequences in a batch: the power of two nearest sqrt(tokens) / context, from 2 to 64."""
    power = round(math.log2(max(1.0, math.sqrt(tokens) / CONTEXT)))
    return min(MAX_SEQUENCES, max(MIN_SEQUENCES, 1 << power))


def curve_steps(steps: int, tokens: float) -> list[int]:
    """List the steps at which the curve is measured: 8 to 16, log-spaced, the last one included."""
    points = min(16, max(8, round(1.2 * tokens / (CURVE_WINDOWS * CONTEXT))))
    first = max(1.0, 0.02 * steps)
    spaced = [first * (steps / first) ** (i / (points - 1)) for i in range(points)]
    return sorted({min(steps, max(1, round(step))) for step in spaced} | {steps})


def window_order(total: int, wanted: int, seed: int, context: int = CONTEXT) -> NDArray[np.int64]:
    """First `wanted` windows of a seeded permutation of all `total`: no window comes twice."""
    import numpy as np

    if wanted > total:
        raise InputError(
            f"tokens ask for {wanted * context:.4g} bytes; the corpus has {total * context:.4g} "
            "and is read once at most: give fewer tokens"
        )
    return np.random.default_rng(seed).permutation(total)[:wanted]


def windows_at(
    text: NDArray[np.uint8], which: NDArray[np.int64], context: int = CONTEXT
) -> NDArray[np.uint8]:
    """Windows of context + 1 bytes; predicted bytes of two windows never overlap.

    Parameters
    ----------
    text : ndarray of uint8, shape (bytes,)
    which : ndarray of int, shape (...)
        Window numbers.

    Returns
    -------
    ndarray of uint8, shape (..., context + 1)
    """
    import numpy as np

    return np.asarray(text[which[..., None] * context + np.arange(context + 1)])


def window_count(text: NDArray[np.uint8], context: int = CONTEXT) -> int:
    """Windows a text holds."""
    return (text.size - 1) // context


def run_id(
    shape: Shape,
    budget: float,
    learning_rate: float,
    seed: int,
    weight_decay: float = WEIGHT_DECAY,
) -> str:
    """Name of a run, such as `w32d2-1e11-lr2^-7-s0`, with what is unusual of model and decay."""
    power = f"{math.log2(learning_rate):.3f}".rstrip("0").rstrip(".")
    decay = "" if weight_decay == WEIGHT_DECAY else f"-wd{weight_decay:.3g}"
    name = f"w{shape.width}d{shape.depth}{shape.variant.label}-{budget:.3g}"
    name += f"-lr2^{power}{decay}-s{seed}"
    return name.replace("e+", "e")


def train_run(
    *,
    width: int,
    depth: int,
    tokens: float,
    learning_rate: float,
    weight_decay: float = WEIGHT_DECAY,
    seed: int = 0,
    variant: Variant = STANDARD,
    family: str = "nano-lm",
    cache_dir: str | Path | None = None,
    budget: float | None = None,
    purpose: str = "single",
    progress: Callable[[str], None] | None = None,
) -> TrainedRun:
    """Train one model on one pass over the corpus and measure its validation loss.

    Parameters
    ----------
    width, depth : int
        Size of the residual stream, a multiple of 16 (or even and below), and blocks.
    tokens : float
        Bytes to train on; rounded to whole steps.
    learning_rate : float
        Peak learning rate of AdamW.
    weight_decay : float
        Weight decay of AdamW; a step takes learning rate x weight decay of every weight.
    seed : int
        Initial weights and order of the text.
    variant : Variant
        What the model has different from those of nano-lm.
    family : str
        Written to the row.
    cache_dir : path, optional
        Folder of the corpus; the user's cache by default.
    budget : float, optional
        Nominal FLOPs written to the row; 6 x params x tokens by default.
    purpose : str
        Written to the row.
    progress : callable, optional
        Called with one line at each point of the curve.

    Returns
    -------
    TrainedRun

    Raises
    ------
    InputError
        A size or rate cannot be used, the corpus is too short or cannot be had, or JAX is missing.
    """
    shape = Shape(width=width, depth=depth, variant=variant)
    context = variant.context
    problems = check_shape(shape)
    if not tokens >= MIN_SEQUENCES * CONTEXT:
        problems.append(f"tokens is {tokens:g}; give at least {MIN_SEQUENCES * CONTEXT}")
    if not 0 < learning_rate < math.inf:
        problems.append(f"learning_rate is {learning_rate:g}; give a positive number")
    if not 0 <= weight_decay < math.inf:
        problems.append(f"weight_decay is {weight_decay:g}; give 0 or a positive number")
    if problems:
        raise InputError(problems)
    require_jax()
    corpus = load_corpus(cache_dir)
    sequences = max(1, batch_sequences(tokens) * CONTEXT // context)
    steps = max(1, round(tokens / (sequences * context)))
    order = window_order(window_count(corpus.train, context), steps * sequences, seed, context)
    began = time.perf_counter()
    losses, weights = _train(
        shape,
        corpus.train,
        corpus.validation,
        order,
        steps,
        learning_rate,
        seed,
        progress,
        weight_decay,
    )
    seconds = time.perf_counter() - began

    done = steps * sequences * context
    budget = 6.0 * shape.params * done if budget is None else budget
    shared: dict[str, Any] = {
        "run": run_id(shape, budget, learning_rate, seed, weight_decay),
        "family": family,
        "params": shape.params,
        "params_nonembedding": shape.params_nonembedding,
    }
    row = shared | {
        "tokens": done,
        "flops": 6.0 * shape.params * done,
        "loss": losses[-1][1],
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "batch_size": sequences * context,
        "steps": steps,
        "width": width,
        "depth": depth,
        "heads": shape.heads,
        "d_ff": 4 * width,
        "context_length": context,
        "seed": seed,
        "budget": budget,
        "purpose": purpose,
        "corpus": CORPUS_NAME,
        "metric": METRIC,
        "schedule": "cosine-10pct",
        "optimizer": "adamw",
        "seconds": seconds,
    }
    curve = tuple(
        shared
        | {
            "steps": step,
            "tokens": step * sequences * context,
            "flops": 6.0 * shape.params * step * sequences * context,
            "loss": loss,
            "learning_rate": learning_rate,
        }
        for step, loss in losses
    )
    return TrainedRun(row=row, curve=curve, weights=weights)


def _train(
    shape: Shape,
    text: NDArray[np.uint8],
    validation: NDArray[np.uint8],
    order: NDArray[np.int64],
    steps: int,
    peak: float,
    seed: int,
    progress: Callable[[str], None] | None,
    decay: float = WEIGHT_DECAY,
) -> tuple[list[tuple[int, float]], Any]:
    import numpy as np

    evaluate = make_evaluate(shape)
    context = shape.variant.context
    sample = validation_sample(validation, variant=shape.variant)
    few = np.int32(sample.shape[0] * CURVE_WINDOWS // FINAL_WINDOWS)
    points: list[tuple[int, float]] = []
    stops = curve_steps(steps, order.size * context)
    fresh = initial_state(shape, seed)
    for step, state in train_to(shape, fresh, text, order, steps, peak, stops, decay):
        points.append((step, float(evaluate(state[0], sample, few))))
        if progress is not None:
            progress(f"step {step} of {steps}: about {points[-1][1]:.4f} {METRIC}")
    final = float(evaluate(state[0], sample, np.int32(sample.shape[0])))
    ratio = final / points[-1][1] if math.isfinite(final) else 1.0
    curve = [(at, loss * ratio) for at, loss in points[:-1]] + [(steps, final)]
    return curve, state[0]


def train_to(
    shape: Shape,
    state: Any,
    text: NDArray[np.uint8],
    order: NDArray[np.int64],
    steps: int,
    peak: float,
    stops: Iterable[int],
    decay: float = WEIGHT_DECAY,
) -> Iterator[tuple[int, Any]]:
    """Train on the windows of `order` and give step and state at each of `stops`.

    A state that was given is used up when training goes on: copy what is kept of it.

    Parameters
    ----------
    shape : Shape
    state : tuple
        Parameters and both moments, as from `initial_state`.
    text : ndarray of uint8, shape (bytes,)
    order : ndarray of int, shape (steps x sequences,)
        Windows of the text in the order they are read.
    steps : int
        Steps of the whole run, which the learning rate depends on.
    peak : float
        Peak learning rate.
    stops : iterable of int
        Steps, ascending.
    decay : float
        Weight decay.
    """
    import numpy as np

    sequences = order.size // steps
    context = shape.variant.context
    micro = min(shape.variant.at_once, sequences)
    parts, per_call = sequences // micro, SLOTS // (sequences // micro)
    train = make_train(shape)
    slots = np.zeros((SLOTS, micro, context + 1), np.uint8)
    step = 0
    for stop in stops:
        while step < stop:
            count = min(per_call, stop - step)
            taken = order[step * sequences : (step + count) * sequences]
            fresh = windows_at(text, taken, context).reshape(count * parts, micro, context + 1)
            slots = np.zeros_like(slots)  # the last call may still read the old array
            slots[: fresh.shape[0]] = fresh
            state = train(
                state,
                slots,
                np.int32(parts),
                np.int32(step),
                np.int32(count),
                np.float32(steps),
                np.float32(peak),
                np.float32(decay),
            )
            step += count
        yield step, state


def validation_sample(
    validation: NDArray[np.uint8],
    *,
    first: int = 0,
    count: int = FINAL_WINDOWS,
    variant: Variant = STANDARD,
) -> NDArray[np.uint8]:
    """Pick fixed validation windows, shape (groups, windows at once, context + 1).

    Their bytes are those of `count` windows of 128 bytes, whatever the context.
    """
    import numpy as np

    context = variant.context
    first, count = (number * CONTEXT // context for number in (first, count))
    which = np.random.default_rng(20).permutation(window_count(validation, context))
    groups = which[first : first + count].reshape(-1, variant.at_once)
    return windows_at(validation, groups, context)
