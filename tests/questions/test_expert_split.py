"""Experts under a budget and a memory, against the law that is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from tests.synthetic import synthetic_fit

FIT = synthetic_fit("moe-joint", extra={"experts": 8.0})
FLOPS = 1e20


def test_without_a_limit_more_experts_are_better_and_the_loss_is_that_of_the_law() -> None:
    found = FIT.expert_split(FLOPS)
    assert found.experts[found.choose] == 128
    np.testing.assert_allclose(6 * found.params_active * found.tokens, FLOPS)
    np.testing.assert_allclose(
        found.params, found.params_active * (1 + 2 / 3 * (found.experts - 1))
    )
    place = 4
    at = {"params": found.params_active[place], "tokens": found.tokens[place]}
    law = FIT.forecast({**at, "experts": found.experts[place]})
    np.testing.assert_allclose(
        np.median(law.noise_free), np.median(found.loss[:, place]), rtol=1e-6
    )
    assert found.best.sum() == pytest.approx(1)


def test_a_memory_bounds_all_params_and_moves_the_choice() -> None:
    free = FIT.expert_split(FLOPS)
    device = bs.Device(memory=2 * free.params[2] / 0.9)
    found = FIT.expert_split(FLOPS, limits=bs.Limits().on(device))
    assert (found.params <= device.max_params * (1 + 1e-6)).all()
    assert found.at_limit.any()
    assert found.experts[found.choose] < 128
    assert "(limit)" in found.text
    assert "choose" in found.text


def test_experts_beyond_those_of_the_runs_are_told() -> None:
    found = FIT.expert_split(FLOPS, experts=[8, 100_000])
    np.testing.assert_allclose(found.extrapolation["experts"], [0.0, np.log(100_000 / 8)])
    assert "experts 9.4 e-folds" in found.text


@pytest.mark.parametrize(
    ("asked", "pattern"),
    [
        ({"expert_share": 0.0}, "expert_share is in"),
        ({"experts": [0.5, 2]}, "experts are 1 or more"),
        ({"flops": [1e20, 1e21]}, "flops is one number, got 2"),
        ({"experts": [2, 3.5]}, "experts are 1 or more, and whole, got 3.5"),
        ({"flops": -1.0}, "flops must be above 0"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: dict[str, Any], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        FIT.expert_split(**{"flops": FLOPS, **asked})
    with pytest.raises(InputError, match="reads no experts: fit moe-joint"):
        synthetic_fit().expert_split(FLOPS)
