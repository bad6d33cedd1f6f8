"""What compute costs."""

from __future__ import annotations

from typing import Any

import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError


def test_hours_and_money_by_hand() -> None:
    rig = bs.Rig(accelerator="a100", utilisation=0.5, price=2.0, overhead=0.25)
    an_hour = 312e12 * 0.5 * 3600 / 1.25
    assert rig.hours(10 * an_hour) == pytest.approx(10)
    assert rig.money(10 * an_hour) == pytest.approx(20)
    assert rig.flops(hours=3) == pytest.approx(3 * an_hour)
    assert rig.flops(money=3) == pytest.approx(1.5 * an_hour)
    assert bs.Rig(peak=1e15, accelerator="mine").hours(3.6e18) == pytest.approx(2.5)
    assert bs.Rig().money(1e20) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"accelerator": "h1000"}, "not known: give its peak"),
        ({"utilisation": 40}, "utilisation is in"),
        ({"peak": 0.0}, "peak is above 0"),
        ({"price": -1.0}, "price is above 0"),
        ({"overhead": -0.1}, "overhead is 0 or more"),
    ],
)
def test_a_rig_that_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bs.Rig(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either hours or money"),
        ({"hours": 1.0, "money": 1.0}, "either hours or money"),
        ({"money": 1.0}, "at a price"),
        ({"hours": -1.0}, "above 0"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bs.Rig().flops(**given)
