"""All faults of a table at once, in the order of its rows, and no cell twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.faults import by_row

BROKEN = """run,N,D,loss,State
a,1e6,1e8,3.1,finished
b,ten,1e8,-2,finished
c,1e6,,3.0,finished
d,0,1e8,2.9,finished
e,1e6,1e8,,crashed
f,1e6,3e8,inf,finished
g,1e6,2e8
a,1e6,1e8,3.1,finished
"""


def _problems(columns: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as caught:
        RunTable.from_columns(columns)
    return list(caught.value.problems)


def test_every_kind_of_fault_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(BROKEN)
    with pytest.raises(InputError) as caught:
        read_runs(path)
    expected = [
        "lines 2 and 9: the same run 'a', tokens 100000000; they are identical",
        "line 3: 'N' (params) has text ('ten') where a number belongs",
        "line 3: loss is -2; it cannot be negative",
        "line 4: 'D' (tokens) is empty and nothing implies it; give it, or no law that reads",
        "line 5: 'N' (params) is 0; it must be above 0",
        "line 6: loss is empty or NaN; give the loss or delete the row",
        "line 6: State is crashed, and the loss of a run that did not finish",
        "line 7: loss is inf; it must be finite",
        "line 8: 3 cells where the header has 5",
    ]
    found = caught.value.problems
    assert len(found) == len(expected)
    for problem, start in zip(found, expected, strict=True):
        assert problem.startswith(start)


def test_a_cell_that_a_mended_one_implies_is_not_called_empty() -> None:
    (problem,) = _problems({"N": ["1 MB", 2e6], "D": [None, 1e8], "C": [6e14, 1.2e15],
                            "loss": [3.0, 2.0]})  # fmt: skip
    assert problem.startswith("row 1: 'N' (params) has text ('1 MB')")


def test_cells_that_cannot_be_read_are_doubles_only_if_written_alike() -> None:
    columns = {
        "run": ["a"] * 3,
        "N": [1e6] * 3,
        "D": ["1 MB", "2 MB", "1 MB"],
        "loss": [3.0, 2.0, 3.0],
    }
    text, double = _problems(columns)
    assert text.startswith("rows 1, 2 and 3: 'D' (tokens) has text ('1 MB', '2 MB')")
    assert double == (
        "rows 1 and 3: the same run 'a', tokens as written; they are identical: delete all but one"
    )


def test_a_text_in_a_column_of_any_number_hides_nothing() -> None:
    first, second = _problems({"N": [1e6, 0], "seed": ["x", 1], "loss": [3.0, 2.0]})
    assert first.startswith("row 1: seed has text ('x')")
    assert second.startswith("row 2: 'N' (params) is 0")


def test_a_gap_in_a_table_without_faults_stays_a_note() -> None:
    table = RunTable.from_columns({"N": [1e6, None], "D": [1e8, 1e8], "loss": [3.0, 2.0]})
    assert "row 2: params is empty and nothing implies it" in table.notes


def test_problems_sort_by_number_and_not_by_letter() -> None:
    rest = "2 more groups of duplicates (9 rows)"
    more = "and 3 more lines that cannot be read"
    mixed = [rest, more, "line 10: x", "lines 3 and 40: y", "line 4: z", "no column 'loss'"]
    assert by_row(mixed) == [
        "no column 'loss'", "lines 3 and 40: y", "line 4: z", "line 10: x", rest, more
    ]  # fmt: skip
