"""The loss of a model by position: how well a byte is predicted from the few or many before it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bayes_scaling.datasets.nano_lm.transformer import CONTEXT, MICRO, Shape, losses

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

POSITIONS = (1, 2, 3, 4, 6, 8, 16, 32, 64, 128, 256, 512)
"""Bytes that the prediction is made from."""
TARGETS = 4096
"""Bytes of the validation text that are predicted: the same at each position, of every model."""
SHORT = 8
"""Positions up to this one are read off windows of this length, so that few are compiled."""


def losses_by_position(
    shape: Shape, weights: Any, validation: NDArray[np.uint8]
) -> dict[int, float]:
    """Mean nats of the same bytes, each predicted from so many bytes before it.

    Parameters
    ----------
    shape : Shape
    weights : dict of str to array
        Parameters of a model of this shape.
    validation : ndarray of uint8, shape (bytes,)

    Returns
    -------
    dict of int to float
        By position, up to the context of the model: bytes that a prediction is made from.
    """
    import numpy as np

    rng = np.random.default_rng(21)
    ends = rng.integers(POSITIONS[-1], validation.size - SHORT, size=TARGETS)
    nats = nats_of_windows(shape)
    found = {}
    for position in POSITIONS:
        if position <= shape.variant.context:
            length = max(SHORT, position)
            windows = validation[(ends - position)[:, None] + np.arange(length + 1)]
            groups = np.split(windows, TARGETS * length // (8 * MICRO * CONTEXT))
            each = [np.asarray(nats(weights, group))[:, position - 1] for group in groups]
            found[position] = float(np.concatenate(each).mean())
    return found


@lru_cache(maxsize=8)
def nats_of_windows(shape: Shape) -> Callable[..., Any]:
    """Compiled `nats(weights, windows)` of shape (windows, length)."""
    import jax

    compiled: Callable[..., Any] = jax.jit(lambda weights, windows: losses(shape, weights, windows))
    return compiled
