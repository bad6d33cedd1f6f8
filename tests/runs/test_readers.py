"""Files: the formats agree, and what is wrong with a file is said by its lines."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs

FRAME = pd.DataFrame({
    "run": ["a", "b", "ü, c"],
    "family": ["x", "y", None],
    "N": [1_000_000, 2_000_000, 4_000_000],
    "D": [1e8, 2e8, np.nan],
    "C": [None, None, 9.6e15],
    "val_loss": [4.25, 3.5, 3.125],
    "seed": pd.array([1, None, 3], dtype="Int64"),
    "tied": [True, False, True],
})  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:.*family is empty")


def _csv(path: Path) -> None:
    FRAME.to_csv(path, index=False)


def _tsv(path: Path) -> None:
    FRAME.to_csv(path, index=False, sep="\t")


def _jsonl(path: Path) -> None:
    FRAME.to_json(path, orient="records", lines=True)


def _parquet(path: Path) -> None:
    pytest.importorskip("pyarrow")
    FRAME.to_parquet(path, index=False)


WRITERS: dict[str, Callable[[Path], None]] = {
    "runs.csv": _csv,
    "runs.csv.gz": _csv,
    "RUNS.CSV": _csv,
    "runs.tsv": _tsv,
    "runs.jsonl": _jsonl,
    "runs.ndjson": _jsonl,
    "runs.jsonl.gz": _jsonl,
    "runs.parquet": _parquet,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_reads_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    table = read_runs(path)
    assert table.content_hash == read_runs(FRAME).content_hash
    assert table["run"].tolist() == ["a", "b", "ü, c"]
    assert table["family"].tolist() == ["x", "y", ""]
    np.testing.assert_allclose(table["tokens"], [1e8, 2e8, 4e8])
    np.testing.assert_allclose(table["flops"], [6e14, 2.4e15, 9.6e15])
    assert np.isnan(table["seed"][1])
    assert table["tied"].tolist() == [1.0, 0.0, 1.0]


def test_a_table_is_returned_as_it_is() -> None:
    table = read_runs(FRAME)
    assert read_runs(table) is table
    with pytest.raises(InputError, match="this is a RunTable already"):
        read_runs(table, format="csv")


def test_a_written_table_reads_back(tmp_path: Path) -> None:
    table = read_runs(FRAME)
    table.frame.to_csv(tmp_path / "again.csv", index=False)
    again = read_runs(tmp_path / "again.csv")
    assert again.content_hash == table.content_hash


def _write(tmp_path: Path, text: str | bytes, name: str = "runs.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "N,D,loss\n1e6,1e8,3.5\n",
        "\ufeffN,D,loss\n1e6,1e8,3.5\n",
        " N , D,loss \r\n 1e6 , 1e8,3.5\r\n",
        '"N","D","loss"\n"1e6","1e8","3.5"',
        "N;D;loss\n1e6;1e8;3.5\n",
        "N\tD\tloss\n1e6\t1e8\t3.5\n",
        "\n\nN,D,loss\n\n1e6,1e8,3.5\n,,\n\n",
        "N,D,loss,\n1e6,1e8,3.5,\n",
        "N,D,loss\n1e6,1e8,3.5,,\n",
        "N,D,loss\n1e6,1e8,3.5\n".encode("utf-16"),
        gzip.compress(b"N,D,loss\n1e6,1e8,3.5\n", mtime=0),
    ],
)
def test_odd_but_good_files(text: str | bytes, tmp_path: Path) -> None:
    table = read_runs(_write(tmp_path, text))
    assert (table["params"][0], table["tokens"][0], table["loss"][0]) == (1e6, 1e8, 3.5)
    assert list(table.columns) == ["run", "params", "tokens", "flops", "loss"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty; line 1 names the columns"),
        ("\n \n", "the file is empty"),
        ("N,D,loss\n", "the table has no rows"),
        ("1e6,1e8,3.5\n1e6,1e8,3.4\n", "line 1: 1e6, 1e8, 3.5 are numbers; the first line must name"),  # noqa: E501
        ("N,D,loss\n1e6,1e8,3.5\n\n1e6,lots,3.4\n", "line 4: 'D' (tokens) has text ('lots')"),
        ('N,D,loss,note\n1e6,1e8,3.5,"two\nlines"\n1e6,1e9,,x\n', "line 4: loss is empty"),
        ("N,D,loss\n1e6,1e8\n", "line 2: 2 cells where the header has 3"),
        ("N,D,loss\n1e6,1e8,3.5,9\n", "line 2: 4 cells where the header has 3"),
        ("N,D,loss,loss\n1e6,1e8,3.5,9\n", "line 1: columns 3 and 4 are both called 'loss'"),
        ('N,D,loss\n1e6,"1e8,3.5\n', "line 2: unexpected end of data"),
        ("N;D;loss\n1e6;1e8;3,896\n", "line 2: loss has text ('3,896') where a number belongs; the comma could part thousands or decimals; say which with --commas thousands or --commas decimal"),  # noqa: E501
        (b"N,D,loss\n1e6,1e8,3.5\nx\x81,2,3\n", "line 3: not UTF-8 text"),
        (b"PK\x03\x04junk", "this is a spreadsheet or zip archive"),
        (b"\x1f\x8bjunk", "cannot be unzipped"),
    ],
)  # fmt: skip
def test_bad_files(text: str | bytes, problem: str, tmp_path: Path) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_runs(path)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_ragged_and_bad_lines_are_reported_together(tmp_path: Path) -> None:
    text = "N,D,loss\n1e6,1e8\n1e6,1e8,oops\n-1,1e8,3\n"
    with pytest.raises(InputError) as caught:
        read_runs(_write(tmp_path, text))
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "line 2", "line 3", "line 4",
    ]  # fmt: skip


def test_many_ragged_lines_are_capped(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_runs(_write(tmp_path, "N,D,loss\n1e6,1e8,3\n" + "1,2\n" * 50))
    assert "and 40 more lines that cannot be read" in caught.value.problems


class TestJsonLines:
    def test_nested_keys_join_and_lines_may_lack_keys(self, tmp_path: Path) -> None:
        lines = [
            {"run": "a", "N": 10**30, "loss": 3.5, "opt": {"name": "adam"}, "tags": [1, 2]},
            {"run": "b", "N": 1e6, "loss": 3.0},
        ]
        text = "\n\n".join(json.dumps(line) for line in lines)
        table = read_runs(_write(tmp_path, text, "runs.jsonl"))
        assert table["opt.name"].tolist() == ["adam", ""]
        assert table["tags"].tolist() == ["[1, 2]", ""]
        assert table["params"][0] == 1e30

    def test_bad_lines(self, tmp_path: Path) -> None:
        text = '{"N": 1, "loss": 2}\n{"N": \n\n[1]\n{"N": "x", "loss": NaN}\n'
        with pytest.raises(InputError) as caught:
            read_runs(_write(tmp_path, text, "runs.jsonl"))
        starts = [problem[:22] for problem in caught.value.problems]
        assert starts == [
            "line 2: not JSON (Expe", "line 4: a JSON list wh", "line 5: 'N' (params) h",
            "line 5: loss is empty ",
        ]  # fmt: skip


class TestParquet:
    def test_rows_count_from_one(self, tmp_path: Path) -> None:
        pytest.importorskip("pyarrow")
        frame = pd.DataFrame({"N": [1e6, 2e6], "loss": [3.0, None]}, index=[7, 9])
        frame.to_parquet(tmp_path / "runs.parquet")
        with pytest.raises(InputError, match="row 2: loss is empty"):
            read_runs(tmp_path / "runs.parquet")

    def test_a_broken_file(self, tmp_path: Path) -> None:
        pytest.importorskip("pyarrow")
        with pytest.raises(InputError, match="cannot be read as Parquet"):
            read_runs(_write(tmp_path, "N,loss\n1,2\n", "runs.parquet"))

    def test_without_pyarrow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
        with pytest.raises(InputError, match="needs pyarrow; pip install pyarrow"):
            read_runs(_write(tmp_path, "", "runs.parquet"))


class TestSource:
    def test_no_such_file_names_the_nearest(self, tmp_path: Path) -> None:
        _write(tmp_path, "N,loss\n1e6,2\n", "sweep.csv")
        with pytest.raises(InputError, match=r"no such file; did you mean '.*sweep\.csv'"):
            read_runs(tmp_path / "sweeps.csv")

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").mkdir()
        with pytest.raises(InputError, match="is a folder without files of runs"):
            read_runs(tmp_path / "x.csv")

    @pytest.mark.parametrize("name", ["runs.zip", "runs", "runs.pkl"])
    def test_an_unknown_format(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"is unknown; use one of \.csv, \.txt"):
            read_runs(_write(tmp_path, "N,loss\n1e6,2\n", name))

    def test_a_format_that_is_said(self, tmp_path: Path) -> None:
        path = _write(tmp_path, "N,loss\n1e6,2\n", "runs.log")
        assert len(read_runs(path, format="csv")) == 1

    def test_another_type(self) -> None:
        with pytest.raises(InputError, match="not list; for arrays use RunTable"):
            read_runs([1, 2])

    def test_a_mapping(self, tmp_path: Path) -> None:
        path = _write(tmp_path, "size,toks,ppl\n1e6,1e8,2\n")
        table = read_runs(str(path), columns={"size": "N", "toks": "tokens", "ppl": "loss"})
        assert table["flops"][0] == 6e14


class TestFrame:
    def test_a_named_index_is_a_column(self) -> None:
        table = read_runs(FRAME.set_index("run"))
        assert table["run"].tolist() == ["a", "b", "ü, c"]

    def test_two_columns_of_one_name(self) -> None:
        frame = pd.DataFrame([[1e6, 3.0, 2.0]], columns=["N", "loss", "loss"])
        with pytest.raises(InputError, match="two columns are called 'loss'"):
            read_runs(frame)

    @pytest.mark.parametrize(
        "values",
        [
            pd.Series(["c4", "rw"], dtype="category"),
            pd.Series(["c4", "rw"], dtype="string"),
            pd.Series(["c4", "rw"], dtype=object),
        ],
    )
    def test_kinds_of_text(self, values: Any) -> None:
        frame = pd.DataFrame({"N": [1e6, 2e6], "loss": [3.0, 2.0], "corpus": values})
        assert read_runs(frame).groups("corpus") == ("c4", "rw")

    @pytest.mark.filterwarnings("ignore:.*tokens per parameter")
    def test_object_columns_hold_integers_of_any_size(self) -> None:
        frame = pd.DataFrame({"N": [1e9], "C": pd.Series([6 * 10**29], dtype=object), "loss": [2]})
        assert read_runs(frame)["tokens"][0] == pytest.approx(1e20)


def test_five_thousand_rows_take_less_than_a_second(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = ["run,family,N,D,lr,batch_size,steps,width,depth,seed,loss,metric"]
    for i in range(5000):
        size, loss = rng.uniform(1e6, 1e9), rng.uniform(2, 5)
        lines.append(f"r{i},f{i % 3},{size:.0f},1e9,3e-4,1e6,1000,512,8,{i % 5},{loss:.6f},val")
    path = _write(tmp_path, "\n".join(lines))
    start = time.perf_counter()
    table = read_runs(path)
    assert time.perf_counter() - start < 1.0
    assert len(table) == 5000


def test_reading_a_csv_imports_no_pandas(tmp_path: Path, checkout: Path) -> None:
    path = _write(tmp_path, "N,D,loss\n1e6,1e8,3.5\n")
    code = (
        "import sys; from bayes_scaling.runs import read_runs\n"
        f"read_runs({str(path)!r})\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=checkout)


def test_problems_of_a_frame_are_named_as_such() -> None:
    with pytest.raises(InputError, match=r"^DataFrame: no column 'loss'"):
        RunTable.from_frame(pd.DataFrame({"N": [1e6]}))
