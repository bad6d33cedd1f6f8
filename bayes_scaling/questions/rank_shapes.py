"""Rank shapes: which width and depth to build at a size, how surely, and is it the deep one.

Asked of a law that reads a shape: one with a valley in width per layer (``coupled+aspect``), or
``width-depth``. Shapes are compared draw by draw at equal compute, so that what they share cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, format_kind, quantiles
from bayes_scaling.page import Block, Grid, Page, Printed, cell, farthest_of, told
from bayes_scaling.questions.layouts import PARTS, PLAIN, Layout, given_shapes, made_up
from bayes_scaling.questions.score_targets import ERROR
from bayes_scaling.questions.sizes import Sizes, wrong_numbers
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.runs.counting import BALANCED, FLOPS_PER_PARAM_TOKEN

Array = NDArray[np.float64]

COUNT = 6
"""Shapes that are made up, by default."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ShapeRanking(Printed):
    """Shapes of nearly equal params, compared at equal compute or equal tokens.

    Attributes
    ----------
    names : tuple of str
        What the shapes are called.
    sizes : mapping of str to array (n_shapes,)
        Width, depth, heads and d_ff as far as known, params and tokens of each.
    response : str
        What is compared: a loss, or a score, of which more is better.
    values : array (n_draws, n_shapes)
        Noise-free loss or score of each shape.
    best_aspect : array (n_draws,) or None
        Width per layer of the best of all shapes at the size, where the law states it.
    deep : float
        Width per layer below which a shape counts as deep and narrow.
    extrapolation : mapping of str to array (n_shapes,)
        E-folds of the sizes beyond the fitted runs.
    warnings : tuple of str
        Where shapes lie outside those of the runs.
    notes : tuple of str
        Where the params of a table are not those that its shapes make.
    probability : float
        Probability of the intervals.
    member : array of int (n_draws,)
        Law that each draw comes from.
    members : tuple of str
        Names of the laws.
    """

    names: tuple[str, ...]
    sizes: Mapping[str, Array]
    response: str
    values: Array
    best_aspect: Array | None = None
    deep: float = BALANCED
    extrapolation: Mapping[str, Array] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    probability: float = PROBABILITY
    member: NDArray[np.int64]
    members: tuple[str, ...]

    @property
    def aspect(self) -> Array:
        """Width per layer (n_shapes,)."""
        return self.sizes["width"] / self.sizes["depth"]

    @property
    def _cost(self) -> Array:
        """What is to be small (n_draws, n_shapes)."""
        return -self.values if self.response == "score" else self.values

    @property
    def best(self) -> Array:
        """Probability of each shape to be the best of these (n_shapes,)."""
        winner = np.argmin(self._cost, axis=1)
        return np.bincount(winner, minlength=len(self.names)) / winner.size

    @property
    def order(self) -> NDArray[np.int64]:
        """Places of the shapes, the one of the best expected value first (n_shapes,)."""
        return np.argsort(self._cost.mean(axis=0), kind="stable")

    def beats(self, one: int, other: int) -> float:
        """Probability that one shape is better than another; by their places."""
        return float(np.mean(self._cost[:, one] < self._cost[:, other]))

    @property
    def depth_beats_width(self) -> float:
        """Probability that the deepest shape is better than the widest."""
        return self.beats(int(np.argmin(self.aspect)), int(np.argmax(self.aspect)))

    @property
    def deep_narrow(self) -> float:
        """Probability that the best shape has less width per layer than `deep`.

        The best of all shapes where the law states it, else of those compared.
        """
        best = self.best_aspect
        if best is None:
            best = self.aspect[np.argmin(self._cost, axis=1)]
        return float(np.mean(best < self.deep))

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per shape, of plain numbers and texts, the best first."""
        cost, found = self._cost, []
        excess = cost - cost.min(axis=1, keepdims=True)
        for place in self.order:
            row: dict[str, Any] = {"shape": self.names[place]}
            row |= {name: float(values[place]) for name, values in self.sizes.items()}
            row |= {"aspect": float(self.aspect[place])}
            for name, draws in ((self.response, self.values), ("short_of_best", excess)):
                ends = quantiles(draws[:, place], self.probability)
                keys = (name, f"{name}_lower", f"{name}_upper")
                row |= {key: float(end) for key, end in zip(keys, ends, strict=True)}
            row |= {"chance_best": float(self.best[place])}
            row |= {f"efolds_{name}": float(far[place]) for name, far in self.extrapolation.items()}
            found.append(row | {"probability": self.probability, "kind": KIND})
        return found

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        said: dict[str, Any] = {
            "depth_beats_width": self.depth_beats_width,
            "deep_narrow": self.deep_narrow,
            "deep": self.deep,
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }
        return said | self._best_aspect_row()

    def _best_aspect_row(self) -> dict[str, float]:
        if self.best_aspect is None:
            return {}
        ends = quantiles(self.best_aspect, self.probability)
        keys = ("best_aspect", "best_aspect_lower", "best_aspect_upper")
        return {key: float(end) for key, end in zip(keys, ends, strict=True)}

    def differ(self, downstream: ShapeRanking, *, joint: bool = False) -> list[dict[str, Any]]:
        """Tell of each pair of shapes whether another quantity puts them in the other order.

        Parameters
        ----------
        downstream : ShapeRanking
            The same shapes by another quantity, such as a score.
        joint : bool
            Whether both are of one posterior, whose draws are then compared one by one; else the
            two are taken as independent.

        Returns
        -------
        list of dict
            Of each pair the probability that the first is better by this quantity, and by the
            other, and that the two disagree.

        Raises
        ------
        InputError
            The shapes are not the same.
        """
        if self.names != downstream.names:
            raise InputError(
                f"rankings of other shapes: {', '.join(self.names)} against "
                f"{', '.join(downstream.names)}; ask both of the same shapes",
                source="shapes",
            )
        found = []
        for one in range(len(self.names)):
            for other in range(one + 1, len(self.names)):
                up, down = self.beats(one, other), downstream.beats(one, other)
                apart = up * (1 - down) + down * (1 - up)
                if joint:
                    first, second = (
                        ranking._cost[:, one] < ranking._cost[:, other]
                        for ranking in (self, downstream)
                    )
                    apart = float(np.mean(first != second))
                found.append(
                    {"shape": self.names[one], "other": self.names[other]}
                    | {f"better_by_{self.response}": up, f"better_by_{downstream.response}": down}
                    | {"orders_differ": apart}
                )
        return found

    def page(self) -> Page:
        """Return what is printed: the shapes, the best first, then what is said of depth."""
        kind, rows = format_kind(self.probability), self.rows()
        grid = Grid(
            heading=("shape", "params", "width/depth", f"{self.response}, {kind}", "best"),
            rows=[
                (row["shape"], f"{row['params']:.3g}", f"{row['aspect']:.3g}",
                 cell(row, self.response), f"{row['chance_best']:.2f}")
                for row in rows
            ],
        )  # fmt: skip
        lines = {
            "deepest beats widest": f"with probability {self.depth_beats_width:.2f}",
            f"best below {self.deep:g}": f"per layer, with probability {self.deep_narrow:.2f}",
        }
        if self.best_aspect is not None:
            row = self._best_aspect_row() | {"probability": self.probability, "kind": KIND}
            lines = {"best width/depth": told(row, "best_aspect")} | lines
        if self.extrapolation:
            lines["extrapolation"] = farthest_of(rows)
        blocks: list[Block] = [grid]
        said = (*self.warnings, *self.notes)
        return [blocks, [lines], *([said] if said else [])]


def rank_shapes(
    source: Source,
    shapes: Sizes | None = None,
    *,
    params: float | None = None,
    tokens: float | None = None,
    flops: float | None = None,
    layout: Layout = PLAIN,
    count: int = COUNT,
    deep: float = BALANCED,
    family: str | None = None,
    inputs: Mapping[str, float] | None = None,
) -> ShapeRanking:
    """Rank shapes of a model near a size, or near the best size of a budget.

    Parameters
    ----------
    source : Fit
        A posterior of a law that reads width and depth, such as coupled+aspect or width-depth; or
        that with one of scores (`two_steps`, the second such as downstream-sigmoid+score-shape).
    shapes : mapping, DataFrame or RunTable, optional
        Width and depth of the shapes, with heads and d_ff where known, and vocabulary, gated and
        tied where they differ from the layout. Made up around the size, from deep to wide, where
        none are given.
    params : float, optional
        Params of the model, embeddings included where there is a vocabulary; the best size of the
        budget by default.
    tokens : float, optional
        Training tokens of every shape; what the budget leaves each by default.
    flops : float, optional
        Budget of every shape [FLOP].
    layout : Layout
        What counts in params beside width and depth.
    count : int
        How many shapes are made up.
    deep : float
        Width per layer below which a shape counts as deep and narrow.
    family : str, optional
        The group, where the fit has several.
    inputs : mapping of str to float, optional
        Other inputs of the law.

    Returns
    -------
    ShapeRanking

    Raises
    ------
    InputError
        The law reads no shape, a shape does not make its params, or a size is missing; all at once.
    """
    _read_shapes_at_all(source)
    _check(count, deep, {"params": params, "tokens": tokens, "flops": flops})
    given = {name: value for name, value in (inputs or {}).items() if name not in PARTS}
    if (tokens is None) == (flops is None):
        raise InputError("give either tokens or flops, for every shape", source="shapes")
    if shapes is not None:
        laid = given_shapes(shapes, layout)
    else:
        if params is None:
            params = _best_size(source, flops, family, given)
        laid = made_up(params, layout, count=count)
    built = dict(laid.sizes)
    meant = dict(source.leading.reads.meant).get("params", "params")
    size = built.pop("params_nonembedding") if meant == "params_nonembedding" else built["params"]
    built.pop("params_nonembedding", None)
    share = source.leading.active_share
    read = (
        np.full(size.shape, tokens, float)
        if flops is None
        else flops / (FLOPS_PER_PARAM_TOKEN * share * size)
    )
    sizes = {**built, "params": size, "tokens": np.asarray(read)}
    laws = [
        surface(source, group=family, inputs=given | _parts(source, built, place))
        for place in range(size.size)
    ]
    at = [
        {name: sizes[name][[place]] for name in ("params", "tokens")} for place in range(size.size)
    ]
    values = np.stack(
        [law.at(one, law.draws[:, None])[:, 0] for law, one in zip(laws, at, strict=True)], axis=1
    )
    first = laws[0]
    scored = first.response == ERROR
    return ShapeRanking(
        names=laid.names,
        sizes=sizes,
        response="score" if scored else first.response,
        values=1 - values if scored else values,
        best_aspect=None if scored else _best_aspect(source, family, given, at[size.size // 2]),
        deep=deep,
        extrapolation=first.beyond(
            {**sizes, "flops": FLOPS_PER_PARAM_TOKEN * share * size * sizes["tokens"]}
        ),
        warnings=laid.warnings + tuple(_outside(source, sizes["width"] / sizes["depth"])),
        notes=laid.notes,
        member=first.member,
        members=first.members,
    )


def _read_shapes_at_all(source: Source) -> None:
    """Raise where a law reads no width or no depth."""
    problems = [
        f"{law.id} reads {', '.join(law.reads.inputs)}, and no shape: fit a law of width and depth "
        "such as coupled+aspect or width-depth"
        for law in source.members.values()
        if not {"width", "depth"} <= set(law.reads.inputs)
    ]
    if problems:
        raise InputError(problems, source="shapes")


def _check(count: int, deep: float, numbers: Mapping[str, float | None]) -> None:
    """Raise where a number that holds for every shape is none, or is several."""
    problems = [] if count >= 2 else [f"count is 2 shapes or more, got {count!r}"]
    problems += wrong_numbers({"deep": deep, **numbers})
    if problems:
        raise InputError(problems, source="shapes")


def _best_size(
    source: Source, flops: float | None, family: str | None, inputs: Mapping[str, float]
) -> float:
    """Return the best params of a budget at the best shape of each size."""
    if flops is None:
        raise InputError("give params, or flops whose best size is taken", source="shapes")
    law = surface(source, group=family, inputs=inputs)
    if law.traded != ("params", "tokens"):
        raise InputError(
            f"{law.id} reads no params, so it has no best size: give params", source="shapes"
        )
    return expected_split(law, flops).params


def _parts(source: Source, built: Mapping[str, Array], place: int) -> dict[str, float]:
    """Return what laws read of one shape."""
    read = {name for law in source.members.values() for name in law.reads.inputs}
    return {name: float(built[name][place]) for name in PARTS if name in built and name in read}


def _best_aspect(
    source: Source, family: str | None, inputs: Mapping[str, float], at: Mapping[str, Array]
) -> Array | None:
    """Return width per layer of the best shape at a size (n_draws,), where every law states it."""
    tuned = [set(law.tunes) for law in source.members.values()]
    if not all({"width", "depth"} <= names for names in tuned):
        return None
    law: Surface = surface(source, group=family, inputs=inputs)
    best = law.tuned(at)
    return np.asarray((best["width"] / best["depth"])[:, 0])


def _outside(source: Source, aspect: Array) -> Sequence[str]:
    """Say which shapes are deeper or wider than any fitted one."""
    runs = getattr(source.leading, "runs", None)
    if runs is None or "width" not in runs or "depth" not in runs:
        return ()
    seen = np.asarray(runs["width"], float) / np.asarray(runs["depth"], float)
    low, high = float(np.nanmin(seen)), float(np.nanmax(seen))
    far = [f"{each:.3g}" for each in aspect if not low <= each <= high]
    if not far:
        return ()
    return (
        f"width per layer of {', '.join(far)} lies outside that of the runs, {low:.3g} to "
        f"{high:.3g}: nothing was seen there",
    )
