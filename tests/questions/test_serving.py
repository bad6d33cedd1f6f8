"""How fast a device serves, from bandwidth and peak; and what that takes."""

from __future__ import annotations

from typing import Any

import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError

H100 = bs.Device(memory=80e9, bandwidth=3.35e12)
RIG = bs.Rig(accelerator="h100", watts=700.0, price=2.0)


def test_one_sequence_waits_for_the_memory() -> None:
    (row,) = bs.serving(7e9, H100, rig=RIG).rows()
    assert row["latency_seconds"] == pytest.approx(14e9 / 3.35e12)
    assert row["tokens_per_second"] == pytest.approx(3.35e12 / 14e9)
    assert row["bound_by"] == "memory"
    assert row["fits"] == "yes"
    seconds = 1e6 * row["latency_seconds"]
    assert row["kwh_per_million"] == pytest.approx(700 * seconds / 3.6e6)
    assert row["money_per_million"] == pytest.approx(2 * seconds / 3600)


def test_many_sequences_share_the_reading_until_compute_binds() -> None:
    one, many = (bs.serving(7e9, H100, rig=RIG, sequences=n).rows()[0] for n in (1, 10_000))
    assert many["bound_by"] == "compute"
    assert many["tokens_per_second"] == pytest.approx(0.4 * 989e12 / (2 * 7e9))
    assert many["kwh_per_million"] < one["kwh_per_million"]


def test_a_routed_model_reads_what_its_tokens_meet_but_fills_the_memory() -> None:
    dense = bs.serving(7e9, H100).rows()[0]
    routed = bs.serving(5e10, H100, params_active=7e9).rows()[0]
    assert routed["latency_seconds"] == pytest.approx(dense["latency_seconds"])
    assert routed["fits"] == "no"


def test_a_rig_with_power_tells_the_energy_of_a_run() -> None:
    assert RIG.energy(1e21) == pytest.approx(RIG.hours(1e21) * 0.7)
    assert bs.Rig(peak=1e15).energy(1e21) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"device": bs.Device(memory=80e9)}, "follows from its bandwidth"),
        ({"sequences": 0}, "sequences is 1 or more"),
        ({"params_active": 8e9}, "params_active exceed params"),
        ({"params": -1.0}, "params must be above 0"),
    ],
)
def test_what_cannot_be_served_is_said(given: dict[str, Any], message: str) -> None:
    asked = {"params": 7e9, "device": H100, **given}
    with pytest.raises(InputError, match=message):
        bs.serving(asked.pop("params"), asked.pop("device"), **asked)


def test_a_bandwidth_is_above_0() -> None:
    with pytest.raises(InputError, match="bandwidth is above 0"):
        bs.Device(memory=8e9, bandwidth=-1.0)


def test_many_sequences_without_a_cache_are_said_not_to_be_counted() -> None:
    found = bs.serving(7e9, H100, rig=RIG, sequences=100_000)
    (note,) = found.notes
    assert "keys and values of the 100000 sequences are not counted" in note
    assert note in found.text
    assert bs.serving(7e9, H100, rig=RIG).notes == ()
    cached = bs.Device(memory=80e9, bandwidth=3.35e12, cache=2e10)
    assert bs.serving(7e9, cached, rig=RIG, sequences=8).notes == ()


@pytest.mark.parametrize("sequences", [1, 10_000])
def test_the_overhead_of_training_counts_for_nothing_and_is_said(sequences: int) -> None:
    rig = bs.Rig(accelerator="h100", watts=700.0, price=2.0, overhead=0.5)
    plain = bs.serving(7e9, H100, rig=RIG, sequences=sequences)
    found = bs.serving(7e9, H100, rig=rig, sequences=sequences)
    assert found.rows() == plain.rows()
    assert "overhead of a rig is compute that training loses" in found.notes[-1]
