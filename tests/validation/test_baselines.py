"""The baselines on data whose answer is known, and as published on the benchmark."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from scipy import optimize

from bayes_scaling import scores
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.baselines import (
    CARRY_FORWARD,
    LEAST_SQUARES,
    LIGHTEST,
    _step,
    baseline_quantiles,
    carry_forward,
    law_inputs,
    least_squares,
    minimise,
    predict,
)
from bayes_scaling.validation.split import Split, make_splits
from tests.validation.oracle import simulated

RNG = np.random.default_rng


def split_of(runs: RunTable, cut: float = 2e20) -> Split:
    return make_splits(runs, runs["flops"] <= cut, runs["flops"] > cut, by=None)[0]


def test_least_squares_finds_the_law() -> None:
    rng = RNG(0)
    x = rng.uniform(0, 5, (200, 2))
    law = 1.7 + np.exp(1 - 0.4 * x[:, 0]) + np.exp(0.5 - 0.3 * x[:, 1])
    draws = least_squares(x, np.log(law) + 0.005 * rng.standard_normal(200), x[:3], RNG(1))
    assert np.median(draws, axis=0) == pytest.approx(law[:3], rel=3e-3)
    width = np.ptp(np.quantile(np.log(draws), (0.05, 0.95), axis=0), axis=0)
    assert width == pytest.approx(2 * 1.645 * 0.005, rel=0.2)


def test_least_squares_of_one_input_and_of_none() -> None:
    x = np.linspace(0, 6, 30)[:, None]
    y = np.log(0.5 + np.exp(0.3 - 0.5 * x[:, 0]))
    asked = np.array([[9.0]])
    found = least_squares(x, y, asked, RNG(0))
    assert np.median(found) == pytest.approx(0.5 + np.exp(0.3 - 4.5), rel=1e-3)
    constant = least_squares(x[:, :0], np.log(np.full(30, 2.0)), asked[:, :0], RNG(0))
    assert np.median(constant) == pytest.approx(2, rel=1e-3)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_least_squares_of_very_few_runs_stays_finite(count: int) -> None:
    x = RNG(0).uniform(0, 3, (count, 2))
    draws = least_squares(x, np.linspace(1.2, 1.0, count), x + 8, RNG(0))
    assert np.isfinite(draws).all()
    assert (draws > 0).all()


def test_the_best_loss_is_carried_forward() -> None:
    """Losses 4, 3, 3.3, 2.7 in the order of compute: moves 3/4, 3.3/3, 2.7/3, to either side."""
    y = np.log([3.3, 4.0, 2.7, 3.0])
    draws = carry_forward(np.array([2.0, 0.0, 3.0, 1.0]), y, RNG(0))
    assert np.median(draws) == pytest.approx(2.7, rel=0.1)
    moves = np.array([3 / 4, 3.3 / 3, 2.7 / 3])
    wanted = 2.7 * np.concatenate([moves, 1 / moves])
    assert np.unique(draws.round(9)) == pytest.approx(np.sort(wanted))
    assert np.mean(np.log(draws)) == pytest.approx(np.log(2.7))


def test_every_group_has_its_own_law() -> None:
    runs = simulated(("a", "b"))
    loss = np.where(runs["family"] == "b", 2 * runs["loss"], runs["loss"])
    both = split_of(RunTable(columns={**runs.columns, "loss": loss}))
    found = baseline_quantiles(both, np.random.SeedSequence(0))
    alone = baseline_quantiles(
        split_of(runs.take(runs["family"] == "a")), np.random.SeedSequence(0)
    )
    mine = both.targets["family"] == "a"
    for name in (LEAST_SQUARES, CARRY_FORWARD):
        assert np.array_equal(found[name][:, mine], alone[name])
        assert (found[name][19, ~mine] > 1.7 * found[name][19, mine]).all()


def test_what_the_law_reads() -> None:
    runs = simulated()
    assert law_inputs(runs, runs) == ("params", "tokens")
    one = RunTable(columns={name: runs[name] for name in ("flops", "loss")})
    assert law_inputs(one, one) == ("flops",)
    same = RunTable(columns={**runs.columns, "params": np.full(16, 1e8)})
    assert law_inputs(same, same) == ("tokens",)


def test_losses_of_targets_are_not_read() -> None:
    split = split_of(simulated())
    loss = np.where(np.isin(np.arange(16), np.arange(12, 16)), 99.0, simulated()["loss"])
    other = split_of(RunTable(columns={**simulated().columns, "loss": loss}))
    assert other.observed.tolist() == [99.0] * 4
    one, two = (baseline_quantiles(each, np.random.SeedSequence(0)) for each in (split, other))
    assert all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_least_squares_is_the_published_baseline(bench: ModuleType) -> None:
    """Means over the six size tasks: coverage .68, interval score .202, absolute error .0288."""
    by_task: dict[str, list[dict[str, float]]] = {}
    for task, group, table, fit, target in bench.size_tasks():
        columns = {name: table[name].to_numpy(float) for name in ("params", "tokens", "loss")}
        split = make_splits(RunTable(columns=columns), fit.to_numpy(), target.to_numpy(), by=None)[
            0
        ]
        found = baseline_quantiles(split, np.random.SeedSequence([1, len(group)]))
        by_task.setdefault(task, []).append(
            scores.score_quantiles(found[LEAST_SQUARES], split.observed)
        )
    mean = {
        name: np.mean([np.mean([row[name] for row in rows]) for rows in by_task.values()])
        for name in scores.COLUMNS
    }
    assert mean["coverage90"] == pytest.approx(0.68, abs=0.04)
    assert mean["interval_score90"] == pytest.approx(0.202, abs=0.015)
    assert mean["mare"] == pytest.approx(0.0288, abs=0.002)
    assert mean["crps"] == pytest.approx(0.0215, abs=0.0015)


# ---- the minimiser, against scipy ----------------------------------------------------------------


def test_the_law_by_hand() -> None:
    theta = np.log([[1.8, 0.4, 0.6, 1.0, 1.0]])
    theta[0, 3:] = [0.3, 0.2]
    x = np.log([[[1.0, 1.0], [16.0, 32.0]]])
    found, shares = predict(theta, x)
    wanted = [1.8 + 0.4 + 0.6, 1.8 + 0.4 * 16**-0.3 + 0.6 * 32**-0.2]
    assert np.exp(found) == pytest.approx(np.array([wanted]))
    assert shares[0, 0] == pytest.approx([1.8 / 2.8, 0.4 / 2.8, 0.6 / 2.8])


def test_extreme_values_stay_finite() -> None:
    found, shares = predict(np.array([[-800.0, 900.0, 0.1, 0.2, 0.3]]), np.ones((1, 1, 2)))
    assert found == pytest.approx(899.8)
    assert shares.sum() == pytest.approx(1)


def test_sets_are_minimised_as_scipy_does_it() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1.5, (3, 40, 2))
    truth = np.array([0.5, -0.8, -0.5, 0.4, 0.3])
    y = predict(np.tile(truth, (3, 1)), x)[0] + 0.01 * rng.standard_normal((3, 40))
    start = np.tile([0.0, 0.0, 0.0, 0.5, 0.5], (3, 1))
    found, cost = minimise(start, x, y)
    for index in range(3):
        wanted = optimize.least_squares(
            lambda theta, i=index: y[i] - predict(theta[None], x[i][None])[0][0], start[index]
        )
        assert cost[index] == pytest.approx(2 * wanted.cost, rel=1e-6)
        assert found[index] == pytest.approx(wanted.x, abs=2e-3)
    assert start[0, 0] == 0.0


def test_exact_data_are_fitted_exactly() -> None:
    x = np.linspace(-2, 2, 12)[None, :, None]
    truth = np.array([[0.3, -0.4, 0.5]])
    y = predict(truth, x)[0]
    found, cost = minimise(np.array([[0.0, 0.0, 0.3]]), x, y)
    assert cost[0] < 1e-12
    assert found == pytest.approx(truth, abs=1e-3)


def test_the_least_damping_keeps_a_step_solvable_where_nothing_depends_on_a_parameter() -> None:
    shares = np.tile([0.0, 0.5, 0.5], (1, 6, 1))
    x = np.zeros((1, 6, 2))
    residual = np.full((1, 6), 0.1)
    step = _step(shares, x, residual, np.array([LIGHTEST]))
    assert np.isfinite(step).all()
    assert step[0, 1:3].sum() > 0
    with pytest.raises(np.linalg.LinAlgError):
        _step(shares, x, residual, np.zeros(1))
