from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.runs.frontier import Frontier, Rows, clusters, find_frontier, levelled, smoothed


def frontier(
    size: list[float],
    other: list[float],
    loss: list[float],
    *,
    run: list[int] | None = None,
    tuning: list[int] | None = None,
) -> Frontier:
    count = len(size)
    return find_frontier(
        Rows(
            size=np.log(size),
            other=np.log(other),
            loss=np.log(loss),
            run=np.array(run or range(count)),
            tuning=np.array(tuning or [0] * count),
        )
    )


def test_a_row_is_off_where_another_setting_does_better_with_no_more() -> None:
    found = frontier([1, 1, 4, 4], [1, 2, 1, 2], [3.0, 3.1, 2.5, 2.4])
    assert found.on.tolist() == [True, False, False, True]


def test_rows_of_one_setting_never_push_each_other_out() -> None:
    found = frontier([1, 1, 1, 4, 4], [1, 1, 2, 2, 2], [3.0, 3.05, 3.2, 2.4, 2.6])
    assert found.on.tolist() == [True, True, False, True, True]


def test_a_setting_alone_keeps_all_its_rows() -> None:
    assert frontier([1, 2, 300], [7, 7, 7], [3.0, 3.5, 2.0]).on.all()
    curve = frontier([1, 2, 300], [7, 7, 7], [3.0, 3.5, 2.0], run=[4, 4, 4])
    assert curve.on.all()
    assert not curve.bracketed.any()


def test_worse_hyperparameters_at_the_same_sizes_are_off() -> None:
    found = frontier([1, 1, 1, 9], [1, 1, 1, 2], [3.0, 2.9, 3.1, 2.0], tuning=[1, 2, 1, 1])
    assert found.on.tolist() == [False, True, False, True]


def test_another_setting_counts_between_its_rows() -> None:
    # At size 10 the line of setting 1 from 3.2 at 5 to 2.0 at 20 passes 2.53.
    found = frontier([5, 20, 10], [1, 1, 2], [3.2, 2.0, 2.6])
    assert found.on.tolist() == [True, True, False]
    assert frontier([5, 20, 10], [1, 1, 2], [3.2, 2.0, 2.5]).on.tolist() == [True, True, True]


def test_the_compute_of_one_line_may_scatter() -> None:
    assert frontier([1.0, 1.05], [1, 2], [3.0, 2.5]).on.tolist() == [False, True]
    assert frontier([1.0, 1.2], [1, 2], [3.0, 2.5]).on.tolist() == [True, True]


def test_bracketed_is_between_settings_tried_at_that_size() -> None:
    found = frontier([1, 1, 1, 50], [1, 2, 3, 2], [3.0, 2.9, 3.0, 2.0])
    assert found.bracketed.tolist() == [False, True, False, False]


def test_runs_of_several_rows_compete_also_at_one_other_size() -> None:
    found = frontier([10, 100, 10, 100], [1, 1, 1, 1], [3.0, 2.5, 2.9, 2.6], run=[1, 1, 2, 2])
    assert found.on.tolist() == [False, True, True, False]


def test_the_start_of_a_run_counts_for_nothing() -> None:
    rows: tuple[list[float], list[float], list[float]] = (
        [4, 100, 4, 50], [1, 1, 2, 2], [2.0, 1.5, 3.0, 1.9]
    )  # fmt: skip
    found = frontier(*rows, run=[1, 1, 2, 2])
    assert found.on.tolist() == [False, True, True, True]


def test_a_dip_in_a_run_is_levelled_to_its_neighbours() -> None:
    assert levelled(np.array([3.0, 5.0, 4.0, 1.0, 2.0, 1.5])).tolist() == [5, 5, 4, 2, 2, 1.5]
    assert levelled(np.array([3.0])).tolist() == [3.0]


def test_dense_rows_are_smoothed_by_a_line_and_far_ones_left() -> None:
    rng = np.random.default_rng(1)
    size = np.linspace(0, 0.4, 80)
    line = 1 - 0.1 * size
    noisy = line + 0.01 * rng.standard_normal(80)
    assert np.std(smoothed(size, noisy) - line) < 0.4 * np.std(noisy - line)
    assert smoothed(size, line) == pytest.approx(line)
    apart = np.array([0.0, 1.0, 2.0, 3.0])
    assert smoothed(apart, noisy[:4]).tolist() == noisy[:4].tolist()
    repeated = smoothed(np.array([0.0, 0.001, 1.0]), np.array([1.0, 2.0, 0.0]))
    assert repeated.tolist() == [1.5, 1.5, 0.0]


def test_sizes_within_one_per_cent_are_one() -> None:
    numbers = clusters(np.log([100.0, 205.0, 100.9, 101.5, 200.0, np.nan, np.nan]))
    assert numbers[0] == numbers[2] != numbers[3]
    assert len(set(numbers.tolist())) == 5
    assert numbers[5] == numbers[6]
