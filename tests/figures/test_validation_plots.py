"""Figures of a backtest: targets where they belong, colours that say in or out, nominal lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bayes_scaling.errors import InputError
from bayes_scaling.figures import plot_backtest, plot_coverage, plot_rolling, style
from bayes_scaling.runs import RunTable
from bayes_scaling.validation import Backtest, backtest, tasks
from tests.validation.oracle import SHORT, Oracle, simulated


def backtested(runs: RunTable, **options: Any) -> Backtest:
    oracle = Oracle()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "fit", oracle.sample)
        settings: dict[str, Any] = {"models": "chinchilla", **SHORT, **options}
        return backtest(runs, **settings)


@pytest.fixture(scope="module")
def single() -> Backtest:
    return backtested(simulated(), fit_where="flops < 2e19", target_where="flops > 2e19")


@pytest.fixture(scope="module")
def families() -> Backtest:
    return backtested(simulated(("a", "b")), fit_where="flops < 2e20", target_where="flops > 2e20")


@pytest.fixture(scope="module")
def rolled() -> Backtest:
    return backtested(simulated(), rolling=True)


def labels(ax: Axes) -> list[str]:
    return list(ax.get_legend_handles_labels()[1])


def points(ax: Axes) -> list[PathCollection]:
    return [
        item
        for item in ax.collections
        if isinstance(item, PathCollection) and len(np.asarray(item.get_offsets()))
    ]


def bars(ax: Axes) -> list[LineCollection]:
    return [item for item in ax.collections if isinstance(item, LineCollection)]


def test_fitted_runs_and_targets_are_where_they_were(single: Backtest) -> None:
    ax = plot_backtest(single)
    fitted, observed = (np.asarray(item.get_offsets()) for item in points(ax))
    assert len(fitted) == 8
    assert np.sort(observed[:, 1]) == pytest.approx(np.sort(single.splits[0].observed))
    assert np.sort(observed[:, 0]) == pytest.approx(
        np.sort(single.splits[0].targets["flops"]), rel=0.3
    )
    assert np.unique(observed[:, 0]).size == 8
    assert ax.get_xlabel() == "training compute C = 6 N D [FLOP]"
    assert ax.get_ylabel() == "loss [nats per token]"
    assert [text.get_text() for text in ax.texts] == ["beyond the fitted runs"]
    assert labels(ax) == [
        "fitted runs", "forecast, 50 and 90 % intervals", "observed, inside",
        "observed, outside 90 %",
    ]  # fmt: skip


def test_intervals_are_those_of_the_forecasts(single: Backtest) -> None:
    wide, narrow = bars(plot_backtest(single))
    table = single.forecasts
    for item, ends in ((wide, ("lower90", "upper90")), (narrow, ("lower50", "upper50"))):
        drawn = np.array([segment[:, 1] for segment in item.get_segments()])
        assert drawn == pytest.approx(table[list(ends)].to_numpy())


def test_misses_are_red(single: Backtest) -> None:
    item = points(plot_backtest(single))[1]
    red = np.array(
        [to_hex(colour) == style.RED.lower() for colour in np.asarray(item.get_facecolor())]
    )
    table = single.forecasts
    outside = (table["observed"] < table["lower90"]) | (table["observed"] > table["upper90"])
    assert red.tolist() == outside.tolist()


def test_targets_of_one_budget_do_not_hide_each_other(single: Backtest) -> None:
    (wide, _) = bars(plot_backtest(single))
    places = np.sort([segment[0, 0] for segment in wide.get_segments()])
    assert (np.diff(np.log(places)) > 0.05).all()


def test_groups_have_their_colours_or_are_shown_alone(families: Backtest) -> None:
    assert labels(plot_backtest(families))[1:3] == ["a, 50 and 90 %", "b, 50 and 90 %"]
    ax = plot_backtest(families, group="b")
    assert labels(ax)[1] == "forecast, 50 and 90 % intervals"
    assert [len(np.asarray(item.get_offsets())) for item in points(ax)] == [12, 4]
    with pytest.raises(InputError, match="no group 'c' in the backtest; there are a, b"):
        plot_backtest(families, group="c")


def test_groups_of_different_size_have_no_common_edge() -> None:
    runs = simulated(("a", "b"))
    larger = {
        name: np.where(runs["family"] == "b", 10, 1) * runs[name] for name in ("tokens", "flops")
    }
    runs = RunTable(columns={**runs.columns, **larger})
    small = "flops < 2e20 and family == 'a' or flops < 2e21 and family == 'b'"
    found = backtested(runs, fit_where=small, target_where=f"not ({small})", by="family")
    assert not plot_backtest(found).texts


def test_a_cut_of_a_rolling_backtest_is_chosen(rolled: Backtest) -> None:
    counts = [
        len(np.asarray(points(plot_backtest(rolled, cut=cut))[0].get_offsets()))
        for cut in (None, 1e19, 2e20)
    ]
    assert counts == [8, 8, 12]


def test_one_input_and_a_metric_name_the_axes() -> None:
    runs = simulated(model="kaplan-d")
    columns = {name: runs[name] for name in ("run", "tokens", "loss")}
    columns["metric"] = np.full(len(runs), "bits per byte")
    found = backtested(
        RunTable(columns=columns), models="kaplan-d",
        fit_where="tokens < 1e10", target_where="tokens >= 1e10",
    )  # fmt: skip
    ax = plot_backtest(found)
    assert ax.get_xlabel() == "training tokens D"
    assert ax.get_ylabel() == "loss [bits per byte]"


def test_coverage_of_every_method_with_diagonal_and_band(single: Backtest) -> None:
    ax = plot_coverage(single)
    assert labels(ax) == [
        "calibrated", "9 in 10 times, if targets are independent", "chinchilla", "least squares",
        "carry forward",
    ]  # fmt: skip
    diagonal, ours = ax.lines[:2]
    assert np.asarray(diagonal.get_xdata()).tolist() == np.asarray(diagonal.get_ydata()).tolist()
    assert np.asarray(ours.get_ydata()) == pytest.approx(single.coverage["chinchilla"].to_numpy())
    assert len(ax.collections) == 1


def test_scores_over_the_ratio(rolled: Backtest) -> None:
    ax = plot_rolling(rolled)
    assert labels(ax) == ["chinchilla", "least squares", "carry forward", "calibrated"]
    ours = rolled.curve[rolled.curve["method"] == "chinchilla"]
    assert np.asarray(ax.lines[0].get_ydata()) == pytest.approx(ours["coverage90"].to_numpy())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["10×", "100×"]
    assert [text.get_text() for text in ax.texts] == ["8 targets", "4 targets"]
    assert ax.get_xlabel() == "training compute C = 6 N D, relative to the largest fitted run"
    other = plot_rolling(rolled, score="crps")
    assert np.asarray(other.lines[0].get_ydata()) == pytest.approx(ours["crps"].to_numpy())
    with pytest.raises(InputError, match="no score 'elpd' to plot"):
        plot_rolling(rolled, score="elpd")


def test_given_axes_are_drawn_into(single: Backtest) -> None:
    for plot in (plot_backtest, plot_coverage, plot_rolling):
        ax = Figure().add_subplot()
        assert plot(single, ax=ax) is ax
        assert isinstance(plot(single).figure, Figure)
        ax.figure.canvas.draw()
