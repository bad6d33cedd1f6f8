"""Choosing rows by a condition in text."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, select_rows

RUNS = RunTable(
    columns={
        "run": np.array(["r1", "r2", "r3", "r4", "r5"]),
        "corpus": np.array(["c4", "c4", "books", "books", "code"]),
        "params": np.array([1e7, 1e8, 1e7, 1e8, np.nan]),
        "flops": np.array([1e17, 1e18, 1e19, 1e20, 1e21]),
        "loss": np.array([3.5, 3.0, 2.8, 2.5, 2.2]),
    },
    notes=("tokens were completed",),
)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("flops <= 1e19", "r1 r2 r3"),
        ("flops < 1e19", "r1 r2"),
        ("flops == 1e19 or flops > 1e20", "r3 r5"),
        ('corpus == "c4"', "r1 r2"),
        ('corpus != "c4" and loss > 2.3', "r3 r4"),
        ('not (corpus == "books")', "r1 r2 r5"),
        ("corpus == 'c4' or corpus == 'code'", "r1 r2 r5"),
        ("run == corpus or flops / params < 2e10", "r1 r2"),
        ("log10(flops) >= 20", "r4 r5"),
        ("params > 0", "r1 r2 r3 r4"),
        ("1 < 2", "r1 r2 r3 r4 r5"),
    ],
)
def test_rows_that_meet_a_condition(condition: str, kept: str) -> None:
    found = select_rows(RUNS, condition)
    assert " ".join(found["run"]) == kept
    mask = np.isin(RUNS["run"], kept.split())
    np.testing.assert_array_equal(found["loss"], RUNS["loss"][mask])
    assert found.notes == RUNS.notes


@pytest.mark.parametrize(
    ("condition", "messages"),
    [
        ("flop <= 1e19", ["'flop'", "'flops'"]),
        ("flop <= 1e19 and corpsu == 'c4'", ["'flop'", "'corpsu'", "'corpus'"]),
        ("corpus == 3", ["text can only be compared with text"]),
        ("flops == 'c4'", ["text can only be compared with text"]),
        ("corpus <= 'c4'", ["text can only be compared with text"]),
        ("corpus + 1 > 2", ["text can only be compared with text"]),
        ("flops > 1e30", ["none of 5 runs", "flops > 1e30"]),
        ("flops <=", ["cannot be read"]),
        ("flops", ["compares nothing"]),
        ("__import__('os').getcwd() == 'x'", ["not allowed"]),
    ],
)
def test_what_is_wrong_with_a_condition(condition: str, messages: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        select_rows(RUNS, condition)
    for message in messages:
        assert message in str(caught.value)
