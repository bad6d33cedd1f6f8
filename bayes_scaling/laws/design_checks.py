"""What keeps a law from being fitted to a table of runs, and what to know before trusting it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import evaluate, names
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws.inputs import needs_positive
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import PARAMETERS as NOISE_PARAMETERS
from bayes_scaling.runs import RunTable, split_columns
from bayes_scaling.runs.metrics import unit_of, unit_problems
from bayes_scaling.runs.sweeps import mistuned

COLLINEAR = 0.98
"""Correlation of two log inputs beyond which their effects are not told apart."""


def design_problems(
    model: Model, runs: RunTable, sources: Mapping[str, str], references: Mapping[str, str]
) -> list[str]:
    """Return all that keeps a law from being fitted to a table."""
    if model.kind == "query" or not _free(model):
        return [_not_fitted(model)]
    positive = {column: needs_positive(name) for name, column in sources.items()}
    positive |= dict.fromkeys([*references.values(), model.response], True)
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
    if link_of(model).bounded and not problems and not (runs[model.response] < 1).all():
        problems.append(
            f"{model.id} explains what lies between 0 and 1 ([noise] scale), and {model.response} "
            "reaches 1 or more"
        )
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


def clock(runs: RunTable) -> str:
    """Return the column that says when in its run a row was taken."""
    return "steps" if "steps" in runs else "tokens"


def _of_rows(model: Model, runs: RunTable) -> list[str]:
    """Return columns that tell the rows of runs apart, where the law asks."""
    if model.correlated.on:
        return ["run", clock(runs)]
    return ["run"] if model.run_effect.on else []


def _same_time(model: Model, runs: RunTable) -> list[str]:
    """Say which runs have several rows at the same step."""
    name = clock(runs)
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


def _not_fitted(model: Model) -> str:
    if model.kind == "query":
        return f"{model.id} asks something of {model.base}: fit that, and then query(...)"
    return f"{model.id} has no parameters, only constants: there is nothing to fit"


def _free(model: Model) -> int:
    """Return how many parameters a law has beside those of noise."""
    return len(model.parameters) - len(NOISE_PARAMETERS[model.noise]) - len(model.likelihoods)


def _coarser(model: Model) -> int:
    """Return how many of them coarser groups have than those of the model."""
    noise = {"sigma", "nu", *(item.sigma_name for item in model.likelihoods)}
    columns = set(split_columns(model.group))
    pooled = [item.pool.by for item in model.parameters if item.name not in noise]
    return sum(bool(by) and set(by) < columns for by in pooled)


def _numbers(runs: RunTable, column: str) -> NDArray[np.float64]:
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


def design_warnings(
    model: Model,
    runs: RunTable,
    inputs: Mapping[str, NDArray[np.float64]],
    counts: NDArray[np.int64],
) -> list[str]:
    """Return what a reader should know of a table before trusting a fit to it."""
    warnings = []
    free = _free(model) - _coarser(model)
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
    return [
        *warnings,
        *_mixed_levels(model, runs),
        *_untuned(model, runs),
        *_unit(model, runs),
        *_above_ceiling(model, runs, inputs),
    ]


def _above_ceiling(
    model: Model, runs: RunTable, inputs: Mapping[str, NDArray[np.float64]]
) -> list[str]:
    """Warn of runs that are worse than an untrained model, where its loss is known."""
    if not model.ceiling.on or model.ceiling.value is None:
        return []
    level = model.closed(model.ceiling.value)
    if not names(level) <= set(inputs):
        return []
    above = int(np.sum(runs[model.response] > evaluate(level, inputs)))
    said = (
        f"{above} of {len(runs)} runs lie above the ceiling of {to_text(level)}: is it their unit?"
    )
    return [said] if above else []


def _unit(model: Model, runs: RunTable) -> list[str]:
    """Warn of a response that rises with quality, and of shares that a law may leave."""
    unit = unit_of(runs)
    if unit is None or model.response != "loss":
        return []
    if unit.rises:
        return [f"loss is {unit.name}, which rises as runs get better: give 1 - {unit.name}"]
    if unit.bounded and not link_of(model).bounded:
        return [
            f"loss is an {unit.name} rate, which lies below 1, and {model.id} does not know: its "
            'noise acts on the log, where [noise] scale = "logit" has it act on the log odds'
        ]
    return []


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
