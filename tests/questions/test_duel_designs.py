"""Duels of runs of one scale, of two, of unequal sizes, and on shared evaluation sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.questions.duel import Duel
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]

GAIN = 1.3
"""True compute multiplier."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::bayes_scaling.errors.BayesScalingWarning"),
]


def loss_of(params: Array, tokens: Array, gain: float) -> Array:
    """Loss of the constants of Hoffmann et al., where params and tokens count for more."""
    factor = np.sqrt(gain)
    return np.asarray(1.69 + 406.4 / (params * factor) ** 0.34 + 410.7 / (tokens * factor) ** 0.28)


def runs_of(
    flops_a: Array, flops_b: Array, shared: NDArray[np.int64], *, sd: float, noise: float = 0.003
) -> RunTable:
    """Runs at 20 tokens a parameter; rows of one number in `shared` deviate together."""
    rng = np.random.default_rng(2)
    flops = np.concatenate([flops_a, flops_b])
    params, variant = np.sqrt(flops / 120), np.arange(flops.size) >= flops_a.size
    tokens = 20 * params
    true = np.where(variant, loss_of(params, tokens, GAIN), loss_of(params, tokens, 1.0))
    own = noise * rng.standard_normal(flops.size)
    together = sd * rng.standard_normal(shared.max() + 1)[shared]
    return RunTable.from_columns(
        {
            "params": params,
            "tokens": tokens,
            "loss": true * np.exp(own + together),
            "family": np.where(variant, "b", "a"),
            "shared": shared.astype(str),
        }
    )


def compared(table: RunTable, **options: Any) -> Duel:
    return bs.duel(
        table,
        a="a",
        b="b",
        flops=[float(table["flops"].max()), 10 * float(table["flops"].max())],
        draws=500,
        tune=400,
        chains=2,
        random_seed=1,
        **options,
    )


def check_held(found: Duel) -> None:
    """The true multiplier lies in wide intervals, and what is far is less sure."""
    near, far = found.rows(0.99)
    for row in (near, far):
        assert row["multiplier_lower"] < GAIN < row["multiplier_upper"]
    widths = [row["multiplier_upper"] / row["multiplier_lower"] for row in (near, far)]
    assert widths[0] < widths[1]
    assert found.verdict("b") != "drop"


def test_pairs_of_one_scale_tell_what_they_see_and_less_of_the_target() -> None:
    flops, pair = np.full(6, 1e20), np.arange(6)
    found = compared(runs_of(flops, flops, np.tile(pair, 2), sd=0.003), pairs="shared")
    check_held(found)
    near, far = found.chance("b")
    assert near > 0.95
    assert near > far


def test_one_run_of_each_is_decided_by_nobody() -> None:
    one = np.array([1e20])
    with pytest.warns(BayesScalingWarning, match="the priors speak louder than the data"):
        found = compared(runs_of(one, one, np.arange(2), sd=0.0))
    check_held(found)
    assert found.verdict("b") == "undecided"


def test_two_scales_are_enough_for_a_verdict() -> None:
    flops, pair = np.repeat([1e19, 1e20], 4), np.arange(8)
    found = compared(runs_of(flops, flops, np.tile(pair, 2), sd=0.003), pairs="shared")
    check_held(found)
    assert found.verdict("b") == "promote"


def test_sizes_need_not_be_shared() -> None:
    small, large = np.geomspace(1e18, 1e19, 10), np.geomspace(2e19, 1e20, 4)
    found = compared(runs_of(small, large, np.arange(14), sd=0.0))
    check_held(found)
    assert found.beyond[0] == 0.0


def test_noise_of_shared_evaluation_sets_cancels() -> None:
    flops = np.repeat(np.geomspace(1e18, 1e20, 5), 4)
    sets = np.tile(np.arange(4), 10)
    table = runs_of(flops, flops, sets, sd=0.01, noise=0.002)
    paired, plain = compared(table, pairs="shared"), compared(table)
    check_held(paired)
    widths = [
        row["multiplier_upper"] / row["multiplier_lower"]
        for row in (each.rows()[0] for each in (paired, plain))
    ]
    assert widths[0] < 0.9 * widths[1]
