"""Rows of one run share a deviation: when it is on, and what it does to densities and noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.laws import load_model
from bayes_scaling.laws.density import log_law
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.noise import NoiseFamily, noise_logpdf, sample_noise
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.rows import has_repeats

OWN = {"sigma": np.array(0.01), "nu": np.array(4.0), "sigma_run": np.array(0.02)}


def table(runs: list[str]) -> RunTable:
    tokens = np.geomspace(1e8, 1e10, len(runs))
    return RunTable.from_columns(
        {"run": runs, "params": tokens / 20, "tokens": tokens, "loss": 2 + (tokens / 1e8) ** -0.3}
    )


@pytest.mark.parametrize(
    ("runs", "repeated"),
    [
        (["a", "a", "b", "b"], True),
        (["a", "b", "c", "d"], False),
        (["a", "a", "a", "a"], False),  # one run alone: its deviation is not told from the level
        (["a", "a", "b", "c"], False),
    ],
)
def test_repeats_are_found(runs: list[str], repeated: bool) -> None:
    assert has_repeats(table(runs), "family") is repeated


def test_one_run_of_each_group_is_its_level() -> None:
    runs = table(["a", "a", "b", "b"])
    grouped = RunTable.from_columns({**runs.columns, "family": ["x", "x", "y", "y"]})
    assert not has_repeats(grouped, "family")


@pytest.mark.parametrize("family", ["student_t", "normal"])
def test_a_new_run_has_an_effect_of_its_own(family: NoiseFamily) -> None:
    rng = np.random.default_rng(0)
    own = {**OWN, "nu": np.array(50.0)}
    with_effect = sample_noise(family, own, (20_000,), rng)
    assert np.std(with_effect) == pytest.approx(np.hypot(0.01, 0.02), rel=0.05)
    density = np.exp(noise_logpdf(family, np.linspace(-0.5, 0.5, 5001), own))
    assert np.trapezoid(density, dx=2e-4) == pytest.approx(1, abs=1e-4)
    without = sample_noise(family, {k: own[k] for k in ("sigma", "nu")}, (20_000,), rng)
    assert np.std(without) == pytest.approx(0.01, rel=0.05)


def test_rows_of_a_pair_share_a_deviation_whatever_their_groups() -> None:
    runs = table(["a", "b", "c", "d"])
    paired = RunTable(
        columns={
            **runs.columns,
            "family": np.array(["x", "x", "y", "y"]),
            "pair": np.array(["1", "", "1", ""]),
        }
    )
    found = make_design(load_model("coupled").with_features(run_effect=True), paired).run
    assert found[0] == found[2]
    assert np.unique(found).size == 3
    assert make_design(load_model("coupled"), paired).run.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("family", ["student_t", "normal"])
def test_rows_of_a_run_are_jointly_distributed(family: NoiseFamily) -> None:
    model = replace(load_model("chinchilla"), noise=family).with_features(run_effect=True)
    own = [item for item in model.parameters if family == "student_t" or item.name != "nu"]
    model = replace(model, parameters=tuple(own))
    runs = table(["a", "b", "a", "b", "c", "b"])
    design = make_design(model, runs)
    assert design.run.tolist() == [0, 1, 0, 1, 2, 1]
    built = model.build(runs)
    rng = np.random.default_rng(0)
    point = {
        name: value + 0.3 * rng.standard_normal(value.shape)
        for name, value in built.initial_point().items()
    }
    variables = built.unobserved_value_vars
    outputs = [built.logp(vars=built.potentials, jacobian=False), *variables]
    found, *values = built.compile_fn(outputs, mode="FAST_COMPILE")(point)
    draws = {
        variable.name: np.asarray(value)[None]
        for variable, value in zip(variables, values, strict=True)
    }
    deviation = (np.log(design.response) - log_law(model, design, draws))[0]
    sigma, spread = float(draws["sigma"][0]), float(draws["sigma_run"][0])
    wanted = 0.0
    for run in range(3):
        rows = deviation[design.run == run]
        shape = sigma**2 * np.eye(rows.size) + spread**2
        if family == "normal":
            wanted += stats.multivariate_normal.logpdf(rows, cov=shape)
        else:
            nu = float(draws["nu"][0])
            wanted += stats.multivariate_t.logpdf(rows, shape=shape, df=nu)
    assert float(found) == pytest.approx(wanted, rel=1e-9)
