"""The target of a sampler: the log density of a model's vector on its data, with its slopes."""

from __future__ import annotations

import ctypes
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import evaluate
from bayes_scaling.laws.compiled import load
from bayes_scaling.laws.design import Design
from bayes_scaling.laws.drift import CENTRING, integral_names, layout
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.program import Program
from bayes_scaling.laws.vector import Vector, make_vector

Array = NDArray[np.float64]

CLIMB = 8
"""Steps towards the mode before chains start: enough to find the level, not to sit in one mode."""

_REALS = ctypes.POINTER(ctypes.c_double)


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """The log density of a model on a design, over a vector without bounds.

    Attributes
    ----------
    model : Model
        The law.
    vector : Vector
        What stands where in the vector.
    program : Program
        The law as it was compiled.
    module : module
        Holds the compiled functions.
    data : tuple of array
        What the density reads, in the order of its arguments.
    order : array of int (n_runs,)
        The run of each of its rows, which stand by group and run.
    frame : array (1 + size, size) or (0, size)
        Origin and axes of the space that is sampled; without rows it is that of the vector.
    """

    model: Model
    vector: Vector
    program: Program
    module: ModuleType
    data: tuple[NDArray[Any], ...]
    order: NDArray[np.int64]
    frame: Array

    def density(self, q: Array) -> tuple[float, Array]:
        """Return the log density at a point of the frame, and its slopes (size,)."""
        slopes = np.empty(self.vector.size)
        value = ctypes.c_double()
        point = np.ascontiguousarray(q, float)
        self.module.evaluate.ctypes(
            point.size,
            point.ctypes.data_as(_REALS),
            slopes.ctypes.data_as(_REALS),
            ctypes.byref(value),
            self.table.ctypes.data,
        )
        return value.value, slopes

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """Addresses and shapes of what the density reads, for the compiled functions."""
        found = [
            entry
            for item in (*self.arguments, self.frame)
            for entry in (item.ctypes.data, *(1, *item.shape)[-2:])
        ]
        return np.array([*found, self.vector.slots], dtype=np.int64)

    @cached_property
    def arguments(self) -> tuple[NDArray[Any], ...]:
        """Arrays that the density reads, in order."""
        where = np.array([self.vector.places[name] for name in self.program.parameters])
        return (self.vector.instructions, self.vector.constants, where, *self.data)

    def values(self, points: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return what a fit keeps of points: parameters, and standardised steps of walks.

        Parameters
        ----------
        points : array (n_vectors, size)
            In the frame.

        Returns
        -------
        draws : dict of str to array (n_vectors,) or (n_vectors, n_groups)
        steps : dict of str to array (n_vectors, KNOTS - 1)
        """
        vectors = self.frame[0] + points @ self.frame[1:] if len(self.frame) else points
        values = self.vector.values(vectors)
        draws = {
            name: values[index if index.size > 1 else index[0]].T
            for name, index in self.vector.kept.items()
        }
        steps = {
            name: values[index].T / draws["tau"][:, None] ** CENTRING
            for name, index in self.vector.steps.items()
        }
        return draws, steps

    def initial(self, rng: np.random.Generator) -> Array:
        """Draw a point from which a chain may start: about the origin, or about the posterior."""
        jitter = rng.uniform(-1.0, 1.0, self.vector.size)
        return jitter if len(self.frame) else self.begun + jitter

    @cached_property
    def begun(self) -> Array:
        """Where chains start: some way up from the middle of the prior.

        A level of which the prior knows little would else be e-folds away from the runs.
        """
        return self.climbed(most=CLIMB)

    def climbed(self, *, most: int) -> Array:
        """Return a vector up from the middle of the prior, after a number of steps at most."""
        from scipy.optimize import minimize

        def falls(q: Array) -> tuple[float, Array]:
            value, slopes = self.density(q)
            good = np.isfinite(value) and np.isfinite(slopes).all()
            return (-value, -slopes) if good else (np.inf, np.zeros_like(q))

        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a search that ends early is as good as any
            found = minimize(
                falls, self.vector.start, jac=True, method="BFGS", options={"maxiter": most}
            )
        good = np.isfinite(found.fun) and np.isfinite(found.x).all()
        return np.asarray(found.x if good else self.vector.start)

    def framed(self, origin: Array, axes: Array) -> Target:
        """Return the target in a space of its own: vector = origin + point @ axes."""
        return replace(self, frame=np.ascontiguousarray(np.vstack([origin, axes])))


def make_target(model: Model, design: Design) -> Target:
    """Compile the density of a model, or take it from the cache, and lay out its data.

    Raises
    ------
    NoProgramError
        The law has something that cannot be written as a program.
    """
    program, module = load(model)
    return lay_out(model, design, program, module)


def lay_out(model: Model, design: Design, program: Program, module: ModuleType) -> Target:
    """Lay out the data of a design for a program: rows by group, and where those of a run are."""
    order = np.lexsort((np.arange(design.run.size), design.run, design.group))
    values: dict[str, Any] = {**design.references, **design.inputs}
    for name in model.drifting:
        x = np.log(design.inputs[name] / design.references[f"{name}_ref"])
        integrals = layout(name, design.references).integrals(x)
        values |= dict(zip(integral_names(name), integrals.T, strict=True))
    further = np.array(list(design.further.values())).reshape(-1, order.size)
    seen = np.isfinite(np.vstack([design.response, further]))
    columns = [np.broadcast_to(evaluate(node, values), order.size) for node in program.columns]
    counts = np.bincount(design.group, minlength=len(design.groups))
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    by_run = np.argsort(design.run[order], kind="stable")
    starts = np.flatnonzero(np.diff(design.run[order][by_run], prepend=-1) != 0)
    data = (
        np.array([evaluate(node, values) for node in program.scalars], dtype=float),
        _rows(columns, order.size)[order],
        np.vstack(
            [link_of(model).forward(design.response), np.log(np.where(seen[1:], further, 1.0))]
        )[:, order],
        (seen * design.weights)[:, order],
        np.concatenate([[0], np.cumsum(counts)]),
        np.append(starts, order.size),
        by_run,
        place[design.before[order]],
        design.gap[order],
        np.vstack([design.item_sd, design.counts.T])[:, order],
    )
    vector = make_vector(model, design)
    return Target(
        model=model,
        vector=vector,
        program=program,
        module=module,
        data=tuple(np.ascontiguousarray(item) for item in data),
        order=order,
        frame=np.zeros((0, vector.size)),
    )


def _rows(columns: list[Array], count: int) -> Array:
    return np.stack(columns, axis=1) if columns else np.zeros((count, 0))
