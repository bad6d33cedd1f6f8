"""The figure of a law of scores shows runs, law, and the levels a score starts from and ends at."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.figures import plot_score
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.runs import RunTable
from tests.laws.tables import table


def drawn(model: str) -> Fit:
    loss = np.linspace(2.0, 4.0, 8)
    columns = {"loss": loss, "flops": 1e18 * np.exp(4 - loss), "score": 1 - 0.2 * loss}
    member = prior_member(
        load_model(model), RunTable.from_columns(columns), draws=200, random_seed=1
    )
    return Fit.of_one(member).accept_unconverged()


@pytest.mark.parametrize(("model", "along"), [("downstream-sigmoid", "loss"), ("score-c", "flops")])
def test_the_line_is_the_median_of_the_score(model: str, along: str) -> None:
    fit = drawn(model)
    ax = plot_score(fit)
    line = next(line for line in ax.lines if line.get_label() == "score, median")
    places = np.asarray(line.get_xdata(), float)
    found = fit.forecast({along: places}).noise_free
    wanted = 1 - np.median(found, axis=0)
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), wanted)
    labels = [str(each.get_label()) for each in ax.lines]
    assert {"guessing", "best score"} <= set(labels)
    shown = ax.collections[-1].get_offsets()
    np.testing.assert_allclose(np.asarray(shown)[:, 1], 1 - fit.runs["error"])
    assert (ax.get_xlim()[0] > ax.get_xlim()[1]) == (along == "loss")


def test_a_law_of_losses_and_an_unknown_task_are_refused() -> None:
    losses = Fit.of_one(prior_member(load_model("chinchilla"), table(), draws=50, random_seed=1))
    with pytest.raises(InputError, match="a score is drawn of a law of scores"):
        plot_score(losses)
    with pytest.raises(InputError, match="one of all; got 'copa'"):
        plot_score(drawn("downstream-exp"), family="copa")
