"""The law of over-training: chinchilla seen from compute and tokens per parameter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.laws.definition import exponent_of
from bayes_scaling.runs import read_runs
from tests.laws.draws import Draw, draws_of, predicted

MODEL = load_model("overtrain")
REFERENCES = {"params_ref": 3e8, "tokens_ref": 5e9}
SIZES = ((4e8, 8e9), (7e9, 1.4e11), (1e7, 3e11))


@pytest.fixture(scope="module")
def draws() -> Draw:
    return draws_of(MODEL, 6)


@pytest.mark.parametrize(("params", "tokens"), SIZES)
def test_it_is_the_published_form_in_compute_and_tokens_per_parameter(
    draws: Draw, params: float, tokens: float
) -> None:
    c = {**draws, **MODEL.derive(draws, REFERENCES)}
    flops, ratio = 6 * params * tokens, tokens / params
    amount = c["a"] * ratio ** c["eta"] + c["b"] * ratio ** -c["eta"]
    wanted = c["E"] + amount * flops ** -c["eta"]
    found = predicted(MODEL, draws, REFERENCES, params=params, tokens=tokens)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize(("params", "tokens"), SIZES)
def test_it_is_chinchilla_with_both_exponents_twice_eta(
    draws: Draw, params: float, tokens: float
) -> None:
    found = predicted(MODEL, draws, REFERENCES, params=params, tokens=tokens)
    tied = {**draws, "alpha": 2 * draws["eta"], "beta": 2 * draws["eta"]}
    chinchilla = load_model("chinchilla")
    wanted = predicted(chinchilla, tied, REFERENCES, params=params, tokens=tokens)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_the_best_tokens_per_parameter_are_the_same_at_every_compute(draws: Draw) -> None:
    derived = MODEL.derive(draws, REFERENCES)
    best = (derived["b"] / derived["a"]) ** (1 / (2 * draws["eta"]))
    for flops in (1e18, 1e22):

        def loss(ratio: np.ndarray, flops: float = flops) -> np.ndarray:
            params = np.sqrt(flops / 6 / ratio)
            return predicted(MODEL, draws, REFERENCES, params=params, tokens=ratio * params)

        assert np.all(loss(best) < loss(1.05 * best))
        assert np.all(loss(best) < loss(best / 1.05))


def test_only_eta_is_sampled_of_the_three_exponents() -> None:
    names = {item.name for item in MODEL.parameters}
    assert "eta" in names
    assert not names & {"alpha", "beta"}
    assert MODEL.base == "chinchilla"
    assert exponent_of(MODEL, "params") == exponent_of(MODEL, "tokens") == "eta"


@pytest.mark.slow
def test_three_corpora_share_one_eta(public_data: Callable[[str], Path]) -> None:
    runs = read_runs(public_data("gadre2024_losses.csv"))
    runs = runs.take(runs["metric"] == "c4_val")
    fit = bs.fit(MODEL, runs, draws=800, tune=800, chains=3, random_seed=4)
    assert fit.status == "converged", fit.checks
    assert np.mean(fit.stats["diverging"]) < 0.002
    middle = np.median(fit.flat["eta"], axis=0)
    assert np.all(np.abs(middle - 0.13) < 0.01)
    assert np.ptp(middle) < 0.01
