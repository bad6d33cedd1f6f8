from __future__ import annotations

import builtins
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from bayes_scaling.datasets.nano_lm.plan import SHAPES, SIZES
from bayes_scaling.datasets.nano_lm.transformer import Shape, check_shape, require_jax
from bayes_scaling.errors import InputError


@pytest.mark.parametrize(("width", "depth"), SIZES)
def test_counts_follow_the_formula(width: int, depth: int) -> None:
    shape = Shape(width=width, depth=depth)
    assert shape.params_nonembedding == 12 * depth * width**2
    assert shape.params == 12 * depth * width**2 + 256 * width
    assert shape.heads == width // 16


def test_counts_are_those_of_the_weights() -> None:
    jax = pytest.importorskip("jax")
    from bayes_scaling.datasets.nano_lm.transformer import initial_state

    shape = Shape(width=16, depth=2)
    params = jax.eval_shape(lambda: initial_state(shape, 0))[0]
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == shape.params


def test_every_shape_of_the_plan_can_be_trained() -> None:
    shapes = [*SIZES, *(size for sizes in SHAPES.values() for size in sizes)]
    assert [check_shape(Shape(width=w, depth=d)) for w, d in shapes] == [[]] * len(shapes)


@pytest.mark.parametrize("width", [0, -2, 15, 50, 68])
def test_widths_that_do_not_split_into_heads_are_refused(width: int) -> None:
    (problem,) = check_shape(Shape(width=width, depth=1))
    assert f"width is {width}" in problem


def test_a_model_of_zeros_gives_each_byte_the_same_chance() -> None:
    jax = pytest.importorskip("jax")
    from bayes_scaling.datasets.nano_lm.transformer import initial_state, mean_loss

    shape = Shape(width=16, depth=1)
    sizes = jax.eval_shape(lambda: initial_state(shape, 0))[0]
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), sizes)
    windows = np.random.default_rng(0).integers(0, 256, (2, 33), dtype=np.uint8)
    loss = jax.jit(mean_loss, static_argnums=0)(shape, params, windows)
    assert float(loss) == pytest.approx(np.log(256), rel=1e-5)


def test_learning_rate_warms_up_and_ends_at_a_tenth() -> None:
    pytest.importorskip("jax")
    from bayes_scaling.datasets.nano_lm.transformer import learning_rate_at

    rates = [float(learning_rate_at(step, 100.0, 2.0)) for step in range(101)]
    assert rates[0] == pytest.approx(0.4)
    assert rates[4] == rates[5] == pytest.approx(2.0)
    assert rates[100] == pytest.approx(0.2)
    assert all(later < earlier for earlier, later in pairwise(rates[5:]))


def test_a_missing_jax_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_jax(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "jax":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_jax)
    with pytest.raises(InputError, match=r"pip install 'bayes-scaling\[train\]'"):
        require_jax()
