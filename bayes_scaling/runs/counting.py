"""Parameters and FLOP of a decoder-only transformer, shapes that have so many, and 6ND.

A table is completed by C = 6 N D and tokens = batch_size x steps, and says so. N is
``params_active`` where a row has it, then ``params``, then ``params_nonembedding``. Everything is
float64: 6 N D overflows int64 near 9.2e18.

References
----------
.. [1] Kaplan et al., "Scaling Laws for Neural Language Models", arXiv:2001.08361, section 2.1.
.. [2] Chowdhery et al., "PaLM", arXiv:2204.02311, appendix B (attention counted without a mask).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.finetuning import finetuning_of

LEAST, MOST = 1e-60, 1e60
"""Ends of what is taken for an amount: no unit makes a size, a budget or a loss so extreme."""

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


BALANCED = 64.0  # width per layer; published decoders lie between 30 and 130
ASPECTS = (4.0, 1024.0)  # width per layer beyond which no shape is offered
_PREFERENCES = ("balanced", "deep", "wide")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One decoder that can be built.

    Parameters
    ----------
    depth : int [layers]
    width : int
        A multiple of the head size.
    heads, d_ff : int
    params : float [parameters]
        All, embeddings included.
    params_nonembedding : float [parameters]
    """

    depth: int
    width: int
    heads: int
    d_ff: int
    params: float
    params_nonembedding: float

    @property
    def aspect(self) -> float:
        """Width per layer."""
        return self.width / self.depth


def shapes_near(
    params_nonembedding: float,
    *,
    head_size: int = 64,
    d_ff_ratio: float = 4.0,
    gated: bool = False,
    vocabulary: int = 0,
    tied: bool = False,
    tolerance: float = 0.1,
    count: int = 5,
    prefer: Literal["balanced", "deep", "wide"] = "balanced",
) -> tuple[Shape, ...]:
    """Return shapes whose layers hold about the wanted number of parameters.

    Parameters
    ----------
    params_nonembedding : float [parameters]
        The target, without embeddings.
    head_size : int
        The width is a multiple of it.
    d_ff_ratio : float
        Hidden size of the feed-forward block over the width.
    gated : bool
        Whether the feed-forward block has a third, gating matrix.
    vocabulary : int [tokens]
        Adds the embeddings to ``params``; the search is without them.
    tied : bool
        Whether the output layer shares the input embedding.
    tolerance : float
        Largest relative distance from the target.
    count : int
        Most shapes to return.
    prefer : {"balanced", "deep", "wide"}
        Order: width per layer nearest to 64, smallest or largest. Each width appears once, at
        its best depth, with 4 to 1024 of width per layer.

    Returns
    -------
    tuple of Shape
        At least one, the preferred one first.

    Raises
    ------
    InputError
        If an argument is out of range, or no shape is within the tolerance; the nearest is named.
    """
    problems = [
        f"{name} = {value:g} must be above 0"
        for name, value in (
            ("params_nonembedding", params_nonembedding),
            ("head_size", head_size),
            ("d_ff_ratio", d_ff_ratio),
            ("tolerance", tolerance),
            ("count", count),
        )
        if not (value > 0 and math.isfinite(value))
    ]
    if prefer not in _PREFERENCES:
        problems.append(f"prefer = {prefer!r} is unknown; use one of {', '.join(_PREFERENCES)}")
    if problems:
        raise InputError(problems)

    # depth >= width / 1024 bounds the width: N >= per_layer(width) width / 1024
    per_layer = (4.0 + (3.0 if gated else 2.0) * d_ff_ratio) * head_size**2
    most = (params_nonembedding * (1 + tolerance) * ASPECTS[1] / (per_layer * head_size)) ** (1 / 3)
    heads = np.arange(1, max(int(most), 1) + 1)
    width = heads * head_size
    d_ff = np.maximum(np.rint(d_ff_ratio * width), 1)
    one = count_params(depth=1, width=width, d_ff=d_ff, gated=gated).params_nonembedding
    depth = np.maximum(np.rint(params_nonembedding / one), 1)
    aspect = width / depth
    miss = depth * one / params_nonembedding - 1
    shaped = (aspect >= ASPECTS[0]) & (aspect <= ASPECTS[1])
    fits = np.flatnonzero(shaped & (np.abs(miss) <= tolerance))
    if not len(fits):
        near = int(np.argmin(np.where(shaped | ~shaped.any(), np.abs(miss), np.inf)))
        raise InputError(
            f"no shape with head_size {head_size} is within {100 * tolerance:g} % of "
            f"{params_nonembedding:g} non-embedding parameters; the nearest, depth "
            f"{depth[near]:.0f} and width {width[near]}, has {depth[near] * one[near]:g} "
            f"({100 * miss[near]:+.0f} %); use a smaller head_size or a larger tolerance"
        )
    key = {"balanced": np.abs(np.log(aspect / BALANCED)), "deep": aspect, "wide": -aspect}[prefer]
    order = fits[np.lexsort((np.abs(miss[fits]), key[fits]))][: int(count)]
    counted = count_params(
        depth=depth, width=width, d_ff=d_ff, gated=gated, vocabulary=vocabulary, tied=tied
    )
    return tuple(
        Shape(
            depth=int(depth[i]),
            width=int(width[i]),
            heads=int(heads[i]),
            d_ff=int(d_ff[i]),
            params=float(counted.params[i]),
            params_nonembedding=float(counted.params_nonembedding[i]),
        )
        for i in order
    )


COUNTS = ("params_active", "params", "params_nonembedding")


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A table with its sizes filled in.

    Parameters
    ----------
    columns : Mapping of str to array, dims (row,)
        All columns, new ones last.
    notes : tuple of str
        What was filled in, and from what.
    """

    columns: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...]


def complete(columns: Mapping[str, NDArray[Any]]) -> Completed:
    """Complete params, tokens and flops, row by row; given values are never changed.

    Parameters
    ----------
    columns : Mapping of str to array, dims (row,)
        Canonical columns, NaN where a cell is empty.

    Returns
    -------
    Completed
    """
    done = dict(columns)
    notes: list[str] = []
    rows = len(next(iter(columns.values()), ()))

    def put(name: str, values: NDArray[np.float64], said: str) -> None:
        old = done.get(name)
        gap = np.isfinite(values) if old is None else np.isnan(old) & np.isfinite(values)
        count = int(np.count_nonzero(gap))
        if count:
            done[name] = np.where(gap, values, np.nan if old is None else old)
            share = "" if count == rows else f" ({count} of {rows} rows)"
            notes.append(said + share)

    with np.errstate(all="ignore"):
        if "batch_size" in done and "steps" in done:
            put("tokens", done["batch_size"] * done["steps"], "tokens from batch_size x steps")
        count_of, used = model_size(done, rows)
        name = " or ".join(used) if used else "params"
        per_token = FLOPS_PER_PARAM_TOKEN * count_of
        blank = np.full(rows, np.nan)
        tokens, flops = done.get("tokens", blank), done.get("flops", blank)
        put("flops", per_token * tokens, f"flops from 6 x {name} x tokens")
        put("tokens", flops / per_token, f"tokens from flops / (6 x {name})")
        unknown = np.where(np.isnan(count_of), flops / (FLOPS_PER_PARAM_TOKEN * tokens), np.nan)
        home = "params_active" if "params_active" in done and "params" not in done else "params"
        put(home, unknown, f"{home} from flops / (6 x tokens)")
    if "score" in done:
        put("error", 1 - done["score"], "error from 1 - score")
    elif "error" in done:
        put("score", 1 - done["error"], "score from 1 - error")
    for other in ("params_nonembedding", "params_active"):
        if other in done:
            put("params", done[other], f"params taken from {other}")
    if "pretrained_on" in done:
        arms = finetuning_of(done)
        done |= arms.columns
        notes += arms.notes
    return Completed(columns=done, notes=tuple(notes))


def model_size(
    columns: Mapping[str, NDArray[Any]], rows: int
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the N of 6ND for each row, and the columns it came from.

    Parameters
    ----------
    columns : Mapping of str to array, dims (row,)
    rows : int
        Number of rows.

    Returns
    -------
    array of float64, dims (row,)
        Parameters; NaN where none is given.
    tuple of str
        Columns that were used, in the order of preference.
    """
    size = np.full(rows, np.nan)
    used = []
    for name in COUNTS:
        if name in columns:
            gap = np.isnan(size) & np.isfinite(columns[name])
            if gap.any():
                size = np.where(gap, columns[name], size)
                used.append(name)
    return size, tuple(used)
