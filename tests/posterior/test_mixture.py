"""Which draws of each member are taken, and what may not be mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.posterior.weights import (
    model_problems,
    renormalised,
    stratify,
    weight_problems,
)


def test_members_of_equal_weight_and_size_give_every_draw_once() -> None:
    rows = stratify([1 / 3, 1 / 3, 1 / 3], [400, 400, 400])
    assert len(rows) == 3
    for taken in rows:
        np.testing.assert_array_equal(taken, np.arange(400))


@pytest.mark.parametrize(
    ("weights", "sizes"),
    [
        ([0.75, 0.25], [400, 400]),
        ([0.5, 0.5], [400, 100]),
        ([0.123, 0.456, 0.421], [997, 400, 1201]),
        ([0.99, 0.01], [100, 100]),
        ([1.0], [64]),
    ],
)
def test_shares_follow_the_weights_and_no_draw_is_taken_twice(
    weights: Sequence[float], sizes: Sequence[int]
) -> None:
    rows = stratify(weights, sizes)
    total = sum(len(taken) for taken in rows)
    for weight, size, taken in zip(weights, sizes, rows, strict=True):
        assert abs(len(taken) - weight * total) < 1
        assert len(np.unique(taken)) == len(taken)
        assert 0 <= taken.min() <= taken.max() < size
    assert total == pytest.approx(min(np.asarray(sizes) / np.asarray(weights)), abs=1)


def test_draws_are_spread_evenly_over_the_chains() -> None:
    taken = stratify([0.9, 0.1], [1000, 1000])[1]
    assert len(taken) == 111
    assert set(np.diff(taken)) <= {9, 10}
    assert taken[0] < 9
    assert taken[-1] > 990


def test_weights_are_renormalised() -> None:
    assert renormalised({"a": 3.0, "b": 1.0}) == {"a": 0.75, "b": 0.25}


@pytest.mark.parametrize(
    ("weights", "messages"),
    [
        ({"a": 1.0, "b": 2.0}, []),
        ({"a": 1.0, "b": 0.0}, []),
        ({"a": 1.0}, ["no weight of 'b'"]),
        ({"a": 1.0, "b": 1.0, "c": 1.0}, ["weight of 'c', which is no member; members are a, b"]),
        ({"a": -1.0, "b": 1.0}, ["weight of 'a' must be 0 or more"]),
        ({"a": float("nan"), "c": 1.0}, ["'c', which", "no weight of 'b'", "of 'a' must be"]),
        ({"a": 0.0, "b": 0.0}, ["every weight is 0"]),
    ],
)
def test_what_is_wrong_with_weights(weights: dict[str, float], messages: list[str]) -> None:
    found = weight_problems(weights, ["a", "b"])
    assert len(found) == len(messages)
    for message, problem in zip(messages, found, strict=True):
        assert message in problem


def test_members_must_read_and_explain_the_same() -> None:
    chinchilla, coupled = load_model("chinchilla"), load_model("coupled")
    assert model_problems([chinchilla, coupled]) == []
    assert model_problems([]) == ["an ensemble needs a member; name a model"]
    assert "2 members are called 'coupled'" in model_problems([coupled, coupled])[0]
    assert "'chinchilla-lr' reads learning_rate, params, tokens".replace("'", "") in " ".join(
        model_problems([chinchilla, load_model("chinchilla-lr")])
    )
    other = replace(coupled, response="score", group="corpus")
    explains, groups = model_problems([chinchilla, other])
    assert "coupled explains score and chinchilla loss" in explains
    assert "coupled has its groups in corpus and chinchilla family" in groups
    embedding = model_problems([chinchilla, load_model("kaplan-nd")])
    assert any("params_nonembedding and chinchilla nothing" in text for text in embedding)
