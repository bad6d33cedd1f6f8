"""Shapes of a table make their params, each by a layout of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.questions.layouts import PLAIN, Layout, given_shapes, made_up


def test_published_shapes_are_counted_by_their_own_vocabulary_gates_and_ties() -> None:
    table = bs.published_shapes()
    found = given_shapes(table, PLAIN)
    decoders = np.flatnonzero(table["architecture"] == "decoder")
    assert len(found.names) == decoders.size == 14
    assert found.names[-3:-1] == ("Llama 65B, 80 x 8192", "Chinchilla, 80 x 8192")
    np.testing.assert_allclose(found.sizes["params"], table["params"][decoders], rtol=0.1)
    (warning,) = found.warnings
    assert "left out, as they have an encoder: T5-Small" in warning


def test_a_column_stands_in_place_of_the_layout() -> None:
    shape = {"width": [64.0, 64.0], "depth": 2.0}
    plain = given_shapes(shape, Layout(vocabulary=100)).sizes["params"]
    own = given_shapes({**shape, "tied": [1, 0]}, Layout(vocabulary=100)).sizes["params"]
    np.testing.assert_allclose(plain - own, [6400.0, 0.0])
    gated = given_shapes({**shape, "gated": [True, False]}, PLAIN).sizes["params"]
    np.testing.assert_allclose(gated - gated[1], [2 * 4 * 64.0**2, 0.0])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"vocabulary": [-1.0, 5.0]}, "'vocabulary' must be 0 or more in every row"),
        ({"gated": ["yes", "no"]}, "'gated' must be a number"),
        ({"tied": [1, 0, 1]}, "'width' has 2 values, others have 3"),
        ({"architecture": ["encoder", "encoder-decoder"]}, "every shape has an encoder"),
    ],
)
def test_what_is_no_layout_is_said(columns: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        given_shapes({"width": [64.0, 128.0], "depth": [2.0, 4.0], **columns}, PLAIN)


def test_shapes_that_are_made_up_make_the_size() -> None:
    found = made_up(1e8, PLAIN, count=4)
    assert 3 <= len(found.names) <= 4
    assert (np.abs(np.log(found.sizes["params"] / 1e8)) < 0.11).all()
