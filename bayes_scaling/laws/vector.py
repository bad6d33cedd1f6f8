"""The vector that a sampler moves: which parameter stands where, and what its prior is there.

Every parameter is moved on the scale on which it is unbounded. A `Vector` says in a list of
instructions (`kernels.py`) how values of parameters, per group where groups differ, follow from it,
and what the prior density of the vector is; `build.py` says the same to PyMC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.design import Design
from bayes_scaling.laws.drift import CENTRING, KNOTS, layout, slope_names, steps_name
from bayes_scaling.laws.groups import Columns, Groups, is_grouped, level_columns
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.parameters import Parameter, ordered_name
from bayes_scaling.laws.priors import SOFTNESS, Prior, Scale

EXP, LOGISTIC, SOFTPLUS, LOG, ADD_PRODUCT, BLEND, RISE = range(7)
NORMAL, AROUND, HALF_NORMAL, EXPONENTIAL, GAMMA, BETA, STUDENT = range(7, 14)
"""Kinds of instructions, as in `kernels.py`, which only a sampling process imports."""

_PRIORS: Mapping[str, int] = {
    "LogNormal": NORMAL,
    "Normal": NORMAL,
    "HalfNormal": HALF_NORMAL,
    "Exponential": EXPONENTIAL,
    "Gamma": GAMMA,
    "Beta": BETA,
    "StudentT": STUDENT,
}

SUFFIX: Mapping[Scale, str] = {"log": "_log__", "logit": "_logodds__", "identity": ""}
"""What PyMC appends to the name of a variable on its unbounded scale."""

SOFT_SUFFIX = "_softplus__"
"""The same for a half-normal variable, which is moved on a scale of its own."""

Index = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of the vector: one variable of the PyMC model.

    Attributes
    ----------
    name : str
        Its name in PyMC, on the unbounded scale.
    start : int
        Where it begins.
    shape : tuple of int
        Its shape there.
    """

    name: str
    start: int
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Vector:
    """The sampled vector of a model on a design.

    Attributes
    ----------
    size : int
        Length of the vector.
    start : array (size,)
        Its value at about the middle of the prior.
    instructions : array of int (n_instructions, 5)
        Kind, place of the result, and places of up to three values that are read.
    constants : array (n_instructions, 3)
        Constants of each instruction.
    slots : int
        Number of values: the vector, 0, 1, and all that follows.
    places : mapping of str to array of int (n_groups,)
        Where the value of each name stands, by group; the same place for all where it is shared.
    kept : mapping of str to (array of int, ...)
        Where the draws stand that a fit keeps: one place, or one per group.
    steps : mapping of str to array of int (KNOTS - 1,)
        Where the sampled steps of the walk of each input that drifts stand.
    blocks : tuple of Block
        The variables of PyMC.
    """

    size: int
    start: NDArray[np.float64]
    instructions: Index
    constants: NDArray[np.float64]
    slots: int
    places: Mapping[str, Index]
    kept: Mapping[str, Index]
    steps: Mapping[str, Index]
    blocks: tuple[Block, ...]

    def values(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values (n_slots, n_vectors) of vectors (n_vectors, size)."""
        values = np.zeros((self.slots, len(vectors)))
        values[: self.size] = vectors.T
        values[self.size + 1] = 1.0
        for (kind, o, a, b, c), (k, w, _) in zip(
            self.instructions.tolist(), self.constants.tolist(), strict=True
        ):
            if kind == EXP:
                values[o] = np.exp(k * values[a])
            elif kind == LOGISTIC:
                values[o] = 1.0 / (1.0 + np.exp(-values[a]))
            elif kind == SOFTPLUS:
                values[o] = k * np.logaddexp(0.0, values[a])
            elif kind == LOG:
                values[o] = np.log(values[a])
            elif kind == ADD_PRODUCT:
                values[o] = values[a] + k * values[b] * values[c]
            elif kind == BLEND:
                values[o] = k * values[a] + w * values[b]
            elif kind == RISE:
                values[o] = values[a] + np.exp(values[b])
        return values


def make_vector(model: Model, design: Design) -> Vector:
    """Lay out the vector of a model, by the groups of its data and the range of what drifts."""
    return _Writer(model=model, design=design).vector()


@dataclass(kw_only=True)
class _Writer:
    """Collects blocks, then instructions; places of the latter count from after the vector."""

    model: Model
    design: Design
    start: list[float] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    instructions: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    constants: list[tuple[float, float, float]] = field(default_factory=list)
    values: int = 0
    places: dict[str, Index] = field(default_factory=dict)
    kept: dict[str, Index] = field(default_factory=dict)
    steps: dict[str, Index] = field(default_factory=dict)

    # Until the size of the vector is known, values are counted from FIRST.
    FIRST = 1 << 40
    ZERO, ONE = FIRST, FIRST + 1

    def vector(self) -> Vector:
        self.values = 2
        model, groups = self.model, self.design.grouping
        for names in model.ordered:
            self._ascending([model.parameter(name) for name in names])
        for parameter in model.parameters:
            if parameter.name not in self.places:
                self._parameter(parameter, groups)
        for name in model.drifting:
            self._walk(name)
        size = len(self.start)

        def final(index: Index) -> Index:
            return np.where(index >= self.FIRST, index - self.FIRST + size, index)

        instructions = np.asarray(self.instructions, dtype=np.int64).reshape(-1, 5)
        instructions[:, 1:] = final(instructions[:, 1:])
        return Vector(
            size=size,
            start=np.asarray(self.start, float),
            instructions=instructions,
            constants=np.asarray(self.constants, float).reshape(-1, 3),
            slots=size + self.values,
            places={name: final(index) for name, index in self.places.items()},
            kept={name: final(index) for name, index in self.kept.items()},
            steps={name: final(index) for name, index in self.steps.items()},
            blocks=tuple(self.blocks),
        )

    # ---- pieces ------------------------------------------------------------------------------

    def _block(self, name: str, start: list[float], shape: tuple[int, ...]) -> Index:
        """Add a part of the vector and return its places."""
        first = len(self.start)
        self.blocks.append(Block(name=name, start=first, shape=shape))
        self.start += start
        return np.arange(first, len(self.start))

    def _add(
        self,
        kind: int,
        a: int,
        b: int = FIRST,
        c: int = FIRST,
        *,
        constants: tuple[float, ...] = (),
        result: bool = False,
    ) -> int:
        """Add an instruction and return the place of its result."""
        place = self.FIRST
        if result:
            place += self.values
            self.values += 1
        self.instructions.append((kind, place, int(a), int(b), int(c)))
        k, w, m = (*constants, 0.0, 0.0, 0.0)[:3]
        self.constants.append((k, w, m))
        return place

    def _bounded(self, place: int, scale: Scale) -> int:
        """Return the place of a value from where it stands on its unbounded scale."""
        match scale:
            case "log":
                return self._add(EXP, place, constants=(1.0,), result=True)
            case "logit":
                return self._add(LOGISTIC, place, result=True)
            case _:
                return place

    def _random(self, name: str, prior: Prior, count: int | None = None) -> tuple[Index, Index]:
        """Add a variable; return its places on the unbounded scale, and those of its values."""
        shape = () if count is None else (count,)
        soft = prior.dist == "HalfNormal"
        suffix = SOFT_SUFFIX if soft else SUFFIX[prior.scale]
        own = self._block(name + suffix, [_middle(prior)] * (1 if count is None else count), shape)
        arguments = tuple(value for _, value in prior.args)
        if soft:
            arguments = (*arguments, SOFTNESS * arguments[0])
        for place in own:
            self._add(_PRIORS[prior.dist], place, constants=arguments)
        if not soft:
            return own, np.array([self._bounded(int(place), prior.scale) for place in own])
        value = [
            self._add(SOFTPLUS, place, constants=(arguments[1],), result=True) for place in own
        ]
        return np.array([self._add(LOG, item, result=True) for item in value]), np.array(value)

    def _standard(self, name: str, count: int) -> Index:
        """Add standard normal deviations."""
        own = self._block(name, [0.0] * count, (count,))
        for place in own:
            self._add(NORMAL, place, constants=(0.0, 1.0))
        return own

    # ---- parameters --------------------------------------------------------------------------

    def _parameter(self, parameter: Parameter, groups: Groups) -> None:
        """Add one parameter with all that stands behind it."""
        name, prior, pool = parameter.name, parameter.prior, parameter.pool
        everywhere = np.zeros(len(groups), dtype=np.int64)
        if not is_grouped(parameter, groups):
            _, value = self._random(name, prior)
            self.places[name], self.kept[name] = value[everywhere], value
            return
        levels = level_columns(parameter)
        if pool.kind == "separate":
            label = parameter.level_name if levels else name
            _, value = self._random(label, prior, _count(groups, levels))
            self._per_group(name, value, groups, levels)
            return
        location, population = self._random(parameter.population_name, prior)
        self.kept[parameter.population_name] = population
        around = location[everywhere] if not levels else np.full(_count(groups, levels), location)
        if pool.outer and groups.count(levels[0]) > 1:
            around = self._outer(parameter, location, groups, levels)
        self._around(parameter, around, groups, levels)

    def _outer(
        self, parameter: Parameter, location: Index, groups: Groups, levels: tuple[Columns, ...]
    ) -> Index:
        """Add the coarser of two levels; return the location of each value of the finer one."""
        count = groups.count(levels[0])
        _, spread = self._random(parameter.outer_sd_name, parameter.pool.outer_sd)
        self.kept[parameter.outer_sd_name] = spread
        offsets = self._standard(parameter.outer_offset_name, count)
        outer = [
            self._add(ADD_PRODUCT, location[0], spread[0], place, constants=(1.0,), result=True)
            for place in offsets
        ]
        values = np.array([self._bounded(place, parameter.prior.scale) for place in outer])
        self.kept[parameter.outer_name] = values[groups.level(levels[0])]
        return np.array(outer)[groups.level(levels[0])[groups.first(levels[1])]]

    def _around(
        self, parameter: Parameter, location: Index, groups: Groups, levels: tuple[Columns, ...]
    ) -> None:
        """Add the values around their locations."""
        name, scale = parameter.name, parameter.prior.scale
        _, spread = self._random(parameter.sd_name, parameter.pool.sd)
        self.kept[parameter.sd_name] = spread
        count = _count(groups, levels)
        if not levels and (self.design.centred or parameter.pool.centred):
            own = self._block(name + SUFFIX[scale], [_middle(parameter.prior)] * count, (count,))
            for place, middle in zip(own, location, strict=True):
                self._add(AROUND, place, middle, spread[0])
        else:
            offsets = self._standard(parameter.offset_name, count)
            own = np.array(
                [
                    self._add(ADD_PRODUCT, middle, spread[0], place, constants=(1.0,), result=True)
                    for place, middle in zip(offsets, location, strict=True)
                ]
            )
        value = np.array([self._bounded(int(place), scale) for place in own])
        self._per_group(name, value, groups, levels)

    def _per_group(
        self, name: str, value: Index, groups: Groups, levels: tuple[Columns, ...]
    ) -> None:
        """Lay values per level, or per group, out over groups."""
        laid = value[groups.level(levels[-1])] if levels else value
        self.places[name], self.kept[name] = laid, laid

    def _ascending(self, parameters: list[Parameter]) -> None:
        """Add parameters that ascend: the first, and the log of each rise to the next."""
        groups, first = self.design.grouping, parameters[0]
        levels = level_columns(first)
        grouped = is_grouped(first, groups)
        count = _count(groups, levels) if grouped else 1
        arguments = dict(first.prior.args)
        mu, sigma = arguments["mu"], arguments["sigma"]
        places = np.linspace(-1.0, 1.0, len(parameters)) * sigma + mu
        begun = [float(places[0]), *np.log(np.diff(places)).tolist()]
        shape = (count, len(parameters)) if grouped else (len(parameters),)
        own = self._block(f"{ordered_name(parameters)}_ordered__", begun * count, shape)
        found: list[list[int]] = [[] for _ in parameters]
        for row in own.reshape(count, len(parameters)).tolist():
            place = row[0]
            for index, item in enumerate(parameters):
                if index:
                    place = self._add(RISE, place, row[index], result=True)
                self._add(NORMAL, place, constants=(mu, sigma))
                found[index].append(self._bounded(place, item.prior.scale))
        for item, value in zip(parameters, map(np.array, found), strict=True):
            if grouped:
                self._per_group(item.name, value, groups, levels)
            else:
                everywhere = np.zeros(len(groups), dtype=np.int64)
                self.places[item.name], self.kept[item.name] = value[everywhere], value

    # ---- drift -------------------------------------------------------------------------------

    def _walk(self, name: str) -> None:
        """Add the walk of an input: its steps, and the local slopes at the knots."""
        placed = layout(name, self.design.references)
        scale = self._log_tau()
        spread = self._add(EXP, scale, constants=(CENTRING,), result=True)
        rest = self._add(EXP, scale, constants=(1.0 - CENTRING,), result=True)
        steps = self._block(steps_name(name), [0.0] * (KNOTS - 1), (KNOTS - 1,))
        self.steps[name] = steps
        root = math.sqrt(placed.spacing)
        log_slope = [self.ZERO]
        for place in steps:
            self._add(AROUND, place, self.ZERO, spread)
            log_slope.append(
                self._add(ADD_PRODUCT, log_slope[-1], place, rest, constants=(root,), result=True)
            )
        at = np.flatnonzero(placed.anchor)
        second = log_slope[at[1]] if at.size > 1 else self.ZERO
        anchor = self._add(
            BLEND,
            log_slope[at[0]],
            second,
            constants=(placed.anchor[at[0]], placed.anchor[at[1]] if at.size > 1 else 0.0),
            result=True,
        )
        everywhere = np.zeros(len(self.design.grouping), dtype=np.int64)
        for label, place in zip(slope_names(name), log_slope, strict=True):
            moved = self._add(BLEND, place, anchor, constants=(1.0, -1.0), result=True)
            slope = self._add(EXP, moved, constants=(1.0,), result=True)
            self.places[label] = np.array([slope])[everywhere]

    def _log_tau(self) -> int:
        """Return the place of the log of the scale of the walk."""
        return next(block.start for block in self.blocks if block.name == f"tau{SUFFIX['log']}")


def _count(groups: Groups, levels: tuple[Columns, ...]) -> int:
    return groups.count(levels[-1]) if levels else len(groups)


def _middle(prior: Prior) -> float:
    """Return about the middle of a prior on its unbounded scale, without scipy."""
    arguments = dict(prior.args)
    match prior.dist:
        case "LogNormal" | "Normal" | "StudentT":
            return arguments["mu"]
        case "HalfNormal":
            return math.log(math.expm1(0.67 / SOFTNESS))
        case "Exponential":
            return math.log(0.69 / arguments["lam"])
        case "Gamma":
            return math.log(arguments["alpha"] / arguments["beta"])
        case _:
            return math.log(arguments["alpha"] / arguments["beta"])
