"""Farseer: nine published constants from parameters that mean something at the reference size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable, best_of_cells
from tests.laws.draws import Draw, draws_of, predicted

MODEL = load_model("farseer")
REFERENCES = {"params_ref": 3e8, "tokens_ref": 5e9}
N_REF, D_REF = REFERENCES["params_ref"], REFERENCES["tokens_ref"]


@pytest.fixture(scope="module")
def draws() -> Draw:
    return draws_of(MODEL, 6)


def curves(draws: Draw, params: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Floor, level and exponent of tokens at some params, from the published constants."""
    c = {**draws, **MODEL.derive(draws, REFERENCES)}
    floor = np.exp(c["a3"] * params ** c["g"] + c["b3"])
    level = np.exp(c["a2"] * params ** c["p"] + c["b2"])
    return floor, level, np.exp(c["a1"] * params ** c["q"] + c["b1"])


@pytest.mark.parametrize(("params", "tokens"), [(3e8, 5e9), (2e7, 4e11), (3e10, 2e9)])
def test_derived_constants_give_the_published_form(
    draws: Draw, params: float, tokens: float
) -> None:
    floor, level, exponent = curves(draws, params)
    found = predicted(MODEL, draws, REFERENCES, params=params, tokens=tokens)
    np.testing.assert_allclose(found, floor + level * tokens**-exponent, rtol=1e-9)


def test_parameters_are_what_holds_at_the_reference(draws: Draw) -> None:
    at = predicted(MODEL, draws, REFERENCES, params=N_REF, tokens=D_REF)
    np.testing.assert_allclose(at, draws["c"], rtol=1e-12)
    step = 1e-4

    def slope(of: Callable[[float], np.ndarray]) -> np.ndarray:
        """Slope of the log of something in log params, or in what `of` takes."""
        return np.asarray((np.log(of(step)) - np.log(of(-step))) / (2 * step))

    def loss(n: float, d: float) -> np.ndarray:
        sizes = {"params": N_REF * np.exp(n), "tokens": D_REF * np.exp(d)}
        return predicted(MODEL, draws, REFERENCES, **sizes)

    def gain(n: float) -> np.ndarray:
        _, level, exponent = curves(draws, N_REF * np.exp(n))
        return np.asarray(level * D_REF**-exponent)

    def per_fold(n: float) -> np.ndarray:
        return np.asarray(gain(n) * curves(draws, N_REF * np.exp(n))[2])

    np.testing.assert_allclose(slope(lambda x: loss(x, 0.0)), -draws["u"], atol=1e-6)
    np.testing.assert_allclose(slope(lambda x: loss(0.0, x)), -draws["v"], atol=1e-6)
    np.testing.assert_allclose(slope(gain), draws["t"], atol=1e-6)
    np.testing.assert_allclose(slope(per_fold), draws["w"], atol=1e-6)
    np.testing.assert_allclose(curves(draws, N_REF)[0], draws["c"] * draws["f"], rtol=1e-9)


def test_without_bends_floor_and_gain_are_power_laws(draws: Draw) -> None:
    tiny = np.full(6, 1e-6)
    straight = {**draws, "g": tiny, "q": tiny, "w": draws["t"], "p_shift": tiny}
    derived = MODEL.derive(straight, REFERENCES)
    n = np.log(40.0)
    found = predicted(MODEL, straight, REFERENCES, params=40 * N_REF, tokens=9 * D_REF)
    floor = draws["c"] * draws["f"] * np.exp(-derived["s_floor"] * n)
    gain = draws["c"] * (1 - draws["f"]) * np.exp(draws["t"] * n) * 9 ** -derived["beta"]
    np.testing.assert_allclose(found, floor + gain, rtol=1e-4)


def test_any_loss_is_proportional_to_its_level(draws: Draw) -> None:
    sizes = {"params": np.full(6, 7e9), "tokens": np.full(6, 1e11)}
    one = predicted(MODEL, draws, REFERENCES, **sizes)
    two = predicted(MODEL, {**draws, "c": 2 * draws["c"]}, REFERENCES, **sizes)
    np.testing.assert_allclose(two, 2 * one, rtol=1e-12)


def test_no_prior_is_centred_where_a_curve_has_no_formula() -> None:
    for name in ("g", "q"):
        assert dict(MODEL.parameter(name).prior.args)["mu"] != 0


@pytest.mark.slow
def test_shipped_and_public_sweeps_fit_and_keep_their_floor(
    public_data: Callable[[str], Path],
) -> None:
    import pandas as pd

    rows = pd.read_csv(public_data("chinchilla_epoch.csv"))
    rows = rows[rows["epoch_outlier"] == 0]
    columns = {name: rows[name].to_numpy(float) for name in ("params", "tokens", "loss")}
    for runs in (best_of_cells(bs.load_dataset("nano-lm")), RunTable.from_columns(columns)):
        fit = bs.fit(MODEL, runs, draws=1000, tune=800, chains=3, random_seed=3)
        assert fit.status == "converged", fit.checks
        assert np.mean(fit.stats["diverging"]) < 0.002
        law = fit.predict(
            {name: runs[name] for name in MODEL.inputs}, group=np.zeros(len(runs), int)
        )
        error = np.median(law, axis=0) / runs["loss"] - 1
        assert np.median(np.abs(error)) < 0.02
        assert np.quantile(fit.flat["f"], 0.05) > 0.1
