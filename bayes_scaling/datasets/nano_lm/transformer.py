"""A small decoder-only transformer and its AdamW step, in JAX.

Pre-norm with an RMSNorm that has no parameters, rotary positions, GELU feed-forward of 4 widths,
embedding shared with the output, no biases: 12 depth width^2 parameters besides the embedding. A
`Variant` differs in one of these: a gated linear recurrence in the place of attention, with the
same parameters; an output layer of its own; another context.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from bayes_scaling.datasets.nano_lm.corpus import VOCABULARY
from bayes_scaling.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = 128
"""Bytes a model sees at once, unless a variant says another number."""
HEAD_SIZE = 16
MICRO = 4
"""Windows of `CONTEXT` bytes whose gradient is taken at once; a batch is the mean of its parts."""
BETA1, BETA2, EPSILON = 0.9, 0.95, 1e-8
WEIGHT_DECAY = 0.1
"""Decay of AdamW per step and unit of learning rate, unless a run says another."""
CLIP = 1.0
WARMUP = 0.05
"""Share of the steps over which the learning rate rises linearly."""
FINAL_SHARE = 0.1
"""Learning rate at the end of the cosine, as a share of the peak."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What a model may have different from those of nano-lm.

    Parameters
    ----------
    mixer : str
        What carries information between positions: `attention`, or `recurrence`, a gated linear
        one (arXiv:1709.02755, arXiv:2410.01201) whose weights have the sizes of attention's.
    tied : bool
        Whether the output layer is the embedding.
    context : int
        Bytes a model sees at once, a power of two from 1 to `MICRO` x `CONTEXT`.
    """

    mixer: Literal["attention", "recurrence"] = "attention"
    tied: bool = True
    context: int = CONTEXT

    @property
    def label(self) -> str:
        """What a run's name says of it: nothing where it is the model of nano-lm."""
        said = ["-recurrent"] if self.mixer == "recurrence" else []
        said += [] if self.tied else ["-untied"]
        said += [] if self.context == CONTEXT else [f"-c{self.context}"]
        return "".join(said)

    @property
    def at_once(self) -> int:
        """Windows whose gradient is taken at once: as many bytes whatever the context."""
        return MICRO * CONTEXT // self.context


STANDARD = Variant()
"""The model of nano-lm."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Width and depth of a model, and the counts that follow.

    Parameters
    ----------
    width : int
        Size of the residual stream; each of its `heads` heads must get an even part of it.
    depth : int
        Number of blocks.
    variant : Variant
        What it has different from the models of nano-lm.
    """

    width: int
    depth: int
    variant: Variant = STANDARD

    @property
    def heads(self) -> int:
        """Attention heads: one for every 16 channels, at least one."""
        return max(1, self.width // HEAD_SIZE)

    @property
    def params_nonembedding(self) -> int:
        """Parameters of the blocks: 12 depth width^2."""
        return 12 * self.depth * self.width**2

    @property
    def params(self) -> int:
        """Parameters that take part in each prediction: the blocks and the output layer.

        A tied embedding is the output layer; one of its own is a look-up, and not counted.
        """
        return self.params_nonembedding + VOCABULARY * self.width


def check_shape(shape: Shape) -> list[str]:
    """Problems of a shape, none if it can be trained."""
    problems, context = [], shape.variant.context
    if context < 1 or (MICRO * CONTEXT) % context:
        problems.append(f"context is {context}; give a power of two up to {MICRO * CONTEXT}")
    if shape.depth < 1:
        problems.append(f"depth is {shape.depth}; give at least 1")
    if shape.width < 2 or shape.width % shape.heads or (shape.width // shape.heads) % 2:
        problems.append(
            f"width is {shape.width}; give an even number, and a multiple of {HEAD_SIZE} from 64 on"
        )
    return problems


def require_jax() -> None:
    """Raise `InputError` with the way to install it if JAX is missing."""
    try:
        import jax  # noqa: F401 - only whether it can be imported
    except ImportError as error:
        raise InputError(
            "training needs JAX, which is not installed; pip install 'bayes-scaling[train]'"
        ) from error


def initial_state(shape: Shape, seed: int) -> Any:
    """Parameters, both moments of Adam at zero, and the step counter.

    Weights are normal with sd 1/sqrt(fan in); those that write to the residual stream are
    further divided by sqrt(2 depth).
    """
    import jax
    import jax.numpy as jnp

    width, depth = shape.width, shape.depth
    root = jax.random.key(seed)
    keys = jax.random.split(root, 5)
    residual = 1 / math.sqrt(2 * depth)

    def normal(key: Any, size: tuple[int, ...], scale: float) -> Any:
        return jax.random.normal(key, size, jnp.float32) * scale

    params = {
        "embed": normal(keys[0], (VOCABULARY, width), 1 / math.sqrt(width)),
        "qkv": normal(keys[1], (depth, width, 3 * width), 1 / math.sqrt(width)),
        "out": normal(keys[2], (depth, width, width), residual / math.sqrt(width)),
        "up": normal(keys[3], (depth, width, 4 * width), 1 / math.sqrt(width)),
        "down": normal(keys[4], (depth, 4 * width, width), residual / math.sqrt(4 * width)),
    }
    if not shape.variant.tied:
        own = jax.random.fold_in(root, 5)
        params["unembed"] = normal(own, (VOCABULARY, width), 1 / math.sqrt(width))
    zeros = jax.tree.map(jnp.zeros_like, params)
    return params, zeros, jax.tree.map(jnp.zeros_like, params)


def mean_loss(shape: Shape, params: Any, windows: Any) -> Any:
    """Mean nats per byte of the next byte, over windows of one byte more than the context."""
    import jax.numpy as jnp

    return jnp.mean(losses(shape, params, windows))


def losses(shape: Shape, params: Any, windows: Any) -> Any:
    """Nats of each next byte (windows, length), of windows of one byte more than that."""
    import jax.numpy as jnp

    text = windows.astype(jnp.int32)
    return nats_of(logits(shape, params, text[:, :-1]), text[:, 1:])


def nats_of(found: Any, true: Any) -> Any:
    """Nats of the true bytes (windows, length) by the logits of each (windows, length, 256)."""
    import jax
    import jax.numpy as jnp

    picked = jnp.take_along_axis(found, true[..., None], axis=-1)[..., 0]
    return jax.nn.logsumexp(found, axis=-1) - picked


def logits(shape: Shape, params: Any, text: Any, last: int = 0) -> Any:
    """Logits of each next byte (windows, length, 256), given the bytes before (windows, length).

    With `last`, of that many bytes at the end of each window alone.
    """
    import jax
    import jax.numpy as jnp

    mix = _attention if shape.variant.mixer == "attention" else _recurrence
    x = params["embed"][text] * math.sqrt(shape.width)
    for i in range(shape.depth):
        parts = jnp.split(_norm(x) @ params["qkv"][i], 3, axis=-1)
        x = x + mix(shape, *parts) @ params["out"][i]
        x = x + jax.nn.gelu(_norm(x) @ params["up"][i]) @ params["down"][i]
    return _norm(x[:, -last:]) @ params["embed" if shape.variant.tied else "unembed"].T


def _norm(x: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6)


def _attention(shape: Shape, query: Any, key: Any, value: Any) -> Any:
    """Causal attention with rotary positions (windows, length, width)."""
    import jax
    import jax.numpy as jnp

    (windows, length, width), heads = query.shape, shape.heads
    size = width // heads
    angle = jnp.arange(length)[:, None] * 10000.0 ** (-jnp.arange(0, size, 2) / size)
    cos, sin = jnp.cos(angle)[:, None, :], jnp.sin(angle)[:, None, :]
    mask = jnp.where(jnp.tril(jnp.ones((length, length), bool)), 0.0, -1e9)

    def rotate(x: Any) -> Any:
        even, odd = x[..., : size // 2], x[..., size // 2 :]
        return jnp.concatenate([even * cos - odd * sin, even * sin + odd * cos], axis=-1)

    q, k, v = (part.reshape(windows, length, heads, size) for part in (query, key, value))
    scores = jnp.einsum("bqhc,bkhc->bhqk", rotate(q), rotate(k)) / math.sqrt(size) + mask
    mixed = jnp.einsum("bhqk,bkhc->bqhc", jax.nn.softmax(scores), v)
    return mixed.reshape(windows, length, width)


def _recurrence(shape: Shape, gate: Any, forget: Any, value: Any) -> Any:
    """Channel by channel, h = f h + (1 - f) value, read through a gate (windows, length, width).

    Channels forget over 2 to about `context` bytes before anything is learned.
    """
    import jax
    import jax.numpy as jnp

    slow = jnp.linspace(0.0, math.log(shape.variant.context), shape.width)
    kept = jax.nn.sigmoid(forget + slow)

    def after(first: Any, second: Any) -> Any:
        return first[0] * second[0], second[0] * first[1] + second[1]

    state = jax.lax.associative_scan(after, (kept, (1 - kept) * value), axis=1)[1]
    return _norm(state) * jax.nn.silu(gate)


def learning_rate_at(step: Any, steps: Any, peak: Any) -> Any:
    """Learning rate of a step counted from 0: linear warm-up, then cosine to a tenth."""
    import jax.numpy as jnp

    warm = jnp.maximum(1.0, jnp.ceil(WARMUP * steps))
    done = jnp.clip((step - warm) / jnp.maximum(1.0, steps - warm), 0.0, 1.0)
    cosine = FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + jnp.cos(jnp.pi * done))
    return peak * jnp.where(step < warm, (step + 1) / warm, cosine)


@lru_cache(maxsize=64)
def make_train(shape: Shape) -> Callable[..., Any]:
    """Compiled `train(state, windows, parts, first, count, steps, peak, decay) -> state`.

    It takes `count` steps from step `first` of `steps`, each on the next `parts` entries of
    `windows` (uint8, shape (slots, sequences, context + 1)). Only the shape of `windows` is
    static: one compilation serves every learning rate, batch, length and seed of a model.
    """
    import jax
    import jax.numpy as jnp

    gradient = jax.grad(lambda params, part: mean_loss(shape, params, part))

    def update(
        state: Any,
        windows: Any,
        first_part: Any,
        parts: Any,
        step: Any,
        steps: Any,
        peak: Any,
        decay: Any,
    ) -> Any:
        params, first, second = state
        grads = jax.lax.fori_loop(
            0,
            parts,
            lambda i, total: jax.tree.map(
                jnp.add, total, gradient(params, windows[first_part + i])
            ),
            jax.tree.map(jnp.zeros_like, params),
        )
        grads = jax.tree.map(lambda g: g / parts, grads)
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(grads)))
        scale = jnp.minimum(1.0, CLIP / (norm + 1e-12))
        rate, count = learning_rate_at(step, steps, peak), step + 1.0
        unbias1, unbias2 = 1 - BETA1**count, 1 - BETA2**count
        first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * scale * g, first, grads)
        second = jax.tree.map(
            lambda v, g: BETA2 * v + (1 - BETA2) * (scale * g) ** 2, second, grads
        )

        def moved(p: Any, m: Any, v: Any) -> Any:
            return p - rate * (m / unbias1 / (jnp.sqrt(v / unbias2) + EPSILON) + decay * p)

        return jax.tree.map(moved, params, first, second), first, second

    def train(
        state: Any,
        windows: Any,
        parts: Any,
        first: Any,
        count: Any,
        steps: Any,
        peak: Any,
        decay: Any,
    ) -> Any:
        def body(i: Any, state: Any) -> Any:
            step = jnp.asarray(first + i, jnp.float32)
            return update(state, windows, i * parts, parts, step, steps, peak, decay)

        return jax.lax.fori_loop(0, count, body, state)

    compiled: Callable[..., Any] = jax.jit(train, donate_argnums=0)
    return compiled


@lru_cache(maxsize=64)
def make_evaluate(shape: Shape) -> Callable[..., Any]:
    """Compiled `evaluate(params, windows, count) -> mean nats per byte` of the first windows.

    `windows` is uint8 of shape (groups, sequences, context + 1), `count` the groups to take.
    """
    import jax

    def evaluate(params: Any, windows: Any, count: Any) -> Any:
        def add(i: Any, total: Any) -> Any:
            return total + mean_loss(shape, params, windows[i])

        return jax.lax.fori_loop(0, count, add, 0.0) / count

    compiled: Callable[..., Any] = jax.jit(evaluate)
    return compiled
