"""Hours are compute where they are of accelerators, and data where they are of recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.runs.device_hours import compute_of, device_of, hours_advice, span_of


@pytest.mark.parametrize(
    ("name", "others", "advice"),
    [
        ("gpu_hours", ("gpus",), "'flops=gpu_hours*1.4e18'"),
        ("GPU-days", (), "'flops=`GPU-days`*3.4e19'"),
        ("A100 hours", (), "'flops=`A100 hours`*4.5e17' (an hour of an A100 that is used to 40 %"),
        ("hours", ("gpus",), "'flops=hours*gpus*1.4e18'"),
        ("wall hours", ("num_gpus",), "'flops=`wall hours`*num_gpus*1.4e18'"),
        ("hours", (), "'flops=hours*1.4e18' (an hour of an H100 that is used to 40 % is 1.4e18"),
        ("hours", ("WER (%)",), "'tokens=hours' (hours of recordings)"),
        ("train_hours_audio", (), "'tokens=train_hours_audio' (hours of data)"),
        ("hours of speech", (), "'tokens=`hours of speech`' (hours of data)"),
    ],
)
def test_what_hours_are(name: str, others: tuple[str, ...], advice: str) -> None:
    assert f"--columns {advice}" in hours_advice(name, (name, *others))


def test_hours_of_nothing_said_are_told_both_ways() -> None:
    assert hours_advice("hours").endswith("; of recordings, --columns 'tokens=hours'")


def test_the_device_is_read_from_the_table(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("gpu_type,gpus,hours,val_loss\nA100-80GB,8,1,4\nA100-80GB,8,3,3.7\n")
    with pytest.raises(InputError, match=r"--columns 'flops=hours\*gpus\*4.5e17' .*an A100"):
        bs.read_runs(path)
    runs = bs.read_runs(path, columns="flops=hours*gpus*4.5e17")
    assert runs["flops"].tolist() == [3.6e18, 1.08e19]
    path.write_text("gpu,hours,val_loss\nA100,8,4\nH100,8,3\n")
    with pytest.raises(InputError, match=r"an H100 .*; the table has A100 and H100"):
        bs.read_runs(path)


def test_hours_of_training_are_named_where_there_is_no_size(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("gpus,train time (hours),val_loss\n8,1,4\n8,3,3.7\n")
    with pytest.raises(InputError, match=r"'flops=`train time \(hours\)`\*gpus\*1.4e18'"):
        bs.read_runs(path)


def test_cells_of_device_days_are_told_in_flop(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("compute,val_loss\n0.1 V100-days,4\n0.2 V100-days,3.7\n")
    with pytest.raises(InputError, match=r"days of a device are no FLOP: write 4.3e\+17 \(a day"):
        bs.read_runs(path)


def test_accelerators_and_spans() -> None:
    assert device_of("tpu-v5e-8") == "tpu-v5e"
    assert device_of("a gpu") is None
    assert span_of("GPU-days") == "day"
    assert span_of("h") == "hour"
    assert span_of("tokens") is None
    assert compute_of("hour") == (
        "1.4e18",
        "an hour of an H100 that is used to 40 % is 1.4e18 FLOP",
    )
