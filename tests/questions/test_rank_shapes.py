"""Shapes are ranked by the law at equal compute, and refused where they miss their params."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.runs import count_params
from tests.synthetic import synthetic_fit

SHAPES = {"width": [512.0, 768.0, 1536.0], "depth": [27.0, 12.0, 3.0]}
"""Deep, near the best and wide; 8.5e7 params each."""


def fit_of(model: str = "aspect") -> Fit:
    """A fit of a law of shapes, whose best width per layer is 60 at the reference size."""
    return synthetic_fit(load_model(model).to_dict(), extra={"width": 768.0, "depth": 12.0})


FIT = fit_of()


def test_the_shape_nearest_the_best_aspect_is_first_and_the_others_cost_what_the_law_says() -> None:
    found = FIT.rank_shapes(SHAPES, tokens=2e9)
    assert found.names == ("27 x 512", "12 x 768", "3 x 1536")
    rows = found.rows()
    assert rows[0]["shape"] == "12 x 768"
    assert rows[0]["chance_best"] > 0.9
    assert sum(row["chance_best"] for row in rows) == pytest.approx(1)
    flat, refs = FIT.flat, FIT.only.references
    at = {"params": found.sizes["params"][2], "tokens": np.array(2e9)}
    best = flat["aspect_best"] * (at["params"] / refs["params_ref"]) ** flat["slope_A"]
    off = flat["wide"] * np.log(512 / best)
    shape = flat["flank_A"] ** 2 * (np.sqrt(1 + (off / flat["flank_A"]) ** 2) - 1)
    base = load_model("chinchilla").predict(flat, at, refs)
    np.testing.assert_allclose(found.values[:, 2], base * np.exp(flat["h_A"] * shape))


def test_at_equal_compute_a_larger_shape_reads_fewer_tokens() -> None:
    found = FIT.rank_shapes(SHAPES, flops=1e19)
    np.testing.assert_allclose(6 * found.sizes["params"] * found.sizes["tokens"], 1e19)


def test_shapes_are_made_up_from_deep_to_wide_near_the_best_size_of_a_budget() -> None:
    found = FIT.rank_shapes(flops=1e20, count=5)
    best = FIT.allocate(flops=1e20).choices[0].params
    assert 3 <= len(found.names) <= 5
    assert (np.abs(np.log(found.sizes["params"] / best)) < 0.11).all()
    assert (np.diff(found.aspect) > 0).all()


def test_depth_is_an_outcome_with_a_probability() -> None:
    found = FIT.rank_shapes(SHAPES, tokens=2e9, deep=100.0)
    assert found.depth_beats_width > 0.9
    assert found.deep_narrow > 0.9
    assert found.best_aspect is not None
    assert np.median(found.best_aspect) == pytest.approx(60, rel=0.2)
    narrower = FIT.rank_shapes(SHAPES, tokens=2e9, deep=10.0)
    assert narrower.deep_narrow < 0.1
    assert "deepest beats widest" in found.text
    assert "best width/depth" in found.text


def test_two_quantities_may_put_shapes_in_another_order() -> None:
    up, down = FIT.rank_shapes(SHAPES, tokens=2e9), fit_of("width-depth")
    other = down.rank_shapes(SHAPES, tokens=2e9)
    assert other.best_aspect is None
    rows = up.differ(other)
    assert len(rows) == 3
    for row in rows:
        assert 0 <= row["orders_differ"] <= 1
    same = up.differ(up, joint=True)
    assert all(row["orders_differ"] == 0 for row in same)
    second = (up.beats(0, 1), other.beats(0, 1))
    assert rows[0]["orders_differ"] == pytest.approx(
        second[0] * (1 - second[1]) + second[1] * (1 - second[0])
    )
    with pytest.raises(InputError, match="ask both of the same shapes"):
        up.differ(down.rank_shapes({"width": 512.0, "depth": 8.0}, tokens=2e9))


@pytest.mark.parametrize(
    ("asked", "pattern"),
    [
        ({"shapes": {**SHAPES, "params": [8.5e7, 8.5e7, 3e8]}, "tokens": 1e9},
         "shape 3, 3 layers of width 1536, makes 8.49e\\+07 params, and the table says 3e\\+08"),
        ({"shapes": {"width": 512.0}, "tokens": 1e9}, "a shape needs its depth"),
        ({"shapes": SHAPES}, "give either tokens or flops"),
        ({"shapes": SHAPES, "tokens": 1e9, "flops": 1e19}, "give either tokens or flops"),
        ({"tokens": 1e9}, "give params, or flops"),
        ({"params": 1e6, "tokens": 1e9, "layout": bs.Layout(vocabulary=50_000)}, "leaves none"),
        ({"shapes": {"width": [512.0, -1.0], "depth": 4.0}, "tokens": 1e9}, "'width' must be"),
        ({"flops": [1e18, 1e19]}, "flops is one number, got 2"),
        ({"shapes": SHAPES, "tokens": [1e9, 2e9, 3e9]}, "tokens is one number, got 3"),
        ({"params": -1.0, "tokens": 1e9}, "params must be above 0"),
        ({"flops": 1e19, "count": 0}, "count is 2 shapes or more, got 0"),
    ],
)  # fmt: skip
def test_a_shape_that_cannot_be_is_said(asked: dict[str, Any], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        FIT.rank_shapes(**asked)


def test_a_law_without_shapes_says_so() -> None:
    with pytest.raises(InputError, match="and no shape: fit a law of width and depth"):
        synthetic_fit().rank_shapes(SHAPES, tokens=1e9)


def test_shapes_outside_those_of_the_runs_are_told() -> None:
    (warning,) = FIT.rank_shapes(SHAPES, tokens=1e9).warnings
    assert "lies outside that of the runs" in warning


def test_published_shapes_are_ranked_as_they_are() -> None:
    found = FIT.rank_shapes(bs.published_shapes(), tokens=3e11)
    assert found.rows()[0]["shape"] == "GPT-3 175B, 96 x 12288"
    assert any("T5-11B" in warning for warning in found.warnings)


def test_the_farthest_distance_beyond_the_runs_is_printed() -> None:
    assert "inside the fitted runs" not in FIT.rank_shapes(flops=1e25).text
    found = FIT.rank_shapes(SHAPES, tokens=2e12)
    largest = FIT.only.fitted_sizes["tokens"].max()
    far = np.log(2e12 / largest)
    assert f"tokens {far:.1f} e-folds" in found.text
    assert [row["efolds_tokens"] for row in found.rows()] == pytest.approx(
        [far] * len(found.rows())
    )
    assert "flops" in found.extrapolation


def test_published_shapes_make_their_params() -> None:
    shapes = bs.published_shapes()
    for place, name in enumerate(shapes["run"]):
        if shapes["architecture"][place] != "decoder" or name == "GPT-3 1.3B":
            continue
        made = count_params(
            depth=shapes["depth"][place],
            width=shapes["width"][place],
            d_ff=shapes["d_ff"][place],
            gated=bool(shapes["gated"][place]),
            vocabulary=shapes["vocabulary"][place],
            tied=bool(shapes["tied"][place]),
        )
        assert float(made.params) == pytest.approx(shapes["params"][place], rel=0.09), name
