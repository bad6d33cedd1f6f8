"""Nominal sizes, and draws from priors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.laws.density import draw_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.nominal import ASKED, NOMINAL, nominal_runs, nominal_sizes, unobserved
from bayes_scaling.runs import training_flops
from bayes_scaling.runs.columns import COLUMNS
from tests.laws.tables import table


@pytest.mark.parametrize("factor", list(ASKED.values()))
def test_nominal_sizes_fit_together(factor: float) -> None:
    sizes = nominal_sizes(NOMINAL, factor)
    flops = training_flops(sizes["params"], sizes["tokens"])
    np.testing.assert_allclose(sizes["flops"], flops)
    np.testing.assert_allclose(sizes["tokens"], sizes["steps"] * sizes["batch_size"])
    assert set(NOMINAL) <= set(COLUMNS)


def test_what_has_no_nominal_value_is_one() -> None:
    assert nominal_sizes(["depth", "mood"], np.array([1.0, 64.0])) == {
        "depth": pytest.approx([12.0, 24.0]),
        "mood": pytest.approx([1.0, 1.0]),
    }


def test_reference_sizes_of_the_nominal_runs_are_those_of_the_reference_run() -> None:
    model = load_model("coupled-drift")
    references = make_design(model, nominal_runs(model)).references
    assert references["params_ref"] == pytest.approx(1e8)
    assert references["tokens_ref"] == pytest.approx(2e9)
    assert references["tokens_high"] == pytest.approx(2e10)


def test_the_losses_and_groups_of_runs_are_hidden_and_their_sizes_kept() -> None:
    model = load_model("chinchilla").pooled_by("family")
    runs = table(families=3)
    hidden = unobserved(model, runs)
    assert set(hidden["loss"]) == {1.0}
    assert hidden.groups("family") == ("all",)
    np.testing.assert_array_equal(hidden["params"], runs["params"])


def test_a_size_that_a_query_gives_and_refers_to_is_kept() -> None:
    model = load_model("chinchilla-optimum")
    assert model.responses == ("params", "tokens")
    found = make_design(replace(model, kind="rule"), nominal_runs(model)).references
    assert found["params_ref"] == pytest.approx(1e8)
    assert found["tokens_ref"] == pytest.approx(2e9)


def test_draws_have_the_quantiles_of_their_priors() -> None:
    model = load_model("chinchilla")
    draws = draw_prior(model, 20_000, np.random.default_rng(1))
    for item in model.parameters:
        below = float(np.mean(draws[item.name] < item.prior.quantile(0.9)))
        assert below == pytest.approx(0.9, abs=0.01)


def test_ordered_parameters_ascend_in_every_draw() -> None:
    model = load_model("chinchilla")
    ordered = replace(model, ordered=(("alpha", "beta"),))
    draws = draw_prior(ordered, (2, 500), np.random.default_rng(1))
    assert (draws["alpha"] < draws["beta"]).all()
    both = np.concatenate([draws["alpha"], draws["beta"]]).ravel()
    median = float(model.parameter("alpha").prior.quantile(0.5))
    assert float(np.median(both)) == pytest.approx(median, rel=0.1)
