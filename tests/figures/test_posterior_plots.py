"""The figure of a prior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from bayes_scaling.figures import plot_prior, style
from bayes_scaling.figures.posterior_plots import SINGLE
from bayes_scaling.laws import load_model
from bayes_scaling.laws.published import read_published
from bayes_scaling.questions.prior_losses import prior_curve
from tests.laws.tables import table

HOFFMANN = {
    "formula": "E + A / params**alpha + B / tokens**beta",
    "laws": {
        "hoffmann-2022": {
            "constants": {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
        }
    },
}


def test_bands_and_single_draws_are_those_of_the_curve() -> None:
    curve = prior_curve("chinchilla", random_seed=4)
    ax = plot_prior(curve)
    labels = ax.get_legend_handles_labels()[1]
    assert {"prior, 90 % band", "prior, 50 % band", "prior, median"} <= set(labels)
    lines = {line.get_label(): np.asarray(line.get_ydata(), float) for line in ax.lines}
    np.testing.assert_allclose(
        lines["prior, median"], np.median(curve.predictive.noise_free, axis=0)
    )
    np.testing.assert_array_equal(
        lines["single draws of the prior"], curve.predictive.noise_free[0]
    )
    thin = [line for line in ax.lines if line.get_color() == style.PURPLE]
    assert len(thin) == SINGLE
    assert ax.get_xlabel().startswith("training compute")
    assert ax.get_ylabel() == "loss [nats per token]"


def test_runs_are_shown_on_top_and_in_view() -> None:
    runs = table()
    ax = plot_prior("kaplan-n", runs=runs)
    (points,) = (item for item in ax.collections if isinstance(item, PathCollection))
    seen = np.asarray(points.get_offsets())
    np.testing.assert_allclose(seen[:, 0], runs["params_nonembedding"])
    np.testing.assert_allclose(seen[:, 1], runs["loss"])
    assert ax.get_ylim()[0] < runs["loss"].min() < runs["loss"].max() < ax.get_ylim()[1]
    assert ax.get_xlabel() == "non-embedding parameters N"
    assert "runs" in ax.get_legend_handles_labels()[1]


@pytest.mark.parametrize("along", [None, "params"])
def test_published_laws_are_dashed_in_their_own_constants(along: str | None) -> None:
    model = replace(load_model("chinchilla"), published=read_published(HOFFMANN))
    curve = prior_curve(model, along=along, random_seed=1, draws=200)
    ax = plot_prior(curve)
    (line,) = (item for item in ax.lines if item.get_label() == "hoffmann-2022")
    assert line.get_linestyle() == "--"
    sizes = curve.predictive.plan.columns
    hand = 1.69 + 406.4 / sizes["params"] ** 0.34 + 410.7 / sizes["tokens"] ** 0.28
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), hand)


def test_a_published_form_that_reads_what_the_law_does_not_is_left_out() -> None:
    model = replace(load_model("kaplan-n"), published=read_published(HOFFMANN))
    assert "hoffmann-2022" not in plot_prior(model).get_legend_handles_labels()[1]


def test_it_draws_where_it_is_told() -> None:
    ax = style.new_axes()
    assert plot_prior("kaplan-c", ax=ax) is ax
