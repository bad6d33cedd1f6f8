"""Cases that members and priors are chosen and judged by: sweeps at home, abroad, and nano-lm.

Inner cases are deep splits inside what is fitted elsewhere; choices are made on them. Outer cases
hold the targets, to be looked at once.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.datasets import load_dataset
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.runs import RunTable, best_of_cells, select_rows
from bayes_scaling.validation.split import (
    WHOLE,
    Split,
    make_splits,
    ratio_bins,
    rolling_splits,
)
from tests.studies.tasks import load_tasks

KEPT = ("params", "tokens", "loss", "learning_rate", "batch_size", "steps", "width", "depth")
"""Columns that a model may read; flops are 6 N D with the N that the tasks name."""


INNER_LIMIT = 1.02e12
"""Compute of nano-lm up to which choices are made; budgets are nominal, hence the slack."""

CUTS = ({"low": 0.5, "high": 0.7}, {"low": 0.6, "high": 0.85}, {"low": 0.75, "high": 0.9})
"""Shares of the range of log compute of a fit set: below the first is fitted, above the second
scored."""

ERRORS = ("hellaswag", "piqa", "arc_easy", "lambada_openai", "coqa", "bigbench_qa_wikidata")
"""Error rates of the small runs of Gadre et al. from which laws of error rates are chosen."""

RATIOS = (3.0, 10.0, 30.0, 100.0)
"""Extrapolation in compute that nano-lm is judged at."""

INNER = ("deep home", "deep abroad", "deep errors", "deep curves", "nano-lm below 1e12")
OUTER = ("home", "abroad", "curves", "abroad curves", "nano-lm")


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One fit, and what it is judged by.

    Attributes
    ----------
    suite, group : str
        The set of tasks it belongs to, and its group of runs.
    tasks : array of str (n_targets,)
        The task that each target counts for; several where ratios are told apart.
    split : Split
        The runs that are fitted, and the targets.
    """

    suite: str
    group: str
    tasks: NDArray[np.str_]
    split: Split

    @property
    def key(self) -> str:
        """What is fitted and asked, in a word."""
        parts = (self.split.fitted.content_hash, self.split.targets.content_hash)
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:20]


def load_cases(suites: Iterable[str]) -> list[Case]:
    """Read the cases of some suites, in their order."""
    return [case for suite in suites for case in SUITES[suite](suite)]


# ---- the public tasks ----------------------------------------------------------------------------


def _bench(name: str) -> ModuleType:
    found = load_tasks(name)
    if found is None:
        sys.exit(f"no {name}.py; set BAYES_SCALING_BENCH to the folder of the benchmark")
    return found


def _tasks(
    file: str, source: str, cuts: Sequence[Mapping[str, float]] = ({},)
) -> Callable[[str], Iterator[Case]]:
    """Return what reads the tasks of a file of the benchmark, cut in some ways or as they are."""

    def read(suite: str) -> Iterator[Case]:
        for cut in cuts:
            for task, group, table, fit, target in getattr(_bench(file), source)(**cut):
                yield _case(suite, task, str(group), table, fit.to_numpy(), target.to_numpy())

    return read


def _case(
    suite: str, task: str, group: str, table: Any, fit: NDArray[Any], target: NDArray[Any]
) -> Case:
    columns: dict[str, NDArray[Any]] = {
        name: table[name].to_numpy(float) for name in KEPT if name in table
    }
    if ("abroad" in suite or "errors" in suite) and "metric" in table:
        columns["metric"] = table["metric"].to_numpy(str)
    columns["family"] = np.full(len(table), group)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        runs = RunTable.from_columns(columns)
    (split,) = make_splits(runs, fit, target, by=None)
    return Case(suite=suite, group=group, tasks=np.full(len(split.targets), task), split=split)


def _deep_curves(suite: str, low: float = 0.6, high: float = 0.85) -> Iterator[Case]:
    """Inside the fitted part of each curve: fit its lower part, score its end."""
    for file, source in (("tasks", "curve_tasks"), ("abroad", "abroad_curve_tasks")):
        for task, group, table, fit, _ in getattr(_bench(file), source)():
            place = np.log(table.tokens.to_numpy(float))
            inside = fit.to_numpy()
            start, span = place[inside].min(), np.ptp(place[inside])
            inner = inside & (place <= start + low * span)
            outer = inside & (place > start + high * span)
            if inner.sum() >= 5 and outer.any():
                yield _case(suite, f"deep_{task}", str(group), table, inner, outer)


def _errors(suite: str) -> Iterator[Case]:
    """Error rates of questions that no other task asks, from losses far below those of tasks."""
    table = _bench("tasks").read("gadre2024_downstream")
    for name in ERRORS:
        own = table[table.metric.str.endswith(f":{name}")]
        for corpus, runs in own.groupby("family"):
            yield _case(
                suite, name, str(corpus), runs, (runs.params < 2e8).to_numpy(),
                (runs.params > 4e8).to_numpy(),
            )  # fmt: skip


# ---- nano-lm -------------------------------------------------------------------------------------


def _nano_lm(limit: float) -> Callable[[str], Iterator[Case]]:
    """Return what reads rolling forecasts of the tuned runs of nano-lm up to some compute."""

    def read(suite: str) -> Iterator[Case]:
        whole = load_dataset("nano-lm")
        usual = ~np.isin(whole.labels("purpose"), ("shape", "fixed-lr"))
        runs = select_rows(best_of_cells(whole.take(usual)), f"flops <= {limit}")
        every = np.ones(len(runs), dtype=bool)
        for split in rolling_splits(runs, every, every, by=None):
            ratio = ratio_bins(split.efolds)
            kept = np.isin(ratio, RATIOS)
            if not kept.any():
                continue
            targets = split.targets.take(kept)
            asked = Split(label=WHOLE, fitted=split.fitted, targets=targets)
            tasks = np.array([f"nano-lm {value:g}x" for value in ratio[kept]])
            yield Case(suite=suite, group=WHOLE, tasks=tasks, split=asked)

    return read


SUITES: Mapping[str, Callable[[str], Iterator[Case]]] = {
    "deep home": _tasks("tasks", "deep_tasks", CUTS),
    "deep abroad": _tasks("abroad", "deep_abroad_tasks", CUTS),
    "deep errors": _errors,
    "deep curves": _deep_curves,
    "nano-lm below 1e12": _nano_lm(INNER_LIMIT),
    "home": _tasks("tasks", "size_tasks"),
    "abroad": _tasks("abroad", "abroad_tasks"),
    "curves": _tasks("tasks", "curve_tasks"),
    "abroad curves": _tasks("abroad", "abroad_curve_tasks"),
    "nano-lm": _nano_lm(1e99),
}
"""What reads the cases of each suite."""
