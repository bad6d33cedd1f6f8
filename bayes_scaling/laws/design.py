"""`Design`: what a model reads of a run table; what prevents a fit, and what to know before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.definition import Definition
from bayes_scaling.laws.features import SCALE_HIGH, log_scale, row_weights, scale_beyond
from bayes_scaling.laws.forewarnings import Forewarning, forewarnings, free_parameters
from bayes_scaling.laws.groups import Groups, make_groups
from bayes_scaling.laws.items import measured, told_items
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.transient import SCALE_LOW, SCALE_REF
from bayes_scaling.runs import RunTable, split_columns
from bayes_scaling.runs.columns import COLUMNS
from bayes_scaling.runs.metrics import unit_of, unit_problems

Array = NDArray[np.float64]
Index = NDArray[np.int64]

PAIR = "pair"
"""Column whose rows of one value share a deviation in place of those of a run, in any group: such
as runs of two variants with one seed, or losses on one evaluation set."""

ALONE = 1e6
"""Gap, in e-folds, of a row without one before it in its run."""

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
    item_sd : array (n_runs,)
        Standard deviation from the questions that a score was measured on, on the scale of noise;
        0 where the model does not count them.
    counts : array (n_runs, 3)
        Answers of rows with few right or few wrong ones (`items.Measured`); nan elsewhere.
    centred : bool
        Whether partially pooled parameters are sampled in the centred form.
    forewarnings : tuple of Forewarning
        What a reader should know before trusting the fit.
    """

    inputs: Mapping[str, Array]
    response: Array
    further: Mapping[str, Array] = field(default_factory=dict)
    grouping: Groups
    run: Index
    before: Index
    gap: Array
    references: Mapping[str, float]
    weights: Array
    item_sd: Array
    counts: Array
    centred: bool
    forewarnings: tuple[Forewarning, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know before trusting the fit, and what to do, as sentences."""
        return tuple(map(str, self.forewarnings))

    @property
    def groups(self) -> tuple[str, ...]:
        """Labels of the groups."""
        return self.grouping.labels

    @property
    def group(self) -> Index:
        """Group of each run (n_runs,)."""
        return self.grouping.of_run

    def rows(self, index: Index) -> Design:
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
            item_sd=self.item_sd[index],
            counts=self.counts[index],
        )


def make_design(model: Definition, runs: RunTable) -> Design:
    """Take from a run table what a model reads.

    Parameters
    ----------
    model : Definition
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
    sources, told = _sources(model, runs)
    references = {
        name: source_column(model, runs, name.rpartition("_")[0]) for name in model.reference_names
    }
    problems = _problems(model, runs, sources, references)
    if problems:
        raise InputError(problems, source=f"model {model.id!r}")
    inputs = {name: np.asarray(runs[column], float) for name, column in sources.items()}
    grouping = make_groups(model, runs)
    counts = np.bincount(grouping.of_run, minlength=len(grouping))
    run = _runs(model, runs)
    before, gap = _before(model, runs, run)
    own = measured(model, runs)
    return Design(
        inputs=inputs,
        response=own.response,
        item_sd=own.item_sd,
        counts=own.counts,
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
        forewarnings=(*told, *forewarnings(model, runs, inputs, counts)),
    )


_REFERENCES: Mapping[str, Callable[[Array], float]] = {
    "ref": lambda values: float(np.exp(np.mean(np.log(values)))),
    "low": lambda values: float(np.min(values)),
    "high": lambda values: float(np.max(values)),
}
"""What a reference size is of the runs, by the end of its name."""


def _scales(model: Definition, inputs: Mapping[str, Array]) -> dict[str, float]:
    if not (model.transient.on or model.form_error):
        return {}
    scale = scale_beyond(inputs, model.scale_inputs)
    found = {SCALE_LOW: np.min(scale), SCALE_REF: np.mean(scale), SCALE_HIGH: np.max(scale)}
    return {name: float(np.exp(value)) for name, value in found.items()}


def _weights(model: Definition, inputs: Mapping[str, Array], group: Index) -> Array:
    if model.temper is None or not model.scale_inputs:
        return np.ones(group.size)
    return row_weights(log_scale(inputs, model.scale_inputs), group, model.temper)


def _sources(model: Definition, runs: RunTable) -> tuple[dict[str, str], list[Forewarning]]:
    """Return the column of every input, and a warning where it is not the one that is meant."""
    sources = {name: source_column(model, runs, name) for name in model.inputs}
    found = []
    for name, wanted in model.columns:
        about = f"{name} as {wanted}"
        if name in sources and sources[name] != wanted:
            says = f"{model.id} means {wanted}, and the runs have no such column: {name} is used"
            advice = "give forecasts the same count"
            found.append(Forewarning(about=about, says=says, advice=advice))
        elif name in sources and name in runs and not np.array_equal(runs[name], runs[wanted]):
            says = f"{model.id} counts {name} as {wanted}"
            advice = "give forecasts and budgets that count"
            found.append(Forewarning(about=about, says=says, advice=advice))
    return sources, found


def _runs(model: Definition, runs: RunTable) -> Index:
    """Return the number of the run of each row, where that matters."""
    if not (model.run_effect.on or model.correlated.on):
        return np.zeros(len(runs), dtype=np.int64)
    names = np.char.add(np.char.add(runs.labels(model.group), "\n"), runs.labels("run"))
    if PAIR in runs and model.run_effect.on:
        pairs = runs.labels(PAIR)
        names = np.where(np.isin(pairs, ("", "nan")), names, np.char.add("\n\n", pairs))
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _before(model: Definition, runs: RunTable, run: Index) -> tuple[Index, Array]:
    """Return the row before each one in its run, and the e-folds of steps between them."""
    rows = np.arange(len(runs))
    if not model.correlated.on:
        return rows, np.full(len(runs), ALONE)
    time = np.log(runs[_clock(runs)])
    order = np.lexsort((time, run))
    follows = np.flatnonzero(run[order][1:] == run[order][:-1])
    before, gap = rows.copy(), np.full(len(runs), ALONE)
    before[order[follows + 1]] = order[follows]
    gap[order[follows + 1]] = time[order[follows + 1]] - time[order[follows]]
    return before, gap


def source_column(model: Definition, runs: RunTable, name: str) -> str:
    """Return the column of a run table that an input of the law is read from."""
    wanted = dict(model.columns).get(name, name)
    return wanted if wanted in runs else name


def is_positive_data(name: str) -> bool:
    """Whether an input or a reference size is above zero by what it means."""
    return needs_positive(name.removesuffix("_ref")) or name in (SCALE_LOW, SCALE_REF)


def needs_positive(name: str) -> bool:
    """Whether an input is above zero by what it means."""
    column = COLUMNS.get(name)
    return column is not None and column.kind in ("count", "positive")


# ---- what prevents a fit -------------------------------------------------------------------------


def _problems(
    model: Definition, runs: RunTable, sources: Mapping[str, str], references: Mapping[str, str]
) -> list[str]:
    """Return all that keeps a law from being fitted to a table."""
    if model.kind == "query" or not free_parameters(model):
        return [_not_fitted(model)]
    positive = {column: needs_positive(name) for name, column in sources.items()}
    positive |= dict.fromkeys(references.values(), True)
    positive[model.response] = not link_of(model).bounded
    pooled = [name for name in split_columns(model.group) if name != "family"]
    further = [item.response for item in model.likelihoods]
    wanted = [*positive, *further, *pooled, *_of_rows(model, runs)]
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
    problems += unit_problems(runs)
    unit = unit_of(runs)
    if model.response == "error" and "loss" in positive and unit is not None and unit.bounded:
        problems.append(
            f"{model.id} explains the error rate by the loss, and the table has no other loss: "
            "give the loss of the language model in a column 'loss', or fit the error rate in "
            "sizes by naming no law"
        )
    if link_of(model).bounded and not problems:
        problems += _beyond_bounds(model, runs)
    for column in set(further) & set(runs.columns):
        seen = np.flatnonzero(np.isfinite(_numbers(runs, column)))
        problems += (
            _bad_values(runs.take(seen), column, positive=True)
            if seen.size
            else [f"column {column!r} holds no number, and {model.id} explains it"]
        )
    if model.correlated.on and not problems:
        problems += _same_time(model, runs)
    if len(runs) < 2:
        problems.append(f"{len(runs)} run: a law needs at least two, and better two dozen")
    return problems


def _beyond_bounds(model: Definition, runs: RunTable) -> list[str]:
    """Say where a response leaves 0 to 1; its ends are there where questions are counted."""
    response = runs[model.response]
    counted = np.isfinite(told_items(runs)) & model.counts_items
    ends = ~counted & ((response == 0) | (response == 1))
    outside = ends | (response < 0) | (response > 1)
    if not outside.any():
        return []
    row = int(np.flatnonzero(outside)[0])
    if ends[row] and counted.any():
        return [
            f"{model.response} is {response[row]:g} in row {row + 1}, where items is blank: say "
            "there how many questions that is of"
        ]
    ends_too = (
        "" if counted[row] else ", without the ends: say in a column items how many questions"
    )
    return [
        f"{model.id} explains what lies between 0 and 1{ends_too}; {model.response} reaches "
        f"{response[row]:g} in row {row + 1}"
    ]


def _clock(runs: RunTable) -> str:
    """Return the column that says when in its run a row was taken."""
    return "steps" if "steps" in runs else "tokens"


def _of_rows(model: Definition, runs: RunTable) -> list[str]:
    """Return columns that tell the rows of runs apart, where the law asks."""
    if model.correlated.on:
        return ["run", _clock(runs)]
    return ["run"] if model.run_effect.on else []


def _same_time(model: Definition, runs: RunTable) -> list[str]:
    """Say which runs have several rows at the same step."""
    name = _clock(runs)
    bad = _bad_values(runs, name, positive=True)
    if bad:
        return bad
    seen: dict[tuple[str, str, float], int] = {}
    for key in zip(runs.labels(model.group), runs.labels("run"), runs[name], strict=True):
        seen[key] = seen.get(key, 0) + 1
    twice = [f"run {str(run)!r} at {name} {time:g}" for (_, run, time), n in seen.items() if n > 1]
    if not twice:
        return []
    shown = ", ".join(twice[:4]) + (", ..." if len(twice) > 4 else "")
    return [f"[correlated] takes one row of a run at a time; there are several of {shown}"]


def _not_fitted(model: Definition) -> str:
    if model.kind == "query":
        return f"{model.id} asks something of {model.base}: fit that, and then query(...)"
    return f"{model.id} has no parameters, only constants: there is nothing to fit"


def _numbers(runs: RunTable, column: str) -> Array:
    """Return a column (n_runs,); nan where it holds text."""
    values = runs[column]
    return values if values.dtype.kind == "f" else np.full(len(runs), np.nan)


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
