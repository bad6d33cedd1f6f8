"""`Design`: what a model reads of a run table, and what can be said of it before sampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.design_checks import clock, design_problems, design_warnings
from bayes_scaling.laws.features import SCALE_LOW, SCALE_REF, log_scale, row_weights
from bayes_scaling.laws.groups import Groups, make_groups
from bayes_scaling.laws.inputs import source_column
from bayes_scaling.laws.model import Model
from bayes_scaling.runs import RunTable

ALONE = 1e6
"""Gap, in e-folds, that stands for a row without one before it in its run."""

CENTRED_FROM = 300
"""Runs per group (median) from which groups are sampled in the centred form; with 100 the centred
form still diverged on simulated families (1.4 % of draws), the other hardly did (0.2 %)."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """The data of one fit.

    Attributes
    ----------
    inputs : mapping of str to array (n_runs,)
        What the law reads, in the units of the run table.
    response : array (n_runs,)
        The observed loss (or score).
    further : mapping of str to array (n_runs,)
        Further observed quantities; nan where one was not observed.
    grouping : Groups
        Groups of the runs, and the levels they are pooled by.
    run : array of int (n_runs,)
        Number of the run of each row, where rows of one run share an effect; all 0 elsewhere.
    references : mapping of str to float
        Reference sizes: the geometric means of the inputs.
    before : array of int (n_runs,)
        The row before each one in its run, where rows are correlated; itself where there is none.
    gap : array (n_runs,)
        E-folds of steps between the two; `ALONE` where there is none.
    weights : array (n_runs,)
        Weights of tempering; 1 where the model has none.
    centred : bool
        Whether partially pooled parameters are sampled in the centred form.
    warnings : tuple of str
        What a reader should know before trusting the fit.
    """

    inputs: Mapping[str, NDArray[np.float64]]
    response: NDArray[np.float64]
    further: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    grouping: Groups
    run: NDArray[np.int64]
    before: NDArray[np.int64]
    gap: NDArray[np.float64]
    references: Mapping[str, float]
    weights: NDArray[np.float64]
    centred: bool
    warnings: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Labels of the groups."""
        return self.grouping.labels

    @property
    def group(self) -> NDArray[np.int64]:
        """Group of each run (n_runs,)."""
        return self.grouping.of_run

    def rows(self, index: NDArray[np.int64]) -> Design:
        """Return the design of some runs, by their index; references and groups stay."""
        return replace(
            self,
            inputs={name: values[index] for name, values in self.inputs.items()},
            response=self.response[index],
            further={name: values[index] for name, values in self.further.items()},
            grouping=replace(self.grouping, of_run=self.group[index]),
            run=self.run[index],
            before=np.arange(len(index)),
            gap=np.full(len(index), ALONE),
            weights=self.weights[index],
        )


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
    problems = design_problems(model, runs, sources, references)
    if problems:
        raise InputError(problems, source=f"model {model.id!r}")
    inputs = {name: np.asarray(runs[column], float) for name, column in sources.items()}
    grouping = make_groups(model, runs)
    counts = np.bincount(grouping.of_run, minlength=len(grouping))
    run = _runs(model, runs)
    before, gap = _before(model, runs, run)
    return Design(
        inputs=inputs,
        response=np.asarray(runs[model.response], float),
        further={
            item.response: np.asarray(runs[item.response], float) for item in model.likelihoods
        },
        grouping=grouping,
        run=run,
        before=before,
        gap=gap,
        references={
            **{
                name: _REFERENCES[name.rpartition("_")[2]](runs[column])
                for name, column in references.items()
            },
            **_scales(model, inputs),
        },
        weights=_weights(model, inputs, grouping.of_run),
        centred=bool(np.median(counts) >= CENTRED_FROM),
        warnings=(
            *warnings,
            *design_warnings(model, runs, inputs, counts),
        ),
    )


_REFERENCES: Mapping[str, Callable[[NDArray[np.float64]], float]] = {
    "ref": lambda values: float(np.exp(np.mean(np.log(values)))),
    "low": lambda values: float(np.min(values)),
    "high": lambda values: float(np.max(values)),
}
"""What a reference size is of the runs, by the end of its name."""


def _scales(model: Model, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    if not model.transient.on:
        return {}
    scale = log_scale(inputs, model.scale_inputs)
    found = {SCALE_LOW: np.min(scale), SCALE_REF: np.mean(scale)}
    return {name: float(np.exp(value)) for name, value in found.items()}


def _weights(
    model: Model, inputs: Mapping[str, NDArray[np.float64]], group: NDArray[np.int64]
) -> NDArray[np.float64]:
    if model.temper is None or not model.scale_inputs:
        return np.ones(group.size)
    return row_weights(log_scale(inputs, model.scale_inputs), group, model.temper)


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


def _runs(model: Model, runs: RunTable) -> NDArray[np.int64]:
    """Return the number of the run of each row, where that matters."""
    if not (model.run_effect.on or model.correlated.on):
        return np.zeros(len(runs), dtype=np.int64)
    names = np.char.add(np.char.add(runs.labels(model.group), "\n"), runs.labels("run"))
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _before(
    model: Model, runs: RunTable, run: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the row before each one in its run, and the e-folds of steps between them."""
    rows = np.arange(len(runs))
    if not model.correlated.on:
        return rows, np.full(len(runs), ALONE)
    time = np.log(runs[clock(runs)])
    order = np.lexsort((time, run))
    follows = np.flatnonzero(run[order][1:] == run[order][:-1])
    before, gap = rows.copy(), np.full(len(runs), ALONE)
    before[order[follows + 1]] = order[follows]
    gap[order[follows + 1]] = time[order[follows + 1]] - time[order[follows]]
    return before, gap
