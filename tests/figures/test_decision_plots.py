"""Figures of decisions: drawn with axes given and not, of one fit and of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling.errors import InputError
from bayes_scaling.figures import (
    chance_table,
    exponents_table,
    members_table,
    next_runs_table,
    plot_chance,
    plot_exponents,
    plot_isoflop,
    plot_members,
    plot_mistuned,
    plot_monitor,
    plot_next_runs,
    plot_regret,
)
from bayes_scaling.fitting import off_law
from tests.questions.test_monitor import FINISHED, FIT as WATCHED, PLAN, flown
from tests.questions.test_typical import OFF
from tests.synthetic import synthetic_ensemble, synthetic_fit

ONE = synthetic_fit(spread=0.05)
SEVERAL = synthetic_ensemble("chinchilla", "coupled", spread=0.05)
FAMILIES = synthetic_fit(families=("web", "code", "books"))
CURVES = {"one": ONE.loss_curve(to=1e24), "several": SEVERAL.loss_curve(to=1e24)}
VALLEYS = {
    "one": ONE.valleys([1e22, 1e23]),
    "several": SEVERAL.valleys([1e22, 1e23]),
}
ASKED = {"params": 1e11, "tokens": 2e12}

Draw = Callable[..., Axes]
DRAWN: dict[str, tuple[Draw, tuple[Any, ...], str]] = {
    **{f"chance, {k}": (plot_chance, (c, 1.95), "FLOP") for k, c in CURVES.items()},
    **{f"isoflop, {k}": (plot_isoflop, (v,), "parameters") for k, v in VALLEYS.items()},
    **{f"regret, {k}": (plot_regret, (v[0],), "parameters") for k, v in VALLEYS.items()},
    "next runs, one": (plot_next_runs, (ONE.next_runs(3e21),), "FLOP"),
    "next runs, several": (plot_next_runs, (SEVERAL.next_runs(3e21),), "FLOP"),
    "mistuned": (plot_mistuned, (off_law(OFF),), "FLOP"),
    "monitor": (
        plot_monitor, (WATCHED.monitor(flown(0.5), PLAN, finished=FINISHED),), "tokens",
    ),
    "members, one": (plot_members, (ONE.forecast(ASKED),), "loss"),
    "members, several": (plot_members, (SEVERAL.forecast(ASKED),), "loss"),
    "exponents": (plot_exponents, (FAMILIES,), "exponent"),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_labelled_and_drawn_where_it_should_be(name: str) -> None:
    draw, given, unit = DRAWN[name]
    ax = draw(*given)
    assert unit in ax.get_xlabel()
    assert ax.get_ylabel() or ax.get_yticklabels()
    assert ax.lines or ax.collections
    own = Figure().add_subplot()
    assert draw(*given, ax=own) is own
    assert own.get_xlabel() == ax.get_xlabel()


@pytest.mark.parametrize("name", ["isoflop, one", "regret, several", "monitor"])
def test_bands_are_drawn(name: str) -> None:
    draw, given, _ = DRAWN[name]
    kinds = {type(item).__name__ for item in draw(*given).collections}
    assert "FillBetweenPolyCollection" in kinds or "PolyCollection" in kinds


def test_the_chance_is_that_of_the_draws() -> None:
    table = chance_table(CURVES["several"], 1.95)
    assert set(table.law) == {"all", "chinchilla", "coupled"}
    whole = table[table.law == "all"].chance.to_numpy()
    expected = (CURVES["several"].forecast.draws <= 1.95).mean(axis=0)
    np.testing.assert_allclose(whole, expected)
    assert (np.diff(whole) > -0.05).all()


def test_the_table_of_a_valley_is_least_at_the_choice() -> None:
    valley = VALLEYS["one"][0]
    table = valley.table()
    least = table.params[table.expected_regret.idxmin()]
    assert least == pytest.approx(valley.choice.params, rel=0.15)
    assert (table.regret_lower > -1e-9).all()


def test_marked_plans_and_runs_are_named() -> None:
    ax = plot_regret(VALLEYS["one"][0], plans={"ours": 1e10})
    assert any("ours" in label for label in ax.get_legend_handles_labels()[1])
    points = plot_isoflop(ONE.valleys([1e21]), runs=ONE.runs)
    assert any(np.size(item.get_offsets()) > 2 for item in points.collections[1:])


def test_tables_hold_what_is_drawn() -> None:
    table = next_runs_table(ONE.next_runs(3e21))
    assert set(table.design) == {"this", "largest affordable", "isoFLOP line"}
    exponents = exponents_table(FAMILIES)
    assert set(exponents.parameter) == {"alpha", "beta"}
    assert set(exponents.family) == {"population", "web", "code", "books"}
    assert members_table(SEVERAL.forecast(ASKED)).weight.sum() == pytest.approx(2.0)


def test_without_families_there_is_no_forest() -> None:
    with pytest.raises(InputError, match="pooled"):
        plot_exponents(ONE)
