"""A multilayer perceptron that predicts the next byte, trained by Adam at a constant rate, in JAX.

The 32 bytes before are embedded in 16 numbers each and laid side by side; three hidden layers of
one width with ReLU follow, and a linear layer over the 256 bytes.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bayes_scaling.datasets.nano_lm.corpus import VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = 32
"""Bytes a prediction is made from."""
EMBEDDING = 16
HIDDEN_LAYERS = 3
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def layer_sizes(width: int) -> tuple[tuple[int, int], ...]:
    """List inputs and outputs of each linear layer."""
    ends = (CONTEXT * EMBEDDING, *(width,) * HIDDEN_LAYERS, VOCABULARY)
    return tuple(pairwise(ends))


def count_params(width: int) -> int:
    """Parameters of the network: weights, biases and the embedding of bytes."""
    return VOCABULARY * EMBEDDING + sum(inputs * n + n for inputs, n in layer_sizes(width))


def initial_weights(width: int, seed: int) -> dict[str, Any]:
    """Draw normal weights, sd sqrt(2 / inputs), at the output 1 / sqrt(inputs); biases are 0."""
    import jax
    import jax.numpy as jnp

    sizes = layer_sizes(width)
    keys = jax.random.split(jax.random.key(seed), len(sizes) + 1)
    gains = (2.0,) * HIDDEN_LAYERS + (1.0,)
    return {
        "embedding": jax.random.normal(keys[-1], (VOCABULARY, EMBEDDING), jnp.float32),
        "weights": [
            jax.random.normal(key, size, jnp.float32) * math.sqrt(gain / size[0])
            for key, size, gain in zip(keys[:-1], sizes, gains, strict=True)
        ],
        "biases": [jnp.zeros(outputs, jnp.float32) for _, outputs in sizes],
    }


def mean_loss(network: dict[str, Any], windows: Any) -> Any:
    """Mean nats per byte of the last byte of each window, from the bytes before it."""
    import jax
    import jax.numpy as jnp

    text = windows.astype(jnp.int32)
    values = network["embedding"][text[:, :-1]].reshape(text.shape[0], -1)
    layers = list(zip(network["weights"], network["biases"], strict=True))
    for weights, bias in layers[:-1]:
        values = jax.nn.relu(values @ weights + bias)
    logits = values @ layers[-1][0] + layers[-1][1]
    chosen = jnp.take_along_axis(logits, text[:, -1:], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=1) - chosen)


@lru_cache(maxsize=1)
def make_train() -> Callable[..., Any]:
    """Compile once per width: (network, batches, learning rate) -> network after all batches.

    `batches` is uint8, shape (steps, batch, context + 1).
    """
    import jax
    import jax.numpy as jnp

    def step(state: Any, batch: Any, rate: Any) -> Any:
        network, mean, square, count = state
        count = count + 1
        slope = jax.grad(mean_loss)(network, batch)
        mean = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, mean, slope)
        square = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, square, slope)
        scale = rate * jnp.sqrt(1 - BETA2**count) / (1 - BETA1**count)
        network = jax.tree.map(
            lambda p, m, v: p - scale * m / (jnp.sqrt(v) + EPSILON), network, mean, square
        )
        return (network, mean, square, count), None

    def train(network: Any, batches: Any, rate: Any) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, network)
        start = (network, zeros, zeros, jnp.float32(0))
        return jax.lax.scan(lambda state, batch: step(state, batch, rate), start, batches)[0][0]

    compiled: Callable[..., Any] = jax.jit(train)
    return compiled


@lru_cache(maxsize=1)
def make_evaluate() -> Callable[..., Any]:
    """Compile once per width: (network, windows) -> mean nats per byte."""
    import jax
    import jax.numpy as jnp

    def evaluate(network: Any, windows: Any) -> Any:
        return jnp.mean(jax.lax.map(lambda part: mean_loss(network, part), windows))

    compiled: Callable[..., Any] = jax.jit(evaluate)
    return compiled
