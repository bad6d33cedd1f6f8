"""Repeated text: what tokens and parameters are worth, and the published constants."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.runs import read_runs
from tests.laws.draws import Draw, draws_of, predicted

MODEL = load_model("data-constrained")
REFERENCES = {"params_ref": 3e8, "tokens_ref": 5e9}
PUBLISHED = {
    "E": 1.87,
    "A": 521.0,
    "B": 1488.0,
    "alpha": 0.3527,
    "beta": 0.3527,
    "R_D": 15.39,
    "R_N": 5.31,
}

FEW, MANY, WIDE = (1e9, 2e10, 2e10), (1e9, 4e10, 1e9), (9e9, 6e9, 1.5e9)
"""Params, tokens, unique tokens: read once; forty times; more parameters than the text feeds."""


@pytest.fixture(scope="module")
def draws() -> Draw:
    return draws_of(MODEL, 6)


def worth(distinct: float, total: float, wear: float) -> float:
    repeats = total / distinct - 1
    return distinct + distinct * wear * (1 - exp(-repeats / wear))


def muennighoff(params: float, tokens: float, unique: float) -> float:
    """The published loss, step by step."""
    c = PUBLISHED
    ratio = c["alpha"] * c["A"] / (c["beta"] * c["B"])
    best = ratio ** (1 / c["alpha"]) * unique ** (c["beta"] / c["alpha"])
    data = worth(unique, tokens, c["R_D"])
    model = worth(min(best, params), params, c["R_N"])
    return float(c["E"] + c["A"] / model ** c["alpha"] + c["B"] / data ** c["beta"])


def at_published() -> Draw:
    """The parameters of the definition at which it is the published law."""
    c = PUBLISHED
    a = c["A"] * REFERENCES["params_ref"] ** -c["alpha"]
    b = c["B"] * REFERENCES["tokens_ref"] ** -c["beta"]
    level = c["E"] + a + b
    share = c["E"] / level
    point = {
        "c": level,
        "f_shift": np.log(share / (1 - share)),
        "m": a / (a + b),
        **{name: c[name] for name in ("alpha", "beta", "R_D", "R_N")},
    }
    return {name: np.array(value) for name, value in point.items()}


@pytest.mark.parametrize(("params", "tokens", "unique"), [FEW, MANY, WIDE])
def test_published_constants_give_the_published_loss(
    params: float, tokens: float, unique: float
) -> None:
    wanted = muennighoff(params, tokens, unique)
    sizes = {"params": params, "tokens": tokens, "unique_tokens": unique}
    assert float(bs.published("muennighoff-2023").loss(sizes)) == pytest.approx(wanted, rel=1e-12)
    found = predicted(MODEL, at_published(), REFERENCES, **sizes)
    assert float(found) == pytest.approx(wanted, rel=1e-10)


def test_published_claims_about_epochs() -> None:
    """Four epochs are nearly as good as new text; after forty, more gain little."""
    law = bs.published("muennighoff-2023")

    def loss(epochs: float, unique: float) -> float:
        sizes = {"params": 2e9, "tokens": epochs * unique, "unique_tokens": unique}
        return float(law.loss(sizes))

    new = float(law.loss({"params": 2e9, "tokens": 4e10}))
    assert loss(4, 1e10) / new - 1 < 0.015
    assert loss(40, 1e9) / new - 1 > 0.04
    assert loss(40, 1e10) / loss(160, 1e10) - 1 < 0.01


def test_a_run_that_does_not_say_repeats_nothing(draws: Draw) -> None:
    plain = load_model("chinchilla")
    asked = {"params": 2e8, "tokens": 3e11}
    new = predicted(MODEL, draws, REFERENCES, **asked)
    for unique in (3e11, 9e11):
        told = predicted(MODEL, draws, REFERENCES, unique_tokens=unique, **asked)
        np.testing.assert_allclose(told, new, rtol=1e-14)
    endless = {**draws, "R_N": np.full(6, 1e9)}
    np.testing.assert_allclose(
        predicted(MODEL, endless, REFERENCES, **asked),
        predicted(plain, draws, REFERENCES, **asked),
        rtol=1e-6,
    )
    assert MODEL.sizes == ("params", "tokens")


def test_more_unique_text_never_hurts_and_repeats_wear_out(draws: Draw) -> None:
    unique = np.geomspace(1e8, 1e11, 25)[:, None]
    loss = predicted(MODEL, draws, REFERENCES, params=1e9, tokens=1e11, unique_tokens=unique)
    assert np.all(np.diff(loss, axis=0) <= 1e-12)
    tokens = np.geomspace(1e9, 1e14, 25)[:, None]
    loss = predicted(MODEL, draws, REFERENCES, params=1e9, tokens=tokens, unique_tokens=1e9)
    assert np.all(np.diff(loss, axis=0) <= 1e-12)
    np.testing.assert_allclose(loss[-1], loss[-2], rtol=1e-9)


def fed_params(draws: Draw, unique: float) -> np.ndarray:
    """The compute-optimal parameters for so many tokens, from the published constants."""
    c = {**draws, **MODEL.derive(draws, REFERENCES)}
    ratio = c["alpha"] * c["A"] / (c["beta"] * c["B"])
    return np.asarray(ratio ** (1 / c["alpha"]) * unique ** (c["beta"] / c["alpha"]))


def test_parameters_beyond_the_compute_optimal_ones_are_worth_less(draws: Draw) -> None:
    plain, unique = load_model("chinchilla"), 2e9
    fed = fed_params(draws, unique)
    for move in (0.97, 1.03):  # the unique tokens and these parameters share a budget at best
        best = predicted(plain, draws, REFERENCES, params=fed, tokens=unique)
        other = predicted(plain, draws, REFERENCES, params=fed * move, tokens=unique / move)
        assert np.all(best < other)
    for factor, equal in ((0.5, True), (20.0, False)):
        ours = predicted(MODEL, draws, REFERENCES, params=factor * fed, tokens=unique)
        theirs = predicted(plain, draws, REFERENCES, params=factor * fed, tokens=unique)
        assert np.all(ours >= theirs)
        assert np.allclose(ours, theirs, rtol=1e-10) is equal


def test_the_loss_has_no_kink_where_parameters_outgrow_the_text(draws: Draw) -> None:
    unique, step = 2e9, 1e-5
    fed = fed_params(draws, unique)

    def slope(at: float) -> np.ndarray:
        ends = [
            predicted(MODEL, draws, REFERENCES, params=fed * np.exp(at + x), tokens=unique)
            for x in (-step / 2, step / 2)
        ]
        return np.asarray((ends[1] - ends[0]) / step)

    np.testing.assert_allclose(slope(-step), slope(step), rtol=1e-3)


# ---- the coupled law, which can rise -------------------------------------------------------------

COUPLED = load_model("data-constrained-coupled").with_features(transient=False)


def calm(draws: Draw) -> Draw:
    """The same draws without overfitting and without an error of the form."""
    nothing = np.zeros_like(draws["q"])
    return {**draws, "q": nothing, "slip": nothing}


def test_uncoupled_and_calm_it_is_the_published_form() -> None:
    draws = {**calm(draws_of(COUPLED, 6)), "k": np.ones(6)}
    for params, tokens, unique in (FEW, MANY, WIDE):
        sizes = {"params": params, "tokens": tokens, "unique_tokens": unique}
        ours = predicted(COUPLED, draws, REFERENCES, **sizes)
        np.testing.assert_allclose(ours, predicted(MODEL, draws, REFERENCES, **sizes), rtol=1e-10)


def test_its_fed_parameters_are_the_best_ones_of_the_coupled_law() -> None:
    coupled, unique = load_model("coupled"), 2e9
    draws = calm(draws_of(COUPLED, 6))
    c = {**draws, **coupled.derive(draws, REFERENCES)}
    ratio = (c["alpha"] / c["beta"]) ** c["k"] * c["A"] / c["B"]
    fed = ratio ** (1 / c["alpha"]) * unique ** (c["beta"] / c["alpha"])
    for move in (0.97, 1.03):
        best = predicted(coupled, draws, REFERENCES, params=fed, tokens=unique)
        other = predicted(coupled, draws, REFERENCES, params=fed * move, tokens=unique / move)
        assert np.all(best < other)
    for factor, equal in ((0.9, True), (3.0, False)):
        ours = predicted(COUPLED, draws, REFERENCES, params=factor * fed, tokens=unique)
        theirs = predicted(coupled, draws, REFERENCES, params=factor * fed, tokens=unique)
        assert np.allclose(ours, theirs, rtol=1e-10) is equal


def test_many_epochs_of_few_tokens_make_the_loss_rise_as_a_power() -> None:
    draws = {**draws_of(COUPLED, 6), "slip": np.zeros(6)}
    epochs = np.array([1.0, 4.0, 1e5, 1e6])[:, None]
    sizes = {"params": np.array(1e9), "tokens": epochs * 1e8, "unique_tokens": np.array(1e8)}
    flat = predicted(COUPLED, calm(draws), REFERENCES, **sizes)
    rise = predicted(COUPLED, draws, REFERENCES, **sizes) / flat
    np.testing.assert_allclose(rise[0], 1.0, rtol=1e-12)
    assert np.all(np.diff(rise, axis=0) >= 0)
    slope = np.log(rise[3] / rise[2]) / np.log(10)
    assert np.all(slope <= 1.0001 * draws["q"])
    assert np.median(slope / draws["q"]) > 0.9


def test_up_to_eight_epochs_nothing_can_be_said_of_its_error_beyond() -> None:
    draws = draws_of(COUPLED, 6)
    for epochs, power in ((1, 0.0), (8, 0.0), (64, 1.0)):
        sizes = {"params": 1e9, "tokens": epochs * 1e9, "unique_tokens": 1e9}
        exact = predicted(COUPLED, {**draws, "slip": np.zeros(6)}, REFERENCES, **sizes)
        found = predicted(COUPLED, draws, REFERENCES, **sizes) / exact
        np.testing.assert_allclose(found, 8 ** (power * draws["slip"]), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", [MODEL.id, COUPLED.id])
def test_public_runs_fit_and_show_that_tokens_wear_out(
    name: str, public_data: Callable[[str], Path]
) -> None:
    runs = read_runs(public_data("datablations.csv"))
    few = (runs["dedup"] == 0) & (runs["loss"] < 4.5) & (runs["tokens"] >= 1.4e9)
    fit = bs.fit(name, runs.take(few & (runs["epochs"] <= 8)), draws=500, chains=2, random_seed=1)
    assert fit.status == "converged", fit.checks
    assert np.mean(fit.stats["diverging"]) < 0.002
    asked = {"params": 2.8e9, "tokens": 5.5e10, "unique_tokens": [5.5e10, 9e9, 1.25e9]}
    new, some, many = np.median(fit.forecast(asked).noise_free, axis=0)
    assert 1.005 < some / new < 1.03
    assert many / new > 1.05
