"""Shapes of real decoders near a wanted number of parameters: the inverse of counting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.runs.counting import count_params

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
