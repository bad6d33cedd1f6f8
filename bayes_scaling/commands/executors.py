"""The options ``--executor`` and ``--keep``: where many fits run, and where results stay."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_scaling.errors import InputError
from bayes_scaling.validation.tasks import Executor

Where = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="KIND",
        help="Where the fits run: pool:4 or loky:4 (processes here), dask://host:8786, or "
        "slurm:PARTITION; by default one after the other.",
    ),
]

Keep = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Keep the result of each fit here, and go on from there when called again.",
    ),
]

FOLDER = Path("submitit")
"""Where jobs of Slurm leave what they print and return; every node must see it."""


def executor_of(text: str | None) -> AbstractContextManager[Executor | None]:
    """Return the executor that a text names, to be closed after its work.

    Parameters
    ----------
    text : str, optional
        ``pool:4``, ``loky:4``, ``dask://host:8786`` or ``slurm:PARTITION``.

    Raises
    ------
    InputError
        The text names no executor, its package is missing or the scheduler does not answer.
    """
    if text is None:
        return nullcontext()
    kind, _, of = text.partition(":")
    if kind not in KINDS or not of.strip("/"):
        raise InputError(
            f"--executor must be pool:4, loky:4, dask://host:8786 or slurm:PARTITION; got {text!r}"
        )
    return KINDS[kind](of)


class Lasting:
    """Processes of this machine, started anew where one that was lost has broken them all."""

    def __init__(self, start: Callable[[], Any]) -> None:
        self._start = start
        self._pool = start()

    def submit[Item, Result](
        self, function: Callable[[Item], Result], item: Item, /
    ) -> Future[Result]:
        """Start one piece of work."""
        try:
            future: Future[Result] = self._pool.submit(function, item)
        except BrokenExecutor:
            self._pool = self._start()
            future = self._pool.submit(function, item)
        return future

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown()


class Jobs:
    """Jobs of a scheduler by submitit; one that was lost is submitted once more."""

    def __init__(self, executor: Any, lost: type[Exception]) -> None:
        self._executor, self._lost = executor, lost

    def map[Item, Result](
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterable[Result]:
        """Do all pieces of work, as one array, in order."""
        pieces = list(items)
        jobs = self._executor.map_array(function, pieces)
        for piece, job in zip(pieces, jobs, strict=True):
            try:
                yield job.result()
            except self._lost:
                yield self._executor.submit(function, piece).result()


def _pool(of: str) -> AbstractContextManager[Executor]:
    count, spawn = _workers("pool", of), multiprocessing.get_context("spawn")
    return closing(
        Lasting(lambda: ProcessPoolExecutor(count, mp_context=spawn, initializer=_end_with_parent))
    )


def _loky(of: str) -> AbstractContextManager[Executor]:
    count, loky = _workers("loky", of), _package("loky", "loky")
    return closing(Lasting(lambda: loky.ProcessPoolExecutor(count)))


@contextmanager
def _dask(of: str) -> Iterator[Executor]:
    distributed = _package("distributed", "dask")
    try:
        client = distributed.Client(f"tcp:{of}")
    except (OSError, ValueError) as error:
        raise InputError(
            f"no scheduler of Dask answers at dask:{of}; start one with 'dask scheduler' ({error})"
        ) from None
    with client, client.get_executor() as executor:
        yield executor


def _slurm(of: str) -> AbstractContextManager[Executor]:
    submitit = _package("submitit", "slurm")
    try:
        executor = submitit.AutoExecutor(folder=FOLDER, cluster="slurm")
    except RuntimeError as error:
        raise InputError(f"--executor slurm:{of} cannot submit from here: {error}") from None
    executor.update_parameters(slurm_partition=of, cpus_per_task=1, mem_gb=4, timeout_min=120)
    return nullcontext(Jobs(executor, submitit.core.utils.UncompletedJobError))


KINDS: Mapping[str, Callable[[str], AbstractContextManager[Executor]]] = {
    "pool": _pool,
    "loky": _loky,
    "dask": _dask,
    "slurm": _slurm,
}


def _workers(kind: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1024):
        raise InputError(f"--executor {kind}: takes 1 to 1024 processes; got {text!r}")
    return int(text)


def _package(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(
            f"this executor needs {name}: pip install 'bayes-scaling[{extra}]'"
        ) from None


def _end_with_parent() -> None:
    """End this worker as soon as the process that started it is gone, however it went."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
