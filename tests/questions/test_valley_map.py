"""A map of loss over rate and size has its valley where the law says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.figures import plot_valley_map
from tests.synthetic import synthetic_fit

FIT = synthetic_fit("chinchilla-lr")


def test_the_valley_follows_the_size_and_lies_at_the_bottom_of_the_map() -> None:
    found = FIT.valley_map("lr", "params", held={"tokens": 2e10})
    flat, refs = FIT.flat, FIT.only.references
    for place in (3, 20):
        size = found.ys[place] / refs["params_ref"]
        best = flat["lr_best"] * size ** flat["s_N"]
        best = best * (2e10 / refs["tokens_ref"]) ** flat["s_D"]
        np.testing.assert_allclose(found.best[:, place], best)
        bottom = found.xs[np.argmin(found.loss[place])]
        step = np.log(found.xs[1] / found.xs[0])
        assert abs(np.log(bottom / np.median(best))) < 1.01 * step
    assert found.held == {"tokens": 2e10}
    row = found.rows()[3]
    assert row["best_learning_rate_lower"] < row["best_learning_rate"]
    assert "best learning rate" in found.text


def test_it_says_how_far_what_is_held_lies_beyond_the_runs() -> None:
    far = np.log(1e15 / FIT.only.fitted_sizes["tokens"].max())
    found = FIT.valley_map("learning_rate", "params", held={"tokens": 1e15})
    assert f"tokens {far:.1f} e-folds" in found.text
    assert [row["efolds_tokens"] for row in found.rows()] == pytest.approx(
        [far] * len(found.rows())
    )
    inside = FIT.valley_map("learning_rate", "params")
    assert not inside.extrapolation["tokens"].any()
    assert not inside.extrapolation["params"].any()


def test_it_is_drawn_with_its_interval_and_the_runs() -> None:
    found = FIT.valley_map("learning_rate", "params")
    ax = plot_valley_map(found)
    np.testing.assert_allclose(np.asarray(ax.lines[0].get_ydata(), float), found.ys)
    assert len(ax.lines) == 4
    assert ax.get_xlabel() == "learning rate"


@pytest.mark.parametrize(
    ("asked", "pattern"),
    [
        ({"x": "weight_decay"}, "has no valley in weight_decay"),
        ({"y": "batch_size"}, "reads no batch_size"),
        ({"y": "learning_rate"}, "name two inputs"),
        ({"places": 2}, "places is 3 or more"),
        ({"places": 100_000}, "up to 400, and whole, got 100000"),
        ({"held": {"tokens": -5.0}}, "held: tokens must be above 0"),
        ({"held": {"D": float("nan")}}, "held: tokens must be above 0"),
        ({"places": 3.5}, "and whole, got 3.5"),
        ({"held": {"tokens": [1e9, 2e9]}}, "held: tokens is one number, got 2"),
        ({"held": {"params": 1e5}}, "params is mapped: leave it out of what is held"),
        ({"held": {"lr": 1e-3}}, "learning_rate is mapped"),
    ],
)
def test_what_cannot_be_mapped_is_said(asked: dict[str, Any], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        FIT.valley_map(**{"x": "learning_rate", "y": "params", **asked})
