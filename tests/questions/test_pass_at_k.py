"""pass@k by a beta-binomial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError


def simulated(seed: int, problems: int = 200, answers: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.4, 2.0, problems)
    return rng.binomial(answers, chance), chance


def test_many_answers_are_told_from_few() -> None:
    inside = []
    for seed in range(20):
        right, _ = simulated(seed)
        found = bs.pass_at_k(right, 20, [1, 10, 100], probability=0.9)
        p = np.random.default_rng(99).beta(0.4, 2.0, 400_000)
        truth = [1 - np.mean((1 - p) ** k) for k in (1, 10, 100)]
        rows = found.rows()
        inside += [
            row["pass_at_k_lower"] <= true <= row["pass_at_k_upper"]
            for row, true in zip(rows, truth, strict=True)
        ]
    assert 0.8 < np.mean(inside) <= 1


def test_pass_at_1_is_the_share_and_rises_with_k() -> None:
    right, _ = simulated(1)
    found = bs.pass_at_k(right, 20, [1, 2, 4])
    middle = np.median(found.draws, axis=0)
    assert middle[0] == pytest.approx(right.mean() / 20, abs=0.02)
    assert (np.diff(middle) > 0).all()
    assert "pass@4" in str(found.page())


@pytest.mark.parametrize(
    ("right", "answers", "k", "said"),
    [
        ([3], 2, 1, "problem 1 has 3 right of 2"),
        ([-1], 2, 1, "right must be whole"),
        ([1], 2, 0.5, "k must be whole"),
    ],
)
def test_counts_must_be_counts(right: list[int], answers: int, k: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bs.pass_at_k(right, answers, k)


@pytest.mark.parametrize(("problems", "answers"), [(2000, 40), (20_000, 10)])
def test_a_narrow_posterior_covers_the_truth_and_moves_with_the_data(
    problems: int, answers: int
) -> None:
    inside, middles, counted = [], [], []
    for seed in range(20):
        right, _ = simulated(seed, problems, answers)
        found = bs.pass_at_k(right, answers, 1)
        (row,) = found.rows()
        inside.append(row["pass_at_k_lower"] <= 0.4 / 2.4 <= row["pass_at_k_upper"])
        middles.append(row["pass_at_k"])
        counted.append(right.mean() / answers)
        assert np.unique(found.draws).size > 1900
    assert 15 <= sum(inside) <= 20
    np.testing.assert_allclose(middles, counted, rtol=0.03)
    assert np.corrcoef(middles, counted)[0, 1] > 0.95


def test_the_width_is_that_of_the_spread_over_problems() -> None:
    right, _ = simulated(1, 20_000, 10)
    found = bs.pass_at_k(right, 10, 1)
    assert found.draws.std() == pytest.approx(right.std() / 10 / 20_000**0.5, rel=0.1)


@pytest.mark.parametrize(
    ("right", "answers", "k", "said"),
    [
        ([1, 2], [10, 10, 10], 1, "right has 2 problems and answers has 3"),
        (["a"], 10, 1, "right must be whole numbers, one a problem"),
        ([], 10, 1, "right is empty"),
        ([1], [], 1, "answers is empty"),
        ([1], 10, [], "k is empty"),
    ],
)
def test_what_is_no_table_of_counts_is_said(right: Any, answers: Any, k: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bs.pass_at_k(right, answers, k)
