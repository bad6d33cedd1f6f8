"""Values that contradict those of another column."""

from __future__ import annotations

import pytest

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.runs import RunTable


def test_a_position_beyond_its_context_is_an_error() -> None:
    columns: dict[str, list[float]] = {
        "params": [1e6, 1e7],
        "position": [4, 16],
        "context_length": [8, 8],
        "loss": [3, 2],
    }
    with pytest.raises(InputError, match="position is 16, beyond context_length"):
        RunTable.from_columns(columns)


@pytest.mark.parametrize("score", [1.2, -0.1])
def test_a_score_outside_0_and_1_is_an_error(score: float) -> None:
    with pytest.raises(InputError, match="score is"):
        RunTable.from_columns({"flops": [1e18, 1e19], "score": [0.3, score]})


def test_a_score_below_chance_is_doubted_beyond_the_noise_of_its_questions() -> None:
    columns = {"flops": [1e18, 1e19], "score": [0.23, 0.26], "chance": [0.25, 0.25]}
    assert len(RunTable.from_columns({**columns, "items": [100, 100]})) == 2
    with pytest.warns(BayesScalingWarning, match=r"score 0\.23 is below chance"):
        RunTable.from_columns({**columns, "items": [10000, 10000]})
