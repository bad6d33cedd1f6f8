"""RunTable: frozen arrays, groups, hash, and the ways in."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, split_columns


@pytest.fixture
def table() -> RunTable:
    return RunTable.from_columns(
        {
            "run": ["a", "b", "c"],
            "family": ["x", "y", "x"],
            "N": [1e6, 2e6, 4e6],
            "D": [1e8, 2e8, 4e8],
            "loss": [4.0, 3.5, 3.1],
            "warmup": [10, 20, 30],
        }
    )


def test_columns_are_read_only_float64_or_text(table: RunTable) -> None:
    assert len(table) == 3
    assert table["params"].dtype == np.float64
    assert table["warmup"].dtype == np.float64
    assert table["family"].dtype.kind == "U"
    with pytest.raises(ValueError, match="read-only"):
        table["loss"][0] = 1.0
    with pytest.raises(TypeError):
        table.columns["loss"] = table["loss"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.notes = ()  # type: ignore[misc]


def test_it_does_not_share_memory_with_what_it_was_given() -> None:
    losses = np.array([3.0, 2.0])
    table = RunTable(columns={"loss": losses})
    losses[0] = 9.0
    assert table["loss"].tolist() == [3.0, 2.0]


def test_contains_and_missing_column(table: RunTable) -> None:
    assert "params" in table
    assert "N" not in table
    with pytest.raises(InputError, match="no column 'N'; did you mean 'params'"):
        table["N"]
    with pytest.raises(InputError, match="no column 'zebra'; it has run, family"):
        table["zebra"]


@pytest.mark.parametrize(
    ("rows", "runs"),
    [
        (np.array([True, False, True]), ["a", "c"]),
        (np.array([2, 0]), ["c", "a"]),
        (np.array([False, False, False]), []),
        (np.array([]), []),
        (np.array([-1]), ["c"]),
    ],
)
def test_take(table: RunTable, rows: np.ndarray[Any, Any], runs: list[str]) -> None:
    taken = table.take(rows)
    assert taken["run"].tolist() == runs
    assert taken.notes == table.notes
    assert set(taken.columns) == set(table.columns)


@pytest.mark.parametrize("rows", [np.array([True, False]), np.array([7])])
def test_take_refuses_what_does_not_fit(table: RunTable, rows: np.ndarray[Any, Any]) -> None:
    with pytest.raises(InputError, match="3 rows"):
        table.take(rows)


def test_groups_and_labels(table: RunTable) -> None:
    assert table.groups("family") == ("x", "y")
    assert table.groups("corpus") == ("all",)
    assert table.groups("params") == ("1000000", "2000000", "4000000")
    assert table.labels("family").tolist() == ["x", "y", "x"]
    assert table.labels("corpus").tolist() == ["all"] * 3


class TestGroupsOfSeveralColumns:
    runs = RunTable(
        columns={
            "corpus": np.array(["c4", "c4", "pile"]),
            "family": np.array(["gpt", "moe", "gpt"]),
            "width": np.array([64.0, 64.0, 128.0]),
        }
    )

    def test_labels_are_joined_in_the_order_of_the_columns(self) -> None:
        assert self.runs.labels("corpus/family").tolist() == ["c4/gpt", "c4/moe", "pile/gpt"]
        assert self.runs.labels("width/corpus").tolist() == ["64/c4", "64/c4", "128/pile"]
        assert self.runs.groups("corpus/family") == ("c4/gpt", "c4/moe", "pile/gpt")

    def test_columns_the_table_lacks_are_left_out(self) -> None:
        assert self.runs.labels("corpus/optimizer").tolist() == ["c4", "c4", "pile"]
        assert self.runs.labels("source/optimizer").tolist() == ["all"] * 3
        assert self.runs.take(np.array([])).labels("corpus/family").tolist() == []

    def test_a_column_of_that_very_name_comes_first(self) -> None:
        named = RunTable(columns={**self.runs.columns, "corpus/family": np.array(list("xyz"))})
        assert named.labels("corpus/family").tolist() == ["x", "y", "z"]

    def test_two_groups_never_share_a_label(self) -> None:
        runs = RunTable(
            columns={"corpus": np.array(["a/b", "a"]), "family": np.array(["c", "b/c"])}
        )
        with pytest.raises(InputError, match=r"'corpus/family'.*the same label"):
            runs.labels("corpus/family")
        assert runs.take(np.array([0])).labels("corpus/family").tolist() == ["a/b/c"]

    def test_names_are_split_at_the_bar(self) -> None:
        assert split_columns("corpus/family") == ("corpus", "family")
        assert split_columns("family") == ("family",)


def test_frame_is_a_copy(table: RunTable) -> None:
    frame = table.frame
    assert list(frame.columns) == list(table.columns)
    frame.loc[0, "loss"] = 99.0
    assert table["loss"][0] == 4.0


def test_rebuilt_from_arrays_it_is_the_same(table: RunTable) -> None:
    again = RunTable(
        columns={
            name: values.astype(object) if values.dtype.kind == "U" else values.copy()
            for name, values in table.columns.items()
        },
        notes=table.notes,
    )
    assert again.content_hash == table.content_hash
    assert again.notes == table.notes
    assert again["family"].dtype.kind == "U"


def test_bytes_from_a_file_become_text(table: RunTable) -> None:
    columns = dict(table.columns) | {"run": np.array([b"a", b"b", b"c"], dtype=object)}
    assert RunTable(columns=columns).content_hash == table.content_hash


def test_it_pickles_and_copies(table: RunTable) -> None:
    for again in (pickle.loads(pickle.dumps(table)), copy.deepcopy(table)):
        assert again.content_hash == table.content_hash
        assert not again["loss"].flags.writeable


class TestHash:
    def test_ignores_column_order_notes_and_the_width_of_text(self, table: RunTable) -> None:
        columns = dict(reversed(list(table.columns.items())))
        columns["run"] = columns["run"].astype("<U50")
        assert RunTable(columns=columns, notes=("x",)).content_hash == table.content_hash

    def test_sees_values_names_types_and_row_order(self, table: RunTable) -> None:
        plain = dict(table.columns)
        changed = [
            plain | {"loss": np.nextafter(plain["loss"], 9.0)},
            plain | {"run": np.array(["a", "b", "d"])},
            plain | {"warmup": plain["warmup"].astype(np.str_)},
            {("w" if name == "warmup" else name): values for name, values in plain.items()},
            {name: values[::-1] for name, values in plain.items()},
        ]
        hashes = {RunTable(columns=columns).content_hash for columns in changed}
        assert len(hashes | {table.content_hash}) == len(changed) + 1

    def test_does_not_confuse_where_one_text_ends(self) -> None:
        one = RunTable(columns={"run": np.array(["ab", "c"])})
        other = RunTable(columns={"run": np.array(["a", "bc"])})
        assert one.content_hash != other.content_hash

    def test_treats_all_nans_and_zeros_alike(self) -> None:
        odd = np.array([np.float64.fromhex("0x0p0"), np.nan])
        even = np.array([-0.0, -np.nan])
        hashes = {RunTable(columns={"x": values}).content_hash for values in (odd, even)}
        assert len(hashes) == 1

    def test_is_the_same_in_another_process(self, checkout: Path) -> None:
        code = (
            "from bayes_scaling.runs import RunTable\n"
            "t = RunTable(columns={'loss': [3.5, 2.0], 'run': ['ä', 'b']})\n"
            "print(t.content_hash)"
        )
        seeds = [{"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"}]
        found = {
            subprocess.run(
                [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True,
                cwd=checkout,
            ).stdout.strip()
            for env in seeds
        }  # fmt: skip
        here = RunTable(columns={"run": np.array(["ä", "b"]), "loss": np.array([3.5, 2.0])})
        assert found == {here.content_hash}


def test_from_columns_names_rows_as_asked() -> None:
    with pytest.raises(InputError, match=r"^sweep: point 2: loss is empty") as caught:
        RunTable.from_columns({"N": [1, 2], "D": [1, 2], "loss": [1.0, None]},
                              source="sweep", row_label="point")  # fmt: skip
    assert len(caught.value.problems) == 1


def test_from_columns_of_unequal_length() -> None:
    with pytest.raises(InputError, match="differ in length: 'N' has 2, 'loss' has 3"):
        RunTable.from_columns({"N": [1e6, 2e6], "loss": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize("columns", [{}, {"N": [], "loss": []}])
def test_from_columns_without_rows(columns: dict[str, list[float]]) -> None:
    with pytest.raises(InputError, match="has no rows"):
        RunTable.from_columns(columns)


def test_from_frame_counts_rows_from_one_whatever_the_index() -> None:
    frame = pd.DataFrame(
        {"size": [1e6, 2e6], "D": [1e8, 1e8], "loss": [3.0, np.nan]}, index=[40, 50]
    )
    with pytest.raises(InputError, match="DataFrame: row 2: loss is empty"):
        RunTable.from_frame(frame, columns={"size": "params"})


def test_reading_arrays_imports_no_pandas(checkout: Path) -> None:
    code = (
        "import sys; from bayes_scaling.runs import RunTable, read_runs\n"
        "RunTable.from_columns({'N': [1e6], 'D': [1e8], 'loss': [3.0]}).content_hash\n"
        "heavy = {'pandas', 'scipy', 'pymc', 'arviz', 'xarray', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=checkout)
