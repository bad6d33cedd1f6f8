"""Losses at positions of a context."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.runs import RunTable
from tests.laws.tables import table


def drawn(model: str, runs: RunTable) -> Fit:
    member = prior_member(load_model(model), runs, draws=300, random_seed=1)
    return Fit.of_one(member).accept_unconverged()


@pytest.fixture(scope="module")
def fit() -> Fit:
    sizes = np.meshgrid([1e6, 1e7, 1e8], [2.0, 4, 8], [8.0, 64, 1024])
    params, position, context = (each.ravel() for each in sizes)
    columns = {"params": params, "position": position, "context_length": context}
    return drawn("context", RunTable.from_columns({**columns, "loss": 5 - 0.1 * np.log(params)}))


def test_before_any_run_the_two_statements_of_the_paper_are_likely_and_not_certain(
    fit: Fit,
) -> None:
    same = fit.positions(1e8, position=4, context=8, against_position=4, against_context=1024)
    share = fit.positions(1e8, position=1024, context=1024, against_position=8, against_context=8)
    assert 0.6 < same.shares["lower"][0] < 0.99
    assert 0.6 < share.shares["lower"][0] < 0.99
    ratio = same.draws["loss"] / same.draws["against_loss"]
    np.testing.assert_allclose(same.draws["ratio"], ratio)
    assert 0 < same.shares["falls"][0] <= 1


@pytest.mark.parametrize(
    ("params", "context", "against", "far"),
    [
        (1e8, 8, 1024, {}),
        (1e12, 8, 1024, {"params": np.log(1e4)}),
        (1e8, 8, 1e9, {"context_length": np.log(1e9 / 1024)}),
        (1e8, 1e6, 1024, {"context_length": np.log(1e6 / 1024)}),
    ],
)
def test_the_distance_is_that_of_whichever_lies_farther_beyond_the_runs(
    fit: Fit, params: float, context: float, against: float, far: dict[str, float]
) -> None:
    found = fit.positions(
        params, position=4, context=context, against_position=4, against_context=against
    )
    wanted = {"params": 0.0, "position": 0.0, "context_length": 0.0} | far
    assert {name: values[0] for name, values in found.extrapolation.items()} == pytest.approx(
        wanted
    )
    assert ("inside the fitted runs" in found.text) == (not far)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((9, 8, 4, 1024), "position 9 is beyond its context of 8 tokens"),
        ((4, 8, 2000, 1024), "against_position 2000 is beyond its context"),
        (([2, 4], 8, 4, 1024), "position is one number, got 2"),
        ((4, float("inf"), 4, 1024), "context must be above 0 and finite"),
        ((1, 8, 4, 1024), "the first token follows nothing"),
    ],
)
def test_what_is_no_position_is_refused(
    fit: Fit, asked: tuple[Any, float, float, float], said: str
) -> None:
    position, context, other, length = asked
    with pytest.raises(InputError, match=said):
        fit.positions(
            1e8,
            position=position,
            context=context,
            against_position=other,
            against_context=length,
        )


def test_other_laws_read_no_position() -> None:
    with pytest.raises(InputError, match="fit of the law context"):
        drawn("chinchilla", table()).positions(
            1e8, position=4, context=8, against_position=4, against_context=1024
        )
