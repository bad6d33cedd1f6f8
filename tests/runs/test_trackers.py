"""Logs of W&B and MLflow's folder, as the tools write them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import read_runs

BLOCK = 32768


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def message(field: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(field << 3) + varint(value)
    return varint(field << 3 | 2) + varint(len(value)) + value


def items(values: dict[str, object]) -> bytes:
    return b"".join(
        message(1, message(2, key.encode()) + message(16, json.dumps(value).encode()))
        for key, value in values.items()
    )


def log_of(records: list[bytes]) -> bytes:
    """Return LevelDB's log of records, cut at blocks."""
    data = b":W&B\xe1\xbe\x00"
    for record in records:
        rest, first = record, True
        while first or rest:
            room = BLOCK - len(data) % BLOCK
            if room < 7:
                data += bytes(room)
                continue
            piece, rest = rest[: room - 7], rest[room - 7 :]
            kind = (1 if not rest else 2) if first else (4 if not rest else 3)
            data += struct.pack("<IHB", 0, len(piece), kind) + piece
            first = False
    return data


def wandb_log(run: str, params: int, *, code: int | None = 0, padding: int = 0) -> bytes:
    setup = {"model": {"n_params": params}, "batch_size": 4_194_304, "_wandb": {}}
    records = [
        message(17, message(1, b"x1") + message(8, run.encode()) + message(4, items(setup))),
        message(4, b"z" * padding),
    ]
    for step in (0, 100, 200, 300):
        values: dict[str, object] = {"_step": step, "train/loss": 4.0 - step / 1000}
        if step != 100:
            values["val/loss"] = 4.5 - step / 1000
        records.append(message(2, items(values)))
    if code is not None:
        records.append(message(18, message(1, code)))
    return log_of(records)


def written(folder: Path, run: str, data: bytes) -> Path:
    path = folder / f"offline-run-{run}" / f"run-{run}.wandb"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("padding", [0, BLOCK - 200, BLOCK - 137, 3 * BLOCK])
def test_log_of_wandb(tmp_path: Path, padding: int) -> None:
    runs = read_runs(written(tmp_path, "a", wandb_log("small", 20_000_000, padding=padding)))
    assert runs["run"].tolist() == ["small", "small"]
    assert runs["params"].tolist() == [2e7, 2e7]
    assert runs["steps"].tolist() == [200, 300]
    assert runs["loss"].tolist() == [4.3, 4.2]
    assert runs["tokens"].tolist() == [200 * 4_194_304, 300 * 4_194_304]
    assert "loss is taken from 'val/loss'" in " ".join(runs.notes)


def test_folder_of_logs_of_wandb(tmp_path: Path) -> None:
    for run, params in (("a", 20_000_000), ("b", 50_000_000)):
        written(tmp_path / "wandb", run, wandb_log(run, params))
    runs = read_runs(tmp_path / "wandb")
    assert sorted(set(runs["run"])) == ["a", "b"]
    assert sorted(set(runs["params"])) == [2e7, 5e7]


def test_log_of_wandb_that_goes_on(tmp_path: Path) -> None:
    data = wandb_log("live", 20_000_000, code=None)
    runs = read_runs(written(tmp_path, "live", data[:-5]))
    assert runs["steps"].tolist() == [200]
    assert "goes on, or crashed" in " ".join(runs.notes)


def test_broken_log_of_wandb(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wandb sync"):
        read_runs(written(tmp_path, "a", b"junk"))


def mlflow_run(experiment: Path, name: str, params: str, *, stage: str = "active") -> None:
    run = experiment / f"{name}0123"
    for folder in ("params", "metrics/val", "tags"):
        (run / folder).mkdir(parents=True)
    (run / "meta.yaml").write_text(
        f"lifecycle_stage: {stage}\nrun_id: {run.name}\nrun_name: {name}\nstatus: 3\n"
    )
    (run / "params" / "n_params").write_text(params)
    (run / "params" / "tokens").write_text("2000000000")
    (run / "metrics" / "val" / "loss").write_text("17 3.5 10\n18 3.25 20\n")
    (run / "tags" / "mlflow.runName").write_text(name)


@pytest.mark.parametrize("below", ["mlruns", "mlruns/0", "mlruns/0/small0123"])
def test_folder_of_mlflow(tmp_path: Path, below: str) -> None:
    experiment = tmp_path / "mlruns" / "0"
    mlflow_run(experiment, "small", "20000000")
    (experiment / "meta.yaml").write_text("name: Default\n")
    runs = read_runs(tmp_path / below)
    assert runs["params"].tolist() == [2e7]
    assert runs["tokens"].tolist() == [2e9]
    assert runs["loss"].tolist() == [3.25]


def test_deleted_runs_of_mlflow(tmp_path: Path) -> None:
    experiment = tmp_path / "mlruns" / "0"
    mlflow_run(experiment, "small", "20000000")
    mlflow_run(experiment, "gone", "50000000", stage="deleted")
    assert read_runs(tmp_path / "mlruns")["params"].tolist() == [2e7]


def test_a_loss_that_is_in_the_summary_alone_stands_at_the_end(tmp_path: Path) -> None:
    records = [
        message(17, message(8, b"a") + message(4, items({"n_params": 20_000_000}))),
        *(message(2, items({"_step": k, "train_loss": 4.0 - k / 10})) for k in (1, 2)),
        message(3, items({"_step": 2, "train_loss": 3.8, "val_loss": 3.9})),
        message(18, message(1, 0)),
    ]
    runs = read_runs(written(tmp_path, "a", log_of(records)))
    assert runs["loss"].tolist() == [3.9]
    assert runs["steps"].tolist() == [2]


def events(folder: Path, tag: str, losses: list[float]) -> None:
    """Write scalars as TensorBoard does."""
    data = b""
    for step, loss in enumerate(losses, start=1):
        value = message(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", loss)
        event = message(2, step) + message(5, message(1, value))
        data += struct.pack("<QI", len(event), 0) + event + bytes(4)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.out.tfevents.1.host").write_bytes(data)


def test_a_folder_of_keras_is_read_without_its_training_logs(tmp_path: Path) -> None:
    for run, loss in (("small", 4.0), ("big", 3.5)):
        events(tmp_path / run / "train", "epoch_loss", [loss - 0.25])
        events(tmp_path / run / "validation", "epoch_loss", [loss])
        events(tmp_path / run, "none", [])
    runs = read_runs(tmp_path)
    assert dict(zip(runs["run"], runs["loss"], strict=True)) == {
        "big/validation": 3.5,
        "small/validation": 4.0,
    }
    assert "training text (train) left out" in " ".join(runs.notes)
