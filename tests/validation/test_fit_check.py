"""Does a law fit its runs: deviations, bands, and what each run left out would have said."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from bayes_scaling.figures import plot_fit_check, plot_ranks
from bayes_scaling.intervals import quantiles
from bayes_scaling.questions.learned import learned, rank_counts
from bayes_scaling.validation.fit_check import check_fit
from bayes_scaling.validation.loo import leave_one_out
from tests.synthetic import synthetic_fit

FIT = synthetic_fit("coupled-drift", draws=400, spread=0.002)


def test_leaving_out_agrees_with_the_slower_way() -> None:
    found, slow = check_fit(FIT.only), leave_one_out(FIT)
    plain = (found.pareto_k < 0.5) & (slow.pareto_k < 0.5)  # others were moved by the slower way
    assert plain.sum() >= 5
    np.testing.assert_allclose(found.elpd[plain], slow.pointwise[plain], atol=0.05)
    assert found.good_k == slow.good_k
    assert found.pit.min() >= 0
    assert found.pit.max() <= 1
    assert sum(found.pit_counts[0]) == len(FIT.runs)


def test_bands_are_those_of_a_new_run_of_that_size() -> None:
    found = check_fit(FIT.only)
    new = FIT.forecast(FIT.runs).draws
    np.testing.assert_allclose(
        np.stack([found.predicted, found.lower, found.upper]), quantiles(new, 0.9)
    )
    np.testing.assert_allclose(found.deviation, FIT.runs["loss"] / found.predicted - 1)
    assert found.inside > 0.7
    assert set(found.rows()[0]) >= {"law", "params", "tokens", "observed", "loo_pit", "pareto_k"}


@pytest.mark.parametrize("model", ["coupled-drift", "kaplan-d", "coupled-tempered"])
def test_it_is_drawn_with_the_ranks_of_the_chains(model: str) -> None:
    fit = synthetic_fit(model)
    axes = plot_fit_check(check_fit(fit.only))
    assert isinstance(axes[0].figure, Figure)
    axes[0].figure.canvas.draw()
    assert "above the law" in axes[0].get_ylabel()
    ranks = plot_ranks(fit)
    assert [ax.get_xlabel() for ax in ranks] == [item.name for item in fit.model.parameters]


def test_ranks_of_like_chains_are_even() -> None:
    counts, (low, high) = rank_counts(FIT.only)["sigma"]
    assert counts.sum() == FIT.draws["sigma"].size
    assert np.mean((counts >= low) & (counts <= high)) > 0.7


def test_prior_and_posterior_are_compared_for_what_is_sampled_and_derived() -> None:
    found = {item.name: item for item in learned(FIT.only)}
    derived = [line.name for line in FIT.model.derived]
    assert list(found) == [item.name for item in FIT.model.parameters] + derived
    assert found["E"].prior == "implied"
    assert found["E"].narrower > 1
    grid, density = found["E"].prior_density()
    assert density.max() == pytest.approx(1.0)
    assert found["E"].range[0] < grid[np.argmax(density)] < found["E"].range[1]
    row = found["sigma"].rows()[0]
    assert row["posterior_lower"] < row["posterior"] < row["posterior_upper"]
