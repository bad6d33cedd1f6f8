"""One run of metz-mlp: a width, a learning rate and a seed give a row of the table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bayes_scaling.datasets.metz_mlp.network import (
    CONTEXT,
    HIDDEN_LAYERS,
    count_params,
    initial_weights,
    make_evaluate,
    make_train,
)
from bayes_scaling.datasets.metz_mlp.plan import run_id
from bayes_scaling.datasets.nano_lm.corpus import CORPUS_NAME

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bayes_scaling.datasets.nano_lm.corpus import Corpus

STEPS = 1000
BATCH = 128
"""Bytes predicted in each step."""
VALIDATION_GROUPS, VALIDATION_GROUP = 16, 1024
"""Fixed validation places: groups, and places in each."""


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
