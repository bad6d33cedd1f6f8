"""Nominal sizes: where a law is shown when no runs say where it is meant to be used.

They lie on one line from small to large, six decades of compute around a reference run of 1e8
parameters and 2e9 tokens; everything else a law may read goes along with the compute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.runs import RunTable

NOMINAL: Mapping[str, tuple[float, float]] = {
    "params": (1e8, 0.5),
    "params_nonembedding": (1e8, 0.5),
    "params_active": (1e8, 0.5),
    "tokens": (2e9, 0.5),
    "flops": (1.2e18, 1.0),
    "budget": (1.2e18, 1.0),
    "unique_tokens": (5e8, 0.5),
    "steps": (4e3, 0.25),
    "batch_size": (5e5, 0.25),
    "learning_rate": (1e-3, -0.1),
    "weight_decay": (0.1, 0.0),
    "gradient_noise": (5e5, 0.15),
    "rate_area": (4.0, 0.15),
    "annealing_area": (0.5, 0.0),
    "width": (768.0, 1 / 6),
    "depth": (12.0, 1 / 6),
    "heads": (12.0, 1 / 6),
    "d_ff": (3072.0, 1 / 6),
    "context_length": (1024.0, 0.0),
    "position": (128.0, 0.25),
    "experts": (16.0, 0.25),
    "finetune_tokens": (1e7, 0.5),
    "granularity": (4.0, 0.1),
    "loss": (3.0, -0.05),
    "score": (0.5, 0.0),
    "error": (0.5, 0.0),
}
"""Of each column its value in the reference run, and its exponent in compute; the rest is 1."""

SMALLEST, LARGEST = 1e-2, 1e2
"""Compute of the smallest and the largest nominal run over that of the reference."""

BEYOND = 100.0
"""Factor in compute from the largest nominal run to the one that is forecast."""

ASKED: Mapping[str, float] = {
    "smallest run": SMALLEST,
    "reference run": 1.0,
    "largest run": LARGEST,
    "100 x beyond": BEYOND * LARGEST,
}
"""Targets at which a prior is shown: compute over that of the reference."""


ALL = "all"
"""Label of the one group of nominal runs."""


def nominal_sizes(
    names: Iterable[str], factor: float | NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return the nominal value of some columns.

    Parameters
    ----------
    names : iterable of str
        The columns.
    factor : float or array (n,)
        Compute over that of the reference run.

    Returns
    -------
    dict of str to array (n,)
        In the units of the run table.
    """
    factors = np.atleast_1d(np.asarray(factor, float))
    values = {name: NOMINAL.get(name, (1.0, 0.0)) for name in names}
    return {name: value * factors**power for name, (value, power) in values.items()}


def nominal_runs(model: Model) -> RunTable:
    """Return a table of nominal runs: their geometric means are the reference sizes of a law.

    Parameters
    ----------
    model : Model
        The law.

    Returns
    -------
    RunTable
        Five runs of one group, from the smallest to the largest, that nobody has trained.
    """
    factors = np.geomspace(SMALLEST, LARGEST, 5)
    sizes = nominal_sizes({"params", "tokens", "flops", *_read(model)}, factors)
    settings = {name: np.full(5, value) for name, value in model.arguments}
    columns = {"run": np.arange(5).astype(str), **sizes, **settings}
    return unobserved(model, RunTable(columns=columns))


def unobserved(model: Model, runs: RunTable, *, grouped: bool = False) -> RunTable:
    """Return the sizes of a table as runs that nobody has trained.

    Parameters
    ----------
    model : Model
        The law: what it explains is the same in every run, so that no prior can read it.
    runs : RunTable
        Of any groups, with or without a response.
    grouped : bool
        Whether their groups are kept; else they are one.

    Returns
    -------
    RunTable
    """
    kept = _read(model) & set(runs.columns)  # a query may give a size that its base refers to
    hidden = {
        name: link_of(model.of(name)).inverse(np.zeros(len(runs)))
        for name in set(model.responses) - kept
    }
    groups = {
        name: np.full(len(runs), ALL)
        for name in model.group.split("/")
        if not (grouped and name in runs)
    }
    return RunTable(columns={**runs.columns, **hidden, **groups}, notes=runs.notes)


def _read(model: Model) -> set[str]:
    """Columns that a law reads, and those that its reference sizes come from."""
    stems = (name.removesuffix("_ref") for name in model.reference_names if name.endswith("_ref"))
    return {*model.inputs, *stems}
