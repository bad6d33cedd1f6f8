"""The figure of a comparison: what is drawn, and the numbers beside it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling.figures import plot_compare
from bayes_scaling.intervals import quantiles
from bayes_scaling.laws import load_model
from bayes_scaling.validation.comparison import AVERAGES, Comparison
from tests.comparisons import MODELS, synthetic_comparison
from tests.synthetic import synthetic_runs


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return synthetic_comparison()


def written(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_every_model_and_average_has_its_interval_and_median(comparison: Comparison) -> None:
    ax = plot_compare(comparison)
    ax.figure.canvas.draw()
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [*MODELS, *AVERAGES.values()]
    wide, narrow, points = (ax.lines[start:15:3] for start in range(3))
    for row, name in enumerate(names):
        draws = comparison.predictions[name].draws[:, 0]
        for line, ends in (
            (wide[row], quantiles(draws)[1:]),
            (narrow[row], quantiles(draws, 0.5)[1:]),
            (points[row], quantiles(draws)[:1]),
        ):
            np.testing.assert_allclose(np.asarray(line.get_xdata(), float), ends)
            assert np.unique(np.asarray(line.get_ydata(), float)).tolist() == [row]
    assert ax.get_title(loc="left") == (
        "1e23 FLOP, 31 B parameters, 540 B tokens, 100× beyond the runs"
    )
    assert ax.get_xlabel() == "loss [nats per token]: new run, 50 % and 90 % ETI"


def test_weights_and_scores_stand_beside_it(comparison: Comparison) -> None:
    texts = written(plot_compare(comparison))
    assert texts.count("stacking\nweight") == 1
    assert f"{comparison.weights['stacking']['chinchilla']:.2f}" in texts
    for scores in comparison.deep.values():
        assert f"{scores['interval_score90']:.3f}" in texts
    assert not any("-" in text for text in texts[1:] if "%" in text)  # a true minus sign


def test_without_a_deep_split_only_weights_are_written() -> None:
    runs = synthetic_runs(load_model("chinchilla")).take(np.arange(0, 16, 2))
    ax = plot_compare(synthetic_comparison(runs=runs))
    assert len(written(ax)) == 1 + len(MODELS)


def test_families_have_their_colours_and_a_legend() -> None:
    runs = synthetic_runs(load_model("chinchilla"), families=("code", "web"))
    ax = plot_compare(synthetic_comparison(MODELS[:2], runs=runs))
    (legend,) = ax.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["family code", "family web"]
    assert len({line.get_color() for line in ax.lines[:-1]}) >= 2
    sizes = {"params": [1e9, 1e10], "tokens": 1e12}
    (both,) = plot_compare(synthetic_comparison(MODELS[:2], runs=runs, at=sizes)).figure.legends
    assert both is not None
    assert both.get_texts()[3].get_text().startswith("family web, 6e22 FLOP, 10 B parameters")


def test_it_draws_into_given_axes(comparison: Comparison) -> None:
    ax = Figure(figsize=(9, 4), layout="constrained").add_subplot()
    assert plot_compare(comparison, ax=ax) is ax
    ax.figure.canvas.draw()
