"""Amounts as people write them."""

from __future__ import annotations

import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.units import count_of, flops_of, is_compute, tokens_of
from bayes_scaling.runs.device_hours import ACCELERATORS
from tests.command_line import call

PF_DAY = 1e15 * 86400


@pytest.mark.parametrize(
    ("amount", "count"),
    [
        ("7B", 7e9), ("1.4T", 1.4e12), ("300k", 3e5), ("12 M", 12e6), ("1e9", 1e9), (5, 5.0),
        ("1_000", 1e3), ("1,400,000", 1.4e6), (".5b", 5e8), ("2G", 2e9), ("0", 0.0),
        ("1,000", 1e3), ("1,234,567.5k", 1234567500.0), ("1,000.5M", 1000.5e6),
    ],
)  # fmt: skip
def test_counts(amount: str | float, count: float) -> None:
    assert count_of(amount) == pytest.approx(count, rel=1e-12)


@pytest.mark.parametrize(
    ("amount", "flops"),
    [
        ("1e23", 1e23), ("5 ZFLOP", 5e21), ("3 EFLOPs", 3e18), ("100 PF-days", 100 * PF_DAY),
        ("1 petaflop/s-day", PF_DAY), ("1 pflops day", PF_DAY), ("2 PFLOP/s-days", 2 * PF_DAY),
        ("1 EF-day", 1000 * PF_DAY),
        ("10 GPU-hours", 10 * ACCELERATORS["h100"] * 0.4 * 3600),
        ("10 a100-hours", 10 * ACCELERATORS["a100"] * 0.4 * 3600),
        ("10 A100 hours", 10 * ACCELERATORS["a100"] * 0.4 * 3600),
        ("10 tpu-v4 h", 10 * ACCELERATORS["tpu-v4"] * 0.4 * 3600),
    ],
)  # fmt: skip
def test_compute(amount: str, flops: float) -> None:
    assert flops_of(amount) == pytest.approx(flops, rel=1e-12)


def test_hours_are_those_of_the_rig() -> None:
    rig = Rig(accelerator="b200", utilisation=0.5, overhead=0.25)
    assert flops_of("8 gpu-hours", rig=rig) == pytest.approx(rig.flops(hours=8))
    assert flops_of("8 v100-hours", rig=rig) == pytest.approx(8 * 125e12 * 0.5 * 3600 / 1.25)


@pytest.mark.parametrize(
    ("amount", "tokens"),
    [
        ("1.4T", 1.4e12), ("1.4T tokens", 1.4e12), ("300 GB", 7.5e10), ("300GB", 7.5e10),
        ("1 GiB", 2**30 / 4), ("8 bytes", 2.0), ("2e11 characters", 5e10), ("4B chars", 1e9),
        ("5M sequences", 5e6 * 2048), ("3 seqs", 3 * 2048),
    ],
)  # fmt: skip
def test_data(amount: str, tokens: float) -> None:
    assert tokens_of(amount, per_token=4, sequence_length=2048) == pytest.approx(tokens, rel=1e-12)


@pytest.mark.parametrize(
    ("ask", "amount", "message"),
    [
        (count_of, "7 apples", "k, M, B or T"),
        (count_of, "7GB", "k, M, B or T"),
        (count_of, "seven", "is not a number with a unit"),
        (count_of, "", "is not a number with a unit"),
        (count_of, "-7B", "not below 0"),
        (count_of, "1,5T", "the comma may .* write 1.5T or 15T"),
        (count_of, "1,500T", "write 1.500T or 1500T"),
        (count_of, "0,500", "the comma may"),
        (count_of, "1,5", "write 1.5 or 15"),
        (count_of, "1,5e12", "write 1.5e12 or 15e12"),
        (flops_of, "2,5 PF-days", "write 2.5 PF-days or 25 PF-days"),
        (flops_of, "2,5e5 a100-hours", "the comma may"),
        (tokens_of, "1,4T tokens", "the comma may"),
        (count_of, "1e999", "finite"),
        (flops_of, "3 PF-dyas", "did you mean pf-day"),
        (flops_of, "3 a10-hours", "did you mean a100-hour"),
        (flops_of, "300 GB", "compute is in FLOP, PF-days or GPU-hours"),
        (tokens_of, "300 GB", "how many bytes"),
        (tokens_of, "5M sequences", "how many tokens a sequence has"),
        (tokens_of, "3 tokns", "did you mean token"),
        (tokens_of, "8 PF-days", "data are in tokens"),
    ],
)
def test_what_cannot_be_read_says_what_can(ask: object, amount: str, message: str) -> None:
    assert callable(ask)
    with pytest.raises(InputError, match=message):
        ask(amount)


@pytest.mark.parametrize(
    ("amount", "compute"),
    [("1e23 FLOP", True), ("2 PF-days", True), ("8 h100-hours", True), ("300 GB", False),
     ("7B", False), ("5M sequences", False)],
)  # fmt: skip
def test_compute_is_told_from_data(amount: str, compute: bool) -> None:
    assert is_compute(amount) is compute


# ---- the command line ----------------------------------------------------------------------------


def test_convert_gives_every_unit() -> None:
    found = call("convert", "100 PF-days", "--accelerator", "a100", "--price", "2", "--json").json
    assert found["FLOP"] == pytest.approx(100 * PF_DAY)
    assert found["PF-days"] == pytest.approx(100)
    assert found["a100-hours"] == pytest.approx(100 * PF_DAY / (312e12 * 0.4 * 3600))
    assert found["money"] == pytest.approx(2 * found["a100-hours"])
    assert "tokens  7.5e+10" in call("convert", "300 GB", "--per-token", "4").out
    assert call("convert", "300 GB").code == 1


def test_an_option_takes_an_amount_with_its_unit_and_names_itself_where_it_cannot() -> None:
    same = [
        call("published", "hoffmann-2022", "--params", params, "--tokens", tokens).out
        for params, tokens in (("70e9", "1.4e12"), ("70B", "1.4T"))
    ]
    assert same[0] == same[1] != ""
    comma = call("published", "hoffmann-2022", "--params", "70B", "--tokens", "1,4T")
    assert comma.code == 1
    assert "write 1.4T or 14T" in comma.err
    found = call("published", "hoffmann-2022", "--params", "70X", "--tokens", "1.4T")
    assert found.code == 1
    assert "'--params'" in found.err
    assert "k, M, B or T" in found.err


@pytest.mark.parametrize(
    "options",
    [
        ("published", "hoffmann-2022", "--params", "7e10", "--set", "tokens=1,4"),
        ("check", "nano-lm", "--where", "flops <= 1,5e12"),
        ("saturation", "hoffmann-2022", "--params", "7e10", "--gain", "0,1"),
        ("convert", "2,5 PF-days"),
    ],
)
def test_no_way_of_giving_a_number_reads_a_decimal_comma(options: tuple[str, ...]) -> None:
    assert call(*options).code == 1
