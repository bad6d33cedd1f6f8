"""The scores of a model on tasks of Python source, under a smooth and a thresholded metric."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bayes_scaling.datasets.nano_lm.transformer import CONTEXT, Shape, logits, nats_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

ANSWER = 8
"""Bytes of an answer, the last of a window."""
ANSWERS = 4096
LINES = 1024
TEXTS = 4
"""Texts that a line may follow, one of them the true one."""
LINE = 32
"""Bytes of a line, from its beginning on."""
NEAR = 4096
"""Bytes before and after, within which the wrong texts end."""
AT_ONCE = 64


def scores_by_task(
    shape: Shape, weights: Any, validation: NDArray[np.uint8]
) -> dict[str, tuple[float, int]]:
    """Measure a model of a context of 128 bytes on three tasks.

    Parameters
    ----------
    shape : Shape
    weights : dict of str to array
        Parameters of a model of this shape.
    validation : ndarray of uint8, shape (bytes,)

    Returns
    -------
    dict of str to (float, int)
        Score from 0 to 1, and items. `next-byte`: share of the bytes of an answer, each given those
        before it, that are the most probable one. `eight-bytes`: share of the same answers of which
        all eight bytes are. `matched-line`: share of lines that are more probable after the text
        before them than after three others near by, so that it does not count how probable a line
        is by itself.
    """
    import numpy as np

    judge = _judge(shape)

    def judged(windows: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        groups = [judge(weights, part) for part in windows.reshape(-1, AT_ONCE, CONTEXT + 1)]
        nats, right = zip(*groups, strict=True)
        return np.concatenate(nats).astype(float), np.concatenate(right)

    _, right = judged(_windows(validation, answer_places(validation)))
    right = right[:, -ANSWER:]
    nats, _ = judged(line_windows(validation))
    texts = nats.sum(axis=1).reshape(LINES, TEXTS)
    return {
        "next-byte": (float(right.mean()), right.size),
        "eight-bytes": (float(right.all(axis=1).mean()), ANSWERS),
        "matched-line": (float((texts.argmin(axis=1) == 0).mean()), LINES),
    }


def answer_places(validation: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Draw where the windows of the answers begin (answers,)."""
    import numpy as np

    rng = np.random.default_rng(22)
    return rng.integers(0, validation.size - CONTEXT - 1, size=ANSWERS)


def line_windows(validation: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return each line after each of its texts (lines x texts, context + 1), the true one first.

    All texts end where a line begins; a line follows none of the wrong ones.
    """
    import numpy as np

    rng = np.random.default_rng(23)
    starts = np.flatnonzero(validation == ord("\n")) + 1
    starts = starts[(starts > NEAR + CONTEXT) & (starts < validation.size - NEAR)]
    before, places = CONTEXT + 1 - LINE, []
    lines = validation[starts[:, None] + np.arange(LINE)]
    for at in rng.permutation(starts.size):
        near = np.flatnonzero(abs(starts - starts[at]) < NEAR)
        wrong = near[(lines[near] != lines[at]).any(axis=1)]
        if wrong.size >= TEXTS - 1:
            places.append([at, *rng.choice(wrong, TEXTS - 1, replace=False)])
        if len(places) == LINES:
            break
    ends = starts[np.array(places)]
    texts = validation[ends[..., None] - before + np.arange(before)]
    own = np.repeat(lines[np.array(places)[:, :1]], TEXTS, axis=1)
    return np.concatenate([texts, own], axis=-1).reshape(-1, CONTEXT + 1)


def _windows(text: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.uint8]:
    import numpy as np

    return np.asarray(text[places[:, None] + np.arange(CONTEXT + 1)])


@lru_cache(maxsize=8)
def _judge(shape: Shape) -> Callable[..., Any]:
    """Compiled `judge(weights, windows) -> nats, right` of the last bytes (windows, line)."""
    import jax
    import jax.numpy as jnp

    def judge(weights: Any, windows: Any) -> Any:
        text = windows.astype(jnp.int32)
        found, true = logits(shape, weights, text[:, :-1], LINE), text[:, -LINE:]
        return nats_of(found, true), jnp.argmax(found, axis=-1) == true

    compiled: Callable[..., Any] = jax.jit(judge)
    return compiled
