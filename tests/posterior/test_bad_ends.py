"""Tables a fit should not be asked of: a clear refusal, or an interval wide enough for the truth.

The runs are simulated from a known law of the form that is fitted, so an interval of 90 % should
hold the truth nine times in ten; what is asked for is 600 times beyond the runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.runs import RunTable
from tests.synthetic import changed, synthetic_fit

Columns = dict[str, NDArray[np.float64]]

BIG = {"params": 7e9, "tokens": 1.4e11}
SEEDS: Mapping[str, tuple[int, int]] = {"chinchilla": (10, 7), "auto": (4, 3)}
"""Tables of each kind, and how many intervals must hold the truth: with 90 % each, as many do 95
times in 100 or more. ``auto`` is the default ensemble."""


def law(params: Any, tokens: Any) -> Any:
    return 1.7 + 400 * params**-0.34 + 410 * tokens**-0.28


def simulate(count: int, seed: int, *, params: float | None = None) -> Columns:
    """Simulate runs of 1e17 to 1e19 FLOP with a noise of half a percent."""
    rng = np.random.default_rng(seed)
    flops = np.exp(rng.uniform(np.log(1e17), np.log(1e19), count))
    ratio = np.exp(rng.uniform(np.log(5), np.log(80), count))
    sizes = np.sqrt(flops / 6 / ratio) if params is None else np.full(count, params)
    tokens = flops / 6 / sizes
    loss = law(sizes, tokens) * np.exp(0.005 * rng.standard_normal(count))
    return {"params": sizes, "tokens": tokens, "loss": loss}


def sample(columns: Mapping[str, Any], seed: int, model: str) -> Fit:
    settings: dict[str, Any] = {"draws": 500, "tune": 500, "chains": 2, "random_seed": seed}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        runs = RunTable.from_columns(columns)
        if model == "auto":
            return bs.fit_ensemble(runs, **settings)
        return bs.fit(model, runs, **settings)


def held(columns: Mapping[str, Any], seed: int, model: str = "chinchilla") -> tuple[bool, float]:
    """Return whether the interval at `BIG` holds the truth, and its width relative to that."""
    (row,) = sample(columns, seed, model).accept_unconverged().forecast(BIG).rows()
    low, high, truth = row["noise_free_lower"], row["noise_free_upper"], law(**BIG)
    return low < truth < high, (high - low) / truth


def one_diverged(seed: int) -> Columns:
    columns = simulate(20, seed)
    columns["loss"][np.argmax(columns["params"] * columns["tokens"])] = 10.0
    return columns


def repeated(seed: int) -> Columns:
    return {name: np.tile(values, 5) for name, values in simulate(12, seed).items()}


CASES: Mapping[str, tuple[Callable[[int], Columns], float]] = {
    "two runs only": (lambda seed: simulate(2, seed), 0.3),
    "four runs for seven parameters": (lambda seed: simulate(4, seed), 0.15),
    "constant params": (lambda seed: simulate(30, seed, params=1e8), 0.2),
    "one diverged run": (one_diverged, 0.03),
    "every row five times": (repeated, 0.08),
}
"""Simulated tables, and the least relative width of an honest interval."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "model"),
    [each for each in product(CASES, SEEDS) if each != ("constant params", "auto")],
)
def test_the_interval_is_wide_and_holds_the_truth(case: str, model: str) -> None:
    (make, least), (count, enough) = CASES[case], SEEDS[model]
    found = [held(make(seed), seed, model) for seed in range(count)]
    assert sum(inside for inside, _ in found) >= enough, found
    assert np.median([width for _, width in found]) > least, found


@pytest.mark.slow
def test_runs_of_one_size_answer_for_that_size_alone() -> None:
    fit = sample(simulate(30, 0, params=1e8), 0, "auto").accept_unconverged()
    with pytest.raises(InputError, match=r"all runs of all had params 1e\+08, .* such as coupled"):
        fit.forecast(BIG)
    (row,) = fit.forecast({**BIG, "params": 1e8}).rows()
    assert row["noise_free_lower"] < law(1e8, BIG["tokens"]) < row["noise_free_upper"]


@pytest.mark.slow
def test_copies_under_other_names_do_not_make_it_narrower() -> None:
    once, often = simulate(12, 5), repeated(5)
    named = {**often, "run": [f"r{index}" for index in range(60)]}
    _, width = held(once, 5)
    inside, narrower = held(named, 5)
    assert inside
    assert narrower > 0.8 * width


def test_heavy_tails_of_the_noise_give_losses_that_are_numbers() -> None:
    fit = synthetic_fit()
    heavy = changed(fit, draws={**fit.draws, "nu": np.full_like(fit.draws["nu"], 0.3)})
    assert np.isfinite(heavy.forecast(BIG).draws).all()


# ---- what is said --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.BayesScalingWarning")
@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (simulate(4, 0), "4 runs in the smallest group for the 5 parameters of chinchilla"),
        (simulate(2, 0), "2 runs in the smallest group"),
        (simulate(30, 0, params=1e8), "all runs have the same params: its effect is prior only"),
    ],
)
def test_what_a_table_cannot_tell_is_said_before_sampling(columns: Columns, said: str) -> None:
    from bayes_scaling.laws.design import make_design

    design = make_design(bs.load_model("chinchilla"), RunTable.from_columns(columns))
    assert any(text.startswith(said) for text in design.warnings), design.warnings


def test_one_run_is_refused() -> None:
    with pytest.raises(InputError, match="1 run: a law needs at least two, and better two dozen"):
        bs.fit("chinchilla", RunTable.from_columns(simulate(1, 0)))


def test_the_same_run_twice_is_refused_by_its_name() -> None:
    columns = {name: np.tile(values, 2) for name, values in simulate(6, 0).items()}
    with pytest.raises(InputError, match="row"):
        RunTable.from_columns({**columns, "run": [f"r{index % 6}" for index in range(12)]})


def test_a_run_that_ended_in_no_number_is_refused_by_its_row() -> None:
    columns = simulate(6, 0)
    columns["loss"][3] = np.nan
    with pytest.raises(InputError, match=r"'loss' must be positive.* row 4"):
        bs.fit("chinchilla", RunTable(columns=columns))


# ---- a family that is missing --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "message"),
    [
        ("books", "family 'books' is not in the fit; known are code, web"),
        (None, "the fit has several groups: say which family, one of code, web"),
    ],
)
def test_a_family_without_runs_is_not_forecast(family: str | None, message: str) -> None:
    fit = synthetic_fit(families=("code", "web"))
    named = {} if family is None else {"family": family}
    with pytest.raises(InputError, match=message):
        fit.forecast({**BIG, **named})
    with pytest.raises(InputError, match=message):
        fit.allocate(flops=1e22, family=family)


def test_a_family_without_small_runs_is_not_backtested() -> None:
    small, large = simulate(12, 0), {name: 2 * values for name, values in simulate(4, 1).items()}
    columns: dict[str, Any] = {name: np.r_[small[name], large[name]] for name in small}
    columns["family"] = ["web"] * 12 + ["books"] * 4
    columns["stage"] = [0.0] * 12 + [1.0] * 4
    runs = RunTable.from_columns(columns)
    with pytest.raises(InputError, match="family 'books' has 4 targets and 0 fitted runs"):
        bs.backtest(runs, models="chinchilla", fit_where="stage == 0", target_where="stage == 1")
