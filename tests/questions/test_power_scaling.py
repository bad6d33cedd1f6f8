"""Power scaling of the loss and the best size."""

from __future__ import annotations

import pytest

from bayes_scaling.questions.power_scaling import LOSS, PARAMS
from tests.synthetic import CONFLICT, synthetic_ensemble, synthetic_fit

ASKED = {"params": 1e10, "tokens": 1e12}


def test_every_law_has_its_loss_and_its_best_size() -> None:
    found = synthetic_ensemble().power_scaling(ASKED, flops=6e22)
    rows = found.rows()
    assert [(row["law"], row["quantity"]) for row in rows] == [
        (law, quantity) for law in ("chinchilla", "coupled") for quantity in (LOSS, PARAMS)
    ]
    assert all(row["prior"] >= 0 and row["likelihood"] >= 0 for row in rows)
    assert "diagnosis" in repr(found)


def test_without_a_budget_there_is_the_loss_alone() -> None:
    (row,) = synthetic_fit("kaplan-d").power_scaling({"tokens": 1e11}).rows()
    assert row["quantity"] == LOSS
    assert row["diagnosis"] in ("ok", "prior and runs both say it", "the prior says it")


@pytest.mark.parametrize(
    ("prior", "likelihood", "conflict", "said"),
    [
        (0.01, 0.4, True, "ok"),
        (0.2, 0.3, True, "prior and runs disagree"),
        (0.2, 0.3, False, "prior and runs both say it"),
        (0.2, 0.01, True, "the prior says it"),
    ],
)
def test_diagnoses(prior: float, likelihood: float, conflict: bool, said: str) -> None:
    from bayes_scaling.questions.power_scaling import PowerScaling

    row = {"law": "a", "quantity": LOSS, "prior": prior, "likelihood": likelihood}
    row |= {"conflict": conflict}
    assert PowerScaling(found=(row,)).rows()[0]["diagnosis"] == said


def test_prior_and_runs_disagree_where_the_check_of_the_fit_says_so() -> None:
    """The report said so of laws whose check "prior against data" was fine."""
    found = synthetic_ensemble(checks={"coupled": CONFLICT}).power_scaling(ASKED).rows()
    assert {row["law"]: row["conflict"] for row in found} == {"chinchilla": False, "coupled": True}
