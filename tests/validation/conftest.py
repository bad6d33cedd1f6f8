"""Fixtures of backtests without a sampler."""

from __future__ import annotations

from types import ModuleType

import pytest

from bayes_scaling.validation import tasks
from tests.studies.tasks import load_tasks
from tests.validation.oracle import Oracle


@pytest.fixture(scope="session")
def bench() -> ModuleType:
    """Load the tasks of the public benchmark, or skip where they or their data are not there."""
    found = load_tasks()
    if found is None:
        pytest.skip("no benchmark tasks (BAYES_SCALING_BENCH, or ../shared/bench)")
    return found


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Oracle:
    """Put an oracle in the place of the sampler."""
    found = Oracle()
    monkeypatch.setattr(tasks, "fit", found.sample)
    return found
