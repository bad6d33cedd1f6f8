"""Runs that diverged are set aside in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.runs import RunTable, read_runs
from tests.command_line import call

COLUMNS: dict[str, Any] = {
    "run": ["a", "b", "c", "d"],
    "params": [1e6, 2e6, 4e6, 8e6],
    "tokens": [1e8, 1e8, 1e8, 1e8],
    "loss": [3.0, None, float("inf"), 2.5],
}


@pytest.mark.parametrize(
    "marks", [[0, 1, 1, 0], [None, True, "true", False], ["", "1", "TRUE", ""]]
)
def test_marked_rows_are_set_aside_with_a_warning(marks: list[Any]) -> None:
    with pytest.warns(BayesScalingWarning, match="rows 2 and 3: diverged, 2 of 4 runs"):
        runs = RunTable.from_columns({**COLUMNS, "crashed": marks})
    assert runs["run"].tolist() == ["a", "d"]
    assert any("diverged" in note for note in runs.notes)
    np.testing.assert_array_equal(runs["loss"], [3.0, 2.5])


def test_without_marks_a_loss_that_is_not_finite_is_an_error_that_names_them() -> None:
    with pytest.raises(InputError, match="mark a run that diverged by 1"):
        RunTable.from_columns({**COLUMNS, "diverged": [0, 0, 0, 0]})


def test_marks_that_cannot_be_read_are_named() -> None:
    with pytest.raises(InputError, match="row 2: diverged is neither 1"):
        RunTable.from_columns({**COLUMNS, "diverged": [0, 0.5, 1, "perhaps"]})


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(InputError, match="every run is marked as diverged"):
        RunTable.from_columns({**COLUMNS, "diverged": [1] * 4})


def test_lines_of_a_file_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(
        "run,params,tokens,loss,diverged\na,1e6,1e8,3,0\nb,2e6,1e8,nan,1\nc,4e6,1e8,-1,0\n"
    )
    with pytest.raises(InputError, match="line 4"):
        read_runs(path)


def test_check_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss,diverged\n1e6,1e8,3,0\n2e6,1e8,,1\n4e6,1e8,2.5,0\n")
    found = call("check", path)
    assert "diverged, 1 of 3 runs" in found.out + found.err
