"""What is said, and kept: each doubt is a warning and a note."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.runs import RunTable

BASE: dict[str, list[Any]] = {
    "run": ["a", "b"],
    "N": [1e6, 2e6],
    "D": [1e8, 2e8],
    "loss": [4.0, 3.5],
}
SIX_ND = [6e14, 2.4e15]


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"C": [6e14, 2.4e15 * 1.4]}, "row 2: flops disagree with 6 x params x tokens by more than 30 % (1.4 times it); the given values are kept"),  # noqa: E501
        ({"C": [6e14, 2.4e15 / 1.4]}, "row 2: flops disagree"),
        ({"C": [c / 8.64e19 for c in SIX_ND]}, "rows 1 and 2: flops disagree with 6 x params x tokens by more than 30 % (1.16e-20 times it); flops look like PF-days"),  # noqa: E501
        ({"C": [c / 1e12 for c in SIX_ND]}, "flops look like units of 1e12 FLOP"),
        ({"C": [c / 2 for c in SIX_ND], "params_nonemb": [5e5, 1e6]}, "they agree with 6 x params_nonembedding x tokens"),  # noqa: E501
        ({"B": [1e4, 1e4], "S": [1e4, 1e4]}, "row 2: tokens disagree with batch_size x steps by more than 30 % (2 times it)"),  # noqa: E501
        ({"B": [64, 64], "S": [1e8 / 64 / 512, 2e8 / 64 / 512]}, "it looks like sequences of about 512 tokens"),  # noqa: E501
        ({"B": [512, 512], "S": [200, 25]}, "(977 to 15600 times it); batch_size is in tokens here; if yours counts sequences, multiply by the context length"),  # noqa: E501
        ({"B": [1, 1], "S": [100, 200]}, "if yours counts sequences, multiply by the context"),
        ({"run": ["a", "Mean"]}, "row 2: called 'Mean', which is no run but a summary"),
        ({"split": ["train", "val"]}, "keep one kind by --where 'split == \"val\"'"),
        ({"active (M)": [0.25, 0.5]}, "--columns 'params_active=`active (M)`*1e6'"),
        ({"status": ["ok", "diverged"]}, "row 2: status is diverged"),
        ({"State": ["finished", "crashed"]}, "row 2: State is crashed, and the loss of a run that did not finish is not its final one; delete such rows, or read the table as an export: columns='wandb' (--columns wandb)"),  # noqa: E501
        ({"status": ["FINISHED", "RUNNING"]}, "row 2: status is RUNNING, and the loss of a run that did not finish is not its final one; delete such rows, or read the table as an export: columns='mlflow' (--columns mlflow)"),  # noqa: E501
        ({"state": ["failed", "killed"]}, "rows 1 and 2: state is failed or killed"),
        ({"D": None, "B": [64, 64], "S": [100, 200]}, "tokens come from batch_size x steps with batch_size at most 64"),  # noqa: E501
        ({"B": [64, 4096], "context_length": [512, 512]}, "row 1: batch_size is smaller than context_length"),  # noqa: E501
        ({"N": [1.5, 7], "D": [1e8, 1e9]}, "'N' (params) runs up to 7: counts are plain numbers, not millions or billions (write 7e9 for 7 billion); if these are millions, --columns 'params=N*1e6'"),  # noqa: E501
        ({"N": [1e6, None], "params_nonemb": [5e5, 1e6]}, "row 2: params is empty and taken from params_nonembedding"),  # noqa: E501
        ({"family": ["x", ""]}, "row 2: family is empty; these rows form a group of their own"),
        ({"run": None, "N": [1e6, 1e6], "D": [1e8, 1e8], "loss": [3.0, 3.0]}, "rows 1 and 2: identical in every column"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_doubt_warns_and_is_noted(changes: dict[str, Any], doubt: str) -> None:
    columns = {name: values for name, values in (BASE | changes).items() if values is not None}
    with pytest.warns(BayesScalingWarning) as caught:
        table = RunTable.from_columns(columns, source="sweep.csv")
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == 1
    assert doubt in messages[0]
    assert messages[0].startswith("sweep.csv: ")
    assert [note for note in table.notes if note.startswith("warning: ") and doubt in note]


def test_the_warning_points_at_the_caller() -> None:
    with pytest.warns(BayesScalingWarning) as caught:
        RunTable.from_columns(BASE | {"C": [1e10, 1e10]})
    assert caught[0].filename == __file__


def test_the_given_values_are_kept() -> None:
    with pytest.warns(BayesScalingWarning, match="disagree"):
        table = RunTable.from_columns(BASE | {"C": [1e14, 1e14]})
    assert table["flops"].tolist() == [1e14, 1e14]
    assert table["tokens"].tolist() == [1e8, 2e8]


@pytest.mark.parametrize(
    "changes",
    [
        {"C": [c * 1.29 for c in SIX_ND]},
        {"C": [c / 1.29 for c in SIX_ND]},
        {"B": [1e4, 2e4], "S": [1e4, 1e4]},
        {"params_active": [1e5, 2e5], "C": [6e13, 2.4e14]},
        {"family": ["", ""]},
        {"State": ["finished", "finished"]},
        {"status": ["converged", ""]},
        {"state": [1, 0]},
    ],
)
def test_no_doubt(changes: dict[str, Any]) -> None:
    table = RunTable.from_columns(BASE | changes)
    assert not [note for note in table.notes if note.startswith("warning")]


def test_rows_without_a_name_that_are_the_same_are_counted_once() -> None:
    columns = {"N": [1e6, 2e6, 1e6], "D": [1e8, 1e8, 1e8], "loss": [3.0, 2.9, 3.0]}
    with pytest.warns(BayesScalingWarning, match="rows 1 and 3: .* they are counted once"):
        runs = RunTable.from_columns(columns)
    assert runs["run"].tolist() == ["r0001", "r0002"]
    assert runs["loss"].tolist() == [3.0, 2.9]
    named = RunTable.from_columns({**columns, "run": ["a", "b", "c"]})
    assert len(named) == 3


@pytest.mark.parametrize(
    ("column", "meant"),
    [("parms", "params"), ("Tokenss", "tokens"), ("learnin_rate", "learning_rate")],
)
def test_a_name_that_is_nearly_one_we_know_is_doubted(column: str, meant: str) -> None:
    table = {"D" if meant != "tokens" else "N": [1e9, 2e9], "loss": [3.0, 2.9], column: [1e6, 2e6]}
    with pytest.warns(BayesScalingWarning, match=f"did you mean '{meant}'"):
        found = RunTable.from_columns(table)
    assert column in found


def test_names_of_ones_own_are_not_doubted() -> None:
    names = ("param", "note", "purpose", "seconds", "owner", "portion")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        RunTable.from_columns({**BASE, **{name: [1, 2] for name in names}})
