"""Which runs to make next: by hand, against a law refitted, and against plain designs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.questions.learning import (
    Bench,
    bench,
    conditioned,
    greedy,
    isoflop_line,
    largest_affordable,
)
from bayes_scaling.questions.next_runs import grid_of
from tests.synthetic import UNCONVERGED, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit(draws=250, spread=0.1)
BUDGET = 3e21


def line(noise: float = 0.01) -> Bench:
    """Runs of a straight line with unknown level and slope; the target is far out."""
    rng = np.random.default_rng(1)
    level, slope = rng.standard_normal((2, 200_000))
    places = np.array([0.0, 1.0, 2.0, 10.0])
    return bench(
        level[:, None] + slope[:, None] * places, np.full(3, noise), np.array([1.0, 2.0, 4.0])
    )


def test_measuring_a_run_is_a_regression_on_it() -> None:
    table = line()
    rng = np.random.default_rng(2)
    level, slope = rng.standard_normal((2, 400_000))
    seen = level + 2 * slope + 0.1 * rng.standard_normal(level.size)
    rest = level + 10 * slope
    fitted = np.polyval(np.polyfit(seen, rest, 1), seen)
    left = conditioned(table.covariance, 2, 0.01)[-1, -1]
    assert left == pytest.approx(np.var(rest - fitted), rel=0.02)
    assert table.after([2])[-1] == pytest.approx(np.sqrt(left))


def test_the_order_of_measurements_does_not_matter() -> None:
    table = line()
    assert table.after([0, 2])[-1] == pytest.approx(table.after([2, 0])[-1], rel=1e-9)


def test_the_run_that_teaches_most_is_first_and_both_ends_tell_a_line() -> None:
    assert greedy(line(), 100.0, per_flop=False)[:2] == [2, 0]


def test_a_budget_is_kept_and_what_teaches_nothing_is_not_run() -> None:
    table = line()
    for budget in (1.0, 3.0, 6.5, 100.0):
        for each in (False, True):
            chosen = greedy(table, budget, per_flop=each)
            assert table.cost[chosen].sum() <= budget
    deaf = Bench(covariance=np.eye(4), noise=np.ones(3), cost=np.ones(3))
    assert greedy(deaf, 10.0, per_flop=False) == []


def averaged(shift: float) -> tuple[Bench, Any, Any]:
    """Two laws of equal weight: a steep one and a flat one, whose targets lie apart by a shift."""
    rng = np.random.default_rng(3)
    level, slope = rng.standard_normal((2, 40_000))
    member = np.repeat([0, 1], 20_000)
    slope = np.where(member == 0, slope, 0.3 * slope)
    logs = level[:, None] + slope[:, None] * np.array([0.0, 1.0, 2.0, 10.0])
    logs[:, -1] += shift * member
    return bench(logs, np.full(3, 0.01), np.ones(3), member), logs, member


def test_laws_that_are_averaged_learn_each_for_itself() -> None:
    table, logs, member = averaged(4.0)
    assert table.variance == pytest.approx(np.var(logs[:, -1]), rel=0.02)
    for run in range(3):
        assert table.truths is not None
        shown = table.truths[:, run]
        means, left = [], []
        for law in (0, 1):
            own = logs[member == law]
            slope, level = np.polyfit(own[:, run], own[:, -1], 1)
            slope *= np.var(own[:, run]) / (np.var(own[:, run]) + 0.01)
            level = own[:, -1].mean() - slope * own[:, run].mean()
            means.append(level + slope * shown)
            left.append(np.var(own[:, -1]) - slope * np.cov(own[:, run], own[:, -1])[0, 1])
        wanted = np.mean(left) + np.mean(np.var(means, axis=0))
        assert table.variances()[run] == pytest.approx(wanted, rel=0.05)
        assert table.given(run).variance == pytest.approx(table.variances()[run])


def test_what_laws_differ_by_beyond_the_runs_is_not_counted_on_to_go() -> None:
    table, logs, _ = averaged(20.0)
    apart = 10.0
    assert table.after([0, 1, 2])[-1] > 0.9 * apart
    assert bench(logs, table.noise, table.cost).after([0, 1, 2])[-1] > 0
    one = bench(logs, table.noise, table.cost, np.zeros(len(logs), int))
    assert one.beliefs == ()


def test_the_order_of_measurements_does_not_matter_to_an_average() -> None:
    table, *_ = averaged(4.0)
    assert table.after([0, 2])[-1] == pytest.approx(table.after([2, 0])[-1], rel=1e-9)


def test_plain_designs() -> None:
    table = line()
    assert largest_affordable(table, 5.0) == [2, 0]
    assert set(isoflop_line(table, 20.0, np.array([0.0, 1.0, 2.0]))) == {2, 1}
    assert isoflop_line(table, 0.5, np.zeros(3)) == []


def test_the_grid_is_that_of_the_table_and_one_step_beyond() -> None:
    found = grid_of(FIT.runs, 1e24)
    for name in ("params", "tokens"):
        known = FIT.runs[name]
        assert found[name].max() > known.max()
        assert found[name].max() < 10 * known.max()
    flops = 6 * found["params"] * found["tokens"]
    assert flops.min() >= 0.999 * (6 * FIT.runs["params"] * FIT.runs["tokens"]).min()
    assert (grid_of(FIT.runs, BUDGET)["params"] * grid_of(FIT.runs, BUDGET)["tokens"] * 6).max() < (
        BUDGET * 1.001
    )


@pytest.mark.parametrize("aim", ["loss", "split"])
def test_what_is_proposed_beats_the_plain_designs(aim: Any) -> None:
    found = FIT.next_runs(BUDGET, aim=aim)
    rows = found.rows()
    widths = [row["width_after"] for row in rows]
    assert rows[0]["width_before"] > widths[0]
    assert (np.diff(widths) < 0).all()
    assert rows[-1]["spent"] <= BUDGET
    own, *plain = found.design_rows()
    assert own["design"] == "this"
    assert all(own["width_after"] <= each["width_after"] for each in plain)
    assert found.table.shape[0] == len(found.chosen)
    assert "90% interval now" in repr(found)


def test_the_default_target_has_a_hundred_times_the_compute() -> None:
    found = FIT.next_runs(BUDGET)
    assert found.target["flops"] == pytest.approx(100 * FIT.runs["flops"].max(), rel=1e-6)
    asked = FIT.forecast({name: found.target[name] for name in ("params", "tokens")})
    spread = np.log(asked.noise_free[:, 0]).std(ddof=1)
    assert found.widths(())[0] == pytest.approx(2 * 1.6448536 * spread)


def test_candidates_of_ones_own_and_an_ensemble() -> None:
    sizes = {"params": [1e9, 2e9], "tokens": [2e10, 4e10]}
    ensemble = synthetic_ensemble("chinchilla", "coupled", draws=100, spread=0.1)
    found = ensemble.next_runs(
        1e22, candidates=sizes, target={"params": 1e11, "tokens": 2e12}, family="all"
    )
    assert set(found.chosen) <= {0, 1}
    assert found.target["params"] == 1e11


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": -1.0}, "budget is a compute above 0"),
        ({"budget": 1e20, "aim": "fame"}, "aim is one of loss, split"),
        ({"budget": 1e3}, "pays for none of"),
    ],
)
def test_what_cannot_be_asked_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FIT.next_runs(**given)


def test_a_law_in_other_inputs_needs_candidates() -> None:
    with pytest.raises(InputError, match="split"):
        synthetic_fit("kaplan-c").next_runs(1e20)
    with pytest.raises(UnconvergedError):
        synthetic_fit(checks=UNCONVERGED).next_runs(BUDGET)
