"""What goes on beyond the runs belongs to the draws: thinned, saved and asked again it is the same.

Fits are made by hand with walks at random; none is sampled.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.beyond import draw_walks, efolds_beyond, form_variance
from bayes_scaling.questions.loss_curve import thin
from tests.synthetic import changed, load_fit, synthetic_fit

FAR = {"params": 7e10, "tokens": 1.4e12}
NEAR = {"params": 1e8, "tokens": 1e10}
FEATURES: dict[str, dict[str, Any]] = {
    "drift": {"drift": True},
    "all three": {"drift": True, "transient": True, "temper": 0.5},
}


def variant(name: str = "chinchilla", families: tuple[str, ...] = ("all",), **on: Any) -> Fit:
    model = load_model(name).with_features(**on, id="variant")
    return synthetic_fit(model.to_dict(), families=families)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return variant(drift=True)


def spread(fit: Fit, part: str, sizes: dict[str, float]) -> float:
    return float(fit.forecast(sizes).spread[part][0])


# ---- walks ---------------------------------------------------------------------------------------


def test_walks_come_from_the_seed_and_the_purpose(fit: Fit) -> None:
    at = np.array([9.0])
    every = np.arange(400)[:, None]
    for name in ("params", "tokens"):
        once = fit.walks[name].at(at, every)
        again = draw_walks(replace(fit.only), "drift")[name].at(at, every)
        np.testing.assert_array_equal(once, again)
        other = draw_walks(fit.only, "redrawn drift")[name].at(at, every)
        assert (once != other).all()
        reseeded = changed(fit, settings=replace(fit.settings, random_seed=8))
        assert (once != reseeded.walks[name].at(at, every)).all()
    assert (fit.walks["params"].slope_at(9.0) != fit.walks["tokens"].slope_at(9.0)).all()


def test_every_draw_has_a_walk_of_its_own(fit: Fit) -> None:
    assert np.unique(fit.walks["params"].slope_at(9.0)).size == 400


def test_prediction_reads_effective_sizes(fit: Fit) -> None:
    """Drift by hand: the law without drift, at the effective sizes of each draw."""
    inputs = {name: np.array([value]) for name, value in FAR.items()}
    found = fit.predict(inputs, group=np.zeros(1, np.int64))
    plain = load_model("chinchilla")
    for draw in (0, 123, 399):
        sizes = {
            name: fit.references[f"{name}_ref"]
            * np.exp(walk.at(np.log(inputs[name] / fit.references[f"{name}_ref"]), np.array(draw)))
            for name, walk in fit.walks.items()
        }
        values = {item.name: fit.flat[item.name][draw] for item in plain.parameters}
        wanted = plain.predict(values, sizes, fit.references)
        assert found[draw, 0] == pytest.approx(wanted[0], rel=1e-12)


# ---- the same in every answer --------------------------------------------------------------------


@pytest.mark.parametrize("features", FEATURES)
def test_an_allocation_sees_the_walk_that_a_forecast_sees(features: str) -> None:
    fit = variant(**FEATURES[features])
    split = fit.allocate(flops=1e23)
    for draw in (0, 57, 399):
        sizes = {"params": split.params[draw, 0], "tokens": split.tokens[draw, 0]}
        same = fit.forecast(sizes).noise_free[draw, 0]
        assert split.loss[draw, 0] == pytest.approx(same, rel=1e-9)


def test_the_form_errs_alike_in_forecast_and_allocation() -> None:
    fit = synthetic_fit("coupled-drift-tempered")
    split = fit.allocate(flops=1e23)
    for draw in (3, 200):
        sizes = {"params": split.params[draw, 0], "tokens": split.tokens[draw, 0]}
        same = fit.forecast(sizes).noise_free[draw, 0]
        assert split.loss[draw, 0] == pytest.approx(same, rel=1e-9)


def test_a_tuned_rate_is_the_bottom_of_the_drifting_valley() -> None:
    fit = variant("chinchilla-lr", drift=True)
    found = fit.forecast(FAR)
    best = found.tuned["learning_rate"][:, 0]
    assert np.std(np.log(best)) > 0
    for draw in (0, 250):
        for factor in (0.7, 1.0, 1.4):
            asked = fit.forecast({**FAR, "learning_rate": factor * best[draw]})
            loss, bottom = asked.noise_free[draw, 0], found.noise_free[draw, 0]
            assert (loss > bottom) if factor != 1 else loss == pytest.approx(bottom, rel=1e-9)
    split = fit.allocate(flops=1e23)
    sizes = {"params": split.params[9, 0], "tokens": split.tokens[9, 0]}
    same = fit.forecast(sizes).tuned["learning_rate"][9, 0]
    assert split.tuned["learning_rate"][9, 0] == pytest.approx(same, rel=1e-9)


# ---- thinned -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["coupled-drift", "coupled-drift-tempered", "coupled-tempered"])
def test_a_thinned_fit_keeps_its_own_walks_and_errors(model: str) -> None:
    fit = synthetic_fit(model)
    whole = fit.forecast(FAR).noise_free.reshape(4, 100)
    some = fit.thinned(100)
    assert some.only.every == 4
    np.testing.assert_array_equal(some.forecast(FAR).noise_free.reshape(4, 25), whole[:, ::4])
    fewer = some.thinned(40)
    assert fewer.only.every == 8
    np.testing.assert_array_equal(fewer.forecast(FAR).noise_free.reshape(4, 13), whole[:, ::8])


def test_a_thinned_fit_has_a_tree_and_can_be_saved(tmp_path: Path) -> None:
    some = thin(synthetic_fit("coupled-drift"), 100)
    assert isinstance(some, Fit)
    assert some.tree["posterior"]["tau"].shape == (4, 25)
    assert some.tree["sample_stats"]["diverging"].shape == (4, 25)
    found = load_fit(some.save(tmp_path / "thin.nc"))
    assert found.only.every == 4
    np.testing.assert_array_equal(found.forecast(FAR).draws, some.forecast(FAR).draws)


# ---- saved ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("families", [("all",), ("code", "web")])
@pytest.mark.parametrize("features", FEATURES)
def test_a_loaded_fit_forecasts_the_same_to_the_last_bit(
    features: str, families: tuple[str, ...], tmp_path: Path
) -> None:
    fit = variant(families=families, **FEATURES[features])
    found = load_fit(fit.save(tmp_path / "fit.nc"))
    assert found.model.to_dict() == fit.model.to_dict()
    assert list(found.steps) == ["params", "tokens"]
    for name, steps in fit.steps.items():
        np.testing.assert_array_equal(found.steps[name], steps)
    sizes: dict[str, Any] = {**FAR, "family": families[-1]}
    one, other = fit.forecast(sizes), found.forecast(sizes)
    np.testing.assert_array_equal(one.noise_free, other.noise_free)
    np.testing.assert_array_equal(one.draws, other.draws)
    assert one.redrawn is not None
    assert other.redrawn is not None
    np.testing.assert_array_equal(one.redrawn, other.redrawn)
    assert other.rows() == one.rows()


def test_the_error_of_the_form_is_loaded_too(tmp_path: Path) -> None:
    fit = synthetic_fit("coupled-drift")
    found = load_fit(fit.save(tmp_path / "fit.nc"))
    np.testing.assert_array_equal(found.only.form_errors, fit.only.form_errors)
    np.testing.assert_array_equal(found.forecast(FAR).draws, fit.forecast(FAR).draws)


def test_the_tree_holds_the_steps_and_their_prior(fit: Fit) -> None:
    tree = fit.tree
    assert set(tree["drift"].data_vars) == {"params", "tokens"}
    assert tree["drift"]["params"].dims == ("chain", "draw", "step")
    prior = np.asarray(tree["log_prior"]["drift_params"])
    wanted = (-(fit.steps["params"] ** 2) / 2 - np.log(2 * np.pi) / 2).sum(axis=-1)
    np.testing.assert_allclose(prior, wanted)
    assert "drift" not in synthetic_fit().tree.children


# ---- spread --------------------------------------------------------------------------------------


def test_drift_spreads_far_beyond_the_runs_and_not_inside(fit: Fit) -> None:
    assert spread(fit, "drift", FAR) > 0.01
    assert spread(fit, "drift", NEAR) == pytest.approx(0.0, abs=1e-12)
    assert spread(synthetic_fit(), "drift", FAR) == 0.0


def test_the_error_of_the_form_spreads_far_beyond_the_runs_and_not_inside() -> None:
    fit = synthetic_fit("coupled-tempered")
    assert spread(fit, "form", FAR) > 0.05
    assert spread(fit, "form", NEAR) == 0.0
    inputs = {name: np.array([value]) for name, value in FAR.items()}
    far = np.log(FAR["params"] * FAR["tokens"]) - np.log(
        np.max(fit.runs["params"] * fit.runs["tokens"])
    )
    np.testing.assert_allclose(efolds_beyond(fit.only, inputs), far)
    prior = fit.model.form_error
    assert prior is not None
    sd = dict(prior.args)["sigma"]
    np.testing.assert_allclose(form_variance(fit.only, inputs, np.ones((1, 1))), (sd * far) ** 2)
    without = changed(fit, model=replace(fit.model, form_error=None))
    ratio = np.log(fit.forecast(FAR).noise_free / without.forecast(FAR).noise_free)[:, 0]
    assert np.std(ratio) == pytest.approx(sd * far, rel=0.1)
    np.testing.assert_allclose(ratio, fit.only.form_errors * far, rtol=1e-9)
    assert form_variance(without.only, inputs, np.ones((1, 1))) == 0.0
