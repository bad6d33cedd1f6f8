"""What is wrong with a table is said, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.faults import by_row

GOOD: dict[str, list[Any]] = {
    "run": ["a", "b", "c"],
    "N": [1e6, 2e6, 4e6],
    "D": [1e8, 2e8, 4e8],
    "loss": [4.0, 3.5, 3.1],
}


def _problems(changes: dict[str, Any]) -> tuple[str, ...]:
    columns = {name: values for name, values in (GOOD | changes).items() if values is not None}
    with pytest.raises(InputError) as caught:
        RunTable.from_columns(columns)
    return caught.value.problems


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"loss": [4.0, None, 3.1]}, "row 2: loss is empty or NaN; give the loss or delete"),
        ({"loss": [4.0, "nan", 3.1]}, "row 2: loss is empty or NaN; give the loss or delete"),
        ({"loss": [4.0, "diverged", 3.1]}, "row 2: loss has text ('diverged') where a number belongs; write a plain number, or delete the row"),  # noqa: E501
        ({"loss": [4.0, "inf", 3.1]}, "row 2: loss is inf; it must be finite; mark a run that"),
        ({"loss": [4.0, "3,896", 3.1]}, "row 2: loss has text ('3,896') where a number belongs; the comma could part thousands or decimals; say which with --commas thousands or --commas decimal (in Python commas=)"),  # noqa: E501
        ({"loss": [4.0, -2.0, 3.1]}, "row 2: loss is -2; it cannot be negative; give the cross-entropy"),  # noqa: E501
        ({"loss": [4.0, 0, 3.1]}, "row 2: loss is 0; it must be above 0; every law takes its log"),
        ({"N": [1e6, "70 GPU-hours", 4e6]}, "row 2: 'N' (params) has text ('70 GPU-hours') where a number belongs; hours of a device are no FLOP"),  # noqa: E501
        ({"N": [1e6, "1,00,000", 4e6]}, "row 2: 'N' (params) has text ('1,00,000') where a number belongs; write a plain number"),  # noqa: E501
        ({"N": [1e6, -2e6, 4e6]}, "row 2: 'N' (params) is -2e+06; it cannot be negative"),
        ({"N": [1e6, 0, 4e6]}, "row 2: 'N' (params) is 0; it must be above 0"),
        ({"D": [0, 2e8, 4e8]}, "row 1: 'D' (tokens) is 0; it must be above 0; delete rows from before the first step"),  # noqa: E501
        ({"C": [1.0, -5.0, 2.0]}, "row 2: 'C' (flops) is -5; it cannot be negative; 6 N D overflows int64"),  # noqa: E501
        ({"lr": [1e-3, 0, 1e-3]}, "row 2: 'lr' (learning_rate) is 0; it must be above 0"),
        ({"lr": [1e-3, 0, 1e-3], "run": ["a"] * 3, "D": [1e8] * 3, "metric": ["x", "y", "z"]}, "row 2: 'lr' (learning_rate) is 0"),  # noqa: E501
        ({"lr": [1e-3, "auto", 1e-3]}, "if the column means something else, --columns 'lr=my_learning_rate' (in Python columns={'lr': 'my_learning_rate'})"),  # noqa: E501
        ({"score": [0.5, 45.3, 0.2]}, "row 2: score is 45.3; it must lie between 0 and 1; divide"),
        ({"finetune_tokens": [0, -1, 5]}, "row 2: finetune_tokens is -1; it cannot be negative"),
        ({"experts": [8, 0, 8]}, "row 2: experts is 0; it must be above 0; a dense model has 1"),
        ({"loss": None}, "no column 'loss' (or 'score'); the table has 'run', 'N' and 'D'; say which it is: --columns 'THEIR_NAME=loss'"),  # noqa: E501
        ({"loss": None, "Verlust": [4, 3, 2]}, "say which it is: --columns 'Verlust=loss' (in Python columns={'Verlust': 'loss'})"),  # noqa: E501
        ({"loss": None, "train loss": [4, 3, 2], "train_nll": [1, 2, 4]}, "columns 'train loss' and 'train_nll' both mean 'loss'; say which: --columns 'train loss=loss'"),  # noqa: E501
        ({"loss": None, "ppl": [4, 3, 2]}, "'ppl' is no loss but exp(loss): --columns 'loss=log(ppl)'"),  # noqa: E501
        ({"loss": None, "eval/Perplexity": [4, 3, 2]}, "'eval/Perplexity' is no loss but exp(loss)"),  # noqa: E501
        ({"N": None, "D": None}, "say which is: --columns 'THEIR_NAME=params' (in Python columns={'THEIR_NAME': 'params'})"),  # noqa: E501
        ({"N": None, "D": [None, 1e8, 1e8]}, "row 1: tokens is empty; give at least one size"),
        ({"N": [None, 1e6, 1e6], "D": [None, 1e8, 1e8]}, "row 1: params and tokens and flops are empty"),  # noqa: E501
    ],
)  # fmt: skip
def test_one_problem(changes: dict[str, Any], problem: str) -> None:
    (found,) = _problems(changes)
    assert problem in found


def test_all_problems_at_once() -> None:
    found = _problems(
        {
            "N": ["many", -1, 0],
            "D": ["inf", 1e8, 1e8],
            "loss": [None, "x", 3.0],
            "n_tokens": [1, 2, 3],
            "run": ["a", "a", "a"],
        }
    )
    for part in ("'D' and 'n_tokens' both mean 'tokens'", "'many'", "is -1", "is 0", "is inf",
                 "loss has text ('x')", "row 1: loss is empty", "the same run 'a'"):  # fmt: skip
        assert any(part in problem for problem in found), part
    assert len(found) == 8


def test_alike_problems_fold_into_one_line() -> None:
    count = 41
    columns: dict[str, list[Any]] = {
        "N": ["many"] * count + [1e6],
        "D": [1e8] * (count + 1),
        "loss": [3.0] * (count + 1),
        "run": [str(i) for i in range(count + 1)],
    }
    with pytest.raises(InputError) as caught:
        RunTable.from_columns(columns)
    (problem,) = caught.value.problems
    assert problem.startswith("rows 1, 2, 3, ... (41 rows): 'N' (params) has text ('many')")


def test_text_that_needs_different_advice_is_told_apart() -> None:
    found = _problems({"N": ["7 hours", "1,000", "big"]})
    assert [problem.split(":")[0] for problem in found] == ["row 1", "row 2", "row 3"]


class TestDuplicates:
    def test_identical_rows(self) -> None:
        (problem,) = _problems({"run": ["a", "a", "b"], "N": [1e6] * 3, "D": [1e8] * 3,
                                "loss": [4.0, 4.0, 3.0]})  # fmt: skip
        assert problem == (
            "rows 1 and 2: the same run 'a', tokens 100000000; "
            "they are identical: delete all but one"
        )

    def test_the_loss_differs(self) -> None:
        (problem,) = _problems({"run": ["a", "a", "b"], "N": [1e6] * 3, "D": [1e8] * 3})
        assert "they differ in loss alone: keep one, or say what each was measured on" in problem

    def test_seeds_that_share_an_id(self) -> None:
        (problem,) = _problems({"run": ["a", "a", "b"], "N": [1e6] * 3, "D": [1e8] * 3,
                                "seed": [1, 2, 1]})  # fmt: skip
        assert "they differ in loss, seed: give each run its own id" in problem

    def test_tokens_that_follow_from_flops_are_part_of_the_key(self) -> None:
        table = RunTable.from_columns({"run": ["a", "a"], "N": [1e6, 1e6], "C": [1e15, 2e15],
                                       "loss": [4.0, 3.0]})  # fmt: skip
        assert len(table) == 2

    @pytest.mark.parametrize(
        "extra",
        [
            {"metric": ["c4", "pile"]},
            {"steps": [100, 200]},
            {"D": [1e8, 2e8]},
        ],
    )
    def test_a_differing_key_column_is_no_duplicate(self, extra: dict[str, list[Any]]) -> None:
        columns: dict[str, list[Any]] = {"run": ["a", "a"], "N": [1e6, 1e6], "loss": [4.0, 3.0]}
        assert len(RunTable.from_columns(columns | extra)) == 2

    def test_many_groups_are_counted(self) -> None:
        runs = [str(i // 2) for i in range(20)]
        with pytest.raises(InputError) as caught:
            RunTable.from_columns({"run": runs, "N": [1e6] * 20, "loss": [3.0] * 20})
        assert len(caught.value.problems) == 6
        assert caught.value.problems[-1] == "5 more groups of duplicates (10 rows)"

    def test_without_runs_every_row_is_its_own(self) -> None:
        table = RunTable.from_columns({"N": [1e6, 1e6], "D": [1e8, 1e8], "loss": [4.0, 3.9]})
        assert table["run"].tolist() == ["r0001", "r0002"]
        assert any("no column 'run'" in note for note in table.notes)


class TestAccepted:
    def test_a_score_in_place_of_a_loss(self) -> None:
        columns = {name: v for name, v in GOOD.items() if name != "loss"}
        assert "loss" not in RunTable.from_columns(columns | {"score": [0.0, 0.5, 1.0]})

    def test_either_loss_or_score_per_row(self) -> None:
        table = RunTable.from_columns(GOOD | {"loss": [4, None, 3], "score": [None, 0.5, None]})
        assert any(note == "row 2: loss is empty and nothing implies it" for note in table.notes)

    def test_width_alone_is_a_size(self) -> None:
        table = RunTable.from_columns({"width": [64, 128], "lr": [1e-3, 1e-3], "loss": [5.7, 5.6]})
        assert "params" not in table

    @pytest.mark.parametrize("other", ["loss_shifted", "score"])
    def test_a_loss_that_explains_something_else_is_scale_enough(self, other: str) -> None:
        values = {"loss_shifted": [3.5, 3.3], "score": [0.4, 0.5]}[other]
        table = RunTable.from_columns({"loss": [3.2, 3.0], other: values})
        assert other in table
        with pytest.raises(InputError, match="no size to scale with"):
            RunTable.from_columns({"loss": [3.2, 3.0]})

    def test_a_curve_whose_learning_rate_ends_at_zero(self) -> None:
        table = RunTable.from_columns({"run": ["a", "a"], "steps": [1, 2], "N": [1e6, 1e6],
                                       "lr": [1e-3, 0.0], "loss": [4.0, 3.0]})  # fmt: skip
        assert table["learning_rate"][1] == 0.0

    def test_gaps_in_other_columns(self) -> None:
        table = RunTable.from_columns(GOOD | {"width": [64, None, 128], "seed": [None] * 3})
        assert table["width"][1] != table["width"][1]

    def test_a_gap_in_a_size_is_noted(self) -> None:
        table = RunTable.from_columns(GOOD | {"N": [1e6, None, 4e6]})
        assert "row 2: params is empty and nothing implies it" in table.notes
        assert "row 2: flops is empty and nothing implies it" in table.notes

    def test_gaps_in_run_get_ids_of_their_own(self) -> None:
        table = RunTable.from_columns(GOOD | {"run": ["r0002", None, ""]})
        assert len(set(table["run"].tolist())) == 3
        assert any("rows 2 and 3: run is empty" in note for note in table.notes)

    def test_other_columns_ride_along(self) -> None:
        table = RunTable.from_columns(
            GOOD
            | {
                "warmup": ["10", "", "30"],
                "host": ["a", "b", None],
                "tied": ["True", "false", ""],
                "note": ["1", "2", "n=3"],
            }
        )
        assert table["warmup"][[0, 2]].tolist() == [10.0, 30.0]
        assert table["host"].tolist() == ["a", "b", ""]
        assert table["tied"][:2].tolist() == [1.0, 0.0]
        assert table["note"].tolist() == ["1", "2", "n=3"]
        assert "column 'note' is kept as text: row 3 has 'n=3'" in table.notes

    def test_numbers_as_names(self) -> None:
        table = RunTable.from_columns(GOOD | {"run": [1, 2.0, 3], "family": [100, 100, 200]})
        assert table["run"].tolist() == ["1", "2", "3"]
        assert table.groups("family") == ("100", "200")


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


def _all_problems(columns: dict[str, Any]) -> list[str]:
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
    (problem,) = _all_problems({"N": ["1 MB", 2e6], "D": [None, 1e8], "C": [6e14, 1.2e15],
                            "loss": [3.0, 2.0]})  # fmt: skip
    assert problem.startswith("row 1: 'N' (params) has text ('1 MB')")


def test_cells_that_cannot_be_read_are_doubles_only_if_written_alike() -> None:
    columns = {
        "run": ["a"] * 3,
        "N": [1e6] * 3,
        "D": ["1 MB", "2 MB", "1 MB"],
        "loss": [3.0, 2.0, 3.0],
    }
    text, double = _all_problems(columns)
    assert text.startswith("rows 1, 2 and 3: 'D' (tokens) has text ('1 MB', '2 MB')")
    assert double == (
        "rows 1 and 3: the same run 'a', tokens as written; they are identical: delete all but one"
    )


def test_a_text_in_a_column_of_any_number_hides_nothing() -> None:
    first, second = _all_problems({"N": [1e6, 0], "seed": ["x", 1], "loss": [3.0, 2.0]})
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


def test_characters_that_no_file_keeps_are_refused() -> None:
    columns = {"params": [1e6, 2e6], "tokens": [1e8, 2e8], "loss": [3.0, 2.9]}
    with pytest.raises(InputError, match=r"row 2: corpus is .*; no file keeps a NUL"):
        RunTable.from_columns({**columns, "corpus": ["c4", "a\x00b"]})
    for name in ("a\x00b", "\ud800"):
        with pytest.raises(InputError, match="in its name; take it out"):
            RunTable.from_columns({**columns, name: ["c4", "c4"]})


@pytest.mark.parametrize(
    ("name", "columns", "values", "advice"),
    [
        ("top1 acc", "top1 acc=score", [14.05, 22.91], "score=`top1 acc`/100"),
        ("log10_mse", "log10_mse=loss", [-2.0, -2.18], "loss=10**log10_mse"),
        ("log10_mse", None, [-2.0, -2.18], "loss=10**log10_mse"),
        ("ln(mse)", "ln(mse)=loss", [-2.0, -2.18], "loss=exp(`ln(mse)`)"),
        ("log_likelihood", "log_likelihood=loss", [-2.0, -2.18], "loss=-log_likelihood"),
        ("avg logprob", "avg logprob=loss", [-2.0, -2.18], "loss=-`avg logprob`"),
        ("bits_per_dim", None, [4.9, 4.4], "bits_per_dim=loss"),
        ("test_mse", None, [4.9, 4.4], "test_mse=loss"),
    ],
)
def test_the_advice_on_other_measures_can_be_taken(
    name: str, columns: str | None, values: list[float], advice: str
) -> None:
    frame = pd.DataFrame({"flops": [1e18, 1e19], "other": ["a", "b"], name: values})
    with pytest.raises(InputError) as refused:
        read_runs(frame, columns=columns)
    assert f"--columns '{advice}'" in str(refused.value)
    assert len(read_runs(frame, columns=advice)) == 2


def test_text_in_an_expression_is_named() -> None:
    frame = pd.DataFrame({"flops": [1e18, 1e19], "note": ["good", "bad"]})
    with pytest.raises(InputError, match=r"loss=1-note: 'note' has text \('good'\) where numbers"):
        read_runs(frame, columns="loss=1-note")


def test_some_rows_in_percent_are_not_told_to_divide_all() -> None:
    frame = pd.DataFrame({"flops": [1e18, 1e19, 1e20], "score": [0.4, 0.5, 60.0]})
    with pytest.raises(InputError, match=r"divide percentages by 100$"):
        read_runs(frame)
