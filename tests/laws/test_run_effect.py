"""Rows of one run share a deviation: when it is on, and what it does to densities and noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.noise import NoiseFamily, noise_logpdf, sample_noise
from bayes_scaling.laws.rows import has_repeats
from bayes_scaling.runs import RunTable

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


def test_the_density_integrates_the_effect_out() -> None:
    deviation = np.linspace(-0.4, 0.4, 40001)
    density = np.exp(noise_logpdf("student_t", deviation, OWN))
    assert np.trapezoid(density, deviation) == pytest.approx(1, abs=2e-3)
    normal = {name: OWN[name] for name in ("sigma", "sigma_run")}
    found = noise_logpdf("normal", deviation[::4000], normal)
    wanted = stats.norm.logpdf(deviation[::4000], scale=np.hypot(0.01, 0.02))
    near = np.abs(deviation[::4000]) < 0.1
    np.testing.assert_allclose(found[near], wanted[near], atol=0.02)


@pytest.mark.parametrize("family", ["student_t", "normal"])
def test_a_new_run_has_an_effect_of_its_own(family: NoiseFamily) -> None:
    rng = np.random.default_rng(0)
    own = {**OWN, "nu": np.array(50.0)}
    with_effect = sample_noise(family, own, (20_000,), rng)
    assert np.std(with_effect) == pytest.approx(np.hypot(0.01, 0.02), rel=0.05)
    without = sample_noise(family, {k: own[k] for k in ("sigma", "nu")}, (20_000,), rng)
    assert np.std(without) == pytest.approx(0.01, rel=0.05)


def test_rows_of_a_run_share_one_random_variable() -> None:
    model = load_model("chinchilla").with_features(run_effect=True)
    runs = table(["a", "b", "a", "b", "c", "c"])
    design = make_design(model, runs)
    assert design.run.tolist() == [0, 1, 0, 1, 2, 2]
    built = model.build(runs)
    assert built.initial_point()["run_offset"].shape == (3,)
    point = built.initial_point()
    logp = built.compile_fn(built.logp(vars=built.observed_RVs, sum=False), mode="FAST_COMPILE")
    (before,) = logp(point)
    moved = {**point, "run_offset": np.array([0.0, 3.0, 0.0])}
    (after,) = logp(moved)
    changed = ~np.isclose(before, after)
    assert changed.tolist() == [False, True, False, True, False, False]
