"""What to know of runs before a fit to them is trusted: each with its name, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import evaluate, names
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws.definition import Definition
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.noise import PARAMETERS as NOISE_PARAMETERS
from bayes_scaling.runs import RunTable, split_columns
from bayes_scaling.runs.designs import mistuned, tie_of
from bayes_scaling.runs.metrics import unit_of

Array = NDArray[np.float64]
Index = NDArray[np.int64]

ROUNDING = 1e-9
"""Span of log inputs that is rounding, as of tokens that were computed from flops and params."""


@dataclass(frozen=True, kw_only=True)
class Forewarning:
    """What the runs cannot tell a law, or tell it wrongly.

    Attributes
    ----------
    about : str
        Its name: two of one name are the same trouble.
    says : str
        What it is.
    advice : str
        What to do.
    """

    about: str
    says: str
    advice: str = ""

    def __str__(self) -> str:
        """Write both in one line."""
        return f"{self.says}; {self.advice}" if self.advice else self.says


def forewarnings(
    model: Definition,
    runs: RunTable,
    inputs: Mapping[str, Array],
    counts: Index,
) -> list[Forewarning]:
    """Return what a reader should know of a table before trusting a fit to it.

    Parameters
    ----------
    model : Definition
        The law.
    runs : RunTable
        The runs.
    inputs : mapping of str to array (n_runs,)
        What the law reads of them.
    counts : array of int (n_groups,)
        Runs of each group.
    """
    found = []
    free = free_parameters(model) - _coarser(model)
    if counts.min() < free:
        lacking = free - int(counts.min())
        found.append(
            Forewarning(
                about="few runs",
                says=f"{counts.min()} runs in the smallest group for the {free} parameters of "
                f"{model.id}: the priors speak louder than the data",
                advice=f"add {lacking} run{'s' if lacking > 1 else ''} there, or more",
            )
        )
    spans = {name: np.ptp(np.log(values)) for name, values in inputs.items() if values.min() > 0}
    found += [
        Forewarning(
            about=f"{name} alike",
            says=f"all runs have the same {name}: its effect is prior only",
            advice=f"add runs of another {name}",
        )
        for name in spans
        if spans[name] <= ROUNDING
    ]
    for one, other in combinations(sorted(name for name in spans if spans[name] > ROUNDING), 2):
        tie = tie_of(one, inputs[one], other, inputs[other])
        if tie is not None:
            about = f"{one} with {other}"
            found.append(Forewarning(about=about, says=tie.says, advice=tie.advice))
    return [
        *found,
        *_mixed_levels(model, runs),
        *_untuned(model, runs),
        *_unit(model, runs),
        *_above_ceiling(model, runs, inputs),
    ]


def free_parameters(model: Definition) -> int:
    """Return how many parameters a law has beside those of noise."""
    return len(model.parameters) - len(NOISE_PARAMETERS[model.noise]) - len(model.likelihoods)


def _coarser(model: Definition) -> int:
    """Return how many of them coarser groups have than those of the model."""
    noise = {"sigma", "nu", *(item.sigma_name for item in model.likelihoods)}
    columns = set(split_columns(model.group))
    pooled = [item.pool.by for item in model.parameters if item.name not in noise]
    return sum(bool(by) and set(by) < columns for by in pooled)


def _above_ceiling(
    model: Definition, runs: RunTable, inputs: Mapping[str, Array]
) -> list[Forewarning]:
    """Warn of runs that are worse than an untrained model, where its loss is known."""
    if not model.ceiling.on or model.ceiling.value is None:
        return []
    level = model.closed(model.ceiling.value)
    if not names(level) <= set(inputs):
        return []
    above = int(np.sum(runs[model.response] > evaluate(level, inputs)))
    if not above:
        return []
    says = f"{above} of {len(runs)} runs lie above the ceiling of {to_text(level)}"
    return [Forewarning(about="ceiling", says=f"{says}: is it their unit?")]


def _unit(model: Definition, runs: RunTable) -> list[Forewarning]:
    """Warn of a response that rises with quality, and of shares that a law may leave."""
    unit = unit_of(runs)
    if unit is None or model.response != "loss":
        return []
    if unit.rises:
        says = f"loss is {unit.name}, which rises as runs get better: give 1 - {unit.name}"
        return [Forewarning(about="unit", says=says)]
    if unit.bounded and not link_of(model).bounded:
        says = (
            f"loss is an {unit.name} rate, which lies below 1, and {model.id} does not know: its "
            'noise acts on the log, where [noise] scale = "logit" has it act on the log odds'
        )
        return [Forewarning(about="unit", says=says)]
    return []


def _mixed_levels(model: Definition, runs: RunTable) -> list[Forewarning]:
    """Warn where one group holds losses that do not compare."""
    groups = runs.labels(model.group).tolist()
    found = []
    for name in ("corpus", "metric"):
        held: dict[str, set[str]] = {}
        for group, label in zip(groups, runs.labels(name).tolist(), strict=True):
            held.setdefault(group, set()).add(label)
        mixed = min((group for group, labels in held.items() if len(labels) > 1), default=None)
        if mixed is not None:
            where = "one group of runs" if len(held) == 1 else repr(mixed)
            found.append(
                Forewarning(
                    about=f"mixed {name}",
                    says=f"{name} varies ({', '.join(sorted(held[mixed])[:4])}) within {where}: "
                    "losses on different texts do not compare",
                    advice=f"take one (--where), or pool by it (--pool-by {name}; in Python "
                    f".pooled_by({name!r}))",
                )
            )
    return found


def _untuned(model: Definition, runs: RunTable) -> list[Forewarning]:
    """Warn of runs at a worse learning rate where the law does not know of learning rates."""
    if "learning_rate" in model.inputs:
        return []
    worse = int(mistuned(runs).sum())
    if not worse:
        return []
    return [
        Forewarning(
            about="learning rates",
            says=f"{worse} of {len(runs)} runs were beaten by another learning rate at their size, "
            f"and {model.id} reads no learning rate",
            advice="fit the best of each cell (--best, or best_of_cells), or all of them by a law "
            "that reads rates (-m coupled+lr-valley)",
        )
    ]
