"""The four laws of one curve (M1 to M4), for losses, error rates and perplexities."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.definition import exponent_of
from bayes_scaling.laws.density import draw_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.posterior.diagnostics import PRIOR_TAIL
from bayes_scaling.runs import RunTable
from tests.synthetic import synthetic_fit

FORMS = ("saturating-m1", "saturating-m2", "saturating-m3", "saturating-m4")
ALONG = {"": "tokens", "-n": "params", "-c": "flops"}
READS = {form + end: along for form, (end, along) in product(FORMS, ALONG.items())}

M2 = tuple(f"saturating-m2{end}" for end in ALONG)

SIZES = np.geomspace(1e4, 1e14, 40)
REFERENCE = 1e9


def curve(level: float, *, along: str = "tokens", runs: int = 14, seed: int = 0) -> RunTable:
    """Simulate one curve over three decades: f .4, alpha .3, noise .3 %."""
    sizes = np.geomspace(1e7, 1e10, runs)
    law = level * (0.4 + 0.6 * (sizes / np.sqrt(1e17)) ** -0.3)
    noise = 0.003 * np.random.default_rng(seed).standard_normal(runs)
    return RunTable.from_columns({along: sizes, "loss": law * np.exp(noise)})


def losses(model: Model, **point: float) -> np.ndarray:
    """Losses along `SIZES`."""
    values = {name: np.asarray(value) for name, value in point.items()}
    found = model.predict(values, {"tokens": SIZES}, {"tokens_ref": REFERENCE})
    return np.asarray(found)


def local_exponent(model: Model, **point: float) -> float:
    """Minus the slope of log loss in log tokens at the reference size."""
    step = 1e-5
    values = {name: np.asarray(value) for name, value in point.items()}
    ends = {"tokens": REFERENCE * np.exp([-step, step])}
    below, above = np.log(model.predict(values, ends, {"tokens_ref": REFERENCE}))
    return float(below - above) / (2 * step)


# ---- the forms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
def test_those_of_other_sizes_differ_only_in_what_they_read(name: str) -> None:
    first = load_model(name)
    assert first.inputs == ("tokens",)
    for end in ("-n", "-c"):
        other = load_model(name + end)
        assert other.inputs == (ALONG[end],)
        assert other.reference_names == (f"{ALONG[end]}_ref",)
        assert other.parameters == first.parameters
        assert other.references == first.references
        assert other.base == name


@pytest.mark.parametrize("name", FORMS)
def test_at_the_reference_size_the_loss_is_c_and_it_falls_everywhere(name: str) -> None:
    model = load_model(name)
    draws = {
        key: value[:, None]
        for key, value in draw_prior(model, (2000,), np.random.default_rng(0)).items()
    }
    at = model.predict(draws, {"tokens": np.array([REFERENCE])}, {"tokens_ref": REFERENCE})
    np.testing.assert_allclose(at, draws["c"], rtol=1e-9)
    tokens = SIZES[SIZES > REFERENCE / 10]
    found = model.predict(draws, {"tokens": tokens}, {"tokens_ref": REFERENCE})
    assert np.isfinite(found).all()
    assert (np.diff(found) <= 1e-12 * found[:, 1:]).all()


def test_exponents_at_the_reference_size_are_those_that_the_definitions_promise() -> None:
    assert local_exponent(load_model("saturating-m1"), c=3, alpha=0.2) == pytest.approx(0.2)
    shifted = local_exponent(load_model("saturating-m3"), c=3, s=0.1, p=0.7)
    assert shifted == pytest.approx(0.1, rel=1e-6)
    between = local_exponent(load_model("saturating-m4"), c=3, f=0.6, alpha=0.3, k=0.5, d=0.7)
    assert between == pytest.approx(0.4 * 0.3 / 1.5, rel=1e-6)
    assert exponent_of(load_model("saturating-m4"), "tokens") == "alpha"


def test_m3_ends_at_its_floor_and_is_m1_without_one() -> None:
    model = load_model("saturating-m3")
    point = {"c": 3.0, "s": 0.1, "p": 0.6}
    floor = model.derive({key: np.asarray(x) for key, x in point.items()}, {"tokens_ref": 1e9})["E"]
    assert losses(model, **point)[-1] == pytest.approx(float(floor), rel=1e-4)
    plain = losses(load_model("saturating-m1"), c=3.0, alpha=0.1)
    np.testing.assert_allclose(losses(model, c=3.0, s=0.1, p=1e-9), plain, rtol=1e-3)


def test_m4_runs_from_plateau_to_plateau_and_is_m2_where_the_upper_one_is_far() -> None:
    model = load_model("saturating-m4")
    point = {"c": 3.0, "f": 0.6, "alpha": 0.5, "k": 0.3, "d": 0.8}
    found = losses(model, **point)
    upper = 3.0 + 1.2 * 0.8 / 0.3
    assert found[0] == pytest.approx(upper, rel=0.01)
    assert found[-1] == pytest.approx(1.8, rel=0.01)
    assert ((found > 1.8) & (found < upper)).all()
    saturating = losses(load_model("saturating-m2"), c=3.0, f=0.6, alpha=0.5)
    np.testing.assert_allclose(losses(model, **{**point, "k": 1e-9}), saturating, rtol=1e-5)


def test_m4_solves_the_published_equation_for_every_draw_of_the_prior() -> None:
    model = load_model("saturating-m4")
    draws = {
        key: value[:, None]
        for key, value in draw_prior(model, (4000,), np.random.default_rng(1)).items()
    }
    references = {"tokens_ref": REFERENCE}
    found = model.predict(draws, {"tokens": SIZES}, references)
    derived = model.derive(draws, references)
    low, high = derived["E"], derived["E_0"]
    share = (found - low) / (high - low)
    told = (share > 1e-6) & (share < 1 - 1e-6)  # elsewhere a difference of losses is rounding
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.log(found - low) - draws["d"] * np.log(high - found)
    right = np.log(derived["A"]) - draws["alpha"] * np.log(SIZES)
    np.testing.assert_allclose(left[told], np.broadcast_to(right, left.shape)[told], atol=1e-7)
    assert told.mean() > 0.8


# ---- data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "along"), READS.items())
def test_a_table_of_one_size_and_losses_is_enough(name: str, along: str) -> None:
    design = make_design(load_model(name), curve(2.0, along=along))
    assert set(design.inputs) == {along}
    assert design.references == {f"{along}_ref": pytest.approx(np.sqrt(1e17))}
    assert design.warnings == ()


@pytest.mark.parametrize("level", [0.01, 0.3, 2.0, 40.0, 500.0])
def test_no_level_of_loss_is_at_odds_with_the_prior(level: float) -> None:
    for name in FORMS:
        below = float(load_model(name).parameter("c").prior.cdf(level))
        assert 2 * min(below, 1 - below) > PRIOR_TAIL[1]


@pytest.mark.parametrize(("name", "along"), [(form, READS[form]) for form in M2])
def test_how_far_a_forecast_lies_beyond_the_curve_is_known(name: str, along: str) -> None:
    fit = synthetic_fit(name)
    asked = np.e**2 * float(np.max(fit.runs[along]))
    forecast = fit.forecast({along: asked})
    assert forecast.extrapolation[along] == pytest.approx([2.0])
    assert forecast.rows()[0][f"efolds_{along}"] == pytest.approx(2.0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*perplexity:bayes_scaling.errors.BayesScalingWarning")
def test_error_rates_losses_and_perplexities_are_forecast_with_the_same_priors() -> None:
    for level in (0.02, 2.0, 200.0):
        fit = bs.fit("saturating-m2", curve(level), draws=500, tune=500, chains=2, random_seed=2)
        assert fit.trustworthy, fit.checks
        (row,) = fit.forecast({"tokens": 3e11}).rows()
        truth = level * (0.4 + 0.6 * (3e11 / np.sqrt(1e17)) ** -0.3)
        assert row["noise_free_lower"] < truth < row["noise_free_upper"]
        assert row["noise_free_upper"] / row["noise_free_lower"] < 1.3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["saturating-m3", "saturating-m4"])
def test_public_curves_are_sampled_without_divergences(
    name: str, public_data: Callable[[str], Path]
) -> None:
    import pandas as pd

    rows = pd.read_csv(public_data("revisiting_lang.csv"))
    rows = rows[rows["split"] == "train"]
    for label in ("NMT|log_perplexity|TEnc-LSTM", "BB|('date', '2-shot')|262M"):
        own = rows[rows["family"] == label]
        runs = bs.read_runs(own[["tokens", "loss"]].reset_index(drop=True))
        fit = bs.fit(name, runs, draws=1000, tune=1000, chains=2, random_seed=1)
        assert fit.stats["diverging"].sum() == 0
        assert fit.summary()["r_hat"].max() < 1.02
