"""Shapes near a target: real, within the tolerance, in the order asked for."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import count_params, shapes_near

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
