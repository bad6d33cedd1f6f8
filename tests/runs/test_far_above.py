from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.average import _said_before_sampling
from bayes_scaling.runs import RunTable, describe
from bayes_scaling.runs.far_above import far_above


def sweep(*, rates: tuple[float, ...] = (1e-3,), seed: int = 1) -> dict[str, np.ndarray]:
    """Return runs of a law with noise, each size at some rates."""
    noise = np.random.default_rng(seed)
    params, ratio, rate = (
        grid.ravel() for grid in np.meshgrid([8e6, 2e7, 5e7, 1.2e8, 3e8], [10.0, 20.0, 40.0], rates)
    )
    tokens = ratio * params
    loss = 1.7 + 400 / params**0.34 + 1500 / tokens**0.36
    loss *= np.exp(0.03 * np.log(rate / 1e-3) ** 2 + 0.004 * noise.standard_normal(loss.size))
    names = np.array([f"run-{place}" for place in range(loss.size)])
    return {
        "run": names, "params": params, "tokens": tokens, "learning_rate": rate, "loss": loss
    }  # fmt: skip


@pytest.mark.parametrize("rates", [(1e-3,), (3e-4, 1e-3, 3e-3)])
def test_a_diverged_run_is_doubted_by_name(rates: tuple[float, ...]) -> None:
    columns = sweep(rates=rates)
    assert not far_above(columns)
    columns["loss"][-1] = 9.87
    runs = RunTable.from_columns(columns)
    (said,) = far_above(runs.columns)
    assert said.startswith("a run lies far above others of equal or smaller size: run-")
    assert f"{columns['run'][-1]} with 9.87" in said
    assert "mark it by 1 in a column 'diverged', or leave it out: --where 'loss < " in said
    bound = float(said.split("loss < ")[1].rstrip("'"))
    assert np.sort(columns["loss"])[-2] < bound < 9.87
    assert said in describe(runs).warnings
    assert said in _said_before_sampling([load_model("chinchilla")], runs)


def test_a_run_of_one_size_above_those_of_the_next_smaller_is_doubted() -> None:
    columns = {"flops": 10.0 ** np.arange(15, 23), "loss": 2 + 10.0 ** (np.arange(8) * -0.15)}
    columns["run"] = np.array([f"c{place}" for place in range(8)])
    assert not far_above(columns)
    columns["loss"][5] *= 1.5
    assert "c5 with" in far_above(columns)[0]


def test_runs_at_poor_rates_are_no_outliers() -> None:
    assert not far_above(sweep(rates=(1e-5, 1e-4, 1e-3, 1e-2, 1e-1)))


@pytest.mark.parametrize("name", ["nano-lm", "nano-recurrent", "nano-decay", "nano-scores"])
def test_shipped_sweeps_are_not_doubted(name: str) -> None:
    assert not far_above(bs.load_dataset(name).columns)


def test_recipes_of_equal_sizes_are_told_apart() -> None:
    columns = sweep()
    recipe = np.array(["A", "B"])
    twice = {name: np.repeat(values, 2) for name, values in columns.items() if name != "run"}
    twice["loss"] = twice["loss"] * np.tile([1.0, 0.97], 15)
    frame = pd.DataFrame({**twice, "recipe": np.tile(recipe, 15)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        runs = bs.read_runs(frame)
    (said,) = describe(runs).warnings
    assert "runs of equal sizes differ in 'recipe' (A, B), which no law reads" in said
    assert "--pool-by recipe" in said
    assert "duel ... --by recipe --a A --b B" in said
    assert said in _said_before_sampling([load_model("chinchilla")], runs)
    pooled = load_model("chinchilla").pooled_by("recipe")
    assert said not in _said_before_sampling([pooled], runs)
    with pytest.raises(bs.InputError, match="'A' is a value of 'recipe': --by recipe"):
        bs.duel(runs, a="A", b="B", flops=1e20)


def test_a_text_that_goes_with_the_size_is_not_doubted() -> None:
    columns = sweep()
    kind = np.where(columns["params"] > 3e7, "large", "small")
    assert not describe(RunTable.from_columns({**columns, "kind": kind})).warnings
    each = np.array([f"host-{place}" for place in range(15)])
    assert not describe(RunTable.from_columns({**columns, "host": each})).warnings
