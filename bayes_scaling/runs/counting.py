"""Parameters and FLOPs of a decoder-only transformer, and 6ND.

References
----------
.. [1] Kaplan et al., "Scaling Laws for Neural Language Models", arXiv:2001.08361, section 2.1.
.. [2] Chowdhery et al., "PaLM", arXiv:2204.02311, appendix B (attention counted without a mask).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.errors import InputError

FLOPS_PER_PARAM_TOKEN = 6.0
PF_DAY = 8.64e19
Counts = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ParamCount:
    """Parameters of a decoder, without biases, norms and position vectors.

    Parameters
    ----------
    params : array of float64 [parameters]
        All: layers and embeddings.
    params_nonembedding : array of float64 [parameters]
        Attention and feed-forward matrices.
    params_embedding : array of float64 [parameters]
        Vocabulary matrices: one where input and output share it, else two.
    """

    params: Counts
    params_nonembedding: Counts
    params_embedding: Counts


@dataclass(frozen=True, kw_only=True)
class FlopCount:
    """FLOPs of training on one token.

    Parameters
    ----------
    forward, backward : array of float64 [FLOP per token]
        Matrix products with the parameters: 2 and 4 per parameter.
    attention : array of float64 [FLOP per token]
        Scores and their weighted sum, forward and backward: 12 depth width context.
    total : array of float64 [FLOP per token]
        The sum of the three.
    """

    forward: Counts
    backward: Counts
    attention: Counts
    total: Counts


def count_params(
    *,
    depth: ArrayLike,
    width: ArrayLike,
    d_ff: ArrayLike | None = None,
    heads: ArrayLike | None = None,
    head_size: ArrayLike | None = None,
    gated: bool = False,
    vocabulary: ArrayLike = 0,
    tied: bool = False,
) -> ParamCount:
    """Count the parameters of a decoder from its shape.

    Parameters
    ----------
    depth : array_like [layers]
    width : array_like
        Size of the residual stream.
    d_ff : array_like, optional
        Hidden size of the feed-forward block; 4 x width by default.
    heads, head_size : array_like, optional
        Give both where heads x head_size is not the width.
    gated : bool
        Whether the feed-forward block has a third, gating matrix.
    vocabulary : array_like [tokens]
        0 leaves the embeddings out.
    tied : bool
        Whether the output layer shares the input embedding.

    Returns
    -------
    ParamCount
        Scalars in, 0-d arrays out; arrays broadcast.

    Raises
    ------
    InputError
        For a size that is not positive, or one of heads and head_size without the other.

    Notes
    -----
    A layer has ``4 width^2`` parameters in attention and ``2 width d_ff`` in the feed-forward
    block, so ``12 depth width^2`` at the default d_ff.
    """
    layers, size, inner, hidden = _shape(depth, width, d_ff, heads, head_size)
    (words,) = _checked(0.0, vocabulary=vocabulary)
    nonembedding = layers * (4.0 * size * inner + (3.0 if gated else 2.0) * size * hidden)
    embedding = (1.0 if tied else 2.0) * words * size
    return ParamCount(
        params=nonembedding + embedding,
        params_nonembedding=nonembedding,
        params_embedding=np.broadcast_to(embedding, np.shape(nonembedding + embedding)).copy(),
    )


def flops_per_token(
    *,
    depth: ArrayLike,
    width: ArrayLike,
    d_ff: ArrayLike | None = None,
    heads: ArrayLike | None = None,
    head_size: ArrayLike | None = None,
    gated: bool = False,
    vocabulary: ArrayLike = 0,
    context_length: ArrayLike = 0,
) -> FlopCount:
    """Count the training FLOPs of a decoder per token.

    Parameters
    ----------
    depth, width, d_ff, heads, head_size, gated
        As in `count_params`.
    vocabulary : array_like [tokens]
        Adds the output layer; looking up an input embedding costs nothing, so tied or not is
        the same here.
    context_length : array_like [tokens]
        Adds the attention term; 0 leaves it out.

    Returns
    -------
    FlopCount

    Raises
    ------
    InputError
        As `count_params`.
    """
    counted = count_params(
        depth=depth,
        width=width,
        d_ff=d_ff,
        heads=heads,
        head_size=head_size,
        gated=gated,
        vocabulary=vocabulary,
        tied=True,
    )
    layers, _, inner, _ = _shape(depth, width, d_ff, heads, head_size)
    (context,) = _checked(0.0, context_length=context_length)
    forward, backward = 2.0 * counted.params, 4.0 * counted.params
    attention = 12.0 * layers * inner * context
    total = forward + backward + attention
    return FlopCount(forward=forward, backward=backward, attention=attention, total=total)


def training_flops(params: ArrayLike, tokens: ArrayLike) -> Counts:
    """Return 6 N D in float64, whatever the type of the input.

    Parameters
    ----------
    params : array_like [parameters]
    tokens : array_like [tokens]

    Returns
    -------
    array of float64 [FLOP]
    """
    return FLOPS_PER_PARAM_TOKEN * _float(params) * _float(tokens)


def _shape(
    depth: ArrayLike,
    width: ArrayLike,
    d_ff: ArrayLike | None,
    heads: ArrayLike | None,
    head_size: ArrayLike | None,
) -> tuple[Counts, Counts, Counts, Counts]:
    """Return depth, width, width inside attention and d_ff, checked."""
    if (heads is None) != (head_size is None):
        missing = "head_size" if head_size is None else "heads"
        raise InputError(
            f"{missing} is missing: give heads and head_size together, or neither "
            "where their product is the width"
        )
    given: dict[str, ArrayLike] = {"depth": depth, "width": width}
    given |= {} if d_ff is None else {"d_ff": d_ff}
    given |= {} if heads is None or head_size is None else {"heads": heads, "head_size": head_size}
    sizes = dict(zip(given, _checked(1.0, **given), strict=True))
    inner = sizes["heads"] * sizes["head_size"] if "heads" in sizes else sizes["width"]
    return sizes["depth"], sizes["width"], inner, sizes.get("d_ff", 4.0 * sizes["width"])


def _checked(least: float, /, **sizes: ArrayLike) -> tuple[Counts, ...]:
    arrays = {name: _float(value) for name, value in sizes.items()}
    problems = [
        f"{name} = {_first_bad(array, least):g} cannot be counted with; it must be "
        f"at least {least:g} and finite"
        for name, array in arrays.items()
        if not np.all((array >= least) & np.isfinite(array))
    ]
    if problems:
        raise InputError(problems)
    return tuple(arrays.values())


def _first_bad(array: Counts, least: float) -> float:
    flat: NDArray[Any] = np.atleast_1d(array)
    return float(flat[~((flat >= least) & np.isfinite(flat))][0])


def _float(value: ArrayLike) -> Counts:
    return np.asarray(value, dtype=np.float64)
