"""`Design`: what a model reads of a run table, and what can be said of it before sampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.features import SCALE_HIGH, SCALE_LOW, SCALE_REF, log_scale, row_weights
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import PARAMETERS as NOISE_PARAMETERS
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.columns import COLUMNS
from bayes_scaling.runs.sweeps import mistuned

CENTRED_FROM = 300
"""Runs per group (median) from which groups are sampled in the centred form; with 100 the centred
form still diverged on simulated families (1.4 % of draws), the other hardly did (0.2 %)."""

COLLINEAR = 0.98
"""Correlation of two log inputs beyond which their effects are not told apart."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """The data of one fit.

    Attributes
    ----------
    inputs : mapping of str to array (n_runs,)
        What the law reads, in the units of the run table.
    response : array (n_runs,)
        The observed loss (or score).
    groups : tuple of str
        Labels of the groups.
    group : array of int (n_runs,)
        Group of each run.
    references : mapping of str to float
        Reference sizes: the geometric means of the inputs.
    weights : array (n_runs,)
        Weights of tempering; 1 where the model has none.
    centred : bool
        Whether partially pooled parameters are sampled in the centred form.
    warnings : tuple of str
        What a reader should know before trusting the fit.
    """

    inputs: Mapping[str, NDArray[np.float64]]
    response: NDArray[np.float64]
    groups: tuple[str, ...]
    group: NDArray[np.int64]
    references: Mapping[str, float]
    weights: NDArray[np.float64]
    centred: bool
    warnings: tuple[str, ...] = ()


def make_design(model: Model, runs: RunTable) -> Design:
    """Take from a run table what a model reads.

    Parameters
    ----------
    model : Model
        The law.
    runs : RunTable
        The runs.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        Columns are missing or incomplete, losses are not positive, or there are too few runs to fit
        anything; every problem at once.
    """
    sources, warnings = _sources(model, runs)
    references = {
        name: source_column(model, runs, name.rpartition("_")[0]) for name in model.reference_names
    }
    problems = _problems(model, runs, sources, references)
    if problems:
        raise InputError(problems, source=f"model {model.id!r}")
    inputs = {name: np.asarray(runs[column], float) for name, column in sources.items()}
    groups, group = _grouping(model, runs)
    counts = np.bincount(group, minlength=len(groups))
    return Design(
        inputs=inputs,
        response=np.asarray(runs[model.response], float),
        groups=groups,
        group=group,
        references={
            **{
                name: _REFERENCES[name.rpartition("_")[2]](runs[column])
                for name, column in references.items()
            },
            **_scales(model, inputs),
        },
        weights=_weights(model, inputs, group),
        centred=bool(np.median(counts) >= CENTRED_FROM),
        warnings=(
            *warnings,
            *_design_warnings(model, inputs, counts),
            *_mixed_levels(model, runs),
            *_untuned(model, runs),
        ),
    )


_REFERENCES: Mapping[str, Callable[[NDArray[np.float64]], float]] = {
    "ref": lambda values: float(np.exp(np.mean(np.log(values)))),
    "low": lambda values: float(np.min(values)),
    "high": lambda values: float(np.max(values)),
}
"""What a reference size is of the runs, by the end of its name."""


def _scales(model: Model, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    if not (model.transient.on or model.form_error):
        return {}
    scale = log_scale(inputs, model.scale_inputs)
    found = {SCALE_LOW: np.min(scale), SCALE_REF: np.mean(scale), SCALE_HIGH: np.max(scale)}
    return {name: float(np.exp(value)) for name, value in found.items()}


def _weights(
    model: Model, inputs: Mapping[str, NDArray[np.float64]], group: NDArray[np.int64]
) -> NDArray[np.float64]:
    if model.temper is None or not model.scale_inputs:
        return np.ones(group.size)
    return row_weights(log_scale(inputs, model.scale_inputs), group, model.temper)


def source_column(model: Model, runs: RunTable, name: str) -> str:
    """Return the column of a run table that an input of the law is read from."""
    wanted = dict(model.columns).get(name, name)
    return wanted if wanted in runs else name


def _sources(model: Model, runs: RunTable) -> tuple[dict[str, str], list[str]]:
    """Return the column of every input, and a warning where it is not the one that is meant."""
    sources = {name: source_column(model, runs, name) for name in model.inputs}
    warnings = []
    for name, wanted in model.columns:
        if name in sources and sources[name] != wanted:
            warnings.append(
                f"{model.id} means {wanted}, and the runs have no such column: {name} is used; "
                f"give forecasts the same count"
            )
        elif name in sources and name in runs and not np.array_equal(runs[name], runs[wanted]):
            warnings.append(
                f"{model.id} counts {name} as {wanted}; give forecasts and budgets that count"
            )
    return sources, warnings


def _problems(
    model: Model, runs: RunTable, sources: Mapping[str, str], references: Mapping[str, str]
) -> list[str]:
    """Return all that keeps a law from being fitted to a table."""
    positive = {column: needs_positive(name) for name, column in sources.items()}
    positive |= dict.fromkeys([*references.values(), model.response], True)
    wanted = [*positive, *([model.group] if model.group != "family" else [])]
    have = ", ".join(runs.columns)
    problems = [
        f"the runs have no column {column!r}, which {model.id} reads or is pooled by; "
        f"they have {have}"
        for column in wanted
        if column not in runs
    ]
    for column, above_zero in positive.items():
        if column in runs:
            problems += _bad_values(runs, column, positive=above_zero)
    if len(runs) < 2:
        problems.append(f"{len(runs)} run: a law needs at least two, and better two dozen")
    return problems


def needs_positive(name: str) -> bool:
    """Whether an input is above zero by what it means."""
    column = COLUMNS.get(name)
    return column is not None and column.kind in ("count", "positive")


def _bad_values(runs: RunTable, column: str, *, positive: bool) -> list[str]:
    if runs[column].dtype.kind != "f":
        return [f"column {column!r} holds text, and the law reads a number there"]
    values = runs[column]
    bad = ~np.isfinite(values)
    if positive:
        bad |= ~(values > 0)
    if not bad.any():
        return []
    rows = np.flatnonzero(bad) + 1
    shown = ", ".join(str(row) for row in rows[:8]) + (", ..." if rows.size > 8 else "")
    kind = "positive" if positive else "finite"
    hint = " (the noise acts on its log)" if column in ("loss", "score") else ""
    return [
        f"column {column!r} must be {kind} in every run{hint}; row {shown} "
        f"({rows.size} of {values.size}) is not: complete or leave out those rows"
    ]


def _grouping(model: Model, runs: RunTable) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    labels, index = np.unique(runs.labels(model.group), return_inverse=True)
    return tuple(str(label) for label in labels), index.astype(np.int64)


def _untuned(model: Model, runs: RunTable) -> list[str]:
    """Warn of runs at a worse learning rate where the law does not know of learning rates."""
    if "learning_rate" in model.inputs:
        return []
    worse = int(mistuned(runs).sum())
    if not worse:
        return []
    return [
        f"{worse} of {len(runs)} runs were beaten by another learning rate at their size, and "
        f"{model.id} reads no learning rate: fit the best of each cell (best_of_cells, --best), "
        "or a law that does"
    ]


def _design_warnings(
    model: Model, inputs: Mapping[str, NDArray[np.float64]], counts: NDArray[np.int64]
) -> list[str]:
    warnings = []
    free = len(model.parameters) - len(NOISE_PARAMETERS[model.noise])
    if counts.min() < free:
        warnings.append(
            f"{counts.min()} runs in the smallest group for the {free} parameters of {model.id}: "
            "the priors speak louder than the data"
        )
    spans = {name: np.ptp(np.log(values)) for name, values in inputs.items() if values.min() > 0}
    warnings += [
        f"all runs have the same {name}: its effect is prior only"
        for name in spans
        if spans[name] == 0
    ]
    for one, other in combinations(sorted(name for name in spans if spans[name] > 0), 2):
        r = float(np.corrcoef(np.log(inputs[one]), np.log(inputs[other]))[0, 1])
        if abs(r) > COLLINEAR:
            warnings.append(
                f"log {one} and log {other} move together (correlation {r:.3f}): their effects "
                "cannot be told apart; vary one at a fixed value of the other"
            )
    return warnings


def _mixed_levels(model: Model, runs: RunTable) -> list[str]:
    """Warn where one group holds losses that do not compare."""
    if len(runs.groups(model.group)) > 1:
        return []
    varied = [name for name in ("corpus", "metric") if len(runs.groups(name)) > 1]
    return [
        f"{name} varies ({', '.join(runs.groups(name)[:4])}) within one group of runs: losses on "
        f"different texts do not compare; name the column family, or use pooled_by({name!r})"
        for name in varied
    ]
