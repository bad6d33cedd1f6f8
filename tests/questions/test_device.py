"""What fits the device that serves."""

from __future__ import annotations

from typing import Any

import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError


def test_params_share_the_memory_with_the_cache() -> None:
    alone = bs.Device(memory=80e9)
    assert alone.max_params == pytest.approx(0.9 * 80e9 / 2)
    cache = bs.kv_cache(layers=32, width=1024, context=8192, sequences=16)
    assert cache == 2 * 32 * 1024 * 8192 * 16 * 2
    busy = bs.Device(memory=80e9, count=2, bytes_per_param=1, cache=cache, reserved=0.2)
    assert busy.max_params == pytest.approx(0.8 * 160e9 - cache)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"memory": 0.0}, "memory is above 0"),
        ({"memory": 80.0}, "80 is too few for any device: write 80GB"),
        ({"memory": 8e9, "bandwidth": 3.35}, "3.35 is too few for any device: write 3.35e12"),
        ({"memory": 8e9, "count": 0}, "count is 1 or more"),
        ({"memory": 8e9, "bytes_per_param": -1.0}, "bytes_per_param is above 0"),
        ({"memory": 8e9, "reserved": 1.0}, "reserved is in"),
        ({"memory": 8e9, "cache": 8e9}, "leaves no room for a model"),
    ],
)
def test_a_device_that_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bs.Device(**given)


def test_every_problem_of_a_cache_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        bs.kv_cache(layers=0, width=-1.0, context=8192)
    assert len(caught.value.problems) == 2


def test_a_device_bounds_limits_that_are_wider() -> None:
    device = bs.Device(memory=80e9)
    assert bs.Limits(max_params=1e12, min_tokens=5.0).on(device) == bs.Limits(
        max_params=device.max_params, min_tokens=5.0
    )
    assert bs.Limits(max_params=1e9).on(device).max_params == 1e9
