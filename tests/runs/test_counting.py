"""Parameters and FLOPs, against models whose counts are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import PF_DAY, count_params, flops_per_token, training_flops


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
