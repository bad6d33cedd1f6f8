"""How forecasts held by distance: the table, and what is said of a row."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.questions.tested_distance import (
    EDGES,
    FARTHEST,
    TESTED,
    factor_beyond,
    held_at,
    said_of_distance,
)
from tests.synthetic import synthetic_fit


def test_the_table_has_a_row_between_any_two_edges() -> None:
    assert [each.low for each in TESTED] == [1.0, *EDGES[:-1]]
    assert all(each.low < each.high for each in TESTED)
    assert all(each.targets >= each.tasks >= 2 for each in TESTED)


@pytest.mark.parametrize(
    ("factor", "high"), [(1.0, 3.0), (3.0, 3.0), (3.1, 10.0), (99.0, 100.0), (300.0, 300.0)]
)
def test_a_distance_belongs_to_one_row(factor: float, high: float) -> None:
    found = held_at(factor)
    assert found is not None
    assert found.high == high


@pytest.mark.parametrize("place", range(len(TESTED)))
def test_the_last_bit_of_a_distance_on_an_edge_says_nothing(place: int) -> None:
    edge = TESTED[place].high
    for largest in (1.26e19, 7.68e19, 1e20, 3.3e17, 6 * 1.1e8 * 2.3e9):
        for asked in (edge * largest, np.nextafter(edge * largest, np.inf)):
            far = np.log(asked) - np.log(largest)
            row = {"efolds_flops": far}
            assert held_at(factor_beyond(row)) == TESTED[place]
            assert said_of_distance(row) == str(TESTED[place])
    assert held_at(edge * (1 + 1e-4)) != TESTED[place]


def test_beyond_the_farthest_nothing_is_known() -> None:
    assert held_at(FARTHEST * 1.01) is None
    assert said_of_distance({"efolds_flops": np.log(2750.0)}).startswith(
        "no forecast was tested 2,750x beyond its runs; 300x was farthest"
    )


def test_compute_counts_before_other_sizes() -> None:
    assert factor_beyond({"efolds_flops": np.log(5.0), "efolds_params": 9.0}) == pytest.approx(5)
    assert factor_beyond({"efolds_tokens": np.log(2.0)}) == pytest.approx(2)
    assert said_of_distance({"efolds_flops": 0.0, "loss": 2.0}) == ""


def test_a_run_of_the_largest_size_lies_inside_to_the_last_bit() -> None:
    fit = synthetic_fit()
    largest = {name: float(fit.runs[name].max()) for name in ("params", "tokens")}
    above = {name: np.nextafter(value, np.inf) for name, value in largest.items()}
    for sizes in (largest, above):
        row = fit.forecast(sizes).rows()[0]
        assert row["efolds_params"] == row["efolds_tokens"] == 0.0
    beyond = fit.forecast({**largest, "params": 1.001 * largest["params"]}).rows()[0]
    assert beyond["efolds_params"] == pytest.approx(np.log(1.001))
