"""Layouts: what a shape is made of, and the params that it makes.

Shapes are those of a table, each with a vocabulary, gates and ties of its own where the table has
columns of them, or are made up around a size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.questions.sizes import (
    Sizes,
    Values,
    canonical_sizes,
    longest_of,
    numbers_of,
)
from bayes_scaling.runs import count_params, shapes_near
from bayes_scaling.runs.counting import BALANCED

Array = NDArray[np.float64]

PARTS = ("width", "depth", "heads", "d_ff")
"""What a shape is made of."""

COUNTS = ("params", "params_nonembedding")
"""What a shape makes."""

LABELS = ("run", "architecture")
"""Texts of a table of shapes that are read."""

REPLACED = 0.02
"""Share of that from which it is said that those of the shape are taken."""

MISCOUNT = 0.1
"""Share by which the params of a table may differ from those that its shape makes."""

FEWEST = 3
"""Shapes for which a nearer tolerance is enough."""

TOLERANCES = (0.1, 0.2, 0.4)
"""Shares of the params by which shapes that are made up may differ from the wish."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What counts in the params of a shape beside width and depth.

    Attributes
    ----------
    head_size : int
        The width of shapes that are made up is a multiple of it.
    gated : bool
        Whether the feed-forward block has a third, gating matrix.
    vocabulary : int
        Tokens of the vocabulary, whose embeddings count in params; 0 leaves them out.
    tied : bool
        Whether the output layer shares the input embedding.
    """

    head_size: int = 64
    gated: bool = False
    vocabulary: int = 0
    tied: bool = False


PLAIN: Layout = Layout()
"""Heads of 64, two matrices in the feed-forward block, embeddings not layout."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Built:
    """Shapes, and the params that they make.

    Attributes
    ----------
    sizes : mapping of str to array (n_shapes,)
        Width and depth, heads and d_ff where known, params and params_nonembedding.
    names : tuple of str
        What the shapes are called.
    warnings : tuple of str
        Shapes that were left out.
    notes : tuple of str
        That params are not those of the table.
    """

    sizes: Mapping[str, Array]
    names: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def given_shapes(shapes: Sizes, layout: Layout) -> Built:
    """Return shapes that were given, with their params; or say which do not make theirs.

    Columns ``gated``, ``vocabulary`` and ``tied`` stand in place of those of the layout, shape by
    shape, ``run`` names the shapes, and rows whose ``architecture`` has an encoder are left out.

    Raises
    ------
    InputError
        A shape lacks its width or depth, or does not make its params; all at once.
    """
    given = canonical_sizes(shapes)
    numbers, problems = numbers_of(given, (*PARTS, "params", "params_nonembedding"))
    own, bad = _own_layouts(given, layout)
    problems += bad
    labels = {name: np.atleast_1d(given[name]) for name in LABELS if name in given}
    every = {**numbers, **own, **labels}
    longest, bad = longest_of({name: values.size for name, values in every.items()})
    problems += bad
    problems += [f"a shape needs its {name}" for name in PARTS[:2] if name not in given]
    if problems:
        raise InputError(problems, source="shapes")
    laid = {name: np.broadcast_to(values, longest) for name, values in every.items()}
    decoders = np.array(["encoder" not in str(each) for each in laid.pop("architecture", [""])])
    kept = np.flatnonzero(np.broadcast_to(decoders, longest))
    names = _names(laid)
    left_out = [names[place] for place in range(longest) if place not in kept]
    if not kept.size:
        raise InputError("every shape has an encoder: give decoders", source="shapes")
    counted = [
        count_params(
            depth=laid["depth"][place],
            width=laid["width"][place],
            d_ff=laid["d_ff"][place] if "d_ff" in laid else None,
            gated=bool(laid["gated"][place]),
            vocabulary=laid["vocabulary"][place],
            tied=bool(laid["tied"][place]),
        )
        for place in kept
    ]
    made = {name: np.array([float(getattr(each, name)) for each in counted]) for name in COUNTS}
    for name in COUNTS:
        for index, place in enumerate(kept if name in laid else ()):
            said = laid[name][place]
            if abs(np.log(said / made[name][index])) > np.log1p(MISCOUNT):
                problems.append(
                    f"shape {place + 1}, {laid['depth'][place]:g} layers of width "
                    f"{laid['width'][place]:g}, makes {made[name][index]:.3g} {name}, and the "
                    f"table says {said:.3g}: correct one, or give d_ff, a vocabulary, tied or gated"
                )
    if problems:
        raise InputError(problems, source="shapes")
    parts = {name: np.asarray(laid[name][kept], float) for name in PARTS if name in laid}
    return Built(
        sizes=parts | made,
        names=tuple(names[place] for place in kept),
        warnings=(f"left out, as they have an encoder: {'; '.join(left_out)}",) if left_out else (),
        notes=_replaced(laid, made, kept, names),
    )


def _replaced(
    laid: Mapping[str, NDArray[Any]],
    made: Mapping[str, Array],
    kept: NDArray[np.int64],
    names: tuple[str, ...],
) -> tuple[str, ...]:
    """Say where the params of a table are not those that its shapes make, which are taken."""
    found = []
    for name in COUNTS:
        if name not in laid:
            continue
        said = laid[name][kept]
        ratio = made[name] / said
        worst = int(np.argmax(np.abs(np.log(ratio))))
        if abs(np.log(ratio[worst])) > np.log1p(REPLACED):
            found.append(
                f"{name} are those that the shapes make, not those of the table: "
                f"{names[kept[worst]]} makes {made[name][worst]:.4g}, and the table says "
                f"{said[worst]:.4g} ({ratio[worst] - 1:+.1%}); its d_ff, vocabulary, tied or gated "
                "may be another"
            )
    return tuple(found)


def _own_layouts(given: Mapping[str, Values], layout: Layout) -> tuple[dict[str, Array], list[str]]:
    """Return vocabulary, gates and ties (n_shapes,), of the table where it has them."""
    found, problems = {}, []
    for name in ("gated", "vocabulary", "tied"):
        values: Any = given.get(name, getattr(layout, name))
        try:
            found[name] = np.atleast_1d(np.asarray(values, float))
        except (TypeError, ValueError):
            problems.append(f"{name!r} must be a number, 0 or more, got {values!r:.60}")
            continue
        if not (np.isfinite(found[name]) & (found[name] >= 0)).all():
            problems.append(f"{name!r} must be 0 or more in every row, got {values!r:.60}")
    return found, problems


def _names(laid: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    """Return depth x width of each shape, after the name of its run where the table has one."""
    sizes = [f"{d:g} x {w:g}" for d, w in zip(laid["depth"], laid["width"], strict=True)]
    if "run" not in laid:
        return tuple(sizes)
    return tuple(f"{run}, {size}" for run, size in zip(laid["run"], sizes, strict=True))


def made_up(params: float, layout: Layout, *, count: int) -> Built:
    """Return shapes of a size from deep to wide, evenly spaced in log width per layer.

    Raises
    ------
    InputError
        The embeddings leave no params for layers, or no shape is near the size.
    """
    width = (params * BALANCED / 12) ** (1 / 3)
    embedding = layout.vocabulary * width * (1 if layout.tied else 2)
    if embedding >= params:
        raise InputError(
            f"a vocabulary of {layout.vocabulary} takes {embedding:.3g} of {params:.3g} params, "
            "and leaves none for layers: give more params, or a smaller vocabulary",
            source="shapes",
        )
    for tolerance in TOLERANCES:  # few sizes of head make few shapes of a small model
        try:
            found = shapes_near(
                params - embedding,
                head_size=layout.head_size,
                tolerance=tolerance,
                count=10**6,
                prefer="deep",
                gated=layout.gated,
                vocabulary=layout.vocabulary,
                tied=layout.tied,
            )
        except InputError:
            if tolerance == TOLERANCES[-1]:
                raise
            continue
        if len(found) >= min(count, FEWEST):
            break
    wanted = np.linspace(0, 1, max(count, 2))
    logs = np.log([shape.aspect for shape in found])
    near = [int(np.argmin(np.abs(logs - at))) for at in logs[0] + wanted * (logs[-1] - logs[0])]
    taken = [found[place] for place in dict.fromkeys(near)]
    names = (*PARTS, *COUNTS)
    sizes = {name: np.array([float(getattr(each, name)) for each in taken]) for name in names}
    return Built(sizes=sizes, names=_names(sizes))
