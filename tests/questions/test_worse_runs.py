"""Fine-tuned runs that did worse than from scratch."""

from __future__ import annotations

from bayes_scaling.questions.worse_runs import worse_runs
from tests.questions.test_transfer import PARAMS, runs


def test_runs_are_compared_with_the_one_from_scratch_of_their_sizes() -> None:
    """Prose did worse at the most data, whatever the params."""
    found = worse_runs(runs(), ["code", "prose"])
    assert found == {"code": (0, 9), "prose": (len(PARAMS), 9)}
    assert worse_runs(runs(), []) == {}
