"""Files as they come: separators, encodings, comments, nesting, trackers; and broken ones."""

from __future__ import annotations

import gzip
import json
import sqlite3
import struct
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.trackers import _scalars as scalars

PLAIN = "params,tokens,loss\n20000000,1000000000,3.8964\n50000000,3000000000,3.2387\n"


def read(path: Any, **options: Any) -> RunTable:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_runs(path, **options)


def written(tmp_path: Path, text: str | bytes, name: str = "runs.csv") -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def good(table: RunTable) -> None:
    assert table["params"].tolist() == [2e7, 5e7]
    assert table["tokens"].tolist() == [1e9, 3e9]
    assert table["loss"].tolist() == [3.8964, 3.2387]


SEMICOLONS = PLAIN.replace(",", ";")
GERMAN = SEMICOLONS.replace("3.8", "3,8").replace("3.2", "3,2")
FLIPPED = bytearray(gzip.compress(PLAIN.encode(), mtime=0))
FLIPPED[30] ^= 8


@pytest.mark.parametrize(
    "text",
    [
        "# exported by sweep.py\n" + PLAIN,
        "// a\n# b\n\n" + PLAIN,
        "# params,tokens,loss\n" + PLAIN.split("\n", 1)[1],
        "sep=,\n" + PLAIN,
        "sep=;\r\n" + GERMAN.replace("\n", "\r\n"),
        GERMAN,
        GERMAN.replace("20000000", "20.000.000").replace("50000000", "50.000.000"),
        SEMICOLONS.replace("20000000", "20,000,000").replace("50000000", "50,000,000"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", " "),
        PLAIN.replace(",", "    "),
        PLAIN.replace(",", "|"),
        "| "
        + PLAIN.strip()
        .replace(",", " | ")
        .replace("\n", " |\n| ")
        .replace("loss |\n", "loss |\n|---|:--:|--:|\n", 1)
        + " |\n",
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        "\ufeff" + PLAIN,
        gzip.compress(PLAIN.encode(), mtime=0),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", ",\n"),
        ",params,tokens,loss\n0,20000000,1000000000,3.8964\n1,50000000,3000000000,3.2387\n",
    ],
)
def test_text(text: str | bytes, tmp_path: Path) -> None:
    table = read(written(tmp_path, text))
    good(table)
    assert list(table.columns) == ["run", "params", "tokens", "flops", "loss"]


def test_windows_1252(tmp_path: Path) -> None:
    head, first, second = PLAIN.split()
    text = f"{head},Prüfer\n{first},Müller\n{second},ß\n"
    table = read(written(tmp_path, text.encode("cp1252")))
    good(table)
    assert table["Prüfer"].tolist() == ["Müller", "ß"]
    assert "the file was read as Windows-1252" in table.notes[0]


@pytest.mark.parametrize("style", ["decimal", "thousands"])
def test_an_ambiguous_comma_is_asked_about(style: Any, tmp_path: Path) -> None:
    path = written(tmp_path, "params;tokens;loss\n2e7;1e9;3,896\n5e7;3e9;3,238\n")
    with pytest.raises(InputError, match="say which with --commas thousands or --commas decimal"):
        read(path)
    loss = read(path, commas=style)["loss"].tolist()
    assert loss == ([3.896, 3.238] if style == "decimal" else [3896.0, 3238.0])


def test_a_point_among_decimal_commas_is_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="loss has text"):
        read(written(tmp_path, "params;tokens;loss\n2e7;1e9;3,8964\n5e7;3e9;3.238\n"))


RECORDS = [
    {"params": 2e7, "tokens": 1e9, "loss": 3.8964},
    {"params": 5e7, "tokens": 3e9, "loss": 3.2387},
]


@pytest.mark.parametrize(
    "value",
    [
        RECORDS,
        {"runs": RECORDS},
        {"sweep": "a", "results": RECORDS},
        {name: [record[name] for record in RECORDS] for name in RECORDS[0]},
        {"a": RECORDS[0], "b": RECORDS[1]},
        {name: {str(i): record[name] for i, record in enumerate(RECORDS)} for name in RECORDS[0]},
        [
            {
                "config": {"model": {"n_params": r["params"]}, "tokens": r["tokens"]},
                "summary": {"val/loss": r["loss"]},
            }
            for r in RECORDS
        ],
    ],
)
def test_json(value: Any, tmp_path: Path) -> None:
    good(read(written(tmp_path, json.dumps(value), "runs.json")))


def test_json_lines_under_another_name_and_curves(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(record) for record in RECORDS)
    good(read(written(tmp_path, lines, "runs.json")))
    curve = {"run": "a", "params": 2e7, "step": [1, 2, 3], "loss": [4.0, 3.5, 3.1]}
    table = read(written(tmp_path, json.dumps(curve), "runs.jsonl"))
    assert table["loss"].tolist() == [4.0, 3.5, 3.1]
    assert table["run"].tolist() == ["a"] * 3
    history = {
        "run": "a",
        "params": 2e7,
        "history": [{"step": 1, "loss": 4.0}, {"step": 2, "loss": 3.5}],
    }
    assert read(written(tmp_path, json.dumps(history), "h.jsonl"))["steps"].tolist() == [1, 2]
    del history["run"]
    table = read(written(tmp_path, json.dumps([history, history]), "two.json"))
    assert table["run"].tolist() == ["r0001", "r0001", "r0002", "r0002"]


def test_one_run_as_an_object_of_settings_and_results(tmp_path: Path) -> None:
    run = {"summary": {"val/loss": 3.1}, "config": {"n_params": {"value": 1e7}, "tokens": 1e9}}
    table = read(written(tmp_path, json.dumps(run), "run.json"))
    assert (table["params"][0], table["tokens"][0], table["loss"][0]) == (1e7, 1e9, 3.1)


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        (bytes(FLIPPED), "runs.csv.gz", "cannot be unzipped"),
        (gzip.compress(PLAIN.encode(), mtime=0)[:40], "runs.csv.gz", "cannot be unzipped"),
        (b"[" * 100_000, "runs.json", "nested too deeply"),
        (b'{"a":' * 100_000, "runs.jsonl", "line 1: not JSON"),
        (b"PK\x03\x04xxxx", "fake.xlsx", "save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0", "old.csv", "this is a spreadsheet"),
        (b"not a database", "x.db", "cannot be read as SQLite"),
        (b"junk", "events.out.tfevents.1", "no scalars"),
        (
            b"\x10\x00\x00\x00\x00\x00\x00\x00junkjunkjunkjunkjunk",
            "events.out.tfevents.1",
            "cannot be read as an event file",
        ),
        (b'{"a": 3}', "x.json", "no column 'loss'"),
        (b"3", "x.json", "holds no runs"),
        (b'{"params": 1e7,\n "loss": }', "x.json", "line 2: not JSON"),
        (b'params,tokens,loss\n1e7,1e9,3.9\n"1e7,1e9,3.9\n', "x.csv", "line 3: unexpected end"),
        (b"\x00\x01\x02", "x.csv", ""),
        (b"{'log_history': []}", "trainer_state.json", "not JSON"),
        (b'{"log_history": []}', "trainer_state.json", "has logged no loss"),
    ],
)
def test_broken_files_get_a_sentence(data: bytes, name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(written(tmp_path, data, name))
    assert says in str(caught.value)
    assert len(caught.value.problems) <= 3


def test_integers_of_any_length_and_lone_surrogates(tmp_path: Path) -> None:
    digits = "9" * 5000
    with pytest.raises(InputError, match="must be finite"):
        read(written(tmp_path, f'[{{"params": {digits}, "loss": 3}}]', "runs.json"))
    text = '[{"params": 2e7, "tokens": 1e9, "loss": 3.1, "note": "\\ud800"}]'
    table = read(written(tmp_path, text, "runs.json"))
    assert table.content_hash


# ---- trackers ------------------------------------------------------------------------------------

WANDB = (
    '"Name","State","Notes","User","Tags","Created","Runtime","Sweep","model.n_params",'
    '"data.total_tokens","optimizer.lr","batch_size","_step","train/loss","val/loss","val/loss.min"\n'
    '"a","finished","-","me","","2026","3600","","20000000","1000000000","0.002","256","1907","3.9","3.8964","3.8"\n'
    '"b","crashed","-","me","","2026","36","","50000000","3000000000","0.002","256","10","5.9","",""\n'
    '"b","finished","-","me","","2026","3600","","50000000","3000000000","0.002","256","5722","3.3","3.2387","3.2"\n'
)


def test_wandb_with_a_nested_config(tmp_path: Path) -> None:
    path = written(tmp_path, WANDB)
    table = read(path, columns="wandb")
    good(table)
    assert table["run"].tolist() == ["a", "b"]
    assert table["learning_rate"].tolist() == [0.002] * 2
    assert table["steps"].tolist() == [1907, 5722]
    assert "1 unfinished run left out: 'b' (crashed)" in table.notes
    with pytest.raises(InputError, match="looks like an export of wandb: --columns wandb"):
        read(path)
    good(read(path, where='State == "finished"'))
    good(read(path, drop_empty=True))


def test_logger_prefixes(tmp_path: Path) -> None:
    text = (
        "Name,State,model/num_params,throughput/total_tokens,trainer/global_step,"
        "optim/learning_rate_peak,eval/c4_en-validation/CrossEntropyLoss,train/CrossEntropyLoss\n"
        "a,finished,20000000,1000000000,1907,.002,3.8964,3.9\n"
        "b,finished,50000000,3000000000,5722,.002,3.2387,3.3\n"
    )
    for columns in (None, "wandb"):
        table = read(written(tmp_path, text), columns=columns)
        good(table)
        assert table["learning_rate"].tolist() == [0.002] * 2


def test_dicts_of_the_wandb_api(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "summary": [
                {"val/loss": 3.8964, "_step": 9, "x": float("nan")},
                {"val/loss": 3.2387, "_step": 9},
            ],
            "config": [
                {"lr": 1e-3, "model": {"n_params": n}, "total_tokens": d}
                for n, d in ((20_000_000, 10**9), (50_000_000, 3 * 10**9))
            ],
            "name": ["run-0", "run-1"],
        }
    )
    frame.to_csv(tmp_path / "project.csv")
    for source in (tmp_path / "project.csv", frame):
        table = read(source)
        good(table)
        assert table["run"].tolist() == ["run-0", "run-1"]
        assert table["learning_rate"].tolist() == [1e-3] * 2


def test_a_wandb_panel(tmp_path: Path) -> None:
    text = (
        '"Step","a - val/loss","a - val/loss__MIN","a - val/loss__MAX","b - val/loss"\n'
        '"100","6.2","6.1","6.3","6.0"\n"1000","4.2","4.1","4.3",""\n'
    )
    table = read(written(tmp_path, text))
    assert table["run"].tolist() == ["a", "a", "b"]
    assert table["steps"].tolist() == [100, 1000, 100]
    assert table["loss"].tolist() == [6.2, 4.2, 6.0]
    assert "2 columns __MIN and __MAX left out" in table.notes[0]


def test_wide_tables(tmp_path: Path) -> None:
    path = written(tmp_path, "step,small,large\n100,6,5\n200,5,4.1\n")
    with pytest.raises(InputError, match="--columns wide melts it"):
        read(path)
    table = read(path, columns="wide")
    assert table["run"].tolist() == ["small", "small", "large", "large"]
    assert table["loss"].tolist() == [6, 5, 5, 4.1]
    across = written(tmp_path, "params,1e18,3e18\n2e7,4.1,4.0\n5e7,3.9,3.7\n", "b.csv")
    with pytest.raises(InputError, match="one row per run is wanted"):
        read(across)
    table = read(across, columns="wide")
    assert table["flops"].tolist() == [1e18, 1e18, 3e18, 3e18]
    assert table["params"].tolist() == [2e7, 5e7, 2e7, 5e7]


def test_tensorboard_csv_and_a_folder_of_them(tmp_path: Path) -> None:
    for run in ("a", "b"):
        written(tmp_path, "Wall time,Step,Value\n1,99,3.9\n2,199,3.7\n", f"tb/{run}.csv")
    one = read(tmp_path / "tb" / "a.csv")
    assert one["run"].tolist() == ["a", "a"]
    for source in (tmp_path / "tb", str(tmp_path / "tb" / "*.csv")):
        table = read(source)
        assert table.groups("run") == ("a", "b")
        assert table["loss"].tolist() == [3.9, 3.7, 3.9, 3.7]


def _event(step: int, tag: str, value: float) -> bytes:
    """One record of an event file, as TensorBoard writes it."""
    inner = b"\x0a" + bytes([len(tag)]) + tag.encode() + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + bytes([len(inner)]) + inner
    event = (
        b"\x09"
        + struct.pack("<d", 1.0)
        + b"\x10"
        + bytes([step])
        + b"\x2a"
        + bytes([len(summary)])
        + summary
    )
    head = struct.pack("<Q", len(event))
    return head + b"\x00" * 4 + event + b"\x00" * 4


def test_event_files(tmp_path: Path) -> None:
    data = b"".join(
        _event(step, tag, value)
        for step, tag, value in (
            (1, "train/loss", 4.0),
            (2, "val/loss", 3.5),
            (3, "val/loss", 3.25),
        )
    )
    assert list(scalars(data))[1] == (2, "val/loss", 3.5)
    path = written(tmp_path, data + data[:20], "run-7/events.out.tfevents.123.host")
    for source in (path, tmp_path):
        table = read(source)
        assert table["loss"].tolist() == [3.5, 3.25]
        assert table["run"].tolist() == ["run-7"] * 2
        assert table["steps"].tolist() == [2, 3]


def test_trainer_state(tmp_path: Path) -> None:
    state = {
        "total_flos": 6e15,
        "log_history": [
            {"loss": 4.1, "learning_rate": 1e-3, "epoch": 0.5, "step": 10},
            {"eval_loss": 4.0, "epoch": 0.5, "step": 10},
            {"loss": 3.7, "learning_rate": 5e-4, "epoch": 1.0, "step": 20},
            {"eval_loss": 3.6, "epoch": 1.0, "step": 20},
            {"train_loss": 3.9, "step": 20, "total_flos": 6e15},
        ],
    }
    table = read(written(tmp_path, json.dumps(state), "big/checkpoint-20/trainer_state.json"))
    assert table["loss"].tolist() == [4.0, 3.6]
    assert table["run"].tolist() == ["big", "big"]
    assert table["flops"].tolist() == [3e15, 6e15]  # in proportion to steps, and said
    assert "in proportion to steps" in " ".join(table.notes)
    written(tmp_path, json.dumps(state), "big/checkpoint-10/trainer_state.json")
    folder = read(tmp_path)  # each later checkpoint tells of all before it
    assert folder["steps"].tolist() == [10, 20]


def test_databases(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "trackio.db")
    base.execute("create table metrics (id, timestamp, run_name, step, metrics)")
    base.execute("create table configs (id, run_name, config, created_at)")
    for i, (n, d, loss) in enumerate(((2e7, 1e9, 3.8964), (5e7, 3e9, 3.2387))):
        metrics = json.dumps({"val/loss": loss, "train/loss": "NaN"})
        base.execute("insert into metrics values (?, 't', ?, 100, ?)", (i, f"r{i}", metrics))
        config = json.dumps({"n_params": n, "total_tokens": d, "_Username": "me"})
        base.execute("insert into configs values (?, ?, ?, 't')", (i, f"r{i}", config))
    base.commit()
    base.close()
    good(read(tmp_path / "trackio.db"))
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("create table cats (name)")
    other.close()
    with pytest.raises(InputError, match="neither Trackio nor MLflow"):
        read(tmp_path / "other.sqlite")


def test_workbooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for line in (
        ["My sweep"],
        [],
        ["params", "tokens", "loss"],
        [2e7, "1B", 3.8964],
        [5e7, 3e9, 3.2387],
    ):
        book.active.append(line)
    book.create_sheet("more")
    book.save(tmp_path / "runs.xlsx")
    table = read(tmp_path / "runs.xlsx")
    good(table)
    assert "the first of 2 sheets" in table.notes[0]


def test_the_sheet_with_runs_is_found_and_others_may_be_asked_for(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "runs.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "Read me"
    book.active.append(["Notes", "see the others"])
    for name, scale in (("first sweep", 1), ("second", 2)):
        sheet = book.create_sheet(name)
        for line in (["params", "tokens", "loss"], [2e7, 1e9, 3.9 * scale], [5e7, 3e9, 3.2]):
            sheet.append(line)
    book.save(path)
    table = read(path)
    assert table["loss"].tolist() == [3.9, 3.2]
    assert table.notes[0].startswith("the second of 3 sheets, 'first sweep'; of another, --sheet")
    assert read(path, sheet="second")["loss"].tolist() == [7.8, 3.2]
    with pytest.raises(InputError) as refused:
        read_runs(path, sheet="Read me")
    first, second = refused.value.problems
    assert first == "the table has no rows; give one row per run"
    assert "--sheet 'first sweep' (in Python sheet='first sweep'), or 'second'" in second
    with pytest.raises(InputError, match="no sheet 'third'; there is 'Read me', 'first sweep'"):
        read_runs(path, sheet="third")


def test_frames_of_other_libraries() -> None:
    class Polars:
        def get_columns(self) -> list[str]:
            return []

        def to_dict(self, as_series: bool) -> dict[str, list[float]]:
            return {name: [record[name] for record in RECORDS] for name in RECORDS[0]}

    class Lazy:
        collect_schema = None

        def collect(self) -> Polars:
            return Polars()

    good(read(Polars()))
    good(read(Lazy()))
    pyarrow = pytest.importorskip("pyarrow")
    good(read(pyarrow.table(Polars().to_dict(as_series=False))))


def test_a_zip_of_nothing_but_blanks_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"params,tokens,loss\n")
        for _ in range(60):
            file.write(b" " * 1_000_000)
    with pytest.raises(InputError, match="unzips to more than 50 MB"):
        read_runs(path)
