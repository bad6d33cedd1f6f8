"""Learning-rate schedules and the areas by which curves know them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.schedules import MEMORY, areas, schedule_rates


@pytest.mark.parametrize("kind", ["constant", "cosine", "linear", "wsd", "wsd-exponential"])
def test_rates_rise_stay_and_fall(kind: Any) -> None:
    final = 3e-4 if kind == "constant" else 3e-5
    rates = schedule_rates(kind, peak=3e-4, steps=1000, final=final, warmup=100)
    assert rates.shape == (1000,)
    np.testing.assert_allclose(rates[:100], 3e-6 * np.arange(1, 101))
    assert rates[99] == pytest.approx(3e-4)
    assert rates[-1] == pytest.approx(final)
    assert (np.diff(rates[99:]) <= 1e-18).all()
    if kind.startswith("wsd"):
        np.testing.assert_allclose(rates[99:800], 3e-4)
        assert rates[899] < 2.9e-4


def test_areas_are_the_sums_of_the_paper() -> None:
    rates = schedule_rates("cosine", peak=3e-4, steps=300, final=3e-5, warmup=40)
    area, annealed = areas(rates)
    np.testing.assert_allclose(area, np.cumsum(rates))
    momentum, total = 0.0, 0.0
    for step in range(300):
        fell = rates[step - 1] - rates[step] if step >= 40 else 0.0
        momentum = MEMORY * momentum + fell
        total += momentum
        assert annealed[step] == pytest.approx(total * (1 - MEMORY) / 3e-4, abs=1e-15)


def test_annealing_ends_at_the_share_that_was_lowered() -> None:
    rates = np.concatenate([np.full(500, 1e-3), np.full(20_000, 2e-4)])
    area, annealed = areas(rates)
    assert annealed[499] == 0
    assert annealed[-1] == pytest.approx(0.8, rel=1e-6)
    assert area[-1] == pytest.approx(0.5 + 4.0)


def test_a_table_gets_the_areas_of_each_of_its_runs() -> None:
    rates = schedule_rates("wsd", peak=1e-3, steps=4000, final=1e-4, warmup=200)
    every = np.arange(200, 4001, 100)
    columns: dict[str, Any] = {
        "run": ["a"] * every.size + ["b"] * 2,
        "steps": [*every[::-1], 50, 100],
        "learning_rate": [*rates[every - 1][::-1], 1e-3, 1e-3],
        "params": [1e6] * (every.size + 2),
        "loss": np.linspace(2, 3, every.size + 2),
    }
    runs = bs.with_schedule_areas(RunTable.from_columns(columns), warmup=200)
    area, annealed = areas(rates)
    np.testing.assert_allclose(runs["rate_area"][: every.size], area[every - 1][::-1], rtol=2e-3)
    np.testing.assert_allclose(
        runs["annealing_area"][: every.size], annealed[every - 1][::-1], atol=2e-3
    )
    planned = bs.schedule_areas("wsd", peak=1e-3, steps=4000, final=1e-4, warmup=200)
    assert runs["rate_area"][0] == pytest.approx(planned["rate_area"], rel=2e-3)
    assert runs["annealing_area"][0] == pytest.approx(planned["annealing_area"], abs=2e-3)
    assert runs["annealing_area"][-1] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "cosin"}, "none of constant, cosine"),
        ({"peak": -1.0}, "peak must be above 0"),
        ({"final": 1.0}, "between 0 and the peak"),
        ({"kind": "wsd-exponential"}, "give final"),
        ({"kind": "wsd", "decay_from": 2000}, "decay_from lies between"),
        ({"warmup": 2000}, "warmup lies between"),
        ({"steps": 0}, "steps must be at least 1"),
    ],
)
def test_what_cannot_be_used_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bs.schedule_areas(**{"kind": "cosine", "peak": 1e-3, "steps": 1000, **options})


@pytest.mark.parametrize(
    ("columns", "warmup", "message"),
    [
        ({"run": ["a"], "steps": [1.0]}, 0, "need the columns learning_rate"),
        ({"run": ["a"], "steps": [np.nan], "learning_rate": [1.0]}, 0, "row 1"),
        ({"run": ["a"], "steps": [1.0], "learning_rate": [1.0]}, -1, "number of steps"),
    ],
)
def test_a_table_without_a_schedule_is_refused(
    columns: dict[str, Any], warmup: int, message: str
) -> None:
    arrays = {name: np.array(values) for name, values in columns.items()}
    with pytest.raises(InputError, match=message):
        bs.with_schedule_areas(RunTable(columns=arrays), warmup=warmup)
