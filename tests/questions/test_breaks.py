"""How far laws with a break or a jump move an answer is told beside it."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior import Posterior
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.questions.breaks import has_break, without_breaks
from tests.laws.tables import table


def average(*laws: str) -> Fit:
    found = [prior_member(load_model(law), table(), draws=200, random_seed=2) for law in laws]
    members = dict(zip(laws, found, strict=True))
    weights = dict(zip(laws, (0.75, 0.25), strict=True))
    both = Posterior(members=members, weights=weights, settings=found[0].settings)
    return Fit.of_posterior(both).accept_unconverged()


@pytest.fixture(scope="module")
def mixed() -> Fit:
    return average("kaplan-c", "broken-1-c")


def test_laws_with_a_break_are_known_by_their_id() -> None:
    assert [has_break(law) for law in ("broken-1-c", "coupled+broken-2", "emergence")] == [True] * 3
    assert not any(map(has_break, ("coupled", "score-c", "my-broken")))
    member = np.array([0, 0, 1])
    np.testing.assert_array_equal(without_breaks(member, ("chinchilla", "broken-1")), member == 0)
    assert without_breaks(member, ("broken-1", "broken-2")) is None
    assert without_breaks(member, ("chinchilla", "coupled")) is None


def test_a_forecast_says_what_is_left_without_them(mixed: Fit) -> None:
    found = mixed.forecast({"flops": [1e21, 1e23]})
    assert found.rows()[0]["weight_of_breaks"] == pytest.approx(0.25)
    lines = found.text.splitlines()
    said = [line for line in lines if line.startswith("laws with a break or a jump hold 0.25")]
    own = [line.split("0.75")[1].strip() for line in lines if line.startswith("kaplan-c")]
    assert len(said) == len(own) == 2
    for line, numbers in zip(said, own, strict=True):
        assert line.endswith(f"without them loss of a new run {numbers}")


def test_laws_of_one_kind_have_nothing_to_say_of_it() -> None:
    found = average("kaplan-c", "saturating-m2-c").forecast({"flops": 1e21})
    assert "weight_of_breaks" not in found.rows()[0]
    assert "without them" not in found.text
