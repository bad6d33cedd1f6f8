"""What a sampler samples: the generated density of a law, or that of its PyMC model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.design import Design
from bayes_scaling.laws.drift import CENTRING, steps_name
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior.large_tables import MANY, framed

Arrays = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class SampledDensity:
    """A density for nutpie, and how to read what comes back.

    Attributes
    ----------
    compiled : object
        What `nutpie.sample` takes.
    read : callable
        From the arrays (n_chains, n_draws, ...) of a trace to the draws of parameters and the
        standardised steps of walks that a fit keeps.
    """

    compiled: Any
    read: Callable[[Arrays], tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]]


# ---- generated -----------------------------------------------------------------------------------

VECTOR = "vector"


@dataclass(frozen=True)
class _Address:
    """A compiled function as nutpie wants it: by its address."""

    address: int


def generated(model: Model, design: Design) -> SampledDensity:
    """Return the density that is generated from the formula of a model.

    Raises
    ------
    NoProgramError
        The law has something that cannot be written as a program.
    """
    from nutpie.compile_pymc import CompiledPyMCModel

    from bayes_scaling.laws.target import make_target

    target = make_target(model, design)
    if design.response.size >= MANY:
        target = framed(target, design) or target
    size = target.vector.size
    if not len(target.frame):
        _ = target.begun  # before chains ask for it from threads of their own

    def read(arrays: Arrays) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        chains, draws, _ = arrays[VECTOR].shape
        parameters, steps = (
            {
                name: values.reshape(chains, draws, *values.shape[1:])
                for name, values in part.items()
            }
            for part in target.values(arrays[VECTOR].reshape(-1, size))
        )
        return parameters, steps

    # nutpie asks for nothing of PyMC here: addresses of C functions, and of what they read.
    compiled = CompiledPyMCModel(
        dims={},
        reparameterized_names=[],
        compiled_logp_func=_Address(target.module.evaluate.address),
        compiled_expand_func=_Address(target.module.copy.address),
        initial_point_func=lambda seed: target.initial(np.random.default_rng(seed)),
        shared_data=dict(enumerate(target.arguments)),
        shared_var_keys={},
        user_data=target.table,
        n_expanded=size,
        shape_info=([VECTOR], [slice(0, size)], [(size,)]),
        logp_func=target,
        expand_func=None,
        _n_dim=size,
        _shapes={VECTOR: (size,)},
        _coords={},
    )
    return SampledDensity(compiled=compiled, read=read)


# ---- PyMC ----------------------------------------------------------------------------------------

_COMPILED: dict[tuple[Any, ...], Any] = {}
"""Compiled PyMC models of this process, by what decides their code."""


def of_pymc(model: Model, design: Design) -> SampledDensity:
    """Return the density of the PyMC model, compiled at most once for each structure."""
    import nutpie

    from bayes_scaling.laws.build import build_model, model_data
    from bayes_scaling.laws.variables import helper_names

    levels = (design.grouping.count(columns) for columns in sorted(design.grouping.levels))
    grouped = len(design.groups) > 1
    key = (model.content_hash, len(design.groups), *levels, design.centred and grouped)
    if key in _COMPILED:
        compiled = _COMPILED[key].with_data(**model_data(model, design))
    else:
        with warnings.catch_warnings():
            # PyTensor gives up on merging one loop; the result is the same, so no user need know.
            warnings.filterwarnings("ignore", message="Loop fusion failed")
            compiled = _COMPILED[key] = nutpie.compile_pymc_model(build_model(model, design))
    hidden = helper_names(model)

    def read(arrays: Arrays) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        draws = {name: values for name, values in arrays.items() if name not in hidden}
        steps = {
            name: draws.pop(steps_name(name)) / draws["tau"][..., None] ** CENTRING
            for name in model.drifting
        }
        return draws, steps

    return SampledDensity(compiled=compiled, read=read)
