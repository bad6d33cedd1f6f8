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


def test_params_of_a_table_that_are_replaced_are_said() -> None:
    shape = {"width": [64.0, 48.0], "depth": [4.0, 7.0], "vocabulary": 256.0}
    made = given_shapes(shape, PLAIN)
    assert made.notes == ()
    (note,) = given_shapes({**shape, "params": [213000.0, 206000.0]}, PLAIN).notes
    assert "params are those that the shapes make, not those of the table: 4 x 64 makes" in note
    assert f"{made.sizes['params'][0] / 213000 - 1:+.1%}" in note
    near = {**shape, "params": 1.01 * made.sizes["params"]}
    assert given_shapes(near, PLAIN).notes == ()


def test_a_bad_width_is_named_with_its_row_and_is_not_said_to_be_missing() -> None:
    with pytest.raises(InputError) as caught:
        given_shapes({"width": [64.0, 48.0, 0.0], "depth": [4.0, 7.0, 2.0]}, PLAIN)
    (problem,) = caught.value.problems
    assert problem.startswith("'width' must be positive")
    assert problem.endswith("got 0 in row 3")


def test_params_of_a_table_may_carry_a_magnitude() -> None:
    shape = {"width": [64.0, 48.0], "depth": [4.0, 7.0]}
    params = np.array(["0.2M", "196k"], dtype=object)
    found = given_shapes({**shape, "params": params}, PLAIN)
    np.testing.assert_allclose(found.sizes["params"], [196608.0, 193536.0], rtol=0.02)
    with pytest.raises(InputError, match=r"such as 2e7 or 20M, got 'much' in row 2"):
        given_shapes({**shape, "params": np.array(["0.2M", "much"], dtype=object)}, PLAIN)
