"""What executors cost: starting, overhead of a task, and how far two workers are faster than one.

    python -m tests.studies.executors [SIMULATIONS]

Needs the extras ``loky``, ``dask`` and ``slurm`` (whose jobs run here). Empty tasks tell the
overhead; a calibration of kaplan-d tells the rest, and that its numbers are the same to the last
bit. Seconds of the clock mean little on a machine that does other work; seconds of the processor
are told beside them.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import bayes_scaling as bs
from bayes_scaling.commands.executors import Jobs, executor_of
from bayes_scaling.validation.tasks import Executor, run_tasks

EMPTY = {"jobs": 8}
"""Empty tasks by executor; 500 by default."""


def nothing(number: int) -> int:
    """Do nothing."""
    return number


@contextmanager
def dask(workers: int) -> Iterator[Executor | None]:
    """Start a scheduler and workers here."""
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        executor_of(cluster.scheduler_address.replace("tcp", "dask")) as executor,
    ):
        yield executor


@contextmanager
def jobs(workers: int) -> Iterator[Executor | None]:
    """Make every task a job of submitit on this machine, all at once."""
    import submitit

    with tempfile.TemporaryDirectory() as folder:
        executor = submitit.AutoExecutor(folder=folder, cluster="local")
        yield Jobs(executor, submitit.core.utils.UncompletedJobError)


KINDS: dict[str, Callable[[int], AbstractContextManager[Executor | None]]] = {
    "none": lambda _: executor_of(None),
    "pool": lambda workers: executor_of(f"pool:{workers}"),
    "loky": lambda workers: executor_of(f"loky:{workers}"),
    "dask": dask,
    "jobs": jobs,
}


def processor() -> float:
    """Return the seconds of processor of this process and of those that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measured(kind: str, workers: int, simulations: int) -> tuple[str, object]:
    """Return a row of the table, and what the calibration found."""
    begun, used = time.perf_counter(), processor()
    with KINDS[kind](workers) as executor:
        run_tasks(nothing, range(workers), executor)
        ready = time.perf_counter()
        count = EMPTY.get(kind, 500)
        run_tasks(nothing, range(count), executor)
        each = (time.perf_counter() - ready) / count
        started = time.perf_counter()
        found = bs.calibrate(
            "kaplan-d", simulations=simulations, draws=200, tune=200, random_seed=3,
            executor=executor, progress=False,
        )  # fmt: skip
        took = time.perf_counter() - started
    used = processor() - used
    row = f"{kind:6s}{workers:2d} {ready - begun:8.2f} {1e3 * each:10.2f} {took:9.1f} {used:9.1f}"
    return row, (found.rows(), [values.tolist() for values in found.pit.values()])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("executor   start s  ms a task  calib. s  processor s  same numbers")
    first: object = None
    for kind in KINDS:
        for workers in (1,) if kind in ("none", "jobs") else (1, 2):
            row, found = measured(kind, workers, asked)
            first = first or found
            print(row, "", "yes" if found == first else "NO", flush=True)
