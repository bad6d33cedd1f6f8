"""Many independent fits, in this process or through an executor."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import fit
from bayes_scaling.laws import Model
from bayes_scaling.posterior.progress import Progress, progress_line
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.keeping import Keeps, KeptFits, folder_to_keep


@runtime_checkable
class Submits(Protocol):
    """What hands out futures: the executors of Python, of loky and of Dask."""

    def submit[Item, Result](
        self, function: Callable[[Item], Result], item: Item, /
    ) -> Future[Result]:
        """Start one piece of work."""


@runtime_checkable
class Maps(Protocol):
    """What has a parallel ``map``: the pools of multiprocessing and of joblib's kin."""

    def map[Item, Result](
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterable[Result]:
        """Do all pieces of work, in order."""


Executor = Submits | Maps


def fit_quietly(
    runs: RunTable,
    model: Model | Sequence[Model] | None,
    settings: Settings,
    *,
    run_effect: bool | None = None,
    progress: bool | None = False,
) -> Fit:
    """Fit as `bayes_scaling.fit` does, without warnings: the checks of each of many fits say them.

    Several models are averaged, the default ones where there is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        return fit(runs, model, **asdict(settings), run_effect=run_effect, progress=progress)


@dataclass(frozen=True, kw_only=True, eq=False)
class FitTask:
    """One fit, as a worker takes it.

    Attributes
    ----------
    runs : RunTable
        What is fitted.
    model : Model, sequence of Model or None
        One law, several that are averaged, or None for the default average.
    settings : Settings
        How to sample, with the seed of this fit.
    run_effect : bool, optional
        As in `bayes_scaling.fit`.
    """

    runs: RunTable
    model: Model | Sequence[Model] | None
    settings: Settings
    run_effect: bool | None = None


def fit_task(task: FitTask) -> Fit:
    """Make the fit of a task, without warnings."""
    return fit_quietly(task.runs, task.model, task.settings, run_effect=task.run_effect)


def keeping_fits(folder: str | Path, random_seed: int | None) -> KeptFits[FitTask]:
    """Return where the fits of tasks are kept."""
    return KeptFits(folder=folder_to_keep(folder, random_seed), asked=_asked)


def _asked(task: FitTask) -> dict[str, Any]:
    """Return all that a fit depends on."""
    laws = [task.model] if isinstance(task.model, Model) else task.model or ()
    return {
        "fit": [law.content_hash for law in laws],
        "runs": task.runs.content_hash,
        "settings": asdict(task.settings),
        "run_effect": task.run_effect,
    }


def run_tasks[Item, Result](
    function: Callable[[Item], Result],
    items: Sequence[Item],
    executor: Executor | None = None,
    *,
    name: str = "",
    progress: bool | None = False,
    keep: Keeps[Item, Result] | None = None,
) -> list[Result]:
    """Apply a function to every item, in order.

    A process compiles every model structure once, so give an executor as many workers as there are
    cores and let it live for all of the work.

    Parameters
    ----------
    function : callable
        A function of a module, so that it can be sent to another process.
    items : sequence
        What it is applied to.
    executor : object with submit or map, optional
        None does the work here, one item after the other. One with ``submit`` (the executors of
        `concurrent.futures`, loky, Dask's ``Client.get_executor()``) may lose a worker: the items
        that were lost with it are tried once more, here if the executor takes nothing any more.
    name : str
        Of the work, for the line of progress.
    progress : bool, optional
        Whether a line says how much is done; by default in a notebook and in a terminal.
    keep : Keeps, optional
        Where each result is written as soon as its fit is done, and read in place of a fit.

    Returns
    -------
    list
        Results in the order of `items`.

    Raises
    ------
    InputError
        The executor has neither ``submit`` nor ``map``, or there is no room to keep a result.
    """
    known = {} if keep is None else {place: keep.find(item) for place, item in enumerate(items)}
    found = {place: result for place, result in known.items() if result is not None}
    missing = [place for place in range(len(items)) if place not in found]
    wanted = [items[place] for place in missing]
    for index, result in _results(function, wanted, executor, name, progress):
        found[missing[index]] = result
        if keep is not None:
            keep.keep(wanted[index], result)
    return [found[place] for place in range(len(items))]


def _results[Item, Result](
    function: Callable[[Item], Result],
    items: Sequence[Item],
    executor: Executor | None,
    name: str,
    progress: bool | None,
) -> Iterator[tuple[int, Result]]:
    """Yield the place of each item and its result, as they come."""
    line = progress_line(progress, len(items))
    if executor is None:
        for index, item in enumerate(items):
            if line:
                line.at(name, "fitting")
            yield index, function(item)
            if line:
                line.finish()
    elif isinstance(executor, Submits):
        yield from _submit_all(function, items, executor, name, line)
    elif isinstance(executor, Maps):
        yield from enumerate(executor.map(function, items))
    else:
        raise InputError(
            "executor must have submit or map, as those of concurrent.futures have; "
            f"got {executor!r}"
        )


def _submit_all[Item, Result](
    function: Callable[[Item], Result],
    items: Sequence[Item],
    executor: Submits,
    name: str,
    line: Progress | None,
) -> Iterator[tuple[int, Result]]:
    futures: dict[Future[Result], int] = {}
    lost: list[int] = []
    for index, item in enumerate(items):
        try:
            futures[executor.submit(function, item)] = index
        except BrokenExecutor:
            lost.append(index)
    try:
        for future in as_completed(futures):
            try:
                result = future.result()
            except BrokenExecutor:
                lost.append(futures[future])
            else:
                yield futures[future], result
            if line:
                line.at(name, "fitting")
                line.finish()
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    again: dict[int, Future[Result]] = {}
    for index in lost:
        try:
            again[index] = executor.submit(function, items[index])
        except BrokenExecutor:
            yield index, function(items[index])
    for index, future in again.items():
        yield index, future.result()
