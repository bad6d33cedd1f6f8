"""Counts of decoders, shapes that have so many, and what 6ND completes."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import (
    PF_DAY,
    RunTable,
    count_params,
    flops_per_token,
    shapes_near,
    training_flops,
)


@pytest.mark.parametrize(
    ("shape", "nonembedding", "total"),
    [
        # GPT-2 small has 124.4e6 with biases, norms and 1024 positions
        ({"depth": 12, "width": 768, "vocabulary": 50257, "tied": True}, 84.93e6, 123.53e6),
        ({"depth": 48, "width": 1600, "vocabulary": 50257, "tied": True}, 1474.6e6, 1555.0e6),
        ({"depth": 96, "width": 12288, "vocabulary": 50257, "tied": True}, 173.95e9, 174.56e9),
        # LLaMA 7B: gated, untied
        ({"depth": 32, "width": 4096, "d_ff": 11008, "gated": True, "vocabulary": 32000}, 6.476e9, 6.738e9),  # noqa: E501
        # T5 sizes keep heads x head size apart from the width
        ({"depth": 1, "width": 512, "d_ff": 2048, "heads": 16, "head_size": 64}, 4 * 512 * 1024 + 2 * 512 * 2048, None),  # noqa: E501
    ],
)  # fmt: skip
def test_known_models(shape: dict[str, Any], nonembedding: float, total: float | None) -> None:
    counted = count_params(**shape)
    assert float(counted.params_nonembedding) == pytest.approx(nonembedding, rel=1e-3)
    assert float(counted.params) == pytest.approx(total or nonembedding, rel=1e-3)
    assert float(counted.params - counted.params_nonembedding) == float(counted.params_embedding)


def test_untied_embeddings_count_twice() -> None:
    tied = count_params(depth=2, width=64, vocabulary=256, tied=True)
    untied = count_params(depth=2, width=64, vocabulary=256)
    assert untied.params_embedding == 2 * tied.params_embedding == 2 * 64 * 256


def test_twelve_l_d_squared() -> None:
    assert count_params(depth=5, width=96).params == 12 * 5 * 96**2


def test_arrays_broadcast() -> None:
    counted = count_params(depth=[1, 2, 3], width=64, vocabulary=100)
    assert counted.params.shape == (3,)
    assert counted.params_embedding.shape == (3,)
    np.testing.assert_array_equal(counted.params_nonembedding, 12 * 64**2 * np.array([1, 2, 3]))


def test_flops_are_two_forward_four_backward_and_attention() -> None:
    flops = flops_per_token(depth=12, width=768, context_length=1024)
    params = float(count_params(depth=12, width=768).params)
    assert flops.forward == 2 * params
    assert flops.backward == 4 * params
    assert flops.attention == 12 * 12 * 768 * 1024
    assert flops.total == 6 * params + 12 * 12 * 768 * 1024


def test_the_output_layer_works_and_the_input_embedding_does_not() -> None:
    with_words = flops_per_token(depth=2, width=64, vocabulary=256)
    without = flops_per_token(depth=2, width=64)
    assert with_words.total - without.total == 6 * 64 * 256


def test_six_nd_does_not_overflow() -> None:
    params, tokens = np.int64(70_000_000_000), np.array([1_400_000_000_000], dtype=np.int64)
    np.testing.assert_allclose(training_flops(params, tokens), 5.88e23)


def test_what_costs_the_same() -> None:
    # 1e12 tokens on 2e10 parameters, 3e12 on 7e9
    assert training_flops(2e10, 1e12) == pytest.approx(training_flops(7e9, 3e12), rel=0.06)
    assert PF_DAY == 1e15 * 86400


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ({"depth": 0, "width": 64}, "depth = 0 cannot be counted with; it must be at least 1"),
        ({"depth": 2, "width": [64, -64]}, "width = -64 cannot"),
        ({"depth": np.nan, "width": 64}, "depth = nan"),
        ({"depth": 2, "width": 64, "d_ff": 0}, "d_ff = 0"),
        ({"depth": 2, "width": 64, "vocabulary": -1}, "vocabulary = -1"),
        ({"depth": 2, "width": 64, "heads": 4}, "head_size is missing"),
        ({"depth": 2, "width": 64, "head_size": 4}, "heads is missing"),
    ],
)
def test_shapes_that_cannot_be(shape: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        count_params(**shape)


def test_a_context_that_cannot_be() -> None:
    with pytest.raises(InputError, match="context_length = -1"):
        flops_per_token(depth=2, width=64, context_length=-1)


TARGETS = [3e5, 1e7, 8.5e7, 1.3e9, 7e10, 1e12]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("prefer", ["balanced", "deep", "wide"])
def test_shapes_are_real_and_near(
    target: float, prefer: Literal["balanced", "deep", "wide"]
) -> None:
    shapes = shapes_near(target, prefer=prefer, vocabulary=50257, tied=True)
    assert 1 <= len(shapes) <= 5
    for shape in shapes:
        counted = count_params(
            depth=shape.depth, width=shape.width, d_ff=shape.d_ff, vocabulary=50257, tied=True
        )
        assert shape.params_nonembedding == counted.params_nonembedding
        assert shape.params == counted.params
        assert abs(shape.params_nonembedding / target - 1) <= 0.1
        assert shape.width == 64 * shape.heads
        assert shape.d_ff == 4 * shape.width
        assert 4 <= shape.aspect <= 1024
    assert len({shape.width for shape in shapes}) == len(shapes)


def test_the_orders_differ_as_they_say() -> None:
    balanced = shapes_near(8.5e7)
    deep = shapes_near(8.5e7, prefer="deep")
    wide = shapes_near(8.5e7, prefer="wide")
    assert (balanced[0].depth, balanced[0].width) == (12, 768)
    assert deep[0].aspect < balanced[0].aspect < wide[0].aspect
    aspects = [shape.aspect for shape in deep]
    assert aspects == sorted(aspects)
    assert [shape.aspect for shape in wide] == sorted((s.aspect for s in wide), reverse=True)


def test_tiny_models_need_small_heads() -> None:
    shapes = shapes_near(3e3, head_size=16)
    assert (shapes[0].depth, shapes[0].width) == (1, 16)
    with pytest.raises(InputError, match=r"depth 1 and width 64, has 49152 \(\+1538 %\); use a"):
        shapes_near(3e3)


def test_a_tight_tolerance_says_what_is_nearest() -> None:
    with pytest.raises(InputError, match=r"within 0\.01 % of 1e\+06 .*the nearest, depth"):
        shapes_near(1e6, tolerance=1e-4)


def test_gated_blocks_and_other_ratios() -> None:
    (shape,) = shapes_near(6.476e9, head_size=128, d_ff_ratio=11008 / 4096, gated=True,
                           tolerance=0.01, count=1)  # fmt: skip
    counted = count_params(depth=shape.depth, width=shape.width, d_ff=shape.d_ff, gated=True)
    assert float(counted.params) == pytest.approx(6.476e9, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"params_nonembedding": -1.0}, "params_nonembedding = -1 must be above 0"),
        ({"params_nonembedding": float("inf")}, "params_nonembedding = inf"),
        ({"head_size": 0}, "head_size = 0"),
        ({"count": 0}, "count = 0"),
        ({"tolerance": 0}, "tolerance = 0"),
        ({"prefer": "tall"}, "prefer = 'tall' is unknown; use one of balanced, deep, wide"),
    ],
)
def test_arguments_out_of_range(changes: dict[str, Any], problem: str) -> None:
    arguments: dict[str, Any] = {"params_nonembedding": 1e7} | changes
    with pytest.raises(InputError, match=problem):
        shapes_near(**arguments)


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
