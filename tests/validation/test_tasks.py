"""Independent work through an executor: order, kinds of executors, lost workers."""

from __future__ import annotations

import os
import signal
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.validation.tasks import run_tasks


def square(number: int) -> int:
    return number * number


def refuse_odd(number: int) -> int:
    if number % 2:
        raise InputError(f"{number} is odd")
    return number


def die_once(path: Path) -> str:
    """Kill the worker unless a former one left its mark."""
    if not path.exists():
        path.write_text("was here")
        os.kill(os.getpid(), signal.SIGKILL)
    return path.read_text()


def test_without_an_executor_work_is_done_here() -> None:
    assert run_tasks(square, [3, 1, 2]) == [9, 1, 4]
    assert run_tasks(square, []) == []


def test_results_keep_the_order_of_the_items() -> None:
    with ThreadPoolExecutor(3) as executor:
        assert run_tasks(square, range(20), executor) == [n * n for n in range(20)]


def test_anything_with_map_will_do() -> None:
    with ThreadPool(2) as pool:
        assert run_tasks(square, [3, 1, 2], pool) == [9, 1, 4]


def test_an_error_of_the_work_is_raised() -> None:
    with (
        ThreadPoolExecutor(2) as executor,
        pytest.raises(InputError, match="1 is odd"),
    ):
        run_tasks(refuse_odd, [0, 1, 2], executor)


def test_what_is_no_executor_is_refused() -> None:
    with pytest.raises(InputError, match="must have submit or map"):
        run_tasks(square, [1], 4)  # type: ignore[arg-type]


class Fragile:
    """Loses the items named, once each; then takes nothing any more, or goes on."""

    def __init__(self, losing: set[int], *, recovers: bool) -> None:
        self.losing, self.recovers, self.broken = losing, recovers, False
        self.submitted: list[int] = []

    def submit(self, function: Any, item: Any, /) -> Future[Any]:
        if self.broken:
            raise BrokenExecutor("no more")
        self.submitted.append(item)
        future: Future[Any] = Future()
        if item in self.losing:
            self.losing.discard(item)
            self.broken = not self.recovers
            future.set_exception(BrokenExecutor("a worker was lost"))
        else:
            future.set_result(function(item))
        return future


def test_what_a_lost_worker_had_is_tried_again() -> None:
    executor = Fragile({2}, recovers=True)
    assert run_tasks(square, [1, 2, 3], executor) == [1, 4, 9]
    assert executor.submitted == [1, 2, 3, 2]


def test_what_a_broken_executor_refuses_is_done_here() -> None:
    executor = Fragile({2}, recovers=False)
    assert run_tasks(square, [1, 2, 3], executor) == [1, 4, 9]
    assert executor.submitted == [1, 2]


def test_work_that_is_lost_twice_is_an_error() -> None:
    class Cursed(Fragile):
        def submit(self, function: Any, item: Any, /) -> Future[Any]:
            self.losing = {2}
            return super().submit(function, item)

    executor = Cursed({2}, recovers=True)
    with pytest.raises(BrokenExecutor, match="lost"):
        run_tasks(square, [1, 2], executor)
    assert executor.submitted == [1, 2, 2]


@pytest.mark.slow
def test_a_killed_process_does_not_stop_the_work(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        assert run_tasks(die_once, [tmp_path / "a"], executor) == ["was here"]
