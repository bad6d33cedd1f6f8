"""Figures: what is drawn, what it is called, and that nothing of matplotlib is left changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.figures import (
    plot_allocation,
    plot_learning_rate,
    plot_loss,
    plot_posterior,
    style,
)
from bayes_scaling.figures.shown import ShownFigure
from bayes_scaling.questions.loss_curve import LossCurve
from tests.synthetic import synthetic_fit

Plot = Callable[[Axes | None], Axes]


@pytest.fixture(scope="module")
def fit() -> Fit:
    return synthetic_fit("chinchilla-lr")


@pytest.fixture(scope="module")
def curve(fit: Fit) -> LossCurve:
    return fit.loss_curve(to=1e23)


def points(ax: Axes) -> int:
    """Count the points of every scatter."""
    found = [item for item in ax.collections if isinstance(item, PathCollection)]
    return sum(np.asarray(item.get_offsets()).shape[0] for item in found)


def labels(ax: Axes) -> list[str]:
    return list(ax.get_legend_handles_labels()[1])


def bands(ax: Axes) -> list[object]:
    return [item for item in ax.collections if isinstance(item, PolyCollection)]


@pytest.fixture(params=["loss", "allocation", "learning rate"])
def plot(request: pytest.FixtureRequest, fit: Fit, curve: LossCurve) -> Plot:
    assert curve.allocation is not None
    allocation = curve.allocation
    return {
        "loss": lambda ax: plot_loss(fit, curve=curve, ax=ax),
        "allocation": lambda ax: plot_allocation(allocation, runs=fit.runs, ax=ax),
        "learning rate": lambda ax: plot_learning_rate(fit, curve=curve, ax=ax),
    }[request.param]


def test_given_axes_are_drawn_into(plot: Plot) -> None:
    ax = Figure().add_subplot()
    assert plot(ax) is ax
    assert ax.lines


def test_without_axes_a_figure_of_its_own_is_made(plot: Plot) -> None:
    ax = plot(None)
    assert isinstance(ax.figure, ShownFigure)
    ax.figure.canvas.draw()


def test_axes_are_logarithmic_and_named(plot: Plot) -> None:
    ax = plot(None)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert 3 <= len([tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick]) <= 9


def test_bands_are_nested(plot: Plot) -> None:
    found = bands(plot(None))
    assert len(found) in (2, 4)
    outer, inner = (item.get_paths()[0].vertices[:, 1] for item in found[:2])  # type: ignore[attr-defined]
    assert np.ptp(np.log(outer)) > np.ptp(np.log(inner))


def test_what_lies_beyond_the_runs_is_marked(plot: Plot) -> None:
    ax = plot(None)
    assert [text.get_text() for text in ax.texts] == ["beyond the runs"]
    assert ax.patches


def test_loss_shows_units_runs_law_and_new_runs(fit: Fit, curve: LossCurve) -> None:
    planned = fit.forecast({"params": 1e10, "tokens": 1e12})
    ax = plot_loss(fit, curve=curve, planned=planned)
    assert ax.get_xlabel() == "training compute C = 6 N D [FLOP]"
    assert ax.get_ylabel() == "loss [nats per token]"
    assert labels(ax) == [
        "runs", "runs at a worse learning rate", "law, 90 % band", "law, 50 % band", "law, median",
        "a new run, 90 % band", "the planned run, 90 % interval",
    ]  # fmt: skip
    assert points(ax) == 80


def test_planned_run_is_drawn_where_the_forecast_puts_it(fit: Fit, curve: LossCurve) -> None:
    planned = fit.forecast({"params": 1e10, "tokens": 1e12})
    ax = plot_loss(fit, curve=curve, planned=planned)
    (mark,) = ax.containers
    line = mark[0]
    assert line.get_xdata()[0] == pytest.approx(6e22)
    assert line.get_ydata()[0] == pytest.approx(np.median(planned.draws))


def test_loss_bands_hold_the_quantiles_of_the_draws(fit: Fit, curve: LossCurve) -> None:
    ax = plot_loss(fit, curve=curve)
    wide = bands(ax)[0].get_paths()[0].vertices[:, 1]  # type: ignore[attr-defined]
    low, high = np.quantile(curve.forecast.noise_free, (0.05, 0.95), axis=0)
    assert wide.min() == pytest.approx(low.min())
    assert wide.max() == pytest.approx(high.max())


@pytest.mark.parametrize(
    ("along", "label"), [("params", "parameters N"), ("tokens", "training tokens D")]
)
def test_loss_along_a_size(fit: Fit, along: str, label: str) -> None:
    ax = plot_loss(fit, along=along, flops_to=1e22)
    assert ax.get_xlabel() == label


def test_a_law_of_one_input_is_shown_along_it() -> None:
    assert plot_loss(synthetic_fit("kaplan-n")).get_xlabel() == "non-embedding parameters N"
    with pytest.raises(InputError, match="can be shown along tokens"):
        plot_loss(synthetic_fit("kaplan-d"), along="flops")


def test_a_family_shows_its_own_runs() -> None:
    ax = plot_loss(synthetic_fit(families=("c4", "code")), family="code")
    assert points(ax) == 16


def test_the_metric_names_the_loss_better_than_the_column() -> None:
    fit = synthetic_fit("kaplan-c", extra={"metric": "validation nats per byte"})
    assert plot_loss(fit).get_ylabel() == "loss [validation nats per byte]"


def test_one_budget_makes_no_figure(fit: Fit) -> None:
    with pytest.raises(InputError, match="several budgets"):
        plot_allocation(fit.allocate(flops=1e22))


def test_learning_rate_needs_a_law_with_one() -> None:
    with pytest.raises(InputError, match="fit chinchilla-lr"):
        plot_learning_rate(synthetic_fit())


def test_learning_rate_shows_the_best_of_every_cell(fit: Fit, curve: LossCurve) -> None:
    ax = plot_learning_rate(fit, curve=curve)
    assert points(ax) == 16
    assert ax.get_ylabel() == "peak learning rate"


def test_posterior_has_a_panel_for_every_parameter(fit: Fit) -> None:
    axes = plot_posterior(fit)
    names = [ax.get_xlabel().split(" (")[0] for ax in axes]
    derived = [line.name for line in fit.model.derived]
    assert names == [item.name for item in fit.model.parameters] + derived
    assert all("narrower" in ax.get_xlabel() for ax in axes)
    assert labels(axes[0]) == ["prior", "posterior"]
    axes[0].figure.canvas.draw()


def test_posterior_draws_into_given_axes(fit: Fit) -> None:
    figure = Figure()
    given = list(figure.subplots(5, 4).ravel())
    count = len(fit.model.parameters) + len(fit.model.derived)
    assert plot_posterior(fit, axes=given) == tuple(given[:count])
    with pytest.raises(InputError, match="axes were given"):
        plot_posterior(fit, axes=given[:2])


def test_separate_parameters_show_every_group() -> None:
    fit = synthetic_fit(families=("c4", "code", "web"))
    panel = plot_posterior(fit)[0]
    assert panel.get_xlabel().startswith("c ")
    assert len(bands(panel)) == 1 + 3


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (1e18, 1e25, ["10¹⁸", "10¹⁹", "10²⁰", "10²¹", "10²²", "10²³", "10²⁴", "10²⁵"]),
        (1.9, 3.6, ["2", "2.5", "3", "3.5"]),
        (0.0009, 0.03, ["0.001", "0.002", "0.005", "0.01", "0.02"]),
        (4e3, 3e5, ["5e3", "1e4", "2e4", "5e4", "1e5", "2e5"]),
        (2e10, 1.6e11, ["2e10", "3e10", "5e10", "7e10", "1e11", "1.5e11"]),
    ],
)
def test_ticks_can_be_read(low: float, high: float, texts: list[str]) -> None:
    ax = style.new_axes()
    style.log_scale(ax, "x", low, high)
    ax.set_xlim(low, high)
    assert [label.get_text() for label in ax.get_xticklabels()] == texts


def test_the_same_figure_gives_the_same_text(fit: Fit, curve: LossCurve) -> None:
    first, second = (style.to_data_uri(plot_learning_rate(fit, curve=curve), "x") for _ in range(2))
    assert first == second
    assert first.startswith("data:image/svg+xml;base64,")


@pytest.mark.slow
def test_matplotlib_is_left_as_it_was(checkout: Path) -> None:
    code = (
        "import matplotlib as mpl; before = dict(mpl.rcParams)\n"
        "from tests.synthetic import synthetic_fit\n"
        "from bayes_scaling.figures import plot_loss, style\n"
        "style.to_data_uri(plot_loss(synthetic_fit('kaplan-c')), 'x')\n"
        "import sys; assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert dict(mpl.rcParams) == before"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
