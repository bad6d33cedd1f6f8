"""The picture of a tuning: valleys, best rates, published rules, and what was not swept."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.figures import plot_tune, style
from bayes_scaling.questions.drawn_tables import tune_table
from tests.questions.test_tune import BATCHES, FIT
from tests.synthetic import synthetic_ensemble

FOUND = FIT.tune([1e9, 1e10], [2e10, 2e11])


def test_the_curve_is_least_where_the_rate_is_best() -> None:
    curves = tune_table(FOUND)
    for run, own in curves.groupby("run"):
        _, low, high = np.quantile(FOUND.best["learning_rate"][:, run], [0.5, 0.05, 0.95])
        lowest = own.learning_rate.iloc[own.penalty.argmin()]
        assert low / 1.2 < lowest < high * 1.2
        assert (own.penalty_lower <= own.penalty).all()
        assert (own.penalty <= own.penalty_upper).all()


@pytest.mark.parametrize(
    "result",
    [FOUND, BATCHES.tune(1e9, 2e10), synthetic_ensemble("chinchilla-lr").tune(1e9, 2e10)],
    ids=["rates", "rates and batches", "ensemble"],
)
def test_every_run_has_a_line_a_band_and_a_bar(result: object) -> None:
    ax = style.new_axes()
    assert plot_tune(result, ax=ax) is ax  # type: ignore[arg-type]
    count = len(result.plan)  # type: ignore[attr-defined]
    labels = [name for name in ax.get_legend_handles_labels()[1] if name != "published rules"]
    assert len(labels) == count
    assert all("params" in label and "tokens" in label for label in labels)
    assert len(ax.collections) == count
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert len(dots) == count
    assert ax.get_xlabel() == "learning rate"
    assert ax.get_ylabel().startswith("loss above the best [%]")
    assert ax.get_xscale() == "log"


def test_what_published_rules_choose_is_ticked() -> None:
    ax = plot_tune(FIT.tune(1e9, 2e10))
    (ticks,) = (line for line in ax.lines if line.get_marker() == "|")
    rules = [row for row in FIT.tune(1e9, 2e10).rules if row["learning_rate"]]
    ticked = np.asarray(ticks.get_xdata(), float)
    np.testing.assert_allclose(ticked, [row["learning_rate"] for row in rules])
    assert {text.get_text() for text in ax.texts} >= {row["rule"] for row in rules}
    several = plot_tune(FOUND)
    assert not several.texts
    assert "published rules" in several.get_legend_handles_labels()[1]


def test_what_the_runs_did_not_sweep_is_shaded() -> None:
    ax = plot_tune(FOUND)
    least, most = FOUND.swept["learning_rate"]
    low, high = ax.get_xlim()
    assert len(ax.patches) == (low < least) + (most < high)
