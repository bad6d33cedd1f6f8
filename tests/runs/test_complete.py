"""6ND and batch x steps: every way to be incomplete, row by row, in float64."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from bayes_scaling.runs import RunTable

SIZES = {"params": 1e9, "tokens": 2e10, "flops": 6 * 1e9 * 2e10}


def _read(**columns: Any) -> RunTable:
    listed: dict[str, list[Any]] = {
        name: v if isinstance(v, list) else [v] for name, v in columns.items()
    }
    rows = len(next(iter(listed.values())))
    base: dict[str, list[Any]] = {"run": [str(i) for i in range(rows)], "loss": [3.0] * rows}
    return RunTable.from_columns(base | listed)


@pytest.mark.parametrize("missing", SIZES)
def test_two_of_three_give_the_third(missing: str) -> None:
    table = _read(**{name: value for name, value in SIZES.items() if name != missing})
    for name, value in SIZES.items():
        assert table[name][0] == pytest.approx(value, rel=1e-12)
    assert len(table.notes) == 1
    assert table.notes[0].startswith(missing)


def test_row_by_row() -> None:
    combinations = list(itertools.combinations(SIZES, 2))
    columns = {
        name: [value if name in two else None for two in combinations]
        for name, value in SIZES.items()
    }
    table = _read(**columns)
    for name, value in SIZES.items():
        np.testing.assert_allclose(table[name], value, rtol=1e-12)
    assert len(table.notes) == 3
    assert all("(1 of 3 rows)" in note for note in table.notes)


def test_tokens_from_batches_then_flops() -> None:
    table = _read(params=1e9, batch_size=1e6, steps=2e4)
    assert table["tokens"][0] == 2e10
    assert table["flops"][0] == SIZES["flops"]
    assert table.notes == ("tokens from batch_size x steps", "flops from 6 x params x tokens")


def test_nonembedding_counts_stand_in_for_params() -> None:
    table = _read(params_nonemb=1e9, tokens=2e10)
    assert table["params"][0] == 1e9
    assert table["flops"][0] == SIZES["flops"]
    assert table.notes == (
        "flops from 6 x params_nonembedding x tokens",
        "params taken from params_nonembedding",
    )


def test_params_come_before_nonembedding_counts() -> None:
    table = _read(params=1e9, params_nonemb=5e8, tokens=2e10)
    assert table["flops"][0] == SIZES["flops"]


def test_active_parameters_do_the_compute() -> None:
    table = _read(params=8e9, params_active=1e9, flops=SIZES["flops"])
    assert table["tokens"][0] == pytest.approx(2e10)
    assert table["params"][0] == 8e9
    assert table.notes == ("tokens from flops / (6 x params_active)",)


def test_active_alone_stands_in_for_params() -> None:
    table = _read(params_active=1e9, tokens=2e10)
    assert table["params"][0] == 1e9
    assert "params taken from params_active" in table.notes


def test_an_unknown_active_count_is_filled_as_such() -> None:
    table = _read(params_active=[None, 1e9], tokens=[2e10, 2e10], flops=[SIZES["flops"]] * 2)
    np.testing.assert_allclose(table["params_active"], 1e9)


def test_no_overflow_beyond_int64() -> None:
    big = np.array([70_000_000_000], dtype=np.int64)
    tokens = np.array([1_400_000_000_000], dtype=np.int64)
    table = RunTable.from_columns({"N": big, "D": tokens, "loss": [2.0]})
    assert table["flops"][0] == pytest.approx(5.88e23)


@pytest.mark.filterwarnings("ignore:.*tokens per parameter")
def test_integers_too_long_for_int64() -> None:
    table = RunTable.from_columns({"N": [10**9], "C": [6 * 10**29], "loss": [2.0]})
    assert table["tokens"][0] == pytest.approx(1e20)


def test_given_values_are_never_changed() -> None:
    table = _read(params=1e9, tokens=2e10, flops=SIZES["flops"] * 1.2)
    assert table["flops"][0] == SIZES["flops"] * 1.2
    assert table.notes == ()


def test_one_size_alone_stays_alone() -> None:
    table = _read(tokens=2e10)
    assert "params" not in table
    assert "flops" not in table
    assert table.notes == ()
